"""The contracts as Python objects: typed calls, and events as frozen dataclasses.

Reads take ``block`` for the state after an older block. Whatever sends takes the ``Signer`` that
pays, and returns once the transaction is as deep as the client asks for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prover.commit.keccak import ZERO_HASH, Hash, tagged
from prover.commit.tags import Tag
from prover.row import Depths
from rollup.l1.accounts import Signer
from rollup.l1.bound import Bound, Place, place_of
from rollup.l1.chain import At, BlockNumber, Mined
from rollup.l1.openings import Opening, header_tuple
from rollup.protocol.claims import ProgramInfo
from rollup.protocol.header import Header
from rollup.protocol.types import (
    AccountIndex,
    Address,
    BatchNumber,
    Seconds,
    SlotIndex,
    Wei,
    address_text,
)


@dataclass(frozen=True, slots=True)
class BatchPosted:
    """A batch is on L1."""

    header: Header
    place: Place


@dataclass(frozen=True, slots=True)
class ChunkPublished:
    """A chunk is the input of ``place.transaction``; ``data_hash`` is the poster's with it."""

    poster: Address
    data_hash: Hash
    chunk_hash: Hash
    place: Place


@dataclass(frozen=True, slots=True)
class BatchConfirmed:
    """A batch is final."""

    number: BatchNumber
    header_hash: Hash
    place: Place


@dataclass(frozen=True, slots=True)
class ClaimChallenged:
    """A game was opened on the claim of the receipt at ``index`` of batch ``number``."""

    claim: Hash
    challenger: Address
    number: BatchNumber
    index: int
    place: Place


class RollupContract(Bound):
    """Batches, and the claims of their receipts."""

    artifact_name = "Rollup"

    def head(self, block: At | None = None) -> tuple[BatchNumber, Hash]:
        """Number and header hash of the newest batch."""
        number, header_hash = self.read("head", block=block)
        return BatchNumber(number), Hash(header_hash)

    def confirmed(self, block: At | None = None) -> BatchNumber:
        """Number of the newest final batch."""
        return BatchNumber(self.read("confirmed", block=block))

    def batch_hash(self, number: BatchNumber, block: At | None = None) -> Hash:
        """Header hash of a batch; zeros when there is none."""
        return Hash(self.read("batchHash", number, block=block))

    def data_hash_of(self, poster: Address, block: At | None = None) -> Hash:
        """Running hash of what ``poster`` published since its last batch."""
        return Hash(self.read("dataHashOf", address_text(poster), block=block))

    def sequencer(self) -> Address:
        """Who posts batches."""
        return _address(self.read("SEQUENCER"))

    def sequencer_slot(self) -> tuple[AccountIndex, SlotIndex]:
        """The account and slot behind the sequencer; account 0 before it chose one."""
        account, slot = self.read("sequencerSlot")
        return AccountIndex(account), SlotIndex(slot)

    def window(self) -> Seconds:
        """Seconds in which a batch's claims may be challenged."""
        return Seconds(self.read("WINDOW"))

    def claim_of(self, opening: Opening, block: At | None = None) -> tuple[Any, ...]:
        """The claim of an opened receipt, as L1 derives it.

        Raises:
            Reverted: naming why no challenge could be opened on it.
        """
        claim: tuple[Any, ...] = self.read("claimOf", opening, block=block)
        return claim

    def publish(self, signer: Signer, chunk: bytes) -> Mined:
        """Puts a chunk on L1."""
        return self.send(signer, "publish", chunk)

    def post(
        self,
        signer: Signer,
        number: BatchNumber,
        parent: Hash,
        receipts: int,
        root: Hash,
        data_hash: Hash,
    ) -> tuple[Header, Mined]:
        """Posts a batch; its header is the one that the contract dated."""
        mined = self.send(signer, "post", number, parent, receipts, root, data_hash)
        (header,) = [
            posted_header(values)
            for name, values in self.decode(mined.logs)
            if name == "BatchPosted"
        ]
        return header, mined

    def discard(self, signer: Signer) -> Mined:
        """Forgets what the signer has published since its last batch."""
        return self.send(signer, "discard")

    def choose_slot(self, signer: Signer, slot: SlotIndex) -> Mined:
        """Names the sequencer's slot."""
        return self.send(signer, "chooseSlot", slot)

    def challenge(
        self, signer: Signer, opening: Opening, values: Sequence[Hash], bond: Wei
    ) -> Mined:
        """Opens a game on a claim of more than one step."""
        return self.send(signer, "challenge", opening, list(values), value=bond)

    def challenge_step(self, signer: Signer, opening: Opening, witness: bytes, bond: Wei) -> Mined:
        """Proves a claim of one step wrong."""
        return self.send(signer, "challengeStep", opening, witness, value=bond)

    def confirm(self, signer: Signer, header: Header) -> Mined:
        """Makes the next batch final."""
        return self.send(signer, "confirm", header_tuple(header))

    def batches(self, first: BlockNumber, last: BlockNumber) -> list[BatchPosted]:
        """Batches posted in L1 blocks first..last."""
        found = self.events("BatchPosted", first, last)
        return [BatchPosted(posted_header(values), place) for values, place in found]

    def chunks(
        self, poster: Address, first: BlockNumber, last: BlockNumber
    ) -> list[ChunkPublished]:
        """Chunks that ``poster`` published in L1 blocks first..last."""
        found = self.events("ChunkPublished", first, last, [_topic(poster)])
        return [
            ChunkPublished(poster, Hash(values["dataHash"]), Hash(values["chunkHash"]), place)
            for values, place in found
        ]

    def chunk_in(self, published: ChunkPublished) -> bytes | None:
        """The chunk itself, from its transaction's input; None when the chain lost it.

        Read as the contract reads it, and not as strictly as a decoder would: calldata in an
        unusual form must not hide a batch from validators.
        """
        data = self.client.input_of(published.place.transaction)
        if data is None:
            return None
        length_at = 4 + int.from_bytes(data[4:36])
        start = length_at + 32
        return data[start : start + int.from_bytes(data[length_at:start])]

    def posted(self, number: BatchNumber, first: BlockNumber) -> BatchPosted | None:
        """The post of a batch, looked for from the head back to L1 block ``first``."""
        event = self.artifact.event("BatchPosted")
        topics = [event.key, number.to_bytes(32)]
        for start, end in reversed(self.client.spans(first, self.client.head().number)):
            for log in self.client.logs_in(self.address, topics, start, end):
                values = event.decode_log(list(log.topics), log.data)
                return BatchPosted(posted_header(values), place_of(log))
        return None

    def confirmations(self, first: BlockNumber, last: BlockNumber) -> list[BatchConfirmed]:
        """Batches confirmed in L1 blocks first..last."""
        return [
            BatchConfirmed(BatchNumber(values["number"]), Hash(values["headerHash"]), place)
            for values, place in self.events("BatchConfirmed", first, last)
        ]

    def challenges(self, first: BlockNumber, last: BlockNumber) -> list[ClaimChallenged]:
        """Games opened in L1 blocks first..last."""
        return [
            ClaimChallenged(
                Hash(values["claimId"]),
                _address(values["challenger"]),
                BatchNumber(values["number"]),
                values["index"],
                place,
            )
            for values, place in self.events("ClaimChallenged", first, last)
        ]


class VaultContract(Bound):
    """Accounts, slots and credits."""

    artifact_name = "StakeVault"

    def bond(self) -> Wei:
        """Wei in one slot."""
        return Wei(self.read("BOND"))

    def account_of(self, owner: Address) -> AccountIndex:
        """The owner's index; 0 when it has none."""
        return AccountIndex(self.read("accountOf", address_text(owner)))

    def owner_of(self, account: AccountIndex) -> Address | None:
        """The account's address, if there is such an account."""
        owner = _address(self.read("ownerOf", account))
        return owner if any(owner) else None

    def slots_of(self, account: AccountIndex) -> int:
        """How many slots the account ever had."""
        return int(self.read("slotsOf", account))

    def is_live(self, account: AccountIndex, slot: SlotIndex, posted: Seconds) -> bool:
        """Whether the slot backs claims posted then."""
        return bool(self.read("isLive", account, slot, posted))

    def is_slashed(self, account: AccountIndex, slot: SlotIndex) -> bool:
        """Whether the slot's bond went to a challenger."""
        return bool(self.read("isSlashed", account, slot))

    def credit_of(self, owner: Address) -> Wei:
        """What the owner may collect."""
        return Wei(self.read("creditOf", address_text(owner)))

    def deposit(self, signer: Signer, count: int) -> tuple[AccountIndex, SlotIndex, Mined]:
        """Adds slots; returns the account and the first new slot. ``count`` 0 only opens it."""
        mined = self.send(signer, "deposit", count, value=Wei(count * self.bond()))
        account = self.account_of(signer.address)
        for name, values in self.decode(mined.logs):
            if name == "Deposited":
                return account, SlotIndex(values["first"]), mined
        return account, SlotIndex(self.slots_of(account)), mined

    def exit(self, signer: Signer, slot: SlotIndex) -> Mined:
        """Starts a slot on its way out."""
        return self.send(signer, "exit", slot)

    def withdraw(self, signer: Signer, slot: SlotIndex) -> Mined:
        """Turns an unbonded slot into credit."""
        return self.send(signer, "withdraw", slot)

    def collect(self, signer: Signer) -> Mined:
        """Takes the signer's credit."""
        return self.send(signer, "collect")


class ProgramsContract(Bound):
    """The register of programs."""

    artifact_name = "Programs"

    def info(self, program: Hash) -> ProgramInfo | None:
        """What L1 knows of a program; None when it is not registered."""
        micro_steps, work, words, rows, depths = self.read("info", program)
        if micro_steps == 0:
            return None
        registered = Seconds(self.read("registeredAt", program))
        held = Depths(*depths.to_bytes(4))
        return ProgramInfo(micro_steps, work, words, rows, held, registered)

    def register(self, signer: Signer, rows: Sequence[bytes], depths: Depths) -> Mined:
        """Registers a program by its packed rows."""
        return self.send(signer, "register", b"".join(rows), int.from_bytes(bytes(depths)))


def chunks_behind(
    published: Sequence[ChunkPublished], data_hash: Hash
) -> list[ChunkPublished] | None:
    """Those of one poster's chunks, given in order, that ``data_hash`` is the running hash of.

    A chunk either goes on from the one before or, after a post or a discard, starts again. None
    when the chunks do not lead to the hash.
    """
    chain: list[ChunkPublished] = []
    for chunk in published:
        running = chain[-1].data_hash if chain else ZERO_HASH
        if chunk.data_hash != tagged(Tag.CHUNK, running, chunk.chunk_hash):
            chain = []
        chain.append(chunk)
        if chunk.data_hash == data_hash:
            return chain
    return None


def posted_header(values: dict[str, Any]) -> Header:
    """The header that a BatchPosted event tells."""
    return Header(
        BatchNumber(values["number"]),
        Hash(values["parent"]),
        Seconds(values["posted"]),
        values["receipts"],
        Hash(values["batchRoot"]),
        Hash(values["dataHash"]),
    )


def _address(text: str) -> Address:
    return Address(bytes.fromhex(text[2:]))


def _topic(address: Address) -> bytes:
    return bytes(12) + address
