"""Which function of traced arrays each ATen op is.

The functions of the table take what the op takes, with traced arrays for tensors, our dtypes for
torch's, and without arguments that say where and how a tensor lies (device, layout, memory format).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, TypeVar

Lowered = TypeVar("Lowered", bound=Callable[..., Any])

TABLE: Final[dict[str, Callable[..., Any]]] = {}
"""By name, as `aten.add.Tensor`; filled by the modules that `ops` imports."""
PLAIN: Final[dict[str, int]] = {"aten._embedding_bag.default": 2}
"""Places of arguments that must be constants, and are given as NumPy's arrays."""
INSTEAD: Final[dict[str, str]] = {}
"""What to use instead of ops that are not there, by the name up to the overload."""


@dataclass(frozen=True)
class Setting:
    """What a graph is lowered for."""

    differentiated: bool = False
    """Whether a gradient will be taken of it."""
    key: Any = None
    """Of the random words that dropout draws, int32 (2,); None where there are none to draw."""
    step: Any = None
    """The int32 word that they are drawn anew for."""
    sites: Iterator[int] = field(default_factory=count)
    """A number for each dropout, in the order of the graph."""


_setting: ContextVar[Setting] = ContextVar("setting", default=Setting())  # noqa: B039 - frozen


def setting() -> Setting:
    """What the graph under way is lowered for."""
    return _setting.get()


@contextmanager
def lowered_for(what: Setting) -> Iterator[None]:
    """What is lowered inside is for this."""
    token = _setting.set(what)
    try:
        yield
    finally:
        _setting.reset(token)


def lowers(*names: str) -> Callable[[Lowered], Lowered]:
    """Enter a function for ATen ops; names without `aten.`, and without `.default`."""

    def enter(function: Lowered) -> Lowered:
        for name in names:
            full = f"aten.{name}" if "." in name else f"aten.{name}.default"
            TABLE[full] = function
        return function

    return enter


def refuses(instead: str, *names: str) -> None:
    """Enter what to say of ops that have no place here."""
    INSTEAD.update({f"aten.{name}": instead for name in names})
