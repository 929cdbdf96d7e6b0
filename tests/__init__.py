"""Tests, one folder a room. A package by name: an installed distribution ships a `tests` of its own."""
