"""Commands of a world as their arguments, each otherwise in order."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rollup import jobs
from tests.rollup.world import GROWTH, SEQUENCER, VALIDATOR, WORKER, World

DEV = "--unsafe-dev-account"
ONE = "0x" + "11" * 32
Arguments = list[object]


def on_l1(world: World, **changed: object) -> Arguments:
    """Where L1 and the deployment are; `changed` bends the deployment file."""
    path = world.deployment
    if changed:
        path = world.folder / "bent.json"
        replace(world.contracts.deployment, **changed).save(path)  # type: ignore[arg-type]
    return ["--l1", world.chain.url, "--deployment", path]


def jobs_file(world: World, *listed: jobs.Job) -> Path:
    path = world.folder / "jobs.json"
    jobs.write(path, listed or [world.job()])
    return path


COMMANDS: dict[str, Callable[[World], Arguments]] = {
    "status": lambda _: ["status"],
    "account show": lambda _: ["account", "show", DEV, WORKER],
    "account open": lambda _: ["account", "open", DEV, WORKER],
    "proof get": lambda _: ["proof", "get", ONE],
    "program register": lambda world: [
        "program", "register", "0x" + GROWTH.id.hex(), "--content", world.folder / "content",
        DEV, WORKER,
    ],
    "receipt submit": lambda _: [
        "receipt", "submit", "--subject", ONE, "--statement", ONE, DEV, WORKER, "--patience", "1s"
    ],
    "receipt transfer": lambda _: [
        "receipt", "transfer", "--to", 2, "--amount", "1.5", DEV, WORKER, "--patience", "1s"
    ],
    "worker run": lambda world: [
        "worker", "run", "--jobs", jobs_file(world), "--content", world.folder / "content",
        DEV, WORKER, "--backend", "reference", "--patience", "1s",
    ],
    "validator run": lambda world: [
        "validator", "run", "--once", "--content", world.folder / "content", DEV, VALIDATOR,
        "--backend", "reference",
    ],
    "ledger replay": lambda _: ["ledger", "replay"],
    "ledger show": lambda _: ["ledger", "show", "--account", 1],
    "ledger keep": lambda _: ["ledger", "keep", "--once", DEV, WORKER],
    "job open": lambda world: [
        "job", "open", "0x" + GROWTH.id.hex(), "--params", ONE, DEV, SEQUENCER,
    ],
    "rewards show": lambda _: ["rewards", "show", "--account", 1],
    "rewards settle": lambda _: ["rewards", "settle", DEV, WORKER, "--patience", "1s"],
    "rewards claim": lambda _: ["rewards", "claim", DEV, WORKER],
    "sequencer run": lambda world: [
        "sequencer", "run", "--store", world.folder / "s.db", "--port", "0", DEV, SEQUENCER
    ],
}  # fmt: skip
