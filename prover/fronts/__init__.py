"""Where programs come from besides plain functions: other people's model formats."""
