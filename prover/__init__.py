"""Programs of scalar operations: commitments, reference, backends and step witnesses."""
