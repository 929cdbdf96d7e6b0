"""What the tests of the store share: opening one, filling it, and reading its answers."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from rollup.errors import Refused
from rollup.protocol import codec
from rollup.protocol.batch import Batch
from rollup.protocol.eip712 import Domain
from rollup.protocol.header import Header, data_hashes, genesis, split
from rollup.protocol.types import Hash
from rollup.store import Posted, Sealed, SqliteStore
from tests.rollup.entries import DOMAIN
from tests.rollup.headers import following

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


@asynccontextmanager
async def opened(path: Path, domain: Domain = DOMAIN) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path, domain)
    try:
        yield store
    finally:
        await store.close()


async def seal(store: SqliteStore, count: int) -> Sealed:
    """Seals the first `count` pooled entries."""
    pooled = (await store.pooled())[:count]
    batch = Batch.of([p.entry for p in pooled])
    chunks = split(codec.encode(batch.entries), 300)
    sealed = Sealed(
        pooled[-1].sequence,
        len(batch.receipts),
        batch.root,
        data_hashes(chunks)[-1],
        tuple(chunks),
    )
    await store.seal(sealed, 50)
    return sealed


def header_of(sealed: Sealed, *before: Header, posted: int = 7) -> Header:
    """Its header, after those before; genesis goes without saying."""
    chain = [genesis(DOMAIN), *before]
    return following(chain, sealed.receipts, sealed.root, sealed.data_hash, posted)


def placed(header: Header, block: int) -> Posted:
    """Where L1 holds a header."""
    return Posted(header, block, Hash(header.hash[::-1]))


def codes(results: list[Any]) -> list[str]:
    return [
        result.code if isinstance(result, Refused) else "known" if result.known else "new"
        for result in results
    ]
