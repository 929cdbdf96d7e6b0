"""The ledger and its people: protocol, sequencer, L1, validator, command line."""
