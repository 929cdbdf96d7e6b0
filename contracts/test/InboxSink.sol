// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Inbox} from "../src/Inbox.sol";
import {Receipt} from "../src/libraries/LedgerReceipts.sol";

/// @title An inbox without a rollup: keeps what its writers append
contract InboxSink is Inbox {
    uint64 private _count;

    constructor(address[] memory writers) Inbox(writers) {}

    function inboxCount() public view override returns (uint64) {
        return _count;
    }

    /// @notice Root of the tree over `count` leaves from `first` on.
    function rootOf(uint64 first, uint256 count) external view returns (bytes32) {
        return _rootOf(first, count);
    }

    function _meter(Receipt memory) internal pure override {}

    function _setInboxCount(uint64 count) internal override {
        _count = count;
    }
}
