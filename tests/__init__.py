"""Tests, one folder a room. A package, as an installed distribution ships a `tests` of its own."""
