"""The ledger machine: accounts, scores and rewards, one step a receipt (docs/ledger.md)."""
