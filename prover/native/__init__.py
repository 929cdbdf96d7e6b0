"""Machine code made while we run: which instructions there are, how it is compiled, where kept."""
