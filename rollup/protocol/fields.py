"""Salted fields: what a statement says, to be disclosed one by one (docs/protocol.md, section 9).

The `content` of a Statement may be the root of a tree over its fields. Whoever keeps the fields
discloses some of them, and shows nothing of the others: not their names, not their values, and of
their number only what the depth of the tree tells. No field that a machine reads is salted:
kinds, accounts and subjects stand in the receipt itself.

A name is 1 to 64 of A-Z a-z 0-9 _ . - and a value is text; lengths are part of what is hashed. The
leaves are sorted by their hashes, which are as good as random, so that a place says nothing of a
name; places that no field takes hold random bytes. Who makes the tree could put a name into it
twice, and is bound to both.
"""

import hmac
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from prover.commit import merkle
from prover.commit.keccak import ZERO_HASH, Hash, tagged
from prover.commit.tags import Tag
from rollup.errors import DocumentError, ProofError
from rollup.protocol import documents
from rollup.protocol.documents import Json, octets, text

DISCLOSED: Final = "plumbline-fields"
KEPT: Final = "plumbline-fields-kept"
VERSION: Final = 1
MAX_FIELDS: Final = 2**12
MAX_VALUE: Final = 2**20
"""Bytes of a value."""
SECRET_BYTES: Final = 32

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_DISCLOSED_FIELDS: Final = frozenset({"format", "version", "fields"})
_KEPT_FIELDS: Final = frozenset({"format", "version", "content", "seed", "fields"})
_FIELD: Final = frozenset({"name", "value", "salt", "index", "path"})


def leaf(salt: bytes, name: str, value: str) -> Hash:
    """H(FIELD | salt (32) | name length u16 | name | value length u32 | value), both as UTF-8.

    Raises:
        DocumentError: when one of them is no salt, name or value.
    """
    if len(salt) != 32:
        raise DocumentError(f"a salt has 32 bytes, not {len(salt)}")
    said = _encoded(name, value)
    return tagged(Tag.FIELD, salt, said)


def _encoded(name: str, value: str) -> bytes:
    if not _NAME.fullmatch(name):
        raise DocumentError(f"a field's name is 1 to 64 of A-Z a-z 0-9 _ . - and not {name!r}")
    try:
        data = value.encode()
    except UnicodeEncodeError:
        raise DocumentError(f"the value of {name} is no text that UTF-8 can hold") from None
    if len(data) > MAX_VALUE:
        raise DocumentError(f"the value of {name} has {len(data)} bytes, at most {MAX_VALUE} fit")
    return len(name).to_bytes(2) + name.encode() + len(data).to_bytes(4) + data


@dataclass(frozen=True, slots=True)
class Committed:
    """Fields with their tree, as whoever keeps them has them. Use `commit` or `kept_from_json`.

    Raises:
        DocumentError: when there are no fields or too many, or one has no good name or value.
    """

    fields: Mapping[str, str]
    seed: bytes = field(repr=False)
    """32 bytes; the salts follow from it. Who has it can tell every field by guessing."""
    content: Hash = field(init=False, compare=False)
    """What the statement commits to."""
    _salts: Mapping[str, bytes] = field(init=False, repr=False, compare=False)
    _levels: list[list[Hash]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < len(self.fields) <= MAX_FIELDS:
            raise DocumentError(f"there are 1 to {MAX_FIELDS} fields, not {len(self.fields)}")
        if len(self.seed) != SECRET_BYTES:
            raise DocumentError(f"a seed has {SECRET_BYTES} bytes, not {len(self.seed)}")
        random = _stream(self.seed)
        salts = {name: next(random) for name in sorted(self.fields)}
        leaves = [leaf(salts[name], name, value) for name, value in self.fields.items()]
        width = 1 << merkle.ceil_log2(len(leaves))
        leaves += [Hash(next(random)) for _ in range(width - len(leaves))]
        levels = merkle.levels(sorted(leaves), Tag.FIELD_NODE)
        object.__setattr__(self, "_salts", salts)
        object.__setattr__(self, "_levels", levels)
        object.__setattr__(self, "content", levels[-1][0])

    def disclose(self, names: Collection[str]) -> Json:
        """A document that shows these fields and no others.

        Raises:
            DocumentError: when it names no field, or one that there is not.
        """
        if not names:
            raise DocumentError("name at least one field to disclose")
        unknown = sorted(set(names) - self.fields.keys())
        if unknown:
            raise DocumentError(
                f"there is no field {unknown[0]!r}; there are {', '.join(sorted(self.fields))}"
            )
        shown = [self._opening(name) for name in set(names)]
        shown.sort(key=lambda opening: int(opening["index"]))
        return Json({"format": DISCLOSED, "version": VERSION, "fields": shown})

    def _opening(self, name: str) -> Json:
        value, salt = self.fields[name], self._salts[name]
        index = self._levels[0].index(leaf(salt, name, value))
        path = merkle.path_in(self._levels, index, Tag.FIELD_NODE)
        return Json(
            {
                "name": name,
                "value": value,
                "salt": text(salt),
                "index": index,
                "path": [text(sibling) for sibling in path],
            }
        )

    def to_json(self) -> Json:
        """Everything, for whoever keeps it: not to be shown to anybody."""
        return Json(
            {
                "format": KEPT,
                "version": VERSION,
                "content": text(self.content),
                "seed": text(self.seed),
                "fields": dict(self.fields),
            }
        )


def commit(fields: Mapping[str, str], secret: bytes, subject: Hash = ZERO_HASH) -> Committed:
    """The fields under salts that follow from a secret of 32 random bytes.

    One secret may serve for many statements when `subject` is that of each: the salts follow from
    all that is committed. The same fields of the same subject give the same content.

    Raises:
        DocumentError: see `Committed`; also when secret or subject have not 32 bytes.
    """
    if len(secret) != SECRET_BYTES or len(subject) != 32:
        raise DocumentError("a secret and a subject have 32 bytes each")
    said = b"".join(_encoded(name, fields[name]) for name in sorted(fields))
    return Committed(dict(fields), hmac.digest(secret, subject + said, "sha3_256"))


def verify(document: object, content: Hash) -> dict[str, str]:
    """The fields that a document discloses of a statement's `content`.

    Raises:
        DocumentError: when it is no such document.
        ProofError: when a field of it is not one of the content's.
    """
    said = documents.Fields(document, "document of fields", _DISCLOSED_FIELDS)
    _check_format(said, DISCLOSED)
    shown: dict[str, str] = {}
    last, depth = -1, None
    for item in said.list("fields"):
        one = documents.Fields(item, "field", _FIELD)
        name, value, index = one.string("name"), one.string("value"), one.integer("index")
        path = [Hash(octets(sibling, 32, "a hash of a path")) for sibling in one.list("path")]
        depth = len(path) if depth is None else depth
        if len(path) != depth or len(path) > merkle.ceil_log2(MAX_FIELDS):
            raise ProofError(f"the path of field {name!r} has a length that no tree gives it")
        if not last < index < 1 << depth or name in shown:
            raise ProofError(f"field {name!r} stands where it cannot, or twice")
        found = leaf(one.octets("salt", 32), name, value)
        if merkle.climb(found, index, path, Tag.FIELD_NODE) != content:
            raise ProofError(f"field {name!r} with this value is none of content {text(content)}")
        shown[name], last = value, index
    if not shown:
        raise DocumentError("a document of fields discloses at least one")
    return shown


def kept_from_json(value: object) -> Committed:
    """The inverse of `Committed.to_json`.

    Raises:
        DocumentError: when the value is no such document, or was changed.
    """
    said = documents.Fields(value, "kept fields", _KEPT_FIELDS)
    _check_format(said, KEPT)
    kept = Committed(fields_from_json(said.any("fields")), said.octets("seed", SECRET_BYTES))
    if kept.content != said.hash("content"):
        raise DocumentError("these kept fields are not what was committed to; get the file anew")
    return kept


def fields_from_json(value: object) -> dict[str, str]:
    """A JSON object of names and texts.

    Raises:
        DocumentError: when it is none, naming the field.
    """
    if not isinstance(value, Mapping):
        raise DocumentError('fields are a JSON object of names and texts: {"label": "cat"}')
    for name, said in value.items():
        if not isinstance(said, str):
            raise DocumentError(f"the value of {name!r} is a text; write numbers in quotes")
    return dict(value)


def _check_format(said: documents.Fields, wanted: str) -> None:
    if said.string("format") != wanted or said.integer("version") != VERSION:
        raise DocumentError(f"not a document of format {wanted}, version {VERSION}")


def _stream(seed: bytes) -> Iterator[bytes]:
    """32 bytes after 32 bytes that say nothing of each other or of the seed."""
    for number in range(2 * MAX_FIELDS):
        yield hmac.digest(seed, number.to_bytes(4), "sha3_256")
