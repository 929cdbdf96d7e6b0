"""Every preimage of docs/ledger.md, put together by hand here, and the kinds of its tables."""

import re
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from prover.commit import tensor
from prover.commit.keccak import Hash, keccak
from prover.commit.tags import Tag
from prover.state import register_leaf
from rollup.errors import ReceiptError
from rollup.protocol.actions import ACTION_TYPE, Action, ActionKind
from rollup.protocol.eip712 import Signature
from rollup.protocol.ledger import layout
from rollup.protocol.ledger.effects import word_root
from rollup.protocol.ledger.entries import Placed, sign_many
from rollup.protocol.ledger.header import Forest, Header, Rules, genesis
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind, close_epoch, force, register
from rollup.protocol.ledger.packing import unpack_forced
from rollup.protocol.ledger.run import Run
from rollup.protocol.ledger.types import (
    Account,
    Amount,
    Bps,
    Epoch,
    EpochNumber,
    Job,
    JobIndex,
    Record,
    Score,
    Sequence,
    Status,
    Units,
)
from rollup.protocol.receipts import BUNDLE_TYPE, STATEMENT_TYPE, WORK_TYPE
from rollup.protocol.types import U64_MAX, AccountIndex, Address, Nonce
from tests.rollup.protocol.ledger.drawing import DOMAIN, KEYS, name

DOCS = (Path(__file__).parents[4] / "docs" / "ledger.md").read_text()
SOMEBODY = Address(bytes(range(20)))
P, Q, R, S = (name("hash", number) for number in range(4))
ACCOUNT = Account(
    SOMEBODY, Nonce(1), Amount(2), 3, Score(4), EpochNumber(5), 6, Amount(7)
)  # fmt: skip
RECORD = Record(
    Sequence(1), 2, Status.FINAL, AccountIndex(3), 4, 5, 6, 7, 8, P, Q, R, S, JobIndex(9),
    Units(10),
)  # fmt: skip
JOB = Job(1, 2, 3, P, Q, R, best=4)
RULES = Rules(
    compute_bps=Bps(1), usage_bps=Bps(2), performance_bps=Bps(3), uncovered_bps=Bps(4),
    reputation_bps=Bps(5), stake_bps=Bps(6), burn_bps=Bps(7), stake_full=8,
    benchmark=JobIndex(9), baseline=10, max_steps=11, cover=Units(12), units_a_price=13,
    units_a_point=14, max_work=Units(15),
)  # fmt: skip


def words(numbers: Iterable[int], size: int = 8) -> bytes:
    return b"".join(number.to_bytes(size, "big") for number in numbers)


def test_leaves() -> None:
    assert ACCOUNT.leaf == keccak(b"\x13" + SOMEBODY + words(range(1, 8)))
    numbers = words((1, 2, 1, 3, 4, 5, 6, 7, 8, 9, 10))
    assert RECORD.leaf == keccak(b"\x14" + numbers + P + Q + R + S)
    assert JOB.leaf == keccak(b"\x15" + words((1, 2, 3, 4)) + P + Q + R)
    assert Epoch(Amount(1), Score(2)).leaf == keccak(b"\x16" + words((1, 2)))


def test_a_state_is_its_header() -> None:
    rules = words(range(1, 9), 2) + words((9, 10, 11), 4) + bytes(4) + words((12, 13, 14, 15))
    assert RULES.pack() == rules
    header = Header(5, (P, Q, R, S), (1, 2, 3, 4), Amount(5), Score(6), 7, 8, RULES)
    roots = b"".join(
        root + words([count]) for root, count in zip((P, Q, R, S), (1, 2, 3, 4), strict=True)
    )
    assert header.hash == keccak(b"\x18\x05" + roots + words((5, 6, 7, 8)) + rules)
    assert Header.unpack(header.pack()) == header
    empty = genesis(3, RULES)
    zeros = bytes(32) + words([1]) + 3 * bytes(40) + bytes(32)
    assert empty.hash == keccak(b"\x18\x03" + zeros + rules)


def test_a_program_is_its_run() -> None:
    run = Run(P, 1, 2, 3, Q, 4, R)
    packed = P + words((1, 2)) + words([3], 4) + Q + words([4], 4) + R
    assert run.hash == keccak(b"\x19" + packed)
    assert Run.unpack(packed) == run
    assert run.length == 7


def test_what_a_run_holds() -> None:
    entry = InboxEntry(6, 1, 2, 3, 4, P, Q, R)
    assert entry.leaf == keccak(b"\x1c\x06" + words((1, 2, 3, 4)) + P + Q + R)
    assert register(7, SOMEBODY) == InboxEntry(1, 7, x=Hash(bytes(12) + SOMEBODY))
    closing = close_epoch(7, 8, RULES)
    assert (closing.kind, closing.a, closing.b, closing.rules) == (8, 7, 8, RULES)
    action = Action(32, AccountIndex(1), Nonce(0), 2, 0, 5)
    signature = Signature(bytes(range(65)))
    given = b"\2\x20" + words((1, 0, 2, 0, 5)) + signature
    assert force(action, signature) == InboxEntry(9, x=keccak(b"\x1e" + given), forced=given)
    assert unpack_forced(given) == Placed(action, signature)
    assert Placed(action, signature).leaf == keccak(
        b"\x1a" + action.id + signature + bytes(32) + bytes(4)
    )
    second = sign_many([action, replace(action, nonce=Nonce(1))], DOMAIN, KEYS[0])[1]
    assert second.place is not None
    assert second.leaf == keccak(
        b"\x1a" + second.receipt.id + second.signature + second.place.bundle.id + words([1], 4)
    )


@given(st.integers(0, 2**32 - 1))
def test_a_word_is_a_segment_of_one_register(word: int) -> None:
    root = tensor.tensor_root(np.array([word], np.uint32))
    assert word_root(word) == register_leaf(1, root)


def test_rows_hash_as_the_leaves_they_are() -> None:
    packed = {
        Forest.ACCOUNTS: ACCOUNT.pack(),
        Forest.RECORDS: RECORD.pack(),
        Forest.JOBS: JOB.pack(),
        Forest.EPOCHS: Epoch(Amount(U64_MAX), Score(2)).pack(),
    }
    for forest, leaf in packed.items():
        rows = np.concatenate([layout.row(forest, leaf)] * 3)
        assert layout.messages(forest, rows).tobytes() == 3 * leaf


@given(st.integers(0, 255), *[st.integers(0, U64_MAX)] * 5)
def test_an_actions_digest_is_eth_accounts(
    kind: int, account: int, nonce: int, target: int, other: int, amount: int
) -> None:
    values = [kind, account, nonce, target, other, amount]
    members = [part.split(" ") for part in ACTION_TYPE[len("Action(") : -1].split(",")]
    message = encode_typed_data(
        {
            "name": "Plumbline", "version": "1", "chainId": DOMAIN.chain_id,
            "verifyingContract": "0x" + DOMAIN.rollup.hex(),
        },
        {"Action": [{"name": field, "type": kind_} for kind_, field in members]},
        {field: value for (_, field), value in zip(members, values, strict=True)},
    )  # fmt: skip
    action = Action(kind, AccountIndex(account), Nonce(nonce), target, other, amount)
    assert DOMAIN.digest(action.id) == keccak(
        b"\x19" + message.version + message.header + message.body
    )


def test_an_actions_fields_are_all_in_its_id_and_inside_their_types() -> None:
    action = Action(1, AccountIndex(2), Nonce(3), 4, 5, 6)
    ids = {action.id}
    for field in fields(Action):
        if not field.init:
            continue
        other: dict[str, Any] = {field.name: getattr(action, field.name) + 1}
        ids.add(replace(action, **other).id)
        for wrong in (-1, 2**64):
            changed: dict[str, Any] = {field.name: wrong}
            with pytest.raises(ReceiptError):
                replace(action, **changed)
    assert len(ids) == 7


def test_no_struct_hash_is_a_tags_preimage() -> None:
    """A type hash may start with a tag's byte; then lengths keep the two apart."""
    lengths = {
        Tag.ACCOUNT: 77, Tag.RECORD: 217, Tag.JOB: 129, Tag.EPOCH: 17, Tag.LEDGER_NODE: 65,
        Tag.LEDGER_STATE: 258, Tag.LEDGER_RUN: 121, Tag.ENTRY: 134, Tag.ENTRY_NODE: 65,
        Tag.INBOX_ENTRY: 130,
    }  # fmt: skip
    structs = {
        32 * (1 + one.count(",") + 1)
        for one in (WORK_TYPE, STATEMENT_TYPE, BUNDLE_TYPE, ACTION_TYPE)
    }
    assert structs.isdisjoint(lengths.values())
    assert 2 + 64 not in lengths.values()


def test_the_tables_of_the_docs_hold_every_kind() -> None:
    actions = dict(re.findall(r"^\| (\d+) (\w+) \| Action", DOCS, re.MULTILINE))
    assert {int(code): word.upper() for code, word in actions.items()} == {
        int(kind): kind.name for kind in ActionKind
    }
    section = DOCS[DOCS.index("## 5.") : DOCS.index("## 6.")]
    entries = dict(re.findall(r"^\| (\d+) (\w+) \|", section, re.MULTILINE))
    assert {int(code): word.upper() for code, word in entries.items()} == {
        int(kind): kind.name for kind in InboxKind
    }
    assert ACTION_TYPE in DOCS
