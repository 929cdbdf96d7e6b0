"""One item's failure is its own: each is retried by itself, ever later, and the others go on."""

import time
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Retries(Generic[Key]):
    """When each failed item is due again: after `first` seconds, then twice as long, up to `limit`.

    `clock` gives seconds and never goes back. Keep `limit` far below a game's clock.
    """

    def __init__(
        self, first: float = 1.0, limit: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._first = first
        self._limit = limit
        self._clock = clock
        self._failed: dict[Key, tuple[float, float]] = {}  # delay, due at

    def due(self, key: Key) -> bool:
        """Whether the item may be tried now."""
        return key not in self._failed or self._clock() >= self._failed[key][1]

    def failed(self, key: Key) -> float:
        """Notes a failure; the seconds until the item is due again."""
        delay = self._first
        if key in self._failed:
            delay = min(2 * self._failed[key][0], self._limit)
        self._failed[key] = (delay, self._clock() + delay)
        return delay

    def succeeded(self, key: Key) -> None:
        """Forgets the item's failures."""
        self._failed.pop(key, None)

    def keep(self, keys: Iterable[Key]) -> None:
        """Forgets all items but `keys`."""
        kept = set(keys)
        self._failed = {key: entry for key, entry in self._failed.items() if key in kept}
