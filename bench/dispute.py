"""What does a dispute cost an honest party, beside the run that it is about?

    python bench/dispute.py [--json FILE] [--plot FILE] [--quick] [--steps N] [--seed N]

A run of the MLP 784-512-512-10 at batch 128, one bit wrong at a random place that reaches the
run's end, and the whole game, move by move, between the party with the fault and an honest one; the
tensor machine judges the proof. There is no chain. Three honest parties: a defender that kept
nothing of its run, one that kept checkpoints, and a challenger that has just judged the claim.

recomputation: seconds that an honest party's moves and proof take, over those of a plain run in the
same process, the mean of one before and one after the game.
micro-steps: those that it ran again, over the run's. memory: the peak of its process over the peak
of a process that runs the claim, both without what imports take, which is said. Each party is a
process of its own; the first steps, which compile, are not counted.
"""

import gc
import multiprocessing
import random
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bisect")]

from bench._harness import Result, arguments, check, report  # noqa: E402
from bench.models import mlp  # noqa: E402
from bisection import rules as game_rules  # noqa: E402
from bisection import solver  # noqa: E402
from bisection.dissection import Dissection  # noqa: E402
from bisection.errors import StepHolds  # noqa: E402
from bisection.game import (  # noqa: E402
    Action,
    Dissect,
    GameState,
    Open,
    Rules,
    Side,
    Standing,
    Status,
    answering_action,
    opening_action,
    unopened,
)
from bisection.machine import Address, Claim, ClaimId  # noqa: E402
from bisection.ports import Posted  # noqa: E402
from bisection.replay import SharedTrace  # noqa: E402
from prover.backends import backend  # noqa: E402
from prover.checkpoints import Checkpoints  # noqa: E402
from prover.commit.keccak import keccak  # noqa: E402
from prover.execute import run  # noqa: E402
from prover.machine import TensorMachine  # noqa: E402
from prover.program import run_commitment  # noqa: E402
from prover.record import Recorder  # noqa: E402
from prover.record import run as record_run  # noqa: E402
from prover.state import State  # noqa: E402
from prover.trace import TensorTrace  # noqa: E402
from rollup.demo.fault import FaultyTrace, ScalarFault  # noqa: E402

PACKAGES = ("numpy", "numba", "llvmlite")
RATE = 0.05
RULES = Rules(k=16, clock=1_000, grace=100)
RUN = keccak(b"the run in dispute")
DEFENDER, CHALLENGER = Address(b"\xdd" * 20), Address(b"\xcc" * 20)
BUDGET = 1 << 34
RECOMPUTATION, MEMORY = 1.25, 2.0


@dataclass(frozen=True, slots=True)
class Setting:
    """The run in dispute."""

    sizes: tuple[int, ...]
    batch: int
    steps: int


def peak() -> int:
    """Bytes that this process had in memory at most, since `forget_peak` where the system can."""
    for line in _status():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def forget_peak() -> None:
    """Counts peaks from here."""
    path = Path("/proc/self/clear_refs")
    if path.exists():
        path.write_text("5")


def _status() -> list[str]:
    path = Path("/proc/self/status")
    return path.read_text().splitlines() if path.exists() else []


class Party:
    """One process's side: it holds a trace and answers what it is asked."""

    def __init__(self, setting: Setting) -> None:
        self.backend = backend("numba")
        forget_peak()
        self.imports = peak()
        model = mlp(setting.sizes, batch=setting.batch, batches=4)
        traced = model.program(RATE)
        self.program, self.steps = traced.program, setting.steps
        self.words = traced.params.words(model.params(RATE)), traced.inputs.words(model.inputs)
        del model, traced
        run(self.program, 0, min(3, setting.steps), *self.words, self.backend)
        begun = State.start(self.program.depths, *self.words)
        warm = TensorTrace(self.program, 0, 2, begun, self.backend)
        warm.states([n * warm.length // 256 for n in range(0, 256, 5)])
        warm.witness(warm.length // 3)
        del begun, warm
        gc.collect()
        self.length = setting.steps * self.program.micro_steps
        self.fault = ScalarFault(0, 0)
        self.trace: TensorTrace | None = None
        self.shared: SharedTrace | None = None

    def ran(self, folder: str | None) -> tuple[float, int]:
        """Seconds and peak bytes of running the claim; with a folder it keeps checkpoints."""
        forget_peak()
        start = time.perf_counter()
        if folder is None:
            run(self.program, 0, self.steps, *self.words, self.backend)
        else:
            recorder = Recorder(self.program, self.steps, Checkpoints(Path(folder), BUDGET), RUN)
            record_run(self.program, 0, self.steps, *self.words, self.backend, recorder)
        return time.perf_counter() - start, peak() - self.imports

    def believe(self, fault: ScalarFault | None, folder: str | None = None) -> None:
        """Take a fault for the truth, or nothing but the truth."""
        start = State.start(self.program.depths, *self.words)
        where = (self.program, 0, self.steps, start, self.backend)
        if fault is not None:
            self.trace = FaultyTrace(*where, fault)
        else:
            store = None if folder is None else Checkpoints(Path(folder), BUDGET)
            recorder = Recorder(self.program, self.steps, store, RUN)
            self.trace = TensorTrace(*where, recorder=recorder)
        self.shared = SharedTrace(self.trace)
        forget_peak()

    def ends(self) -> tuple[bytes, bytes, bytes, int]:
        """Pre, post and program of the claim that this party makes, and its length."""
        assert self.shared is not None
        pre, post = self.shared.states([0, self.length])
        return pre, post, run_commitment(self.program.id, 0), self.length

    def answer(self, state: GameState, posted: Posted | None) -> tuple[Action, float]:
        """What the solver does, and the seconds it takes."""
        assert self.shared is not None
        start = time.perf_counter()
        action: Action
        if posted is None:
            action = opening_action(solver.opening(state.claim, self.shared, state.rules.k))
        else:
            decision = solver.respond(posted.dissection, self.shared, state.rules.k)
            action = answering_action(state, posted.prior, posted.dissection, decision)
        return action, time.perf_counter() - start

    def costs(self) -> tuple[int, int, int]:
        """Micro-steps and passes so far, and peak bytes since it began to believe."""
        assert self.trace is not None
        return self.trace.replayed, self.trace.passes, peak() - self.imports


def serve(connection: Connection, setting: Setting) -> None:
    """A party's process: method names and arguments come in, results go out."""
    party = Party(setting)
    connection.send(party.imports)
    while (asked := connection.recv()) is not None:
        name, given = asked
        connection.send(getattr(party, name)(*given))


class Remote:
    """A party in a process of its own."""

    def __init__(self, setting: Setting) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=serve, args=(there, setting), daemon=True)
        self._process.start()
        there.close()
        self.imports: int = self._here.recv()

    def ask(self, name: str, *given: object) -> Any:
        """Calls a method of `Party` there."""
        self._here.send((name, given))
        return self._here.recv()

    def close(self) -> None:
        """Ends the process."""
        self._here.send(None)
        self._process.join()


@dataclass(frozen=True, slots=True)
class Costs:
    """What a game made the honest party do."""

    seconds: float
    replayed: float
    passes: int
    peak: int
    moves: int


def play(honest: Remote, liar: Remote, side: Side, claim: Claim) -> Costs:
    """The whole game; the honest party wins it, or the liar's proof is refused."""
    before, passes, _ = honest.ask("costs")
    machine, state, now = TensorMachine(), unopened(claim, CHALLENGER, RULES), 1_000
    posted: Posted | None = None
    seconds, moves = 0.0, 0
    while state.status in (Status.UNOPENED, Status.PLAYING):
        mover = honest if state.turn is side else liar
        action, took = mover.ask("answer", state, posted)
        seconds += took if mover is honest else 0.0
        try:
            after = game_rules.apply(
                state,
                action,
                now=now,
                mover=state.player(state.turn),
                machine=machine,
                standing=Standing.LIVE,
            )
        except StepHolds:
            check(mover is liar, "the honest party's proof was refused")
            break
        if isinstance(action, Open):
            values = (claim.pre, *action.values)
            posted = Posted(state.head, Dissection(after.start, after.length, values))
        elif isinstance(action, Dissect):
            values = (action.opening.left, *action.values)
            posted = Posted(state.head, Dissection(after.start, after.length, values))
        state, moves = after, moves + 1
    won = {Side.CHALLENGER: Status.CHALLENGER_WON, Side.DEFENDER: Status.DEFENDER_WON}
    check(state.status in (won[side], Status.PLAYING), "the liar won")
    after_, passes_, peak_ = honest.ask("costs")
    return Costs(seconds, (after_ - before) / claim.length, passes_ - passes, peak_, moves)


def claim_of(party: Remote) -> Claim:
    pre, post, program, length = party.ask("ends")
    return Claim(1, ClaimId(keccak(post)), program, pre, post, length, DEFENDER)


def lie(liar: Remote, truth: Claim, seed: int) -> Claim:
    """Makes the liar believe in a fault that reaches the end; what it claims then."""
    draw = random.Random(seed)
    for _ in range(20):
        liar.ask("believe", ScalarFault(draw.randrange(truth.length), draw.randrange(20, 31)))
        claim = claim_of(liar)
        if claim.post != truth.post:
            return claim
    sys.exit("no fault that was drawn reaches the end; take another --seed")


def results(setting: Setting, seed: int) -> list[Result]:
    """All figures."""
    name = f"mlp-{'-'.join(map(str, setting.sizes))}/batch={setting.batch}/steps={setting.steps}"
    made: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="plumbline-bench-") as folder:
        worker = Remote(setting)
        plain, memory = worker.ask("ran", None)
        kept = []
        for turn in range(3):
            here = folder if not turn else f"{folder}-{turn}"
            seconds = worker.ask("ran", here)[0]
            kept.append(seconds / worker.ask("ran", None)[0])
            if turn:
                shutil.rmtree(here)
        disk = sum(path.stat().st_size for path in Path(folder).glob("*/*"))
        worker.close()
        made += [
            Result(f"{name}/run", plain, "s", "lower"),
            Result(f"{name}/run/checkpoints", median(kept), "times the run", "lower"),
            Result(f"{name}/run/checkpoints/disk", disk / 2**20, "MiB", "lower"),
            Result(f"{name}/run/memory", memory / 2**20, "MiB", "lower"),
            Result("imports/memory", worker.imports / 2**20, "MiB", "lower"),
        ]
        liar = Remote(setting)
        honest = Remote(setting)
        honest.ask("believe", None)
        truth = claim_of(honest)
        honest.close()
        false = lie(liar, truth, seed)
        for title, side, place in (
            ("defender", Side.DEFENDER, None),
            ("defender-with-checkpoints", Side.DEFENDER, folder),
            ("challenger", Side.CHALLENGER, None),
        ):
            honest = Remote(setting)
            before = honest.ask("ran", None)[0]
            honest.ask("believe", None, place)
            if side is Side.CHALLENGER:
                check(claim_of(honest).post != false.post, "the claim is judged")
            costs = play(honest, liar, side, truth if side is Side.DEFENDER else false)
            plain = (before + honest.ask("ran", None)[0]) / 2
            honest.close()
            made += [
                Result(
                    f"{name}/{title}/recomputation", costs.seconds / plain, "times the run",
                    "lower", RECOMPUTATION,
                ),
                Result(f"{name}/{title}/micro-steps", costs.replayed, "times the run", "lower"),
                Result(
                    f"{name}/{title}/memory", costs.peak / memory, "times the run's", "lower",
                    MEMORY,
                ),
                Result(f"{name}/{title}/passes", costs.passes, "passes", "lower"),
                Result(f"{name}/{title}/moves", costs.moves, "moves", "lower"),
            ]  # fmt: skip
        liar.close()
    return made


def main() -> None:
    """Plays the games."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--steps", type=int, default=1_000, help="training steps of the run")
    parser.add_argument("--seed", type=int, default=0, help="of the fault's place")
    flags = parser.parse_args()
    setting = Setting((784, 512, 512, 10), 128, flags.steps)
    if flags.quick:
        setting = Setting((16, 12, 4), 8, 40)
    report(results(setting, flags.seed), PACKAGES, flags.json, flags.plot)


if __name__ == "__main__":
    main()
