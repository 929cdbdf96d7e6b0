"""A ledger with all its trees at their largest, of which a few leaves are known.

Every other node is 32 bytes of noise, so that no byte of a path is cheaper than another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from prover.commit.keccak import ZERO_HASH, Hash, keccak, tagged
from prover.commit.merkle import ceil_log2
from prover.commit.tags import Tag
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.bundle import leaf as bundle_leaf
from rollup.protocol.eip712 import sign
from rollup.protocol.ledger import types
from rollup.protocol.ledger.effects import word_root
from rollup.protocol.ledger.entries import Place, Placed, sign_one
from rollup.protocol.ledger.header import Forest, Header, Rules
from rollup.protocol.ledger.inbox import InboxEntry, force
from rollup.protocol.ledger.run import Run
from rollup.protocol.ledger.store import with_root
from rollup.protocol.ledger.trees import LEAF_TAGS, NODE, place_of, places
from rollup.protocol.ledger.types import Account, Epoch, Job, JobIndex, Record, Status
from rollup.protocol.ledger.witness import build
from rollup.protocol.receipts import Bundle, Receipt, Work, WorkKind
from rollup.protocol.types import AccountIndex, Nonce, SlotIndex
from tests.rollup.protocol.ledger.drawing import DOMAIN, KEYS, OWNERS, name

RECEIPTS, ENTRIES = 2**16, 2**10
"""Of a batch: receipts and inbox entries, as many as L1 takes."""
NOW: Final = 2**40 + 77
SIGNER, OTHER = (AccountIndex(2**23 + number) for number in (0x5A5A5, 0x3C3C3))
JOB: Final = JobIndex(0xABCD)
EPOCH: Final = 0xCDEF
MANY: Final = 0x0123456789ABCDEF
MADE: Final = 2**28 * 5 + 2**27 + 0x1234567
TRAINED, EVALUATION, CLAIMED = (MADE - 2**26 - number for number in (0x111111, 0x222222, 0x333333))
METRIC: Final = 0x7A7B7C7D


class Sparse:
    """A tree of 2^depth places."""

    def __init__(self, depth: int, tag: Tag) -> None:
        self.depth = depth
        self._tag = tag
        self._nodes: dict[tuple[int, int], Hash] = {}

    def node(self, height: int, at: int) -> Hash:
        """A node, noise where nothing below it was put."""
        return self._nodes.get((height, at)) or keccak(b"%d %d %d" % (self._tag, height, at))

    def knows(self, place: int) -> bool:
        """Whether the leaf was put."""
        return (0, place) in self._nodes

    def put(self, place: int, leaf: Hash) -> None:
        """Sets a leaf."""
        self._nodes[0, place] = leaf
        for height in range(self.depth):
            place >>= 1
            pair = self.node(height, 2 * place), self.node(height, 2 * place + 1)
            self._nodes[height + 1, place] = tagged(self._tag, *pair)

    @property
    def root(self) -> Hash:
        """The top."""
        return self.node(self.depth, 0)

    def path(self, place: int) -> list[Hash]:
        """Siblings from a leaf up."""
        return [self.node(height, place >> height ^ 1) for height in range(self.depth)]


class Vast:
    """A `Whole` state of which some leaves are known."""

    def __init__(self, header: Header, leaves: dict[tuple[Forest, int], bytes]) -> None:
        self.header = header
        self._leaves: dict[tuple[Forest, int], bytes] = {}
        self._trees = [Sparse(ceil_log2(places(header, forest)), NODE) for forest in Forest]
        for (forest, index), packed in leaves.items():
            self.write(forest, index, packed)

    @property
    def hash(self) -> Hash:
        """See `Whole.hash`."""
        return self.header.hash

    def copy(self) -> "Vast":
        """See `Whole.copy`."""
        return Vast(self.header, dict(self._leaves))

    def read(self, forest: Forest, index: int) -> bytes:
        """See `Store.read`."""
        return self._leaves[forest, index]

    def write(self, forest: Forest, index: int, packed: bytes) -> None:
        """See `Store.write`."""
        self._leaves[forest, index] = packed
        leaf = tagged(LEAF_TAGS[forest], packed)
        tree = self._trees[forest]
        tree.put(place_of(self.header, forest, index), leaf)
        self.header = with_root(self.header, forest, tree.root)

    def push(self, forest: Forest, packed: bytes) -> None:
        """See `Store.push`; no tree grows deeper by it."""
        self.write(forest, self.header.counts[forest], packed)
        self.header = with_root(self.header, forest, self.header.roots[forest], 1)

    def empty(self, forest: Forest, count: int) -> None:
        """Goes back to when the tree had one leaf less, the last."""
        self._trees[forest].put(count, ZERO_HASH)
        root = self._trees[forest].root
        self.header = with_root(self.header, forest, root, count - self.header.counts[forest])

    def free(self, forest: Forest) -> None:
        """The next leaf's place can be opened, where it is inside and no known leaf's."""
        header, tree = self.header, self._trees[forest]
        place = place_of(header, forest, header.counts[forest])
        if place < 1 << tree.depth and not tree.knows(place):
            tree.put(place, tree.node(0, place) if place < places(header, forest) else ZERO_HASH)
            self.header = with_root(header, forest, tree.root)

    def path(self, forest: Forest, index: int) -> list[Hash]:
        """See `Whole.path`."""
        return self._trees[forest].path(place_of(self.header, forest, index))

    def free_place(self, forest: Forest) -> tuple[Hash, list[Hash]]:
        """See `Whole.free_place`."""
        place = place_of(self.header, forest, self.header.counts[forest])
        return self._trees[forest].node(0, place), self._trees[forest].path(place)


@dataclass(frozen=True)
class OneOfMany:
    """A batch of which one inbox entry or receipt is known: what `witness.build` asks of a
    `LedgerBatch`.
    """

    run: Run
    inbox: dict[int, InboxEntry]
    entries: dict[int, Placed]
    siblings: list[Hash] = field(repr=False)

    @classmethod
    def with_receipt(cls, said: Placed) -> "OneOfMany":
        """The receipt in the middle of as many as there can be."""
        at, tree = RECEIPTS // 2 + 0x1357, Sparse(ceil_log2(RECEIPTS), Tag.ENTRY_NODE)
        tree.put(at, said.leaf)
        run = Run(DOMAIN.separator, MANY, NOW, ENTRIES, name("inbox"), RECEIPTS, tree.root)
        return cls(run, {}, {at: said}, tree.path(at))

    @classmethod
    def with_entry(cls, said: InboxEntry) -> "OneOfMany":
        """The same for an inbox entry."""
        at, tree = ENTRIES // 2 + 0x57, Sparse(ceil_log2(ENTRIES), Tag.ENTRY_NODE)
        tree.put(at, said.leaf)
        run = Run(DOMAIN.separator, MANY, NOW, ENTRIES, tree.root, RECEIPTS, name("receipts"))
        return cls(run, {at: said}, {}, tree.path(at))

    @property
    def position(self) -> int:
        """Of what is known."""
        return next(iter(self.inbox), self.run.inbox + next(iter(self.entries), 0))

    def path(self, position: int) -> Sequence[Hash]:
        """See `LedgerBatch.path`."""
        return self.siblings


@dataclass(frozen=True, slots=True)
class VastStep:
    """One step with its witness."""

    program: Hash
    position: int
    pre: Hash
    witness: bytes
    post: Hash


def bundled(receipt: Receipt) -> Placed:
    """The receipt in a bundle of 4,096."""
    index, tree = 0xABC, Sparse(12, Tag.BUNDLE_NODE)
    leaf = bundle_leaf(receipt.id)
    tree.put(index, leaf)
    first = Nonce(receipt.nonce - index)
    bundle = Bundle(receipt.account, first, types.MAX_BUNDLE, tree.root)
    signature = sign(KEYS[0], DOMAIN.digest(bundle.id))
    return Placed(receipt, signature, Place(bundle, index, leaf, tuple(tree.path(index))))


def ledger() -> Vast:
    """The state: one account that signs, another, a job, three records and a closed epoch."""
    account = Account(
        OWNERS[0], Nonce(MANY), types.Amount(MANY), 2**64 - 1, types.Score(MANY),
        types.EpochNumber(types.MAX_EPOCHS), 999, types.Amount(MANY),
    )  # fmt: skip
    job = Job(2**20, 2**39, MANY, name("program"), name("inputs"), name("head"), 0x1A1B1C1D)
    trained = Record(
        types.Sequence(TRAINED), WorkKind.COMPUTE, Status.FINAL, SIGNER, 63, MANY - 9, NOW - 9,
        MANY, 7, name("program"), name("before"), name("inputs"), name("model"), JOB,
        types.Units(7 * 2**20),
    )  # fmt: skip
    evaluation = replace(
        trained, seq=types.Sequence(EVALUATION), kind=WorkKind.INFERENCE, first_step=0, steps=1,
        account=OTHER, params=name("model"), after=word_root(METRIC), quantity=types.Units(2**43),
    )  # fmt: skip
    claimed = replace(
        trained, seq=types.Sequence(CLAIMED), status=Status.PENDING, params=name("head"),
        job=JobIndex(0), quantity=types.Units(0),
    )  # fmt: skip
    rules = Rules(
        benchmark=JOB, baseline=0x01020304, cover=types.Units(2**30),
        reputation_bps=types.Bps(5_000), stake_bps=types.Bps(2_500), uncovered_bps=types.Bps(2_500),
    )  # fmt: skip
    roots = tuple(name("root", forest) for forest in Forest)
    counts = (types.MAX_ACCOUNTS, MADE, types.MAX_JOBS, types.MAX_EPOCHS)
    funds, score = types.Amount(MANY * 9), types.Score(MANY * 7)
    header = Header(types.MAX_RING, roots, counts, funds, score, MANY - 5, MANY, rules)
    leaves = {
        (Forest.ACCOUNTS, SIGNER): account.pack(),
        (Forest.ACCOUNTS, OTHER): replace(account, address=OWNERS[1], live=2**63 - 1).pack(),
        (Forest.RECORDS, TRAINED): trained.pack(),
        (Forest.RECORDS, EVALUATION): evaluation.pack(),
        (Forest.RECORDS, CLAIMED): claimed.pack(),
        (Forest.RECORDS, MADE - 2**types.MAX_RING): claimed.pack(),  # the next one's place
        (Forest.JOBS, JOB): job.pack(),
        (Forest.EPOCHS, EPOCH): Epoch(types.Amount(MANY), types.Score(MANY * 3)).pack(),
    }
    return Vast(header, leaves)


def _action(kind: ActionKind, target: int = 0, other: int = 0, amount: int = 0) -> Action:
    return Action(kind, SIGNER, Nonce(MANY), target, other, amount)


def steps() -> dict[str, VastStep]:
    """A step of each kind, in a bundle and with its effect; and the dearest of the inbox's."""
    work = Work(
        1, SIGNER, Nonce(MANY), SlotIndex(63), OWNERS[0], name("program"), MANY, 7, name("head"),
        name("inputs"), name("after"), name("outputs"),
    )  # fmt: skip
    evaluated = _action(ActionKind.EVALUATE, TRAINED, EVALUATION, METRIC)
    said: dict[str, Receipt] = {
        "claim": work,
        "transfer": _action(ActionKind.TRANSFER, OTHER, 0, MANY // 3),
        "withdraw": _action(ActionKind.WITHDRAW, 0, 0, MANY // 3),
        "settle": _action(ActionKind.SETTLE, CLAIMED, JOB),
        "evaluate": evaluated,
        "use": _action(ActionKind.USE, EVALUATION, 0, MANY // 3),
        "distribute": _action(ActionKind.DISTRIBUTE),
    }
    found = {}
    for kind, receipt in said.items():
        state = ledger()
        if kind == "distribute":
            account = Account.unpack(state.read(Forest.ACCOUNTS, SIGNER))
            aged = replace(account, epoch=types.EpochNumber(EPOCH))
            state.write(Forest.ACCOUNTS, SIGNER, aged.pack())
        found[kind] = _step(OneOfMany.with_receipt(bundled(receipt)), state)
    for kind, receipt in (("forced claim", work), ("forced evaluation", evaluated)):
        placed = sign_one(receipt, DOMAIN, KEYS[0])
        entry = force(placed.receipt, placed.signature)
        found[kind] = _step(OneOfMany.with_entry(entry), ledger())
    return found


def _step(batch: OneOfMany, state: Vast) -> VastStep:
    pre = state.hash
    opened = build(batch, state, batch.position)  # type: ignore[arg-type]
    return VastStep(batch.run.hash, batch.position, pre, opened, state.hash)
