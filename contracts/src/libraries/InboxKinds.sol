// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What an inbox entry says
/// @notice docs/ledger.md, section 5; `rollup/protocol/ledger/inbox.py` holds the same table.
library InboxKinds {
    uint8 internal constant REGISTER = 1;
    uint8 internal constant DEPOSIT = 2;
    uint8 internal constant SLOTS = 3;
    uint8 internal constant EXIT = 4;
    uint8 internal constant SLASH = 5;
    uint8 internal constant JOB = 6;
    uint8 internal constant CONFIRM = 7;
    uint8 internal constant EPOCH = 8;
    uint8 internal constant FORCED = 9;
}
