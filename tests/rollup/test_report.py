"""How far a long computation is: a bar at a terminal, an event now and then elsewhere."""

import io
import logging

import pytest
from rich.console import Console

from rollup import report
from tests.rollup.following import events


class Clock:
    """A time that moves when told."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(report, "time", made)
    return made


def test_elsewhere_an_event_every_ten_seconds(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="rollup"), report.Meter() as meter:
        for second in range(26):
            clock.now = 100.0 + second
            meter("replay of 0xab", second, 50)
        meter("another", 0, 9)  # begins its own time
        clock.now += 9
        meter("another", 8, 9)
    told = [one["done"] for one in events(caplog, "progress")]
    assert told == ["20%", "40%"]


def test_what_is_soon_done_says_nothing(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="rollup"), report.Meter() as meter:
        for part in range(5):
            clock.now += 1
            meter("replay", part, 5)
    assert not events(caplog, "progress")


def test_at_a_terminal_a_bar_that_goes_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    meter = report.Meter()

    def interrupted() -> None:
        with meter:
            meter("replay of 0xab", 1, 4)
            meter("replay of 0xab", 3, 4)
            meter("replay of 0xcd", 0, 9)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    drawn = terminal.getvalue()
    assert "replay of 0xab" in drawn
    assert drawn.endswith("\x1b[2K") or drawn.rstrip("\r\n").endswith("\x1b[2K"), "it is wiped out"
    assert not events(caplog, "progress")
    with meter:  # may be used again
        meter("replay of 0xef", 1, 2)
    assert "replay of 0xef" in terminal.getvalue()


def test_titles_are_whole_over_narrow_tables() -> None:
    address = "0xc332dbBB3C886B9116f52d2034E5889F67b11aa8"
    drawn = io.StringIO()
    Console(file=drawn, width=80).print(report.facts(address, {"slots": 1}))
    assert drawn.getvalue().splitlines()[0].rstrip() == address
