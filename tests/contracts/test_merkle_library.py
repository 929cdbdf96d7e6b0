"""Trees, heads and packed turns on chain are those of the Python packages."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisection.dissection import Dissection, cut
from contracts import build
from prover.commit import merkle
from prover.commit.keccak import Hash, keccak, tagged
from prover.commit.tags import Tag
from tests.contracts.evm import Contract, Evm, compiled

pytestmark = pytest.mark.usefixtures("toolchain")

COUNTS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100]
hashes = st.binary(min_size=32, max_size=32).map(Hash)


@pytest.fixture(scope="module")
def library() -> Contract:
    return Evm().deploy(compiled("test/MerkleHarness.sol")["MerkleHarness"])


def leaves(count: int) -> list[Hash]:
    return [keccak(b"leaf %d" % i) for i in range(count)]


def test_the_tags_are_the_one_table(library: Contract) -> None:
    assert list(library.tags()) == [int(tag) for tag in Tag]
    source = build.load_sources()["src/libraries/Tags.sol"]
    named = re.findall(r"constant (\w+) = (0x\w+);", source)
    assert {name: int(value, 16) for name, value in named} == {tag.name: tag for tag in Tag}


@pytest.mark.parametrize("count", [*COUNTS, 2**16 - 1, 2**16, 2**16 + 1, 2**255, 2**256 - 1])
def test_depths(library: Contract, count: int) -> None:
    assert library.ceilLog2(count) == merkle.ceil_log2(count)


@pytest.mark.parametrize("count", COUNTS)
def test_roots(library: Contract, count: int) -> None:
    expected = merkle.root(leaves(count), Tag.ENTRY_NODE)
    assert library.root(leaves(count), Tag.ENTRY_NODE) == (expected, bytes(32))


@pytest.mark.parametrize("count", COUNTS[1:])
def test_paths(library: Contract, count: int) -> None:
    node = Tag.SEGMENT_NODE
    whole = leaves(count)
    root = merkle.root(whole, node)
    for index in random.Random(count).sample(range(count), min(count, 8)):
        path = merkle.path(whole, index, node)
        assert library.climb(whole[index], index, path, node) == root
        fresh = keccak(b"fresh")
        replaced = merkle.root([*whole[:index], fresh, *whole[index + 1 :]], node)
        assert library.climb2(whole[index], fresh, index, path, node) == (root, replaced)


@given(
    leaf=hashes,
    path=st.lists(hashes, max_size=14),
    index=st.integers(0, 2**14 - 1),
    before=st.binary(max_size=70),
    behind=st.binary(max_size=70),
)
def test_paths_inside_a_witness(
    library: Contract, leaf: Hash, path: list[Hash], index: int, before: bytes, behind: bytes
) -> None:
    witness = before + b"".join(path) + behind
    flipped = Hash(bytes(byte ^ 0xFF for byte in leaf))
    roots = [merkle.climb(each, index, path, Tag.TENSOR_NODE) for each in (leaf, flipped)]
    found = library.climbInside(leaf, index, witness, len(before), len(path), Tag.TENSOR_NODE)
    assert found == (roots[0], *roots)


@given(left=hashes, right=hashes, tag=st.integers(0, 255))
def test_pairs(library: Contract, left: Hash, right: Hash, tag: int) -> None:
    assert library.pair(left, right, tag) == keccak(bytes([tag]) + left + right)
    assert library.pair(left, right, Tag.MOVE) == tagged(Tag.MOVE, left, right)


@pytest.mark.parametrize("parts", range(1, 65))
def test_dissection_roots(library: Contract, parts: int) -> None:
    values = leaves(parts + 1)
    expected = Dissection(0, parts, tuple(values)).root()
    assert library.dissectionRoot(values[0], values[1:]) == (expected, values[-1])


@given(data=st.data(), start=st.integers(0, 2**62), length=st.integers(1, 2**62 - 1))
def test_bounds(library: Contract, data: st.DataObject, start: int, length: int) -> None:
    k = data.draw(st.integers(2, 64))
    cuts = cut(start, length, k)
    part = data.draw(st.integers(0, len(cuts) - 2))
    expected = (cuts[part], cuts[part + 1] - cuts[part])
    assert library.bounds(start, length, part, len(cuts) - 1) == expected


@given(
    start=st.integers(0, 2**64 - 1),
    length=st.integers(0, 2**64 - 1),
    clocks=st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    moved_at=st.integers(0, 2**40 - 1),
    moves=st.integers(0, 255),
    defender=st.booleans(),
)
def test_turns(
    library: Contract,
    start: int,
    length: int,
    clocks: tuple[int, int],
    moved_at: int,
    moves: int,
    defender: bool,
) -> None:
    library.turn(start, length, *clocks, moved_at, moves, defender)


def test_time_that_runs_backwards_uses_nothing(library: Contract) -> None:
    assert [library.used(100, time) for time in (0, 99, 100, 101)] == [0, 0, 0, 1]
