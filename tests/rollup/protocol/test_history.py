"""Mountain ranges, against ranges that are built anew from all leaves each time."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.commit.keccak import ZERO_HASH, keccak
from rollup.errors import ReceiptError
from rollup.protocol import history
from rollup.protocol.history import Extension, Inclusion, Mountains
from rollup.protocol.types import Hash

LEAVES = [keccak(number.to_bytes(4)) for number in range(200)]
sizes = st.integers(0, len(LEAVES))


def plain(leaves: list[Hash]) -> list[Hash]:
    """Peaks, from docs/protocol.md alone: the largest tree that fits, then what is left."""
    if not leaves:
        return []
    size = 1 << (len(leaves).bit_length() - 1)
    level = leaves[:size]
    while len(level) > 1:
        level = [keccak(b"\x0a" + level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return [*level, *plain(leaves[size:])]


def hash_of(size: int) -> Hash:
    return keccak(b"\x0b" + b"".join(plain(LEAVES[:size])))


def test_leaf_by_leaf_it_is_what_it_is_at_once() -> None:
    grown = Mountains()
    for size, leaf in enumerate(LEAVES):
        assert grown == Mountains.of(LEAVES[:size])
        assert (list(grown.peaks), grown.hash) == (plain(LEAVES[:size]), hash_of(size))
        grown = grown.append(leaf)


def test_peaks_are_as_many_as_bits() -> None:
    for size, count in ((0, 1), (3, 1), (4, 2), (-1, 0)):
        with pytest.raises(ReceiptError):
            Mountains(size, (ZERO_HASH,) * count)


@given(sizes.filter(bool), st.data())
def test_every_leaf_is_shown_at_its_place_alone(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = history.prove(LEAVES[:size], index)
    assert len(proof.siblings) + len(proof.peaks) <= 2 * size.bit_length()

    def holds(leaf: Hash = LEAVES[index], **other: tuple[Hash, ...]) -> bool:
        return history.includes(hash_of(size), size, index, leaf, replace(proof, **other))

    assert holds()
    assert not holds(leaf=keccak(b"another"))
    assert not history.includes(ZERO_HASH, size, index, LEAVES[index], proof)
    for other in {0, 1, index - 1, index + 1, index ^ 1, size - 1, size} - {index}:
        assert not history.includes(hash_of(size), size, other, LEAVES[index], proof)
    assert not holds(siblings=(*proof.siblings, ZERO_HASH))
    assert not holds(peaks=(*proof.peaks, ZERO_HASH))
    assert not holds(peaks=proof.peaks[1:])
    if proof.siblings:
        assert not holds(siblings=proof.siblings[1:])
        assert not holds(siblings=(ZERO_HASH, *proof.siblings[1:]))
    for place in range(len(proof.peaks)):
        peaks = list(proof.peaks)
        peaks[place] = ZERO_HASH
        assert not holds(peaks=tuple(peaks))


@pytest.mark.parametrize("index", [-1, 5])
def test_no_such_leaf(index: int) -> None:
    with pytest.raises(IndexError):
        history.prove(LEAVES[:5], index)
    assert not history.includes(hash_of(5), 5, index, LEAVES[0], Inclusion((), (ZERO_HASH,) * 2))


@given(sizes, sizes)
def test_a_history_goes_on_from_every_older_one(one: int, other: int) -> None:
    old, size = sorted((one, other))
    proof = history.prove_extension(LEAVES[:size], old)
    assert history.extends(hash_of(size), size, hash_of(old), old, proof)
    parts = (*proof.old, *proof.siblings, *proof.new)
    assert len(parts) <= 2 * max(size, 1).bit_length() + 1
    # Every part counts, and so does everything that was known before.
    for place in range(len(parts)):
        changed = (*parts[:place], ZERO_HASH, *parts[place + 1 :])
        cut = (len(proof.old), len(proof.old) + len(proof.siblings))
        bad = Extension(changed[: cut[0]], changed[cut[0] : cut[1]], changed[cut[1] :])
        assert not history.extends(hash_of(size), size, hash_of(old), old, bad)
    for bad in (
        replace(proof, old=(*proof.old, ZERO_HASH)),
        replace(proof, siblings=(*proof.siblings, ZERO_HASH)),
        replace(proof, new=(*proof.new, ZERO_HASH)),
    ):
        assert not history.extends(hash_of(size), size, hash_of(old), old, bad)
    if old:
        assert not history.extends(hash_of(size), size, hash_of(old - 1), old, proof)
        assert not history.extends(hash_of(size), size, hash_of(old - 1), old - 1, proof)
    if old < size:
        assert not history.extends(hash_of(old), old, hash_of(size), size, proof)
        forked = [*LEAVES[:old], keccak(b"fork"), *LEAVES[old + 1 : size]]
        assert not history.extends(Mountains.of(forked).hash, size, hash_of(old), old, proof)
        if old:
            rewritten = [keccak(b"fork"), *LEAVES[1:size]]
            beside = history.prove_extension(rewritten, old)
            new = Mountains.of(rewritten).hash
            assert not history.extends(new, size, hash_of(old), old, beside)


def test_there_is_no_older_history_than_there_are_leaves() -> None:
    with pytest.raises(IndexError):
        history.prove_extension(LEAVES[:4], 5)
