"""torch, with which much is compared, where it is installed."""

from typing import Any


def find_torch() -> Any:
    """The module, or None after a line that says what follows."""
    try:
        import torch
    except ImportError:
        print("torch is not installed: what is compared with it is left out; its figures are null")
        return None
    return torch
