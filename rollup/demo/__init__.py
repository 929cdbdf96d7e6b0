"""The demo: a small model, and what a liar makes of its training."""
