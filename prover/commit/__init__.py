"""Commitments: keccak256, domain tags, Merkle trees over hashes, sums and words."""
