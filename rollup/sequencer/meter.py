"""How much work one challenge window holds: what a reference validator can recompute."""

from collections import deque
from collections.abc import Iterable


class WorkMeter:
    """Work units taken in over the last `window` seconds, at most `limit`.

    The window that counts begins when a batch is posted, a little after its entries are accepted; a
    sliding window over acceptances holds the same work, only earlier.
    """

    def __init__(self, limit: int, window: float) -> None:
        self._limit = limit
        self._window = window
        self._taken: deque[tuple[float, int]] = deque()
        self._used = 0

    @property
    def limit(self) -> int:
        """The most that one window holds."""
        return self._limit

    @property
    def window(self) -> float:
        """Seconds that work stays counted."""
        return self._window

    def load(self, taken: Iterable[tuple[float, int]]) -> None:
        """Takes up (unix second, work units) from before, in order."""
        self._taken = deque(taken)
        self._used = sum(work for _, work in self._taken)

    def used(self, now: float) -> int:
        """Work units in the window that ends now."""
        while self._taken and self._taken[0][0] <= now - self._window:
            self._used -= self._taken.popleft()[1]
        return self._used

    def take(self, work: int, now: float) -> bool:
        """Counts `work`, when there is room for it; else nothing."""
        if work and self.used(now) + work > self._limit:
            return False
        if work:
            self._taken.append((now, work))
            self._used += work
        return True

    def give_back(self, work: int) -> None:
        """What was taken and not used after all."""
        if work:
            self._taken.append((self._taken[-1][0] if self._taken else 0.0, -work))
            self._used -= work
