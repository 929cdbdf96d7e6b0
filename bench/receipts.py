"""How fast are receipts: made, signed, verified, put into trees, and made durable?

    python bench/receipts.py [--json FILE] [--quick]

Peers run on the same machine in the same process: eth-account for digests and signers, merkletools
for trees. Ingest is the sequencer's own path behind HTTP: admission (signer, account, bounds),
order and duplicates, group commit with an fsync before the answer, by concurrent callers; the
folder of the store is --folder, which should be a disk.
"""

import asyncio
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bisect")]

import sha3  # noqa: E402
from eth_account import Account  # noqa: E402
from eth_account.messages import encode_typed_data  # noqa: E402
from merkletools import MerkleTools  # noqa: E402

from bench._harness import Result, Timing, arguments, check, rate, report, timed  # noqa: E402
from prover.commit.tags import Tag  # noqa: E402
from rollup.protocol import codec  # noqa: E402
from rollup.protocol.batch import Batch  # noqa: E402
from rollup.protocol.documents import entry_from_json, entry_to_json, receipt_to_json  # noqa: E402
from rollup.protocol.eip712 import recover  # noqa: E402
from rollup.protocol.entries import (  # noqa: E402
    Entry,
    SignedReceipt,
    sign_bundle,
    sign_receipt,
    signer,
)
from rollup.protocol.header import leaf  # noqa: E402
from rollup.protocol.presets import MAINNET  # noqa: E402
from rollup.protocol.receipts import WORK_TYPE, Work  # noqa: E402
from rollup.protocol.types import address_text  # noqa: E402
from rollup.sequencer.admission import Admission, Admitted  # noqa: E402
from rollup.sequencer.pool import Pool  # noqa: E402
from rollup.sequencer.recovery import Recovery  # noqa: E402
from rollup.store import Accepted, SqliteStore  # noqa: E402
from tests.rollup.entries import DOMAIN, KEY, OWNER, label, work  # noqa: E402
from tests.rollup.protocol.test_codec import inference, training  # noqa: E402
from tests.rollup.sequencer.play import FakeRegistry  # noqa: E402

PACKAGES = ("coincurve", "safe-pysha3", "eth-account", "merkletools", "aiosqlite")


def typed_data(receipt: Work) -> dict[str, object]:
    """What eth-account signs for a receipt."""
    inner = WORK_TYPE[WORK_TYPE.index("(") + 1 : -1]
    fields = [
        dict(zip(("type", "name"), part.split(" "), strict=True)) for part in inner.split(",")
    ]
    document = receipt_to_json(receipt)
    domain = [("name", "string"), ("version", "string"), ("chainId", "uint256")]
    domain.append(("verifyingContract", "address"))
    return {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in domain],
            "Work": fields,
        },
        "primaryType": "Work",
        "domain": {
            "name": "Plumbline",
            "version": "1",
            "chainId": DOMAIN.chain_id,
            "verifyingContract": address_text(DOMAIN.rollup),
        },
        "message": {field["name"]: document[field["name"]] for field in fields},
    }


def signatures(count: int) -> list[Result]:
    """Digests and signers, one by one."""
    receipts = [work(nonce) for nonce in range(count)]
    fields = [
        (
            *(r.kind, r.account, r.nonce, r.slot, r.defender, r.program, r.first_step, r.steps),
            *(r.params, r.inputs, r.params_after, r.outputs),
        )
        for r in receipts
    ]
    signed = [sign_receipt(receipt, DOMAIN, KEY) for receipt in receipts]
    jobs = [(DOMAIN.digest(entry.id), entry.signature) for entry in signed]
    few = typed_data(receipts[0])
    theirs = encode_typed_data(full_message=few)
    check(Account.sign_message(theirs, KEY).signature == signed[0].signature, "signature")
    check(recover(*jobs[0]) == OWNER, "signer")

    made = timed(lambda: [DOMAIN.digest(Work(*values).id) for values in fields])
    digest_peer = timed(lambda: [encode_typed_data(full_message=few) for _ in range(50)], 3)
    found = timed(lambda: [recover(*job) for job in jobs])
    recover_peer = timed(
        lambda: [Account.recover_message(theirs, signature=signed[0].signature) for _ in range(50)],
        3,
    )
    return [
        rate(
            "receipts/digest/vs-eth-account",
            made,
            count,
            "digests/s",
            target=150_000,
            peer=digest_peer.rate(50),
        ),
        rate(
            "receipts/recover/vs-eth-account",
            found,
            count,
            "signers/s",
            target=15_000,
            peer=recover_peer.rate(50),
        ),
    ]


def bundles(count: int) -> list[Result]:
    """From the bytes of a bundle to receipts with a verified signer, in one process."""
    results = []
    for name, receipts in (
        ("inference", [inference(nonce) for nonce in range(count)]),
        ("label", [label(nonce) for nonce in range(count)]),
        ("training", [training(nonce) for nonce in range(count)]),
    ):
        data = codec.encode([sign_bundle(receipts, DOMAIN, KEY)])

        def verify(data: bytes = data) -> bool:
            return signer(codec.decode(data)[0], DOMAIN) == OWNER

        check(verify(), f"bundle of {name} receipts")
        results.append(
            rate(f"bundle/{count}/{name}/verified", timed(verify), count, "receipts/s", target=1e5)
        )
        results.append(
            Result(f"bundle/{count}/{name}/data", len(data) / count, "bytes/receipt", "lower")
        )
    alone = [sign_receipt(training(nonce), DOMAIN, KEY) for nonce in range(count)]
    size = len(codec.encode(alone)) / count
    results.append(Result(f"single/{count}/training/data", size, "bytes/receipt", "lower"))
    strangers = [sign_receipt(training(0, account), DOMAIN, KEY) for account in range(count)]
    size = len(codec.encode(strangers)) / count
    results.append(Result(f"single/{count}/strangers/data", size, "bytes/receipt", "lower"))
    return results


def trees(count: int) -> list[Result]:
    """The batch tree over receipt ids; both sides hash their leaves, ours with a tag as well."""
    batch = [sign_bundle([label(nonce) for nonce in range(count)], DOMAIN, KEY)]
    ids = [receipt.id.hex() for receipt in batch[0].receipts]

    def theirs() -> None:
        tools = MerkleTools()  # SHA-256, which processors have instructions for
        tools.add_leaf(ids, do_hash=True)
        tools.make_tree()

    prefix = bytes([Tag.ENTRY_NODE])
    oracle = MerkleTools()
    oracle.hash_function = lambda data: sha3.keccak_256(prefix + bytes(data))
    signature, bundle = batch[0].signature, batch[0].id
    hashed = [leaf(one.id, signature, bundle, i) for i, one in enumerate(batch[0].receipts)]
    oracle.add_leaf([one.hex() for one in hashed])
    oracle.make_tree()
    check(oracle.get_merkle_root() == Batch.of(batch).root.hex(), "tree, as merkletools builds it")
    peer = timed(theirs).rate(count)
    ours = timed(lambda: Batch.of(batch))
    return [
        rate(f"tree/{count}/vs-merkletools", ours, count, "leaves/s", target=10 * peer, peer=peer)
    ]


async def ingest(entries: Sequence[Sequence[Entry]], workers: int, folder: Path) -> float:
    """Seconds until every entry is durable; one caller for each row of `entries`."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        store = await SqliteStore.open(Path(place) / "store.db", DOMAIN)
        registry = FakeRegistry(owners=dict.fromkeys(range(len(entries) + 1), OWNER))
        recovery = Recovery(workers)
        admission = Admission(DOMAIN, MAINNET, registry, recovery)
        pool = Pool(store, time.time, 2**30)
        await pool.load()
        # Processes start when there is work for them: all of them now, not while time is taken.
        first = [(DOMAIN.digest(row[0].id), row[0].signature) for row in entries]
        await recovery.recover(first * -(-1_024 * workers // len(first)))

        async def caller(row: Sequence[Entry], together: int) -> None:
            for start in range(0, len(row), together):
                part = row[start : start + together]
                verdicts = await admission.check(part)
                check(verdicts == [Admitted(0)] * len(part), "admission")
                results = await pool.submit(part)
                check(all(isinstance(r, Accepted) and not r.known for r in results), "ingest")

        start = time.perf_counter()
        await asyncio.gather(*(caller(row, 16) for row in entries))
        seconds = time.perf_counter() - start
        check(len(pool.ready()) == sum(map(len, entries)), "what was ingested")
        await store.close()
        recovery.close()
        return seconds


def durable(callers: int, each: int, folder: Path, repeats: int) -> list[Result]:
    """Receipts signed one by one, and bundles, fsynced before they are acknowledged."""
    results = []
    alone: list[list[Entry]] = [
        [sign_receipt(label(nonce, account), DOMAIN, KEY) for nonce in range(each)]
        for account in range(1, callers + 1)
    ]
    for workers in (0, 2):
        timing = Timing(tuple(asyncio.run(ingest(alone, workers, folder)) for _ in range(repeats)))
        name = f"ingest/single/workers={workers}"
        results.append(rate(name, timing, callers * each, "receipts/s", target=10_000))
    size = 256
    bundled: list[list[Entry]] = [
        [
            sign_bundle([label(size * i + j, account) for j in range(size)], DOMAIN, KEY)
            for i in range(max(each // 64, 1))
        ]
        for account in range(1, callers + 1)
    ]
    count = sum(size * len(row) for row in bundled)
    timing = Timing(tuple(asyncio.run(ingest(bundled, 0, folder)) for _ in range(repeats)))
    return [*results, rate(f"ingest/bundle={size}", timing, count, "receipts/s")]


def documents(count: int) -> list[Result]:
    """What a request costs to read, as JSON and as batch data."""
    entries = [sign_receipt(work(nonce), DOMAIN, KEY) for nonce in range(count)]
    lines = [json.dumps(entry_to_json(entry)) for entry in entries]
    data = codec.encode(entries)
    read = [entry_from_json(json.loads(line)) for line in lines]
    check(read == entries and codec.decode(data) == tuple(entries), "reading")
    check(all(isinstance(entry, SignedReceipt) for entry in read), "reading")
    return [
        rate(
            "read/json",
            timed(lambda: [entry_from_json(json.loads(x)) for x in lines]),
            count,
            "entries/s",
        ),
        rate("read/data", timed(lambda: codec.decode(data)), count, "entries/s"),
    ]


def main() -> None:
    """Measures all of it."""
    parser = arguments(__doc__ or "")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / ".cache", help="where stores are made"
    )
    flags = parser.parse_args()
    flags.folder.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    small = flags.quick
    results = [
        *signatures(100 if small else 2_000),
        *bundles(64 if small else 4_096),
        *trees(64 if small else 4_096),
        *documents(50 if small else 1_000),
        *durable(8 if small else 256, 16 if small else 128, flags.folder, 1 if small else 3),
    ]
    report(results, PACKAGES, flags.json, flags.plot)


if __name__ == "__main__":
    main()
