"""Settings of the sequencer: flags first, then `PLUMBLINE_*` variables, then defaults.

A field `pool_limit` is the flag `--pool-limit` and the variable `PLUMBLINE_POOL_LIMIT`. Durations
are written `10s`, `250ms`, `5m`, `2h` or `1d`, sizes `8MiB`, `64KiB` or plain bytes, amounts as
tokens: `12` or `1.5`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from rollup.errors import ConfigError
from rollup.protocol.types import U64_MAX

PREFIX: Final = "PLUMBLINE_"

BILLION: Final = 10**9
"""Billionths of a token, which amounts are counted in, in a token."""

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_SIZES: Final = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def duration(said: str) -> float:
    """Seconds of "10s", "250ms", "5m", "2h", "1d".

    Raises:
        ConfigError: when it is none of these.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", said.strip())
    if match is None:
        raise ConfigError(f"{said!r} is no duration; write 250ms, 10s, 5m, 2h or 1d")
    return float(match[1]) * _UNITS[match[2]]


def size(said: str) -> int:
    """Bytes of "8MiB", "64KiB" or "1000".

    Raises:
        ConfigError: when it is none of these.
    """
    match = re.fullmatch(r"(\d+)\s*(B|KiB|MiB|GiB)?", said.strip())
    if match is None:
        raise ConfigError(f"{said!r} is no size; write 8MiB, 64KiB or bytes")
    return int(match[1]) * _SIZES[match[2] or ""]


def tokens(said: str) -> int:
    """Billionths of "1", "1.5" or "0.000000001" tokens: what amounts are counted in.

    Raises:
        ConfigError: when it is none of these, or more than there can be.
    """
    match = re.fullmatch(r"([0-9]{1,20})(?:\.([0-9]{1,9}))?", said.strip())
    if match is None:
        raise ConfigError(f"{said!r} is no amount; write tokens with at most 9 decimals: 12 or 1.5")
    amount = int(match[1]) * BILLION + int((match[2] or "").ljust(9, "0"))
    if amount > U64_MAX:
        raise ConfigError(f"{said!r} is more than there can be; at most {tokens_text(U64_MAX)}")
    return amount


def tokens_text(amount: int) -> str:
    """The inverse of `tokens`: "1.5" for 1,500,000,000."""
    whole, part = divmod(amount, BILLION)
    return f"{whole}.{part:09}".rstrip("0").rstrip(".")


def integer(said: str) -> int:
    """A whole number from 0 up.

    Raises:
        ConfigError: when it is none.
    """
    if not (said.strip().isascii() and said.strip().isdigit()):
        raise ConfigError(f"{said!r} is no whole number")
    return int(said)


def _setting(default: Any, parse: Callable[[str], Any], most: float, least: float = 0) -> Any:
    return field(default=default, metadata={"parse": parse, "least": least, "most": most})


@dataclass(frozen=True, slots=True)
class SequencerSettings:
    """How one sequencer process runs. What the protocol fixes is in its preset instead.

    Raises:
        ConfigError: naming the flag whose value is out of bounds.
    """

    store: Path = field(default=Path("sequencer.db"), metadata={"parse": Path})
    """File of the store; its lock and write-ahead log lie beside it."""
    host: str = field(default="127.0.0.1", metadata={"parse": str})
    """Address that the gateway listens on."""
    port: int = _setting(8600, integer, 65_535)
    """Port that the gateway listens on; 0 takes a free one."""
    poll: float = _setting(1.0, duration, 3_600, 0.001)
    """Seconds between two looks at L1."""
    workers: int = _setting(0, integer, 256)
    """Processes that recover signers; 0 does it in the gateway's own."""
    pool_limit: int = _setting(262_144, integer, 2**24, 1)
    """Receipts that may wait for L1; more are refused for the time being."""
    ahead: int = _setting(2, integer, 1_024, 1)
    """Sealed batches that may wait for L1; until then the pool fills larger ones."""
    stale_after: float = _setting(600.0, duration, 86_400 * 30)
    """Seconds of waiting for L1 after which /healthz fails."""
    bump_after: float = _setting(60.0, duration, 86_400)
    """Seconds without progress after which fees are raised."""
    body_limit: int = _setting(8 * 2**20, size, 2**30, 1_024)
    """Bytes of a request's body."""

    def __post_init__(self) -> None:
        for setting in fields(self):
            if "most" not in setting.metadata:
                continue
            value, least, most = (
                getattr(self, setting.name),
                setting.metadata["least"],
                setting.metadata["most"],
            )
            if not least <= value <= most:
                raise ConfigError(
                    f"{flag(setting.name)} is {value}; it lies between {least} and {most}"
                )

    @classmethod
    def load(
        cls, flags: Mapping[str, str | None], environment: Mapping[str, str]
    ) -> "SequencerSettings":
        """Settings from flags by field name (None: not given) and from the environment.

        Raises:
            ConfigError: naming the flag or variable that is wrong.
        """
        known = {setting.name for setting in fields(cls)}
        unknown = sorted(flags.keys() - known)
        if unknown:
            raise ConfigError(f"there is no flag {flag(unknown[0])}")
        values: dict[str, Any] = {}
        for setting in fields(cls):
            given, source = flags.get(setting.name), flag(setting.name)
            if given is None:
                given, source = environment.get(variable(setting.name)), variable(setting.name)
            if given is None:
                continue
            try:
                values[setting.name] = setting.metadata["parse"](given)
            except ConfigError as error:
                raise ConfigError(f"{source}: {error}") from None
        return cls(**values)


def flag(name: str) -> str:
    """The flag of a field."""
    return "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """The environment variable of a field."""
    return PREFIX + name.upper()
