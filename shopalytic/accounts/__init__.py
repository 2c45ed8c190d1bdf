"""The relational side: projects, keys, users, and the tables that identity keeps its ledger in."""
