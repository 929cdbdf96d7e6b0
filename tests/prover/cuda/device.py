"""The interpreter as a device: the very kernels that a device would run, as PTX."""

from collections.abc import Callable, Collection, Sequence

from prover.backends.cuda.device import Call, Piece
from prover.backends.cuda.kernels import Kernel, sources
from prover.backends.cuda.nvrtc import compile_source
from prover.commit.tensor import Words
from tests.prover.cuda import ptx
from tests.prover.cuda.emulator import Run
from tests.prover.cuda.memory import Heap

ARCH = "sm_80"


class Emulated:
    """See `prover.backends.cuda.device.Device`. `team` is how many threads go together."""

    def __init__(self, team: int = 0) -> None:
        self.heap = Heap()
        self.team = team
        self.kernels: dict[str, ptx.Kernel] = {}
        self.launches = 0

    def load(self, kernels: Collection[Kernel]) -> None:
        for text, names in sources(kernels).items():
            if not self.kernels.keys() >= {*names}:
                self.kernels |= ptx.parse(compile_source(text, ARCH).ptx)

    def take(self, count: int) -> Piece:
        return Piece(self.heap.take(count), count)

    def put(self, piece: Piece, words: Words) -> None:
        self.heap.view(piece.address, piece.count)[:] = words

    def get(self, piece: Piece, words: Words) -> None:
        words[:] = self.heap.view(piece.address, piece.count)

    def record(self, calls: Sequence[Call]) -> Callable[[int], None]:
        def run(times: int) -> None:
            for _ in range(times):
                for call in calls:
                    self.call(call)

        return run

    def call(self, call: Call) -> None:
        self.launches += 1
        kernel = self.kernels[call.kernel]
        run = Run(kernel, self.heap, call.blocks, call.threads, [*call.arguments], self.launches)
        run.go(self.team)
