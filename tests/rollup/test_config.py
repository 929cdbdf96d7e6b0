"""Settings: flags before variables before defaults, and an error names what is wrong."""

from dataclasses import fields
from pathlib import Path

import pytest

from rollup.config import SequencerSettings, duration, flag, size, tokens, tokens_text, variable
from rollup.errors import ConfigError


def test_flags_win_over_variables_over_defaults() -> None:
    environment = {"PLUMBLINE_POOL_LIMIT": "77", "PLUMBLINE_POLL": "250ms", "OTHER": "x"}
    settings = SequencerSettings.load({"poll": "2s", "port": None, "store": "x.db"}, environment)
    assert (settings.pool_limit, settings.poll, settings.port) == (77, 2.0, 8600)
    assert settings.store == Path("x.db")
    assert SequencerSettings.load({}, {}) == SequencerSettings()


@pytest.mark.parametrize(
    ("flags", "environment", "said"),
    [
        ({"poll": "soon"}, {}, "--poll: 'soon' is no duration"),
        ({}, {"PLUMBLINE_POLL": "10"}, "PLUMBLINE_POLL: '10' is no duration"),
        ({"port": "70000"}, {}, "--port is 70000"),
        ({"workers": "-1"}, {}, "--workers: '-1' is no whole number"),
        ({"pool_limit": "0"}, {}, "--pool-limit is 0"),
        ({"body_limit": "8 MB"}, {}, "--body-limit: '8 MB' is no size"),
        ({"colour": "red"}, {}, "no flag --colour"),
    ],
)
def test_errors_name_their_source(
    flags: dict[str, str | None], environment: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        SequencerSettings.load(flags, environment)
    assert said in str(raised.value)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("said", "seconds"), [("10s", 10), ("250ms", 0.25), ("1.5m", 90), ("2h", 7200), ("1d", 86400)]
)
def test_durations(said: str, seconds: float) -> None:
    assert duration(said) == seconds


@pytest.mark.parametrize(("said", "count"), [("8MiB", 2**23), ("64KiB", 65536), ("100", 100)])
def test_sizes(said: str, count: int) -> None:
    assert size(said) == count


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        ("0", 0),
        ("12", 12 * 10**9),
        ("1.5", 1_500_000_000),
        ("0.000000001", 1),
        ("18446744073.709551615", 2**64 - 1),
    ],
)
def test_amounts(said: str, amount: int) -> None:
    assert tokens(said) == amount
    assert tokens_text(amount) == said


@pytest.mark.parametrize(
    "said", ["", "1.", ".5", "-1", "1e9", "1.0000000001", "1,5", "18446744073.709551616", "\u0661"]
)
def test_no_amounts(said: str) -> None:
    with pytest.raises(ConfigError, match=r"no amount|more than there can be"):
        tokens(said)


def test_every_field_has_a_flag_and_a_variable() -> None:
    assert flag("pool_limit") == "--pool-limit"
    assert variable("pool_limit") == "PLUMBLINE_POOL_LIMIT"
    assert all("parse" in setting.metadata for setting in fields(SequencerSettings))
