"""Every effect that the reference is tested for, played on LedgerMachine.sol as well.

The tests are those of tests/rollup/protocol/ledger/test_effects.py, on a scene whose every step is
also proven to the contract. What they cannot show, trees at their limits, stands below.
"""

from dataclasses import replace
from typing import ClassVar

import pytest

from prover.commit.keccak import Hash
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.ledger import witness
from rollup.protocol.ledger.entries import Placed
from rollup.protocol.ledger.header import Forest
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind, close_epoch, register
from rollup.protocol.ledger.run import LedgerBatch
from rollup.protocol.ledger.types import Account
from rollup.protocol.receipts import Receipt
from rollup.protocol.types import U64_MAX, Address, Nonce
from tests.contracts.ledger_steps import OnChain, deploy
from tests.contracts.vast import SIGNER, OneOfMany, Vast, bundled, ledger
from tests.rollup.protocol.ledger import test_effects
from tests.rollup.protocol.ledger.drawing import DOMAIN, OWNERS, name, signed
from tests.rollup.protocol.ledger.scene import RULES, Scene

pytestmark = pytest.mark.usefixtures("toolchain")


class ChainScene(Scene):
    """A scene on the contract too."""

    machine: ClassVar[OnChain]

    def inbox(self, entry: InboxEntry) -> None:
        post = self._proven([entry], [])
        super().inbox(entry)
        assert self.state.hash == post

    def say(self, receipt: Receipt, signer: Address | None = None, *, signed: bool = True) -> None:
        known = 0 < receipt.account <= len(OWNERS)
        who = signer or (OWNERS[receipt.account - 1] if known else None)
        post = self._proven([], [_signed(receipt, who if signed else None)])
        super().say(receipt, signer, signed=signed)
        assert self.state.hash == post

    def _proven(self, said: list[InboxEntry], placed: list[Placed]) -> Hash:
        batch = LedgerBatch.of(DOMAIN.separator, self.batch, 10 * self.batch, said, placed)
        pre = self.state.hash
        opened = witness.build(batch, self.state.copy(), 0)
        return self.machine.step(batch.run.hash, 0, pre, opened)


def _signed(receipt: Receipt, who: Address | None) -> Placed:
    """By an owner; nobody has the keys of other addresses."""
    return signed(receipt, who if who in OWNERS else None)


@pytest.fixture(scope="module")
def machine(toolchain: None) -> OnChain:
    return OnChain(deploy())


@pytest.fixture(autouse=True)
def on_chain(machine: OnChain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChainScene, "machine", machine, raising=False)
    monkeypatch.setattr(test_effects, "Scene", ChainScene)


@pytest.fixture
def scene(on_chain: None) -> Scene:
    return ChainScene()


_ELSEWHERE = {"test_counts_stay_inside_what_can_be_proven"}
"""It moves the limits, which the contract has for good; see below."""
_SAME = {
    of: test
    for of, test in vars(test_effects).items()
    if of.startswith("test_") and of not in _ELSEWHERE
}
globals().update(_SAME)


def test_the_effects_are_these() -> None:
    assert len(_SAME) >= 30
    assert set(vars(test_effects)) >= _ELSEWHERE


# --------------------------------------------------------------------------- trees at their limits


def entries(count: int) -> dict[Forest, InboxEntry]:
    """The next leaf of each tree that L1 fills."""
    return {
        Forest.ACCOUNTS: register(count, OWNERS[2]),
        Forest.JOBS: InboxEntry(InboxKind.JOB, count, 1, 2, 3, name("p"), name("i"), name("q")),
        Forest.EPOCHS: close_epoch(count, 5, RULES),
    }


def played(machine: OnChain, batch: OneOfMany, state: Vast) -> None:
    """The step on the contract and by the reference, which the state then is behind."""
    pre = state.hash
    opened = witness.build(batch, state, batch.position)  # type: ignore[arg-type]
    post = machine.step(batch.run.hash, batch.position, pre, opened)
    assert witness.step(batch.run.hash, batch.position, pre, opened) == post == state.hash


@pytest.mark.parametrize("forest", [Forest.ACCOUNTS, Forest.JOBS, Forest.EPOCHS])
def test_a_full_tree_takes_no_more(machine: OnChain, forest: Forest) -> None:
    state = ledger()
    before = state.header
    entry = entries(before.counts[forest])[forest]
    played(machine, OneOfMany.with_entry(entry), state)
    assert state.header == replace(before, inbox=before.inbox + 1)


@pytest.mark.parametrize("forest", [Forest.ACCOUNTS, Forest.JOBS, Forest.EPOCHS])
def test_the_last_place_of_a_tree_is_taken(machine: OnChain, forest: Forest) -> None:
    state = ledger()
    count = state.header.counts[forest] - 1
    state.empty(forest, count)
    played(machine, OneOfMany.with_entry(entries(count)[forest]), state)
    assert state.header.counts[forest] == count + 1


@pytest.mark.parametrize("more", [0, 1])
def test_sums_go_to_the_last_number(machine: OnChain, more: int) -> None:
    state = ledger()
    room = U64_MAX - state.header.funds + more
    played(machine, OneOfMany.with_entry(InboxEntry(InboxKind.DEPOSIT, SIGNER, room)), state)
    assert (state.header.funds == U64_MAX) == (more == 0)
    state = ledger()
    count = state.header.counts[Forest.EPOCHS] - 1
    state.empty(Forest.EPOCHS, count)
    played(machine, OneOfMany.with_entry(close_epoch(count, room, RULES)), state)
    assert (state.header.funds == U64_MAX) == (more == 0)
    assert state.header.score == 0


@pytest.mark.parametrize("nonce", [U64_MAX - 1, U64_MAX])
def test_the_last_nonce_is_not_used(machine: OnChain, nonce: int) -> None:
    state = ledger()
    account = Account.unpack(state.read(Forest.ACCOUNTS, SIGNER))
    state.write(Forest.ACCOUNTS, SIGNER, replace(account, nonce=Nonce(nonce)).pack())
    receipt = Action(ActionKind.WITHDRAW, SIGNER, Nonce(nonce), amount=1)
    played(machine, OneOfMany.with_receipt(bundled(receipt)), state)
    assert Account.unpack(state.read(Forest.ACCOUNTS, SIGNER)).nonce == U64_MAX
