"""HTTP: 200 only after the commit, one clear line for everything else, and proofs at the end."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from rollup.config import SequencerSettings
from rollup.errors import LostConsistency
from rollup.protocol import codec, proof
from rollup.protocol.documents import entry_to_json, text
from rollup.protocol.entries import sign_receipt
from rollup.protocol.presets import Preset
from rollup.protocol.types import AccountIndex
from tests.rollup.entries import DOMAIN, KEY, bundled, label, mixed, single, stream, work
from tests.rollup.sequencer.play import PRESET, Play, playing

DATA = {"content-type": "application/octet-stream"}


def play(
    folder: Path,
    scene: Callable[[Play], Awaitable[None]],
    settings: SequencerSettings | None = None,
    preset: Preset = PRESET,
) -> None:
    async def go() -> None:
        async with playing(folder, settings=settings, preset=preset) as stage:
            await scene(stage)

    asyncio.run(go())


def test_one_several_and_binary(tmp_path: Path) -> None:
    async def scene(stage: Play) -> None:
        one = await stage.http.post("/v1/receipts", json=entry_to_json(single(0)))
        assert one.status_code == 200
        assert one.json() == {
            "results": [{"id": text(single(0).id), "receipts": 1, "status": "accepted"}]
        }
        entries = [entry_to_json(single(0)), entry_to_json(mixed(1))]
        two = await stage.http.post("/v1/receipts", json={"entries": entries})
        assert [r["status"] for r in two.json()["results"]] == ["known", "accepted"]
        assert two.status_code == 200
        three = await stage.http.post(
            "/v1/receipts", content=codec.encode([single(5), mixed(6)]), headers=DATA
        )
        assert [r["status"] for r in three.json()["results"]] == ["accepted", "accepted"]
        account = await stage.http.get("/v1/accounts/1")
        assert account.json() == {"account": 1, "nextNonce": 10}
        assert len(await stage.store.pooled()) == 4

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("entries", "status", "codes"),
    [
        ([single(1)], 409, ["nonce-gap"]),
        ([single(0), single(0, said="b")], 409, ["accepted", "nonce-used"]),
        ([single(0, account=5), single(0)], 403, ["unknown-account", "accepted"]),
        ([single(0), bundled(1, 9)], 422, ["accepted", "too-large"]),
        # A refused entry leaves a gap for those after it.
        ([bundled(0, 9), single(9)], 422, ["too-large", "nonce-gap"]),
    ],
)
def test_each_entry_has_its_answer(
    tmp_path: Path, entries: list[Any], status: int, codes: list[str]
) -> None:
    async def scene(stage: Play) -> None:
        body = {"entries": [entry_to_json(entry) for entry in entries]}
        answer = await stage.http.post("/v1/receipts", json=body)
        assert answer.status_code == status
        results = answer.json()["results"]
        assert [r.get("code", r["status"]) for r in results] == codes
        assert all("\n" not in r.get("message", "") for r in results)
        assert len(await stage.store.pooled()) == codes.count("accepted")

    play(tmp_path, scene)


def test_what_may_be_forced_in_a_window_is_kept_free(tmp_path: Path) -> None:
    units = 4_000  # of a claim here
    window = 4 * units
    preset = replace(PRESET, max_claim_work=units, forced_window_work=units, max_window_work=window)

    async def scene(stage: Play) -> None:
        entries = [sign_receipt(work(nonce), DOMAIN, KEY) for nonce in range(window // units)]
        body = {"entries": [entry_to_json(entry) for entry in entries]}
        results = (await stage.http.post("/v1/receipts", json=body)).json()["results"]
        codes = [result.get("code", result["status"]) for result in results]
        assert codes == ["accepted"] * 2 + ["window-full"] * 2

    play(tmp_path, scene, preset=preset)


GOOD = json.dumps(entry_to_json(single(0)))


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", "application/json", 400, "bad-document"),
        (b"{", "application/json", 400, "bad-document"),
        (b"[" * 4_000, "application/json", 400, "bad-document"),
        (b"\xff\xfe", "application/json", 400, "bad-document"),
        (b"[]", "application/json", 400, "bad-document"),
        (b'{"entries": []}', "application/json", 400, "bad-document"),
        (b'{"entries": [1]}', "application/json", 400, "bad-document"),
        (GOOD.replace("nonce", "nonse").encode(), "application/json", 400, "bad-document"),
        (
            json.dumps({"receipts": [], "signature": "0x" + "00" * 65}).encode(),
            "application/json",
            400,
            "bad-bundle",
        ),
        (b"\x07", "application/octet-stream", 400, "bad-data"),
        (codec.encode([]), "application/octet-stream", 400, "bad-document"),
        (GOOD.encode(), "text/plain", 415, "content-type"),
        (b" " * 5_000, "application/json", 413, "too-large"),
    ],
)
def test_malformed_requests_are_refused_whole(
    tmp_path: Path, body: bytes, kind: str, status: int, code: str
) -> None:
    async def scene(stage: Play) -> None:
        answer = await stage.http.post("/v1/receipts", content=body, headers={"content-type": kind})
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert "\n" not in answer.json()["error"]["message"]
        assert await stage.store.pooled() == []

    play(tmp_path, scene, SequencerSettings(body_limit=4_096))


def test_nothing_is_acknowledged_before_its_commit(tmp_path: Path) -> None:
    async def scene(stage: Play) -> None:
        commit, gate = stage.store._intake._commit, asyncio.Event()

        async def slow(group: Any) -> None:
            await gate.wait()
            await commit(group)

        stage.store._intake._commit = slow
        request = asyncio.create_task(
            stage.http.post("/v1/receipts", json=entry_to_json(single(0)))
        )
        await asyncio.sleep(0.05)
        assert not request.done()
        assert await stage.store.locate(label(0).id) is None
        gate.set()
        assert (await request).status_code == 200
        assert await stage.store.locate(label(0).id) is not None

    play(tmp_path, scene)


def test_503_when_nothing_can_be_promised(tmp_path: Path) -> None:
    async def scene(stage: Play) -> None:
        body = entry_to_json(single(0))

        async def refused(code: str) -> None:
            answer = await stage.http.post("/v1/receipts", json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, code)
            assert code == "lost-consistency" or answer.headers["retry-after"]

        stage.registry.down = True
        await refused("l1-unavailable")
        stage.registry.down = False
        commit = stage.store._intake._commit

        async def damaged(group: Any) -> None:
            raise LostConsistency("the store is damaged")

        stage.store._intake._commit = damaged
        await refused("lost-consistency")
        health = await stage.http.get("/healthz")
        assert health.status_code == 503
        with pytest.raises(LostConsistency, match="damaged"):
            await stage.sequencer.run()
        stage.store._intake._commit = commit
        await stage.store.close()
        await refused("store-unavailable")

    async def go() -> None:
        async with playing(tmp_path) as stage:
            await scene(stage)
            stage.store.close = _nothing  # type: ignore[method-assign]

    asyncio.run(go())


async def _nothing() -> None:
    pass


def test_a_full_pool_says_come_back(tmp_path: Path) -> None:
    async def scene(stage: Play) -> None:
        await stage.http.post("/v1/receipts", json=entry_to_json(bundled(0, 4)))
        answer = await stage.http.post("/v1/receipts", json=entry_to_json(single(4)))
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "pool-full")

    play(tmp_path, scene, SequencerSettings(pool_limit=4))


def test_a_receipt_s_way_to_its_proof(tmp_path: Path) -> None:
    entries = list(islice(stream(), 4))

    async def scene(stage: Play) -> None:
        body = {"entries": [entry_to_json(entry) for entry in entries]}
        assert (await stage.http.post("/v1/receipts", json=body)).status_code == 200
        receipts = [receipt for entry in entries for receipt in entry.receipts]
        url = f"/v1/receipts/{text(receipts[2].id)}"

        async def state() -> str:
            answer = (await stage.http.get(url)).json()
            assert answer["id"] == text(receipts[2].id)
            return str(answer["state"])

        seen = [await state()]
        early = await stage.http.get(url + "/proof")
        assert (early.status_code, early.json()["error"]["code"]) == (404, "not-posted")
        while seen[-1] != "final":
            await stage.step()
            if await state() != seen[-1]:
                seen.append(await state())
        assert seen == ["pooled", "batched", "posted", "final"]
        headers = [posted.header for posted in stage.l1.state().headers]
        for receipt in receipts:
            document = (await stage.http.get(f"/v1/receipts/{text(receipt.id)}/proof")).json()
            verified = proof.verify(document, expected=headers[0].hash)
            assert verified.receipt == receipt

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("/v1/receipts/0x12", 400, "bad-document"),
        (f"/v1/receipts/{text(label(77).id)}", 404, "unknown-receipt"),
        (f"/v1/receipts/{text(label(77).id)}/proof", 404, "unknown-receipt"),
        ("/v1/accounts/-1", 400, "bad-document"),
        ("/v1/accounts/x", 400, "bad-document"),
        (f"/v1/accounts/{2**64}", 400, "bad-document"),
    ],
)
def test_questions_that_have_no_answer(tmp_path: Path, url: str, status: int, code: str) -> None:
    async def scene(stage: Play) -> None:
        answer = await stage.http.get(url)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)

    play(tmp_path, scene)


def test_health_tells_what_waits(tmp_path: Path) -> None:
    async def scene(stage: Play) -> None:
        assert (await stage.http.get("/healthz")).json()["status"] == "ok"
        await stage.http.post("/v1/receipts", json=entry_to_json(bundled(0, 3)))
        await stage.sequencer._post()
        stage.clock.now += 700
        late = await stage.http.get("/healthz")
        assert late.status_code == 503
        assert late.json()["pooledReceipts"] == 3
        assert late.json()["oldestWaitSeconds"] == 700
        for _ in range(4):
            await stage.step()
        assert (await stage.http.get("/healthz")).status_code == 200

    play(tmp_path, scene)


def test_the_service_runs_by_itself_and_survives_an_l1_that_comes_and_goes(
    tmp_path: Path,
) -> None:
    async def scene(stage: Play) -> None:
        running = asyncio.create_task(stage.sequencer.run())
        view, fails = stage.l1.view, iter([True, False, True] + [False] * 10_000)

        async def shaky() -> Any:
            if next(fails):
                stage.registry.down = True
                await stage.registry.owner(AccountIndex(1))
            stage.registry.down = False
            return await view()

        stage.l1.view = shaky  # type: ignore[method-assign]
        for entry in islice(stream(), 8):
            answer = await stage.http.post("/v1/receipts", json=entry_to_json(entry))
            while answer.status_code == 503:
                await asyncio.sleep(0.01)
                answer = await stage.http.post("/v1/receipts", json=entry_to_json(entry))
            assert answer.status_code == 200
        for _ in range(500):
            stage.l1.mine()
            await asyncio.sleep(0.01)
            if len(stage.l1.batches()) == 2:
                break
        assert [e for b in stage.l1.batches() for e in b.entries] == list(islice(stream(), 8))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    play(tmp_path, scene)
