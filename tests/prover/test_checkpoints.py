"""What is kept of runs is whole, is what was kept, and stays within its budget."""

import logging
import os
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from prover import record
from prover.backends import backend
from prover.checkpoints import Checkpoints, run_name
from prover.commit.keccak import Hash, keccak
from prover.errors import NotFiniteError, PositionError
from prover.execute import advance, run
from prover.record import Keeping, Recorder
from prover.record import run as record_run
from prover.row import Segment, register_id
from prover.state import State, segment_root
from tests.prover.test_execute import DATA, WEIGHTS, descent

NUMBA = backend("numba")
RUN, OTHER = keccak(b"a run"), keccak(b"another")
PLENTY = 1 << 20


@pytest.fixture(autouse=True)
def _small_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny program does less with each word than those that the constant is for."""
    monkeypatch.setattr(record, "SAVE_COST", 64)


def start() -> State:
    return State.start(descent().depths, [WEIGHTS], [DATA])


def at(position: int) -> State:
    state = start()
    advance(descent(), 1, state, 0, position, NUMBA)
    return state


def save(store: Checkpoints, position: int, run: Hash = RUN) -> bool:
    state = at(position)
    return store.save(run, position, state, state.commitment())


def file_of(store: Checkpoints, position: int, run: Hash = RUN) -> Path:
    return store.folder / run.hex() / f"{position}.checkpoint"


def test_what_was_kept_comes_back_at_any_position(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path / "new/folder", PLENTY)
    begun = start()
    for position in range(1, 28):  # inside folds, rows and steps, and between steps
        assert save(store, position)
        state = store.load(RUN, position, begun)
        assert state is not None
        assert state.commitment() == at(position).commitment()
        assert state.acc == at(position).acc
        assert state.tensor(register_id(Segment.INPUTS, 0)) is begun.tensor(
            register_id(Segment.INPUTS, 0)
        )
        state.tensor(register_id(Segment.PARAMS, 0))[0] ^= 1  # the caller's own
    assert store.positions(RUN) == list(range(1, 28))
    assert Checkpoints(store.folder, PLENTY).positions(RUN) == list(range(1, 28))
    assert store.positions(OTHER) == []
    assert store.load(OTHER, 5, begun) is None
    assert begun.commitment() == start().commitment()


def cut(data: bytes) -> bytes:
    return data[:-1]


def head_only(data: bytes) -> bytes:
    return data[:40]


def half_a_table(data: bytes) -> bytes:
    return data[:93]


def nothing(data: bytes) -> bytes:
    return b""


def longer(data: bytes) -> bytes:
    return data + b"\0"


def other_word(data: bytes) -> bytes:
    return data[:-2] + bytes([data[-2] ^ 1, data[-1]])


def other_accumulator(data: bytes) -> bytes:
    return data[:48] + bytes([data[48] ^ 1]) + data[49:]


def other_version(data: bytes) -> bytes:
    return data[:4] + b"\2\0" + data[6:]


def endless(data: bytes) -> bytes:
    return data[:52] + b"\xff\xff\xff\xff" + data[56:]


def an_input(data: bytes) -> bytes:
    return data[:88] + b"\0\x40" + data[90:]


def beyond_its_segment(data: bytes) -> bytes:
    return data[:88] + b"\xff\x3f" + data[90:]


@pytest.mark.parametrize(
    "damage",
    [
        cut, head_only, half_a_table, nothing, longer, other_word, other_accumulator,
        other_version, endless, an_input, beyond_its_segment,
    ],
)  # fmt: skip
def test_a_damaged_file_is_not_believed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[bytes], bytes]
) -> None:
    caplog.set_level(logging.INFO)
    store = Checkpoints(tmp_path, PLENTY)
    assert save(store, 20)
    path = file_of(store, 20)
    path.write_bytes(damage(path.read_bytes()))
    assert store.load(RUN, 20, start()) is None
    (record,) = caplog.records
    assert record.__dict__["event"] == "checkpoint.ignored"
    assert record.__dict__["fields"]["file"] == path
    assert not path.exists()
    assert save(store, 20)
    assert store.load(RUN, 20, start()) is not None


def test_a_foreign_file_is_not_believed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Checkpoints(tmp_path, PLENTY)
    for position in (10, 20):
        save(store, position)
    save(store, 20, OTHER)
    file_of(store, 20).rename(file_of(store, 10))  # of another position
    assert store.load(RUN, 10, start()) is None
    file_of(store, 20, OTHER).rename(file_of(store, 20))  # of another run
    assert store.load(RUN, 20, start()) is None
    save(store, 20)
    data = DATA.copy()
    data[0] ^= np.uint32(1)
    other = State.start(descent().depths, [WEIGHTS], [data])  # of other inputs
    assert store.load(RUN, 20, other) is None
    assert [record.__dict__["event"] for record in caplog.records] == ["checkpoint.ignored"] * 3
    assert Checkpoints(tmp_path, PLENTY).positions(RUN) == []


def test_what_lies_about_is_passed_over_and_a_crash_leaves_nothing(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path, PLENTY)
    save(store, 20)
    folder = file_of(store, 20).parent
    (folder / "notes.txt").write_text("mine")
    (folder / "x.checkpoint").write_text("mine")
    (tmp_path / "file").write_text("mine")
    left = folder / ".abc.tmp"
    left.write_bytes(b"half a state")  # killed while it was written
    assert Checkpoints(tmp_path, PLENTY).positions(RUN) == [20]
    assert not left.exists()
    store.remove(RUN)
    assert sorted(path.name for path in folder.iterdir()) == ["notes.txt", "x.checkpoint"]


def test_every_second_one_goes_when_the_budget_is_reached(tmp_path: Path) -> None:
    save(Checkpoints(tmp_path / "one", PLENTY), 9)
    size = file_of(Checkpoints(tmp_path / "one", PLENTY), 9).stat().st_size
    store = Checkpoints(tmp_path, 4 * size)
    seen = []
    for position in range(9, 100, 9):
        assert save(store, position)
        seen.append([at // 9 for at in store.positions(RUN)])
        assert sum(p.stat().st_size for p in file_of(store, 9).parent.iterdir()) <= 4 * size
    assert seen[3:6] == [[1, 2, 3, 4], [2, 4, 5], [2, 4, 5, 6]]
    # The fullest run gives way, then the oldest.
    for name in range(4):
        assert save(store, 9, keccak(bytes([name])))
        os.utime(file_of(store, 9, keccak(bytes([name]))), (name, name))
    kept = [keccak(bytes([name])) for name in range(4)]
    assert [len(store.positions(run)) for run in [RUN, *kept]] == [1, 0, 1, 1, 1]
    assert save(store, 9, OTHER)
    assert [len(store.positions(run)) for run in [OTHER, RUN, *kept]] == [1, 1, 0, 0, 1, 1]


@pytest.mark.parametrize("budget", [0, 50])
def test_without_room_nothing_is_kept(tmp_path: Path, budget: int) -> None:
    store = Checkpoints(tmp_path, budget)
    assert not save(store, 9)
    assert store.positions(RUN) == []


def test_a_disk_that_refuses_costs_a_checkpoint_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = Checkpoints(tmp_path, PLENTY)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        assert not save(store, 9)
    (record,) = caplog.records
    assert record.__dict__["event"] == "checkpoint.failed"
    assert list(tmp_path.glob("*/*")) == list(tmp_path.glob("*/.*")) == []
    assert save(store, 9)


def test_threads_and_stores_share_a_folder(tmp_path: Path) -> None:
    states = {position: at(position) for position in range(1, 40)}
    for state in states.values():
        state.commitment()
    stores = [Checkpoints(tmp_path, 3_000) for _ in range(3)]
    wrong: list[int] = []

    def play(seed: int) -> None:
        draw = np.random.default_rng(seed)
        store, begun = stores[seed % 3], start()
        for _ in range(60):
            position = int(draw.integers(1, 40))
            if draw.random() < 0.5:
                store.save(RUN, position, states[position], states[position].commitment())
            else:
                state = store.load(RUN, position, begun)
                if state is not None and state.commitment() != states[position].commitment():
                    wrong.append(position)
            if draw.random() < 0.05:
                store.remove(RUN)

    threads = [threading.Thread(target=play, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert list(tmp_path.glob("*/.*")) == []
    for store in stores:
        assert sum(path.stat().st_size for path in tmp_path.glob("*/*.checkpoint")) <= 3 * 3_000
        store.remove(RUN)
    assert list(tmp_path.iterdir()) == []


def recorded(store: Checkpoints, steps: int, every: int | None) -> list[int]:
    """Training steps that a run leaves checkpoints at."""
    program = descent()
    params = segment_root([WEIGHTS], program.depths.params)
    inputs = segment_root([DATA], program.depths.inputs)
    keeping = Keeping(store, every)
    recorder = keeping.recorder(program, 1, steps, params, inputs)
    result = record_run(program, 1, steps, [WEIGHTS], [DATA], NUMBA, recorder, finite=False)
    plain = run(program, 1, steps, [WEIGHTS], [DATA], NUMBA, finite=False)
    assert (result.params_root, result.outputs_root) == (plain.params_root, plain.outputs_root)
    name = run_name(program.id, 1, params, inputs)
    for position in store.positions(name):
        state = store.load(name, position, start())
        assert state is not None
        assert state.commitment() == at(position).commitment()
    return [position // program.micro_steps for position in store.positions(name)]


def test_a_run_leaves_regular_checkpoints(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path, PLENTY)
    assert recorded(store, 50, 10) == [10, 20, 30, 40]
    assert recorded(store, 50, 0) == [10, 20, 30, 40]  # the same run: they are still there
    store.remove(store_run(store))
    assert recorded(store, 50, 0) == []
    assert recorded(store, 1, 1) == []  # the end of a claim is committed, not kept


def store_run(store: Checkpoints) -> Hash:
    (folder,) = store.folder.iterdir()
    return Hash(bytes.fromhex(folder.name))


def test_unless_told_a_run_keeps_what_is_worth_its_time(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path, PLENTY)
    assert recorded(store, 50, None) == []
    # Every 30 steps were 64 parts; four words are worth 64 * 4 micro-steps, a sixteenth of 4,096.
    assert recorded(store, 64 * 30, None) == [480, 960, 1_440]


def test_the_interval_doubles_with_the_budget(tmp_path: Path) -> None:
    size = 120
    left = recorded(Checkpoints(tmp_path, 10 * size), 200, 1)
    assert 3 <= len(left) <= 10
    assert max(b - a for a, b in pairwise(left)) <= 64


def test_no_run_fills_a_folder_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prover.record.MOST", 8)
    left = recorded(Checkpoints(tmp_path, PLENTY), 200, 1)
    assert 4 <= len(left) <= 8


def test_nothing_is_kept_of_a_run_that_breaks(tmp_path: Path) -> None:
    weights = WEIGHTS.copy()
    weights[0] = np.float32("nan").view(np.uint32)
    recorder = Recorder(descent(), 5, Checkpoints(tmp_path, PLENTY), RUN, every=1)
    with pytest.raises(NotFiniteError):
        record_run(descent(), 1, 5, [weights], [DATA], NUMBA, recorder)
    assert list(tmp_path.glob("*/*")) == []
    with pytest.raises(PositionError, match="at least one training step"):
        record_run(descent(), 1, 0, [weights], [DATA], NUMBA, recorder)
    with pytest.raises(PositionError, match="every 1 step or more"):
        Recorder(descent(), 5, every=-1)


def test_a_recorder_without_a_store_takes_its_folder_along() -> None:
    recorder = Recorder(descent(), 100, every=10)
    record_run(descent(), 1, 100, [WEIGHTS], [DATA], NUMBA, recorder)
    assert recorder.nearest(899) == 90 * 9
    assert recorder._store is not None
    folder = recorder._store.folder
    assert folder.exists()
    del recorder
    assert not folder.exists()
