"""The sum tree: a path shows how much lies to the left, and cannot say anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.commit import sumtree
from prover.commit.keccak import ZERO_HASH, Hash, keccak
from prover.commit.sumtree import ABSENT, SumNode

nodes = st.builds(
    SumNode,
    st.binary(min_size=32, max_size=32).map(Hash),
    st.sampled_from([0, 1, 7, 1 << 47]) | st.integers(0, (1 << 48) - 1),
)
tables = st.lists(nodes, min_size=1, max_size=20)


def test_a_node_binds_both_hashes_and_both_sums() -> None:
    left, right = SumNode(keccak(b"l"), 3), SumNode(keccak(b"r"), 258)
    preimage = b"\x07" + left.hash + bytes(7) + b"\3" + right.hash + bytes(6) + b"\1\2"
    assert sumtree.join(left, right) == (keccak(preimage), 261)


@given(tables)
def test_the_tree_is_padded_to_a_power_of_two(table: list[SumNode]) -> None:
    rows = sumtree.levels(table)
    width = len(rows[0])
    assert width >= len(table) > width // 2
    assert rows[0] == table + [ABSENT] * (width - len(table))
    assert [len(row) for row in rows] == [width >> height for height in range(len(rows))]
    assert rows[-1][0].sum == sum(node.sum for node in table)
    assert ABSENT == (ZERO_HASH, 0)


@given(tables, st.data())
def test_a_path_shows_the_sum_to_the_left(table: list[SumNode], data: st.DataObject) -> None:
    rows = sumtree.levels(table)
    index = data.draw(st.integers(0, len(table) - 1))
    siblings = sumtree.path(rows, index)
    top, before = sumtree.climb(table[index], index, siblings)
    assert top == rows[-1][0]
    assert before == sum(node.sum for node in table[:index])


@given(tables.filter(lambda table: len(table) > 1), st.data())
def test_a_path_that_says_anything_else_leads_elsewhere(
    table: list[SumNode], data: st.DataObject
) -> None:
    rows = sumtree.levels(table)
    index = data.draw(st.integers(0, len(table) - 1))
    siblings = sumtree.path(rows, index)
    height = data.draw(st.integers(0, len(siblings) - 1))
    true = siblings[height]
    lie = data.draw(st.integers(0, (1 << 48) - 1).filter(lambda value: value != true.sum))
    siblings[height] = SumNode(true.hash, lie)
    assert sumtree.climb(table[index], index, siblings)[0].hash != rows[-1][0].hash
    # Shifting micro-steps between two neighbours keeps the sum and changes the hash.
    if true.sum:
        siblings[height] = SumNode(true.hash, true.sum - 1)
        moved = SumNode(table[index].hash, table[index].sum + 1)
        assert sumtree.climb(moved, index, siblings)[0].hash != rows[-1][0].hash


def test_a_sum_beyond_64_bits_has_no_node() -> None:
    large = SumNode(keccak(b""), 1 << 63)
    top, _ = sumtree.climb(large, 0, [large])
    assert top.sum == 1 << 64
    with pytest.raises(OverflowError):
        sumtree.climb(large, 0, [large, ABSENT])
