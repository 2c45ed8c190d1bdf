"""The nightly check: customers made anew from the ledger, and compared with what is kept and what reports read."""
