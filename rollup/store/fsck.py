"""Proves that a store holds what was acknowledged: nothing lost, nothing doubled, nothing changed.

It reads the file alone and by other queries than the store itself, so that a mistake there is not
repeated here. It may run while a sequencer writes: it sees one consistent state.

What is proven, each from the bytes that were kept:

* entries are numbered without a gap, and each account's nonces start at 0 and ascend by one, but
  for those that forced receipts used;
* every entry's bytes decode to it, its id and its receipts' ids are those that are looked up by,
  and its signature recovers someone;
* batches are numbered without a gap and take all entries in order, each once; those that somebody
  else posted take none;
* every batch's data decodes to exactly its entries, and root and data hash follow from it;
* headers that were recorded chain from genesis, each with the history of all before and the inbox
  entries that follow, and are those of L1 where a way to ask L1 is given.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from prover.commit.keccak import ZERO_HASH
from rollup.errors import CodecError, SignatureError, StoreUnavailable
from rollup.protocol import codec
from rollup.protocol.batch import Batch
from rollup.protocol.eip712 import Domain
from rollup.protocol.entries import Entry, account_of, nonce_of, signer
from rollup.protocol.header import Header, data_hashes, genesis
from rollup.protocol.history import Mountains
from rollup.protocol.types import BatchNumber
from rollup.store import schema

Ask = Callable[[BatchNumber], Header | None]
"""L1's header of a batch; None when L1 holds none."""


@dataclass(slots=True)
class Report:
    """What was found."""

    entries: int = 0
    receipts: int = 0
    batches: int = 0
    posted: int = 0
    problems: list[str] = field(default_factory=list)
    """One line each; none when the store is whole."""

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def fsck(path: Path, domain: Domain, ask: Ask | None = None) -> Report:
    """Checks the store of `domain` at `path`.

    Raises:
        StoreUnavailable: when there is no file to read.
        L1Error: whatever `ask` raises.
    """
    if not path.exists():
        raise StoreUnavailable(f"there is no store at {path}")
    report = Report()
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("BEGIN")  # one state for all queries
            if _identity(connection, domain, report):
                entries = _Entries(connection, domain, report)
                _Batches(connection, domain, report, ask).check(entries)
    except sqlite3.DatabaseError as error:
        report.problems.append(f"the file is damaged: {error}")
    return report


def _identity(connection: sqlite3.Connection, domain: Domain, report: Report) -> bool:
    for (line,) in connection.execute("PRAGMA integrity_check(10)"):
        if line != "ok":
            report.problems.append(f"the file is damaged: {line}")
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if (application, version) != (schema.APPLICATION_ID, schema.VERSION):
        report.problems.append("the file is no store of this version")
        return False
    identities = connection.execute("SELECT chain_id, rollup FROM identity").fetchall()
    if identities != [(str(domain.chain_id), domain.rollup)]:
        report.problems.append("the store belongs to another rollup or chain")
    return not report.problems


class _Entries:
    """Reads entries in order, checking each;

    `next` gives them to the batches that should hold them.
    """

    def __init__(self, connection: sqlite3.Connection, domain: Domain, report: Report) -> None:
        self._connection = connection
        self._domain = domain
        self._report = report
        self._nonces: dict[int, int] = {}
        self._forced = {
            (account, nonce)
            for account, nonce in connection.execute(
                "SELECT account, nonce FROM forced WHERE raised = 1"
            )
        }
        self.read = self._read()

    def _read(self) -> Iterator[tuple[int, Entry]]:
        query = (
            "SELECT sequence, id, start, count, account, nonce, data FROM entries ORDER BY sequence"
        )
        for sequence, entry_id, start, count, account, nonce, data in self._connection.execute(
            query
        ):
            self._report.entries += 1
            problem = self._report.problems.append
            if sequence != self._report.entries:
                problem(f"entry {self._report.entries} is missing")
                self._report.entries = sequence
            try:
                (entry,) = codec.decode(data)
            except (CodecError, ValueError) as error:
                problem(f"entry {sequence} does not decode: {error}")
                continue
            if entry.id != entry_id:
                problem(f"entry {sequence} is stored under another id")
            if (start, count) != (self._report.receipts, len(entry.receipts)):
                problem(f"entry {sequence} counts receipts wrongly")
            if (account, nonce) != (account_of(entry), nonce_of(entry)):
                problem(f"entry {sequence} is stored as of another account or nonce")
            self._report.receipts += len(entry.receipts)
            self._check_order(sequence, entry)
            self._check_receipts(sequence, entry, entry_id)
            yield sequence, entry
        self._check_accounts()

    def _check_order(self, sequence: int, entry: Entry) -> None:
        account, nonce = account_of(entry), nonce_of(entry)
        expected = self._following(account)
        if nonce != expected:
            self._report.problems.append(
                f"entry {sequence} has nonce {nonce} of account {account}, where {expected} follows"
            )
        self._nonces[account] = nonce + len(entry.receipts)
        try:
            signer(entry, self._domain)
        except SignatureError as error:
            self._report.problems.append(f"nobody signed entry {sequence}: {error}")

    def _following(self, account: int) -> int:
        """The nonce after those of the entries so far, and after the forced ones that follow."""
        following = self._nonces.get(account, 0)
        while (account, following) in self._forced:
            self._forced.remove((account, following))
            following += 1
        self._nonces[account] = following
        return following

    def _check_receipts(self, sequence: int, entry: Entry, entry_id: bytes) -> None:
        found = dict(
            self._connection.execute(
                "SELECT place, id FROM bundled WHERE sequence = ?", (sequence,)
            ).fetchall()
        )
        wanted = {place: receipt.id for place, receipt in enumerate(entry.receipts)}
        if found != wanted and (found or wanted != {0: entry_id}):
            self._report.problems.append(f"receipts of entry {sequence} are not found by their ids")

    def _check_accounts(self) -> None:
        for account, _ in sorted(self._forced):
            self._following(account)
        for account, nonce in sorted(self._forced):
            self._report.problems.append(
                f"nonce {nonce} of account {account} was forced where another follows"
            )
        query = "SELECT account, next FROM accounts WHERE next > 0"
        stored = dict(self._connection.execute(query).fetchall())
        if stored != self._nonces:
            wrong = sorted(
                account
                for account in stored.keys() | self._nonces.keys()
                if stored.get(account) != self._nonces.get(account)
            )
            self._report.problems.append(f"the next nonce of account {wrong[0]} is wrong")


class _Batches:
    def __init__(
        self, connection: sqlite3.Connection, domain: Domain, report: Report, ask: Ask | None
    ) -> None:
        self._connection = connection
        self._report = report
        self._ask = ask
        self._header = genesis(domain)
        self._mountains = Mountains()
        self._chained = True

    def check(self, entries: _Entries) -> None:
        """Holds each batch against the entries that follow those of the one before."""
        query = (
            "SELECT number, last, start, receipts, root, data_hash, ours FROM batches "
            "ORDER BY number"
        )
        problem = self._report.problems.append
        start = end = 0
        for number, last, started, receipts, root, data_hash, ours in self._connection.execute(
            query
        ).fetchall():
            self._report.batches += 1
            if number != self._report.batches:
                problem(f"batch {self._report.batches} is missing")
                self._report.batches = number
            if ours:
                held = []
                for sequence, entry in entries.read if last > end else ():
                    held.append(entry)
                    if sequence >= last:
                        break
                batch = Batch.of(held)
                if (started, receipts, root) != (start, len(batch.receipts), batch.root):
                    problem(f"batch {number} is not that of its entries")
                start += receipts
                self._check_data(number, held, data_hash)
            elif (started, last) != (start, end):
                problem(f"batch {number} is not ours and holds entries")
            end = last
            self._check_header(number, bool(ours))
        for _ in entries.read:  # the pool
            pass
        for account, nonce in self._connection.execute(
            "SELECT account, nonce FROM forced LEFT JOIN batches USING (number) "
            "WHERE forced.number IS NOT NULL AND coalesce(taken, 0) = 0"
        ):
            problem(f"nonce {nonce} of account {account} was forced by a batch that took nothing")

    def _check_data(self, number: int, held: list[Entry], data_hash: bytes) -> None:
        rows = self._connection.execute(
            "SELECT place, data FROM chunks WHERE number = ? ORDER BY place", (number,)
        ).fetchall()
        chunks = [data for _, data in rows]
        problem = self._report.problems.append
        if [place for place, _ in rows] != list(range(len(rows))):
            problem(f"batch {number} lacks chunks")
        if not held and not chunks:
            if data_hash != ZERO_HASH:
                problem(f"batch {number} has a data hash and no data")
            return
        if data_hashes(chunks)[-1] != data_hash:
            problem(f"the data of batch {number} is not what its data hash says")
        try:
            if list(codec.decode(b"".join(chunks))) != held:
                problem(f"the data of batch {number} holds other entries")
        except CodecError as error:
            problem(f"the data of batch {number} does not decode: {error}")

    def _check_header(self, number: int, ours: bool) -> None:
        """Chains the header that was recorded, if one was, to those before."""
        row = self._connection.execute(
            "SELECT parent, history, posted, receipts, root, data_hash, inbox, seen, taken, "
            "inbox_root, peaks FROM batches WHERE number = ?",
            (number,),
        ).fetchone()
        problem = self._report.problems.append
        if row[0] is None:
            if not ours:
                problem(f"batch {number} is not ours, and L1 does not hold it")
            self._chained = False
            return
        self._report.posted += 1
        *fields, peaks = row
        header = Header(BatchNumber(number), *fields)
        if not self._chained or header.parent != self._header.hash:
            problem(f"the header of batch {number} does not follow the one before")
        self._mountains = self._mountains.append(self._header.hash)
        if (header.history, peaks) != (
            self._mountains.hash,
            b"".join(self._mountains.peaks),
        ):
            problem(f"the history of batch {number} is not that of the headers before")
        if header.inbox != self._header.inbox + header.taken or header.seen < header.inbox:
            problem(f"batch {number} does not take the inbox entries that follow")
        self._header = header
        if self._ask is not None:
            there = self._ask(header.number)
            if there is None:
                problem(f"L1 holds no batch {header.number}")
            elif there.hash != header.hash:
                problem(f"L1 holds another batch {header.number}")
