"""Fields: what is disclosed holds, what is not stays hidden, and nothing can be changed."""

import copy
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.commit import merkle
from prover.commit.keccak import Hash, keccak, tagged
from prover.commit.tags import Tag
from rollup.errors import DocumentError, InvalidInput, ProofError
from rollup.protocol import fields
from rollup.protocol.documents import text
from rollup.protocol.fields import Committed, commit, kept_from_json, verify

SECRET = bytes(range(32))
SUBJECT = Hash(keccak(b"a sample"))
SAID = {"label": "cat", "annotator": "someone", "sure": "0.9", "note": "", "tool": "v2"}
COMMITTED = commit(SAID, SECRET, SUBJECT)

names = st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True)
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
said = st.dictionaries(names, values, min_size=1, max_size=20)
secrets = st.binary(min_size=32, max_size=32)


@given(said, secrets, st.data())
def test_what_is_disclosed_verifies_and_shows_nothing_of_the_rest(
    given_fields: dict[str, str], secret: bytes, data: st.DataObject
) -> None:
    committed = commit(given_fields, secret)
    chosen = data.draw(st.sets(st.sampled_from(sorted(given_fields)), min_size=1))
    document = json.loads(json.dumps(committed.disclose(sorted(chosen))))
    assert verify(document, committed.content) == {name: given_fields[name] for name in chosen}

    # Everything in the document is of the chosen fields, or a hash that a salt stands before.
    for one in document["fields"]:
        assert set(one) == {"name", "value", "salt", "index", "path"}
        assert one["name"] in chosen
        assert one["value"] == given_fields[one["name"]]
    everything = committed.disclose(sorted(given_fields))
    salts = {one["name"]: one["salt"] for one in everything["fields"]}
    shown = json.dumps(document)
    assert [name for name in given_fields if name not in chosen and salts[name] in shown] == []
    assert committed.seed.hex() not in shown
    assert secret.hex() not in shown
    leaves = {text(hashed(secret, name, value)) for name, value in given_fields.items()}
    assert [unsalted for unsalted in leaves if unsalted in shown] == []


def hashed(salt: bytes, name: str, value: str) -> Hash:
    """As it stands in docs/protocol.md, written out."""
    at, to = name.encode(), value.encode()
    sizes = len(at).to_bytes(2, "big"), len(to).to_bytes(4, "big")
    return keccak(b"\x1f" + salt + sizes[0] + at + sizes[1] + to)


def test_the_content_is_the_tree_of_the_protocol() -> None:
    committed = commit({"label": "cat", "annotator": "someone", "sure": "0.9"}, SECRET)
    openings = committed.disclose(["label", "annotator", "sure"])["fields"]
    level = {
        one["index"]: hashed(bytes.fromhex(one["salt"][2:]), one["name"], one["value"])
        for one in openings
    }
    (absent,) = set(range(4)) - set(level)  # its bytes are what its sibling's path starts with
    (path,) = [one["path"] for one in openings if one["index"] == absent ^ 1]
    level[absent] = Hash(bytes.fromhex(path[0][2:]))
    leaves = [level[index] for index in range(4)]
    assert leaves == sorted(leaves)
    assert leaves[absent] != bytes(32)
    assert merkle.root(leaves, Tag.FIELD_NODE) == committed.content


def test_one_field_is_a_tree_of_its_leaf() -> None:
    committed = commit({"label": "cat"}, SECRET)
    (one,) = committed.disclose(["label"])["fields"]
    assert (one["index"], one["path"]) == (0, [])
    assert hashed(bytes.fromhex(one["salt"][2:]), "label", "cat") == committed.content


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything in a document that holds nothing itself."""
    if isinstance(value, dict):
        return [way for key in value for way in places(value[key], (*at, key))]
    if isinstance(value, list):
        return [way for key, item in enumerate(value) for way in places(item, (*at, key))]
    return [at]


def changed(document: Any, way: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    made = copy.deepcopy(document)
    inner = made
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = change(inner[way[-1]])
    return made


@given(said, st.data())
def test_any_change_is_refused(given_fields: dict[str, str], data: st.DataObject) -> None:
    committed = commit(given_fields, SECRET)
    chosen = data.draw(st.sets(st.sampled_from(sorted(given_fields)), min_size=1))
    document = committed.disclose(chosen)
    way = data.draw(st.sampled_from(places(document)))

    def change(value: Any) -> Any:
        if isinstance(value, int):
            return value ^ 1 << data.draw(st.integers(0, 14))
        if value.startswith("0x") and way[-1] not in ("name", "value"):
            at = data.draw(st.integers(2, len(value) - 1))
            return value[:at] + f"{int(value[at], 16) ^ 1:x}" + value[at + 1 :]
        return data.draw(st.text(max_size=20).filter(lambda other: other != value))

    with pytest.raises(InvalidInput):
        verify(changed(document, way, change), committed.content)
    # The whole, for another content.
    with pytest.raises(ProofError):
        verify(document, Hash(keccak(committed.content)))


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields[::-1],
        lambda fields: [fields[0], *fields],
        lambda fields: [*fields, fields[-1]],
        lambda fields: [],
        lambda fields: [{**fields[0], "path": fields[0]["path"][:-1]}],
        lambda fields: [{**fields[0], "path": [*fields[0]["path"], "0x" + "00" * 32]}],
        lambda fields: [{**fields[0], "path": ["0x" + "00" * 32] * 13}],
        lambda fields: [{**fields[0], "index": fields[0]["index"] + 8}],
        lambda fields: [{**fields[0], "more": 1}],
        lambda fields: [{"name": "label", "value": "cat"}],
        lambda fields: "label",
        lambda fields: [7],
    ],
)
def test_no_other_document_passes(change: Callable[[Any], Any]) -> None:
    document = COMMITTED.disclose(["label", "note", "sure"])
    assert set(verify(document, COMMITTED.content)) == {"label", "note", "sure"}
    with pytest.raises(InvalidInput):
        verify({**document, "fields": change(document["fields"])}, COMMITTED.content)


@pytest.mark.parametrize("document", [None, [], 7, "x", {}, {"format": "plumbline-proof"}])
def test_other_documents_are_refused(document: object) -> None:
    with pytest.raises(DocumentError):
        verify(document, COMMITTED.content)
    with pytest.raises(DocumentError):
        kept_from_json(document)


def test_one_name_is_disclosed_once() -> None:
    """Who commits could put a name into the tree twice; no document shows both."""
    salts = [bytes([n]) * 32 for n in (1, 2)]
    leaves = sorted((hashed(salt, "label", said), salt, said) for salt, said in zip(
        salts, ("cat", "dog"), strict=True
    ))  # fmt: skip
    content = tagged(Tag.FIELD_NODE, leaves[0][0], leaves[1][0])
    openings = [
        {
            "name": "label",
            "value": value,
            "salt": text(salt),
            "index": index,
            "path": [text(leaves[1 - index][0])],
        }
        for index, (_, salt, value) in enumerate(leaves)
    ]
    document = {"format": fields.DISCLOSED, "version": 1, "fields": openings[:1]}
    assert verify(document, content) == {"label": leaves[0][2]}
    with pytest.raises(ProofError, match="twice"):
        verify({**document, "fields": openings}, content)


def test_neither_a_node_nor_a_filler_passes_for_a_field() -> None:
    # A node's preimage has another tag, so nothing of 64 bytes between can be read as a field.
    left, right = keccak(b"l"), keccak(b"r")
    assert tagged(Tag.FIELD_NODE, left, right) != tagged(Tag.FIELD, left, right)
    # Lengths keep apart what is name and what is value.
    salt = bytes(32)
    assert fields.leaf(salt, "ab", "c") != fields.leaf(salt, "a", "bc")
    assert fields.leaf(salt, "ab", "") != fields.leaf(salt, "a", "b")


@given(said, secrets, st.binary(min_size=32, max_size=32).map(Hash))
def test_salts_follow_from_the_secret_and_everything_said(
    given_fields: dict[str, str], secret: bytes, subject: Hash
) -> None:
    committed = commit(given_fields, secret, subject)
    shuffled = list(given_fields.items())
    random.Random(1).shuffle(shuffled)
    assert commit(dict(shuffled), secret, subject).content == committed.content
    salts = salts_of(committed)
    assert len(set(salts)) == len(given_fields)
    others = (
        commit(given_fields, keccak(secret), subject),
        commit(given_fields, secret, Hash(keccak(subject))),
        commit({**given_fields, "another.one": ""}, secret, subject),
    )
    for other in others:
        if other.fields != committed.fields or other.seed != committed.seed:
            assert not set(salts) & set(salts_of(other))
            assert other.content != committed.content


def salts_of(committed: Committed) -> list[str]:
    return [one["salt"] for one in committed.disclose(list(committed.fields))["fields"]]


@given(said, secrets)
def test_kept_fields_survive_json(given_fields: dict[str, str], secret: bytes) -> None:
    committed = commit(given_fields, secret)
    kept = kept_from_json(json.loads(json.dumps(committed.to_json())))
    assert kept == committed
    assert kept.content == committed.content
    assert kept.disclose(list(given_fields)) == committed.disclose(list(given_fields))
    changed = {**committed.to_json(), "fields": {**given_fields, "another.one": "x"}}
    if "another.one" not in given_fields:
        with pytest.raises(DocumentError, match="not what was committed"):
            kept_from_json(changed)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({}, "1 to 4096 fields"),
        ({"": "x"}, "name is 1 to 64"),
        ({"a b": "x"}, "name is 1 to 64"),
        ({"a\n": "x"}, "name is 1 to 64"),
        ({"é": "x"}, "name is 1 to 64"),
        ({"x" * 65: "x"}, "name is 1 to 64"),
        ({"a": "\ud800"}, "UTF-8"),
        ({"a": "x" * (2**20 + 1)}, "at most 1048576"),
        ({f"n{n}": "" for n in range(4_097)}, "not 4097"),
    ],
)
def test_what_can_be_no_fields_is_refused(bad: dict[str, str], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        commit(bad, SECRET)


def test_the_largest_and_what_has_a_wrong_width() -> None:
    many = commit({f"n{n}": str(n) for n in range(4_096)}, SECRET)
    document = many.disclose(["n0", "n4095"])
    assert verify(document, many.content) == {"n0": "0", "n4095": "4095"}
    for call in (
        lambda: commit(SAID, b"short"),
        lambda: commit(SAID, SECRET, Hash(b"short")),
        lambda: Committed(SAID, b"short"),
        lambda: fields.leaf(b"short", "a", "b"),
        lambda: COMMITTED.disclose([]),
        lambda: COMMITTED.disclose(["label", "colour"]),
        lambda: fields.fields_from_json({"sure": 0.9}),
        lambda: fields.fields_from_json(["label"]),
    ):
        with pytest.raises(DocumentError):
            call()
