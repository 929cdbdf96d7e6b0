"""Files that appear under their names whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` for the block to write; at the block's end it is made durable
    and takes its name. Whatever goes wrong, nothing of it stays, and what was there before does.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary, os.O_RDWR)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent, os.O_RDONLY)


def write_whole(path: Path, data: bytes) -> None:
    """Make a file appear with these bytes; left alone where it holds them already."""
    if path.exists() and path.read_bytes() == data:
        return
    with appearing(path) as temporary:
        temporary.write_bytes(data)


def _sync(path: Path, how: int) -> None:
    descriptor = os.open(path, how)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
