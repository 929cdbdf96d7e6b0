"""Files as memory: held as long as an array needs them, and not by a descriptor."""

import gc
import os
from pathlib import Path

import numpy as np
import pytest

from prover.content import ContentStore
from prover.files.mapping import GRAIN, Span, mapped


def regions(path: Path) -> int:
    return Path("/proc/self/maps").read_text().count(str(path))


def opened() -> list[Path]:
    """Files that this process holds by a descriptor."""
    links = Path("/proc/self/fd").iterdir()
    return [link.readlink() for link in links if os.path.lexists(link)]


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/maps").exists(), reason="/proc tells what is mapped"
)


def test_a_file_is_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for size in (0, 1, 4095, 4096, 70_000):
        path.write_bytes(os.urandom(size))
        data = mapped(path)
        assert data.tobytes() == path.read_bytes()
        assert not data.flags.writeable
    with pytest.raises(FileNotFoundError):
        mapped(tmp_path / "nothing")


@needs_proc
def test_a_mapping_lives_as_long_as_a_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(250)) * 40)
    part = mapped(path)[5000:5003].view(np.int8)[1:]
    assert path not in opened()
    assert regions(path) == 1
    assert part.tolist() == [1, 2]
    del part
    gc.collect()
    assert regions(path) == 0


def test_files_lie_behind_each_other(tmp_path: Path) -> None:
    span, parts = Span(2 * GRAIN + 10), []
    for number, size in enumerate((GRAIN, GRAIN, 64)):
        path = tmp_path / str(number)
        parts.append(os.urandom(size))
        path.write_bytes(parts[-1])
        span.place(path, number * GRAIN, size)
        with pytest.raises(ValueError, match=f"it holds {size} bytes, not {size + 1}"):
            span.place(path, number * GRAIN, size + 1)
    assert np.asarray(span).tobytes() == b"".join(parts)[: 2 * GRAIN + 10]


def test_a_file_that_is_replaced_stays_what_it_was_for_who_has_it(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    words = np.arange(5000, dtype=np.uint32)
    root = store.put_segment([words], 0)
    (held,) = store.segment(root)
    (path,) = (tmp_path / "segments").iterdir()
    other = tmp_path / "other"
    other.write_bytes(bytes(path.stat().st_size))
    other.replace(path)
    assert np.array_equal(held, words)
    store.put_segment([words], 0)
    assert np.array_equal(store.segment(root)[0], words)
