"""The ledger as operators and validators run it: rebuilt from L1, asserted, held against L1."""
