"""What must survive a crash: entries, sealed batches, and what was about to be sent to L1."""

from rollup.store.port import (
    Accepted,
    Intent,
    Located,
    Pooled,
    Posted,
    Sealed,
    Store,
    StoredBatch,
    SubmitResult,
)
from rollup.store.sqlite import SqliteStore

__all__ = [
    "Accepted",
    "Intent",
    "Located",
    "Pooled",
    "Posted",
    "Sealed",
    "SqliteStore",
    "Store",
    "StoredBatch",
    "SubmitResult",
]
