"""Who is who: ids, the rules that turn a ledger of links into customers, and what can be asked of them."""
