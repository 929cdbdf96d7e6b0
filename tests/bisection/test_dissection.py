"""Cuts and commitments of dissections."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisection.dissection import Dissection, Opening, cut, first_head, next_head, parts
from bisection.machine import LENGTH_LIMIT, Address, ClaimId
from prover.commit.keccak import ZERO_HASH, Hash, keccak
from tests.bisection.table import lie

LENGTHS = st.integers(1, LENGTH_LIMIT - 1) | st.integers(1, 300)
KS = st.integers(2, 64)
HASHES = st.binary(min_size=32, max_size=32).map(Hash)


@given(LENGTHS, KS, st.integers(0, 1 << 62))
def test_a_cut_has_min_k_length_parts_and_none_is_empty(length: int, k: int, start: int) -> None:
    places = cut(start, length, k)
    assert (places[0], places[-1]) == (start, start + length)
    assert len(places) - 1 == parts(length, k) == min(k, length)
    sizes = [b - a for a, b in pairwise(places)]
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) == -(-length // min(k, length))


@given(LENGTHS, KS)
def test_a_part_may_be_one_step_exactly_below_two_k(length: int, k: int) -> None:
    places = cut(0, length, k)
    one = any(b - a == 1 for a, b in pairwise(places))
    assert one == (length < 2 * k)


def test_cuts_by_hand() -> None:
    assert cut(0, 10, 4) == [0, 2, 5, 7, 10]
    assert cut(100, 3, 16) == [100, 101, 102, 103]
    assert cut(7, 1, 16) == [7, 8]


def dissections() -> st.SearchStrategy[Dissection]:
    values = st.lists(HASHES, min_size=2, max_size=65).map(tuple)
    return values.flatmap(
        lambda found: st.builds(
            Dissection,
            st.integers(0, 1 << 61),
            st.integers(len(found) - 1, 1 << 61),
            st.just(found),
        )
    )


@given(dissections(), HASHES, st.data())
def test_an_opening_gives_the_head_and_no_other_does(
    dissection: Dissection, prior: Hash, data: st.DataObject
) -> None:
    part = data.draw(st.integers(0, dissection.parts - 1))
    opening = dissection.opening(prior, part)
    head = dissection.head(prior)
    places = dissection.positions()
    assert dissection.bounds(part) == (places[part], places[part + 1] - places[part])
    assert (opening.left, opening.right) == dissection.values[part : part + 2]
    assert opening.head(dissection.start, dissection.length) == head
    others = [
        Opening(lie(opening.prior), opening.part, opening.left, opening.right, opening.path),
        Opening(opening.prior, opening.part, lie(opening.left), opening.right, opening.path),
        Opening(opening.prior, opening.part, opening.left, lie(opening.right), opening.path),
    ]
    if opening.path:
        path = (lie(opening.path[0]), *opening.path[1:])
        others.append(Opening(prior, part, opening.left, opening.right, path))
    assert all(o.head(dissection.start, dissection.length) != head for o in others)
    assert opening.head(dissection.start + 1, dissection.length) != head
    assert opening.head(dissection.start, dissection.length + 1) != head


def test_equal_pairs_open_at_their_own_places_alone() -> None:
    values = tuple(ZERO_HASH for _ in range(5))
    dissection = Dissection(0, 4, values)
    heads = {dissection.opening(ZERO_HASH, part).head(0, 4) for part in range(4)}
    assert heads == {dissection.head(ZERO_HASH)}
    swapped = Dissection(0, 4, (*values[:2], lie(ZERO_HASH), *values[3:]))
    right = swapped.opening(ZERO_HASH, 1)
    moved = Opening(right.prior, 2, right.left, right.right, right.path)
    assert moved.head(0, 4) != swapped.head(ZERO_HASH)


def test_heads_by_hand() -> None:
    claim, challenger = ClaimId(keccak(b"claim")), Address(b"\x01" * 20)
    first = first_head(claim, challenger)
    assert first == keccak(b"\x12" + claim + challenger)
    a, b, c = (keccak(bytes([i])) for i in range(3))
    leaf, other = keccak(b"\x10" + a + b), keccak(b"\x10" + b + c)
    root = keccak(b"\x11" + leaf + other)
    bounds = (5).to_bytes(8, "big") + (9).to_bytes(8, "big")
    assert Dissection(5, 9, (a, b, c)).head(first) == keccak(b"\x12" + first + bounds + root)
    third = Dissection(0, 3, (a, b, c, a))
    padded = keccak(b"\x11" + keccak(b"\x10" + c + a) + bytes(32))
    assert third.root() == keccak(b"\x11" + root + padded)
    assert next_head(first, 5, 9, root) == Dissection(5, 9, (a, b, c)).head(first)


def test_no_such_part() -> None:
    with pytest.raises(IndexError):
        Dissection(0, 1, (ZERO_HASH, ZERO_HASH)).opening(ZERO_HASH, 1)
