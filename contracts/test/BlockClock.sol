// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice A clock that nobody pauses.
contract BlockClock {
    function protocolTime() external view returns (uint64) {
        return uint64(block.timestamp);
    }
}
