"""A receipt's portable proof, made from L1 alone, and held against L1."""

from rollup.errors import ConfigError, ProofError, Refused
from rollup.follower import Follower, standing
from rollup.l1.deploy import Contracts
from rollup.l1.errors import L1Unavailable
from rollup.protocol import proving
from rollup.protocol.batch import Batch
from rollup.protocol.documents import Json, text
from rollup.protocol.header import Header, genesis
from rollup.protocol.proof import Reference, Verified
from rollup.protocol.proving import Anchor
from rollup.protocol.types import BatchNumber, Hash, address_text


def find(
    contracts: Contracts, follower: Follower, receipt: Hash, at: BatchNumber | None = None
) -> Json:
    """The proof of a receipt that some batch holds or took from the inbox, shown in the history of
    batch `at`; by default in that of the newest confirmed one that is not older.

    Of several places the first where its account's owner signed it; without any, the first.

    Raises:
        Refused: when no batch at hand holds it.
        ConfigError: when there is no batch `at`, or it is older than the receipt's.
        L1Unavailable: when L1 turned back meanwhile.
    """
    found = _place(follower, receipt)
    if found is not None:
        header, batch, index, forced = found
        anchor = _anchor(contracts, follower, header, at)
        if forced:
            return proving.make_forced(follower.inbox(header.number) or (), header, index, anchor)
        return proving.make(batch, header, index, anchor)
    unread = ", ".join(map(str, follower.missing))
    hint = (
        f"but the data of batch {unread} could not be had; try again, or another endpoint"
        if unread
        else "it may still wait in the sequencer's pool; try again later"
    )
    raise Refused("unknown-receipt", f"no batch on L1 holds {text(receipt)}: {hint}")


def compare(verified: Verified, contracts: Contracts) -> str:
    """What L1 says of all that a proof leaves to it.

    Raises:
        ProofError: when L1 says otherwise.
    """
    domain, header = contracts.deployment.domain, verified.reference.header
    if verified.domain != domain:
        raise ProofError(
            f"the proof is of rollup {address_text(verified.domain.rollup)} on chain "
            f"{verified.domain.chain_id}, the deployment file names "
            f"{address_text(domain.rollup)} on chain {domain.chain_id}"
        )
    there = contracts.rollup.batch_hash(header.number)
    if there != header.hash:
        raise ProofError(
            f"L1 holds batch {header.number} with header hash {text(there)}, not "
            f"{text(header.hash)}"
        )
    account = verified.receipt.account
    if contracts.vault.owner_of(account) != verified.signer:
        raise ProofError(
            f"account {account} on L1 is not that of {address_text(verified.signer)}, who signed"
        )
    confirmed = header.number <= contracts.rollup.confirmed()
    return (
        f"L1 holds batch {header.number} with header hash {text(header.hash)}, "
        f"{'confirmed' if confirmed else 'not confirmed yet'}, and account {account} is the "
        "signer's"
    )


def _place(follower: Follower, receipt: Hash) -> tuple[Header, Batch, int, bool] | None:
    """Header, batch, place and whether it was forced. A copy under another signature is void, and
    anybody may force one: it does not stand before what counts.
    """
    void: tuple[Header, Batch, int, bool] | None = None
    for header in follower.headers:
        batch = follower.batch(header.number)
        if batch is None:
            continue
        for entry, first, forced in standing(batch, follower.inbox(header.number) or ()):
            for index, there in enumerate(entry.receipts, start=first):
                if there.id != receipt:
                    continue
                if follower.signed(entry):
                    return header, batch, index, forced
                void = void or (header, batch, index, forced)
    return void


def _anchor(
    contracts: Contracts, follower: Follower, header: Header, at: BatchNumber | None
) -> Anchor:
    number = max(contracts.rollup.confirmed(), header.number) if at is None else at
    headers = follower.headers
    if not header.number <= number <= len(headers):
        raise ConfigError(
            f"--at {number}: the receipt is in batch {header.number} and there are {len(headers)}"
        )
    domain = contracts.deployment.domain
    later = headers[number - 1]
    posted = contracts.rollup.posted(later.number, contracts.deployment.block)
    if posted is None or posted.header != later:
        raise L1Unavailable(f"L1 turned back over batch {number} meanwhile; try again")
    hashes = [genesis(domain).hash, *(one.hash for one in headers[: number - 1])]
    reference = Reference(later, posted.place.block, posted.place.transaction)
    return Anchor(domain, reference, hashes)
