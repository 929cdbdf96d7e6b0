"""Ending well: one line and an exit code for each error, patience with L1, a clean stop."""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bisection.errors import ClaimError
from prover.errors import ContentMissing, NotFiniteError, ProgramError
from rollup import files, process, session
from rollup.errors import (
    ConfigError,
    DocumentError,
    GatewayUnavailable,
    L1Error,
    L1Unavailable,
    LostConsistency,
    Refused,
    StoreBusy,
    VoidClaim,
)


@pytest.fixture
def high_recursion_limit() -> Iterator[None]:
    """As py-evm sets it: the parser alone would then run into the end of the stack."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10**6)
    yield
    sys.setrecursionlimit(before)


def raising(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("name a file"), 2),
        (VoidClaim("over-cap", "too much"), 3),
        (ContentMissing("no program"), 3),
        (NotFiniteError("nan in element 1"), 3),
        (Refused("nonce-gap", "the next is 4"), 4),
        (L1Unavailable("no answer"), 6),
        (StoreBusy("held by another"), 7),
        (GatewayUnavailable("nobody there"), 9),
        (LostConsistency("two batches 3"), 70),
        (ClaimError("length 0"), 1),
        (ProgramError("no rows"), 1),
        (OSError(28, "No space left on device", "store.db"), 1),
        (PermissionError(13, "Permission denied", "content"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_error_with_a_name_is_one_line(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert process.ended(raising(error)) == code
    out, said = capsys.readouterr()
    assert out == ""
    assert said.startswith("plumbline: ")
    assert said.count("\n") == 1
    assert str(error).split(" ")[-1] in said or isinstance(error, OSError)


def test_a_line_is_a_line_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert process.ended(raising(ConfigError("a\nb  [red]c[/] :smile:\r\n"))) == 2
    assert capsys.readouterr().err == "plumbline: a b [red]c[/] :smile:\n"


def test_what_ends_well_is_zero_and_what_nobody_named_is_a_bug() -> None:
    assert process.ended(lambda: None) == 0
    assert process.ended(lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        process.ended(raising(ZeroDivisionError()))


def test_sigterm_is_an_interrupt(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    closed = []

    def act() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            threading.Event().wait(10)
        finally:
            closed.append(True)

    try:
        assert process.ended(act) == 130
    finally:
        signal.signal(signal.SIGTERM, before)
    assert closed == [True]
    assert "interrupted" in capsys.readouterr().err


# ---- rounds


class Rounds:
    """A clock that waiting moves, and what each round does: an error, or whether it is done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *rounds: bool | BaseException) -> None:
        self.now = 0.0
        self.rounds = list(rounds)
        monkeypatch.setattr("rollup.session.time.monotonic", lambda: self.now)
        monkeypatch.setattr("rollup.session.time.sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def act(self) -> bool:
        what = self.rounds.pop(0)
        if isinstance(what, BaseException):
            raise what
        return what


def test_rounds_go_on_until_one_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    play = Rounds(monkeypatch, False, False, True, False)
    session.repeat(play.act, poll=2)
    assert (play.now, play.rounds) == (4, [False])


def test_an_l1_that_comes_back_in_time_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    away = [L1Unavailable("no answer")] * 30
    play = Rounds(monkeypatch, False, *away, False, *away, True)
    with caplog.at_level(logging.WARNING, "rollup"):
        session.repeat(play.act, poll=1, patience=31)
    assert play.rounds == []
    assert len(caplog.records) == 60


def test_an_l1_that_stays_away_ends_the_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    play = Rounds(monkeypatch, *[L1Error("filter not found")] * 100)
    with pytest.raises(L1Error, match="filter not found"):
        session.repeat(play.act, poll=1, patience=30)
    assert play.now == 31


def test_other_errors_end_the_rounds_at_once_and_an_interrupt_ends_them_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(LostConsistency):
        session.repeat(Rounds(monkeypatch, LostConsistency("x")).act, poll=1)
    play = Rounds(monkeypatch, False, KeyboardInterrupt(), False)
    with session.serving():
        session.repeat(play.act, poll=1)
    assert play.rounds == [False]


# ---- files


def test_json_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    files.write_json(path, {"b": 1, "a": [2]})
    assert json.loads(path.read_text()) == files.read_json(path, "report") == {"a": [2], "b": 1}
    assert [found.name for found in tmp_path.iterdir()] == ["report.json"]
    files.write_json(None, {})
    with pytest.raises(ConfigError, match="cannot write"):
        files.write_json(tmp_path / "no" / "folder.json", {})
    with pytest.raises(TypeError):
        files.write_json(path, {"b": object()})
    assert files.read_json(path, "report") == {"a": [2], "b": 1}


@pytest.mark.parametrize("data", [b"", b"{", b'{"a": 1', b"\xff\xfe", b"[" * 200_000])
@pytest.mark.usefixtures("high_recursion_limit")
def test_json_that_is_damaged_is_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "proof.json"
    path.write_bytes(data)
    with pytest.raises(DocumentError, match="is no proof: it is damaged or cut short"):
        files.read_json(path, "proof")
    with pytest.raises(ConfigError, match="cannot read the proof"):
        files.read_json(tmp_path / "other.json", "proof")


def test_the_report_of_a_round_is_never_half_there(tmp_path: Path) -> None:
    """A reader sees one whole report or another while they are written over."""
    path, stop = tmp_path / "report.json", threading.Event()
    files.write_json(path, {"n": 0})
    seen: list[Any] = []

    def read() -> None:
        while not stop.is_set():
            seen.append(files.read_json(path, "report")["n"])

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(200):
        files.write_json(path, {"n": number, "padding": "x" * 5_000})
    stop.set()
    reader.join()
    assert seen == sorted(seen)
