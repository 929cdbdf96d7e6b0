"""The rollup as a Python object: typed calls, and its events.

Reads take ``block`` for the state after an older block. Whatever sends takes the ``Signer`` that
pays, and returns once the transaction is as deep as the client asks for.
"""

from collections.abc import Sequence
from typing import Any

from prover.commit.keccak import Hash
from rollup.l1.accounts import Signer
from rollup.l1.bound import address_in, place_of
from rollup.l1.chain import At, BlockNumber, Mined
from rollup.l1.events import (
    BatchConfirmed,
    BatchPosted,
    ChunkPublished,
    ClaimChallenged,
    posted_header,
)
from rollup.l1.inbox import InboxContract
from rollup.l1.openings import Opening, header_tuple
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


class RollupContract(InboxContract):
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
        return address_in(self.read("SEQUENCER"))

    def sequencer_slot(self) -> tuple[AccountIndex, SlotIndex]:
        """The account and slot behind the sequencer; account 0 before it chose one."""
        account, slot = self.read("sequencerSlot")
        return AccountIndex(account), SlotIndex(slot)

    def deadline(self) -> Seconds:
        """Seconds of the sequencer's silence after which anybody with a bond may post."""
        return Seconds(self.read("DEADLINE"))

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
        parent: Header,
        peaks: Sequence[Hash],
        receipts: int,
        root: Hash,
        data_hash: Hash,
        inbox: int,
    ) -> tuple[Header, Mined]:
        """Posts the batch after ``parent``; its header is the one that the contract dated.

        ``peaks`` are those behind the parent's history; ``inbox`` how many entries are taken then.
        """
        what = post_values(parent, peaks, receipts, root, data_hash, inbox)
        return self._posted(self.send(signer, "post", *what))

    def post_overdue(
        self,
        signer: Signer,
        slot: SlotIndex,
        parent: Header,
        peaks: Sequence[Hash],
        inbox: int,
    ) -> tuple[Header, Mined]:
        """Posts inbox entries in the silent sequencer's stead, on a live slot of the signer's."""
        shown = (slot, header_tuple(parent), list(peaks), inbox)
        return self._posted(self.send(signer, "postOverdue", *shown))

    def _posted(self, mined: Mined) -> tuple[Header, Mined]:
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
                address_in(values["challenger"]),
                BatchNumber(values["number"]),
                values["index"],
                place,
            )
            for values, place in self.events("ClaimChallenged", first, last)
        ]


def post_values(
    parent: Header,
    peaks: Sequence[Hash],
    receipts: int,
    root: Hash,
    data_hash: Hash,
    inbox: int,
) -> tuple[Any, ...]:
    """The arguments of ``post``."""
    return header_tuple(parent), list(peaks), receipts, root, data_hash, inbox


def _topic(address: Address) -> bytes:
    return bytes(12) + address
