"""The base chain: contracts, a development chain, a client and typed bindings."""
