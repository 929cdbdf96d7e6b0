"""The doubting path's view of games (`bisection.ports.GamePort`) over the deployed contracts.

One port is for the claims of one kind: games on others, which their own port plays, are passed
over.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from bisection import errors
from bisection.game import (
    Action,
    Close,
    Dissect,
    GameState,
    Open,
    OpenStep,
    Prove,
    Side,
    Standing,
    Timeout,
)
from bisection.machine import Address, Claim, ClaimId
from bisection.ports import GameKey, Posted, Receipt
from prover.commit.keccak import Hash
from rollup.errors import LostConsistency
from rollup.l1.accounts import Signer
from rollup.l1.chain import BlockNumber, Mined
from rollup.l1.deploy import Contracts
from rollup.l1.errors import Reverted
from rollup.l1.game import ClaimStatus, DissectionPosted, replay
from rollup.l1.openings import Opening
from rollup.protocol.claims import TENSOR_KIND

# What the rollup says of a claim that counts for nothing.
_VOID = frozenset(
    {"SlotNotLive", "UnknownKind", "UnknownProgram", "LateProgram", "OverCap", "WrongSigner"}
)


class Games(ABC):
    """Games on L1 about claims of one kind, played from one account.

    Keeps nothing between calls but which games were opened up to a block that is too deep to be
    reorganised away, and of what kind claims are, which never changes; that spares it the whole
    chain at each look.

    Args:
        contracts: the deployment.
        signer: who pays for and makes the moves.
        depth: blocks behind the head that are taken to last.
    """

    kind: ClassVar[int]
    """Number of the kind in the game's list."""

    def __init__(self, contracts: Contracts, signer: Signer, *, depth: int = 64) -> None:
        self._contracts = contracts
        self._game = contracts.game
        self._signer = signer
        self._depth = depth
        self._rules = contracts.game.rules()
        self._bond = contracts.game.challenge_bond()
        self._lock = threading.Lock()
        self._settled = contracts.deployment.block
        self._known: dict[GameKey, BlockNumber] = {}
        self._kinds: dict[ClaimId, int] = {}

    def now(self) -> int:
        """See ``GamePort.now``."""
        return self._game.time()

    def standing(self, claim: Claim) -> Standing:
        """See ``GamePort.standing``; void also when the host would not let it be challenged."""
        status = self._game.status_of(claim.id)
        if status is ClaimStatus.REJECTED:
            return Standing.REJECTED
        void = self.is_void(claim.id, disputed=status is ClaimStatus.DISPUTED)
        return Standing.VOID if void else Standing.LIVE

    def open_games(self, player: Address, side: Side) -> list[GameKey]:
        """See ``GamePort.open_games``."""
        found: list[GameKey] = []
        for key in self._games():
            mover = key.challenger
            if side is Side.DEFENDER:
                mover = self._game.defender_of(key.claim)
            if mover != player or not self._is_ours(key.claim):
                continue
            if self._game.is_open(key.claim, key.challenger):
                found.append(key)
        return found

    def game(self, claim: Claim, challenger: Address) -> GameState:
        """See ``GamePort.game``."""
        return self._game.state(claim, challenger, self._rules)

    def last(self, state: GameState) -> Posted:
        """See ``GamePort.last``; read from the game's events, which must give its head."""
        first, last = self._contracts.deployment.block, self._contracts.client.head().number
        events = self._game.dissections(first, last, state.claim.id, state.challenger)
        try:
            history = replay(state.claim, _until(events, state))
        except LostConsistency as error:
            raise errors.DissectionMismatch(str(error)) from error
        if not history:
            raise errors.DissectionMismatch(
                "the endpoint has no events of this game: read it again"
            )
        prior, dissection = history[-1]
        return Posted(prior, dissection)

    def submit(self, state: GameState, action: Action) -> Receipt:
        """See ``GamePort.submit``."""
        try:
            mined = self._submit(state, action)
        except Reverted as refusal:
            raise _rule(refusal) from refusal
        return Receipt(mined.hash, mined.gas_used)

    def _submit(self, state: GameState, action: Action) -> Mined:
        claim, challenger, signer, game = state.claim.id, state.challenger, self._signer, self._game
        match action:
            case Open(values):
                return self.challenge(claim, values)
            case OpenStep(witness):
                return self.challenge_step(claim, witness)
            case Dissect(opened, values):
                return game.move(signer, claim, challenger, opened, values)
            case Prove(opened, witness):
                return game.prove(signer, claim, challenger, opened, witness)
            case Timeout():
                return game.timeout(signer, claim, challenger)
            case Close():
                return game.close_game(signer, claim, challenger)

    @abstractmethod
    def is_void(self, claim: ClaimId, *, disputed: bool) -> bool:
        """Whether a claim that is not rejected counts for nothing; ``disputed`` is whether it was
        challenged before.
        """

    @abstractmethod
    def challenge(self, claim: ClaimId, values: tuple[Hash, ...]) -> Mined:
        """Opens a game on a claim of more than one step."""

    @abstractmethod
    def challenge_step(self, claim: ClaimId, witness: bytes) -> Mined:
        """Proves a claim of one step wrong."""

    def _is_ours(self, claim: ClaimId) -> bool:
        if claim not in self._kinds:
            kind = self._game.kind_of(claim)
            if kind is None:  # its game was reorganised away: it may be opened again
                return False
            self._kinds[claim] = kind
        return self._kinds[claim] == self.kind

    def _games(self) -> list[GameKey]:
        """Every game that was ever opened, in order."""
        head = self._contracts.client.head().number
        with self._lock:
            opened = self._game.openings(self._settled, head)
            lasting = BlockNumber(max(self._settled, head - self._depth))
            known = dict(self._known)
            for key, block in opened:
                known.setdefault(key, block)
                if block < lasting:
                    self._known.setdefault(key, block)
            self._settled = lasting
        return list(known)


class ContractGames(Games):
    """Games on receipts' claims, hosted by the rollup.

    Args:
        openings: finds a claim's receipt, which shows it to the rollup when a game is opened. It
            raises ``DataUnavailable`` when the receipt cannot be had.
    """

    kind = TENSOR_KIND

    def __init__(
        self,
        contracts: Contracts,
        signer: Signer,
        openings: Callable[[ClaimId], Opening],
        *,
        depth: int = 64,
    ) -> None:
        super().__init__(contracts, signer, depth=depth)
        self._openings = openings

    def is_void(self, claim: ClaimId, *, disputed: bool) -> bool:
        """See ``Games.is_void``."""
        rollup = self._contracts.rollup
        if disputed:
            return bool(rollup.read("isVoid", claim))
        try:
            rollup.claim_of(self._openings(claim))
        except Reverted as refusal:
            return refusal.name in _VOID
        return False

    def challenge(self, claim: ClaimId, values: tuple[Hash, ...]) -> Mined:
        """See ``Games.challenge``."""
        opened = self._openings(claim)
        return self._contracts.rollup.challenge(self._signer, opened, values, self._bond)

    def challenge_step(self, claim: ClaimId, witness: bytes) -> Mined:
        """See ``Games.challenge_step``."""
        opened = self._openings(claim)
        return self._contracts.rollup.challenge_step(self._signer, opened, witness, self._bond)


def _until(events: list[DissectionPosted], state: GameState) -> list[DissectionPosted]:
    """The events up to the one that gave the state's head; all of them when there is none."""
    for place, event in enumerate(events):
        if event.head == state.head:
            return events[: place + 1]
    return events


def _rule(refusal: Reverted) -> Exception:
    """The refusal as the doubting path names it: its errors are named as the contract's are."""
    kind = getattr(errors, refusal.name, None)
    if isinstance(kind, type) and issubclass(kind, errors.RuleBroken):
        return kind(str(refusal))
    return errors.RuleBroken(str(refusal))
