"""The tables.

Entries are numbered in the order of acceptance and batches take them in that order. So a batch is
told by its last entry alone, and no row changes when an entry moves from the pool into a batch.
"""

from typing import Final

APPLICATION_ID: Final = 0x504C554D
"""Marks the file as ours ("PLUM")."""

VERSION: Final = 3

TABLES: Final = """
CREATE TABLE identity (
    chain_id TEXT NOT NULL,
    rollup   BLOB NOT NULL
) STRICT;

CREATE TABLE entries (
    sequence INTEGER PRIMARY KEY,          -- from 1, without a gap
    id       BLOB    NOT NULL UNIQUE,      -- struct hash that was signed
    start    INTEGER NOT NULL,             -- receipts in all entries before it
    count    INTEGER NOT NULL,             -- its receipts
    accepted INTEGER NOT NULL,             -- unix seconds
    work     INTEGER NOT NULL,             -- work units that its receipts claim
    account  INTEGER NOT NULL,
    nonce    INTEGER NOT NULL,             -- of its first receipt
    data     BLOB    NOT NULL              -- batch data of the entry alone
) STRICT;

CREATE INDEX entries_work ON entries (accepted, work) WHERE work > 0;

CREATE TABLE bundled (                     -- receipts whose id is not their entry's
    id       BLOB    PRIMARY KEY,
    sequence INTEGER NOT NULL,
    place    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    account INTEGER PRIMARY KEY,
    next    INTEGER NOT NULL               -- nonce
) STRICT;

CREATE TABLE forced (                      -- nonces that L1's inbox used before any batch did
    account INTEGER NOT NULL,
    nonce   INTEGER NOT NULL,
    number  INTEGER,                       -- batch that took the receipt, NULL when L1 lost it
    raised  INTEGER NOT NULL,              -- 0: an entry has the nonce, and does nothing
    PRIMARY KEY (account, nonce)
) STRICT, WITHOUT ROWID;

CREATE TABLE batches (
    number    INTEGER PRIMARY KEY,         -- from 1, without a gap
    last      INTEGER NOT NULL,            -- sequence of its last entry
    start     INTEGER NOT NULL,            -- receipts in all batches before it
    receipts  INTEGER NOT NULL,            -- 0: inbox entries alone
    root      BLOB    NOT NULL,
    data_hash BLOB    NOT NULL,
    sealed    INTEGER NOT NULL,            -- unix seconds
    ours      INTEGER NOT NULL DEFAULT 1,  -- 0: somebody else posted it, it has none of the entries
    parent    BLOB,                        -- the next ones while L1 holds it
    history   BLOB,
    posted    INTEGER,                     -- protocol time
    inbox     INTEGER,
    seen      INTEGER,
    taken     INTEGER,
    inbox_root BLOB,
    peaks     BLOB,                        -- behind history, highest first
    block     INTEGER,
    mined_by  BLOB,                        -- hash of the transaction
    final     INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE chunks (
    number INTEGER NOT NULL,
    place  INTEGER NOT NULL,
    data   BLOB    NOT NULL,
    PRIMARY KEY (number, place)
) STRICT;

CREATE TABLE journal (                     -- transactions, written before they are sent
    written INTEGER PRIMARY KEY,
    number  INTEGER NOT NULL,
    nonce   INTEGER NOT NULL,
    hash    BLOB    NOT NULL UNIQUE,
    raw     BLOB    NOT NULL
) STRICT;
CREATE INDEX journal_nonce ON journal (nonce);
"""
