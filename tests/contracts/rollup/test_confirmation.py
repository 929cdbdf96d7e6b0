"""When a batch is final, what delays it, and what does not."""

from dataclasses import replace

import pytest

from rollup.l1.openings import header_tuple
from rollup.protocol.header import genesis
from rollup.protocol.ledger.inbox import InboxKind
from rollup.protocol.types import BatchNumber, Seconds
from tests.contracts.evm import reverts
from tests.contracts.ledger import WINDOW, Ledger
from tests.contracts.rollup.lies import LIE, RUN, lie

pytestmark = pytest.mark.usefixtures("toolchain")


def test_a_batch_is_confirmed_in_order_after_its_window(ledger: Ledger) -> None:
    first, second = (ledger.post_works(RUN.work(ledger.account, nonce=n)) for n in range(2))
    with reverts("WrongNumber", 1):
        ledger.confirm(second)
    with reverts("WindowOpen", first.header.posted + WINDOW):
        ledger.confirm(first)
    ledger.chain.warp(WINDOW)
    ledger.confirm(first)
    confirmed, told = ledger.chain.events
    assert confirmed.arguments == {"number": 1, "headerHash": first.header.hash}
    assert (told.name, told["kind"], told["a"]) == ("InboxAppended", InboxKind.CONFIRM, 1)
    with reverts("WrongNumber", 2):
        ledger.confirm(first)
    ledger.confirm(second)
    assert ledger.rollup.confirmed() == 2


def test_what_is_not_there_is_never_final(ledger: Ledger) -> None:
    """In the contracts people copy a deleted task finalises; here only a posted header does."""
    header = lie(ledger).header
    ledger.chain.warp(WINDOW)
    forged = replace(header, posted=Seconds(header.posted - 1))
    with reverts("UnknownBatch", 1):
        ledger.rollup.confirm(header_tuple(forged))
    ledger.rollup.confirm(header_tuple(header))
    missing = replace(genesis(ledger.domain), number=BatchNumber(2))
    with reverts("UnknownBatch", 2):
        ledger.rollup.confirm(header_tuple(missing))
    with reverts("WrongNumber", 2):
        ledger.rollup.confirm(header_tuple(genesis(ledger.domain)))


def test_an_open_game_delays_its_batch_and_later_ones_alone(ledger: Ledger) -> None:
    fine = ledger.post_works(RUN.work(ledger.account, nonce=9))
    disputed = lie(ledger)
    later = ledger.post_works(RUN.work(ledger.account, nonce=10))
    ledger.challenge(disputed.opening(0), RUN.values(16))
    ledger.chain.warp(WINDOW)
    ledger.confirm(fine)
    with reverts("GamesOpen", 1):
        ledger.confirm(disputed)
    with reverts("WrongNumber", 2):
        ledger.confirm(later)
    ledger.chain.warp(ledger.rules.clock)
    ledger.game.timeout(disputed.batch.receipts[0].id, ledger.challenger)
    assert ledger.vault.isSlashed(ledger.account, 0)
    with reverts("SlashesUnreported", 1):
        ledger.confirm(disputed)
    ledger.vault.report(ledger.account, 0, sender=ledger.challenger)
    ledger.confirm(disputed)
    ledger.confirm(later)


def test_griefers_delay_by_one_games_clocks_whatever_their_number(ledger: Ledger) -> None:
    posted = ledger.post_works(RUN.work(ledger.account))
    griefers = [ledger.chain.account(f"griefer {n}") for n in range(5)]
    wrong = [*RUN.values(16)[:-1], LIE]
    for griefer in griefers:
        ledger.challenge(posted.opening(0), wrong, sender=griefer)
    assert ledger.rollup.openGames(1) == 5
    ledger.chain.warp(max(WINDOW, ledger.rules.clock + 1))
    receipt = posted.batch.receipts[0]
    for griefer in griefers:  # the defender did not move: each takes what is left of one bond
        if not ledger.vault.isSlashed(ledger.account, 0):
            ledger.game.timeout(receipt.id, griefer)
        else:
            ledger.game.close(receipt.id, griefer)
    ledger.vault.report(ledger.account, 0)
    ledger.confirm(posted)
    assert ledger.vault.slotOf(ledger.account, 0)[2] == 0
    assert ledger.vault.pots() == 0


def test_a_receipt_in_two_batches_is_one_claim(ledger: Ledger) -> None:
    first, second = lie(ledger), lie(ledger)
    other, third, fourth = (ledger.chain.account(name) for name in ("other", "third", "fourth"))
    counts: list[list[int]] = []
    for batch, sender in (
        (second, ledger.challenger),
        (second, fourth),
        (first, other),
        (second, third),
    ):
        ledger.challenge(batch.opening(0), RUN.values(16), sender=sender)
        counts.append([ledger.rollup.openGames(n) for n in (1, 2)])
    assert counts == [[0, 1], [0, 2], [3, 0], [4, 0]]
    with reverts("AlreadyOpened"):
        ledger.challenge(first.opening(0), RUN.values(16))
    ledger.chain.warp(max(WINDOW, ledger.rules.clock + 1))
    receipt = first.batch.receipts[0]
    ledger.game.timeout(receipt.id, ledger.challenger)
    ledger.game.close(receipt.id, other)
    with reverts("GamesOpen", 2):
        ledger.confirm(first)
    ledger.game.close(receipt.id, third)
    ledger.game.close(receipt.id, fourth)
    ledger.vault.report(ledger.account, 0)
    ledger.confirm(first)
    ledger.confirm(second)
    assert ledger.vault.bonded() == 3 * ledger.rules.bond  # one slot of four is gone, once
