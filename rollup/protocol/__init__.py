"""What receipts, bundles and batches are. Pure: no I/O, no clock, no randomness."""
