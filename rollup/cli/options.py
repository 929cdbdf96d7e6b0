"""Flags that several commands share, each mirrored by an environment variable."""

from pathlib import Path
from typing import Annotated

import typer

from rollup.config import duration, size, tokens
from rollup.errors import ConfigError, DocumentError
from rollup.protocol.documents import octets
from rollup.protocol.types import Hash

L1 = Annotated[
    str,
    typer.Option(
        "--l1", envvar="PLUMBLINE_L1", help="JSON-RPC endpoint of the chain.", metavar="URL"
    ),
]
DEFAULT_L1 = "http://127.0.0.1:8545"

DeploymentFile = Annotated[
    Path,
    typer.Option(
        "--deployment",
        envvar="PLUMBLINE_DEPLOYMENT",
        help="File that `plumbline deploy` wrote.",
    ),
]
DEFAULT_DEPLOYMENT = Path("deployment.json")

Content = Annotated[
    Path,
    typer.Option(
        "--content",
        envvar="PLUMBLINE_CONTENT",
        help="Folder of programs, params and inputs, named by their hashes.",
    ),
]
DEFAULT_CONTENT = Path("content")

Gateway = Annotated[
    str,
    typer.Option(
        "--gateway", envvar="PLUMBLINE_GATEWAY", help="The sequencer's address.", metavar="URL"
    ),
]
DEFAULT_GATEWAY = "http://127.0.0.1:8600"

Keystore = Annotated[
    Path | None,
    typer.Option("--keystore", envvar="PLUMBLINE_KEYSTORE", help="Encrypted key file (version 3)."),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file", envvar="PLUMBLINE_PASSWORD_FILE", help="File with its password."
    ),
]
UnsafeKey = Annotated[
    str | None,
    typer.Option(
        "--unsafe-key",
        envvar="PLUMBLINE_UNSAFE_KEY",
        help="Private key in hex. Anyone who sees this process sees it: for development.",
    ),
]
UnsafeDevAccount = Annotated[
    int | None,
    typer.Option(
        "--unsafe-dev-account",
        envvar="PLUMBLINE_UNSAFE_DEV_ACCOUNT",
        help="Number of a development chain's account; its key is public.",
        min=0,
        max=2**32 - 1,
    ),
]
Backend = Annotated[
    str,
    typer.Option(
        "--backend",
        envvar="PLUMBLINE_BACKEND",
        help="What executes programs: numba, reference, cupy.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        envvar="PLUMBLINE_THREADS",
        help="Threads that execute and hash. Unless given: one for each processor.",
        min=1,
        max=1024,
    ),
]
CheckpointEvery = Annotated[
    int | None,
    typer.Option(
        "--checkpoint-every",
        envvar="PLUMBLINE_CHECKPOINT_EVERY",
        help="Training steps between two states that are kept of a run, for disputes; 0 keeps none."
        " Unless given: as often as a sixteenth of the run's time allows.",
        min=0,
        max=2**32 - 1,
    ),
]
CheckpointBudget = Annotated[
    int | None,
    typer.Option(
        "--checkpoint-budget",
        envvar="PLUMBLINE_CHECKPOINT_BUDGET",
        parser=size,
        metavar="SIZE",
        help="Disk space for them: 512MiB, 16GiB. Unless given: what the deployment's preset says.",
    ),
]
Json = Annotated[
    Path | None,
    typer.Option("--json", envvar="PLUMBLINE_JSON", help="Also write the report to this file."),
]


def hash_of(said: str, flag: str) -> Hash:
    """The 32 bytes that a flag gives.

    Raises:
        ConfigError: when they are none.
    """
    try:
        return Hash(octets(said, 32, flag))
    except DocumentError as error:
        raise ConfigError(f"{error}, not {said!r}") from error


def seconds(value: str | float) -> float:
    """A duration; the default comes as seconds already."""
    return value if isinstance(value, float) else duration(value)


def amount(value: str | int) -> int:
    """Billionths of an amount in tokens."""
    return value if isinstance(value, int) else tokens(value)


Poll = Annotated[
    float,
    typer.Option(
        "--poll",
        envvar="PLUMBLINE_POLL",
        parser=seconds,
        metavar="DURATION",
        help="Between two looks at L1: 250ms, 10s.",
    ),
]
Patience = Annotated[
    float,
    typer.Option(
        "--patience",
        envvar="PLUMBLINE_PATIENCE",
        parser=seconds,
        metavar="DURATION",
        help="How long to try while L1 or the gateway does not answer: 30s, 5m.",
    ),
]
DEFAULT_PATIENCE = 60.0
Amount = Annotated[
    int,
    typer.Option(
        "--amount",
        envvar="PLUMBLINE_AMOUNT",
        parser=amount,
        metavar="TOKENS",
        help="In tokens, up to nine decimals: 12, 1.5, 0.000000001.",
    ),
]
LogFormat = Annotated[
    str,
    typer.Option("--log-format", envvar="PLUMBLINE_LOG_FORMAT", help="text or json."),
]
