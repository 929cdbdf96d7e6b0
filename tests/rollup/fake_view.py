"""An L1 in memory, as a follower reads it: batches can be posted, hidden, bent and taken back."""

from dataclasses import dataclass, field, replace

from prover.row import Depths
from rollup.errors import L1Error, L1Unavailable
from rollup.protocol import codec
from rollup.protocol.batch import Batch
from rollup.protocol.claims import ProgramInfo
from rollup.protocol.entries import Entry
from rollup.protocol.header import Header, data_hashes, genesis, split
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.types import AccountIndex, Address, BatchNumber, Hash, Seconds, SlotIndex
from tests.rollup.entries import DOMAIN, OWNER, PROGRAM
from tests.rollup.headers import following

KNOWN = ProgramInfo(micro_steps=500, work=1_000, words=100, rows=10, depths=Depths(1, 1, 1, 1))


@dataclass
class FakeView:
    """`L1View`. Counts its calls; `fail_in` more of them and L1 is away for one."""

    time: int = 1_000
    owners: dict[int, Address] = field(default_factory=lambda: {1: OWNER, 2: OWNER})
    programs: dict[Hash, ProgramInfo] = field(default_factory=lambda: {PROGRAM: KNOWN})
    dead: set[tuple[int, int]] = field(default_factory=set)
    headers: list[Header] = field(default_factory=list)
    data: dict[Hash, list[bytes]] = field(default_factory=dict)
    coming: list[InboxEntry] = field(default_factory=list)
    """What the next batch takes of the inbox."""
    taken: dict[Hash, list[InboxEntry]] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    calls: int = 0
    fail_in: int = -1

    def post(self, *entries: Entry, chunk_bytes: int = 300, parent: Hash | None = None) -> Header:
        """A batch of these entries, posted now."""
        batch = Batch.of(entries)
        chunks = split(codec.encode(entries), chunk_bytes) if entries else []
        data_hash = data_hashes(chunks)[-1]
        before = [genesis(DOMAIN), *self.headers]
        header = following(
            before, len(batch.receipts), batch.root, data_hash, self.time, self.coming
        )
        if parent is not None:
            header = replace(header, parent=parent)
        self.headers.append(header)
        self.data[header.hash] = chunks
        self.taken[header.hash], self.coming = self.coming, []
        return header

    def undo(self, batches: int) -> None:
        """A reorganisation takes the last batches away."""
        if batches:
            del self.headers[-batches:]

    # ---- L1View

    def head(self) -> tuple[BatchNumber, Hash]:
        self._count()
        last = self.headers[-1].hash if self.headers else genesis(DOMAIN).hash
        return BatchNumber(len(self.headers)), last

    def header(self, number: BatchNumber) -> Header | None:
        self._count()
        return self.headers[number - 1] if number <= len(self.headers) else None

    def chunks(self, header: Header) -> list[bytes]:
        self._count()
        if header.number in self.refused:
            raise L1Error("this endpoint keeps no such old logs")
        return self.data.get(header.hash, [])

    def inbox(self, header: Header) -> list[InboxEntry]:
        self._count()
        return self.taken.get(header.hash, [])

    def program(self, program: Hash) -> ProgramInfo | None:
        self._count()
        return self.programs.get(program)

    def owner(self, account: AccountIndex) -> Address | None:
        self._count()
        return self.owners.get(account)

    def is_live(self, account: AccountIndex, slot: SlotIndex, posted: Seconds) -> bool:
        self._count()
        return (account, slot) not in self.dead

    def now(self) -> Seconds:
        self._count()
        return Seconds(self.time)

    def _count(self) -> None:
        self.calls += 1
        self.fail_in -= 1
        if self.fail_in == 0:
            raise L1Unavailable("no answer")
