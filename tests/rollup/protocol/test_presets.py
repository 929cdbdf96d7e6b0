"""The presets keep the inequalities, and each inequality guards against something."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollup.errors import ConfigError
from rollup.protocol.presets import MAINNET, MINIMAL, PRESETS, Preset
from rollup.protocol.types import Seconds


@pytest.mark.parametrize("preset", PRESETS.values(), ids=str)
def test_rules_hold(preset: Preset) -> None:
    assert all(holds for _, holds in preset.rules)
    assert PRESETS[preset.name] is preset


@pytest.mark.parametrize("preset", [MAINNET, MINIMAL], ids=["mainnet", "minimal"])
@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"k": 1}, "2 <= k"),
        ({"k": 65}, "k <= 64"),
        ({"burn_bps": 0}, "burnt part"),
        ({"burn_bps": 10_000}, "burnt part"),
        ({"chunk_bytes": 120_001}, "chunk_bytes"),
        ({"max_claim_rows": 65_536}, "65,535"),
        ({"batch_receipts": 65_537}, "65,536"),
        ({"confirmations": 0}, "at least 1"),
        ({"max_window_work": 1}, "max_claim_work [+] 2 [*] forced_window_work <= max_window_work"),
        ({"forced_window_work": 2**64}, r"< 2\^64"),
        ({"forced_window_work": 1}, "max_claim_work <= forced_window_work"),
        ({"forced_window_work": 2**46}, "2 [*] forced_window_work <= max_window_work"),
        ({"grace": 1}, "two moves"),
        ({"challenge_bond": 10**9}, "challenge bond > bond"),
        ({"base_fee_cap": 10**13}, "pays a game's gas"),
        ({"max_window_work": 2**60}, "window / 3"),
    ],
)
def test_each_rule_refuses(preset: Preset, change: dict[str, Any], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        replace(preset, **change)


@pytest.mark.parametrize("preset", [MAINNET, MINIMAL], ids=["mainnet", "minimal"])
def test_rules_have_no_slack_to_lose_unseen(preset: Preset) -> None:
    needed = preset.inbox_deadline + preset.window + preset.availability + preset.game_duration
    replace(preset, unbonding=Seconds(needed))
    with pytest.raises(ConfigError, match="unbonding"):
        replace(preset, unbonding=Seconds(needed - 1))
    clock = preset.censorship + preset.worst_replay + preset.moves_a_side * preset.move_time
    with pytest.raises(ConfigError, match="clock >="):
        replace(preset, clock=Seconds(clock - 1))


@pytest.mark.parametrize("preset", [MAINNET, MINIMAL], ids=["mainnet", "minimal"])
def test_what_is_admitted_and_forced_is_one_window_s_work(preset: Preset) -> None:
    claim, room = preset.max_claim_work, preset.max_window_work
    for tried in (preset, replace(preset, forced_window_work=claim)):
        assert tried.admitted_window_work + 2 * tried.forced_window_work == room
    most = (room - claim) // 2  # two forced windows' worth and one admitted claim
    assert replace(preset, forced_window_work=most).admitted_window_work >= claim
    with pytest.raises(ConfigError, match="forced_window_work"):
        replace(preset, forced_window_work=most + 1)
    with pytest.raises(ConfigError, match="forced_window_work"):
        replace(preset, forced_window_work=claim - 1)


def test_figures_by_hand() -> None:
    # 2^40 steps at k = 16: ten dissections and a proof; the challenger opens with the first.
    assert MAINNET.dissections == 10
    assert MAINNET.moves_a_side == 6
    assert MAINNET.game_protocol_time == 2 * 172_800 + 2 * 21_600
    assert MAINNET.finality == 604_800 + 388_800 + 604_800
    # 2^40 * 16 / 15 work units at 2.5e8 a second
    assert MAINNET.worst_replay == 4_692
    assert MAINNET.defendable_games == (172_800 - 86_400 - 4_692) // 72
    # an eighth of a window's work, twice kept free
    assert (MAINNET.forced_window_work, MAINNET.admitted_window_work) == (2**42, 3 * 2**43)
    assert (MINIMAL.forced_window_work, MINIMAL.admitted_window_work) == (2**32, 3 * 2**33)
    assert MINIMAL.dissections == 8
    assert MINIMAL.moves_a_side == 5


@given(st.integers(2, 64), st.integers(1, 2**62 - 1))
def test_dissections_are_the_game_s(k: int, length: int) -> None:
    # Played out: every round keeps the longest part of floor(i * L / m) cuts.
    class Shape:
        max_claim_work = length

    Shape.k = k  # type: ignore[attr-defined]
    counted = Preset.dissections.fget(Shape)  # type: ignore[attr-defined]
    played, left = 0, length
    while left > 1:
        m = min(k, left)
        left = max((i + 1) * left // m - i * left // m for i in range(m))
        played += 1
    assert played == counted


def test_every_parameter_is_told() -> None:
    assert all(field.name for field in fields(Preset))
    assert {preset.k for preset in PRESETS.values()} == {16}
