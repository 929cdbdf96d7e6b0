// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Domain tags
/// @notice The first byte of every hashed preimage, so that nothing passes for anything else (docs/protocol.md,
/// section 2). `prover/commit/tags.py` holds the same table and a test compares the two.
library Tags {
    uint8 internal constant TENSOR_LEAF = 0x01;
    uint8 internal constant TENSOR_NODE = 0x02;
    uint8 internal constant REGISTER = 0x03;
    uint8 internal constant SEGMENT_NODE = 0x04;
    uint8 internal constant STATE = 0x05;
    uint8 internal constant ROW = 0x06;
    uint8 internal constant SUM_NODE = 0x07;
    uint8 internal constant PROGRAM = 0x08;
    uint8 internal constant RUN = 0x09;
    uint8 internal constant HISTORY_NODE = 0x0a;
    uint8 internal constant HISTORY = 0x0b;
    uint8 internal constant BUNDLE_LEAF = 0x0c;
    uint8 internal constant BUNDLE_NODE = 0x0d;
    uint8 internal constant HEADER = 0x0e;
    uint8 internal constant CHUNK = 0x0f;
    uint8 internal constant DISSECTION_LEAF = 0x10;
    uint8 internal constant DISSECTION_NODE = 0x11;
    uint8 internal constant MOVE = 0x12;
    uint8 internal constant ACCOUNT = 0x13;
    uint8 internal constant RECORD = 0x14;
    uint8 internal constant JOB = 0x15;
    uint8 internal constant EPOCH = 0x16;
    uint8 internal constant LEDGER_NODE = 0x17;
    uint8 internal constant LEDGER_STATE = 0x18;
    uint8 internal constant LEDGER_RUN = 0x19;
    uint8 internal constant ENTRY = 0x1a;
    uint8 internal constant ENTRY_NODE = 0x1b;
    uint8 internal constant INBOX_ENTRY = 0x1c;
    uint8 internal constant ASSERTION = 0x1d;
    uint8 internal constant FORCED = 0x1e;
    uint8 internal constant FIELD = 0x1f;
    uint8 internal constant FIELD_NODE = 0x20;
}
