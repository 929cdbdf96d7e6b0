"""The drawn tree is the tree."""

import re
from collections.abc import Iterator

from rollup import errors


def descendants(cls: type[errors.PlumblineError]) -> Iterator[type[errors.PlumblineError]]:
    for sub in cls.__subclasses__():
        if sub.__module__ == errors.__name__:
            yield sub
            yield from descendants(sub)


def test_every_error_is_drawn_with_its_exit_code() -> None:
    drawn = dict(re.findall(r"(?m)^[ │├└─]*([A-Z]\w+)\s+(\d+)?\s*\S", errors.__doc__ or ""))
    tree: list[type[errors.PlumblineError]] = [
        errors.PlumblineError,
        *descendants(errors.PlumblineError),
    ]
    assert {cls.__name__ for cls in tree} == drawn.keys() - {"Everything", "The"}
    for cls in tree:
        said = drawn[cls.__name__]
        inherited = cls.__mro__[1]
        if said:
            assert cls.exit_code == int(said)
        else:  # a finer class ends a command like its parent
            assert cls.exit_code == getattr(inherited, "exit_code", None)
    codes = [cls.code for cls in tree if cls.__name__ != "Refused"]
    assert len(set(codes)) == len(codes)
