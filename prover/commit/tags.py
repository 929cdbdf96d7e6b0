"""Domain tags: the first byte of every hashed preimage (docs/protocol.md, section 2).

No preimage of one tag can pass for a preimage of another. `Tags.sol` holds the same table; a test
compares them.
"""

from enum import IntEnum


class Tag(IntEnum):
    """What a hashed preimage stands for."""

    TENSOR_LEAF = 0x01
    TENSOR_NODE = 0x02
    REGISTER = 0x03
    SEGMENT_NODE = 0x04
    STATE = 0x05
    ROW = 0x06
    SUM_NODE = 0x07
    PROGRAM = 0x08
    RUN = 0x09
    HISTORY_NODE = 0x0A
    HISTORY = 0x0B
    BUNDLE_LEAF = 0x0C
    BUNDLE_NODE = 0x0D
    HEADER = 0x0E
    CHUNK = 0x0F
    DISSECTION_LEAF = 0x10
    DISSECTION_NODE = 0x11
    MOVE = 0x12
    ACCOUNT = 0x13
    RECORD = 0x14
    JOB = 0x15
    EPOCH = 0x16
    LEDGER_NODE = 0x17
    LEDGER_STATE = 0x18
    LEDGER_RUN = 0x19
    ENTRY = 0x1A
    ENTRY_NODE = 0x1B
    INBOX_ENTRY = 0x1C
    ASSERTION = 0x1D
    FORCED = 0x1E
    FIELD = 0x1F
    FIELD_NODE = 0x20
