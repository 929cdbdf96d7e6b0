"""Models and datasets in files, hashed to the commitments that programs use."""
