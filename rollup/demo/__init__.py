"""The demo: a small model, and a liar with one flipped bit."""
