"""Takes receipts in, keeps them, batches them, and brings the batches to L1."""
