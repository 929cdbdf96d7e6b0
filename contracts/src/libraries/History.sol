// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IRollup} from "../interfaces/IRollup.sol";
import {Tags} from "./Tags.sol";

/// @title The history of all batches: mountains over header hashes
/// @notice docs/protocol.md, section 8. `size` leaves make one perfect tree for each 1 in `size`, the highest first; their
/// roots are the peaks, and H(HISTORY | peaks) stands for all leaves in order. `rollup/protocol/history.py` computes the
/// same.
library History {
    /// @notice Of no leaves.
    function empty() internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tags.HISTORY));
    }

    /// @notice The history with one leaf more. Reverts unless `peaks` are those behind `history`.
    /// @param history of `size` leaves: the number of its peaks is the number of ones in `size`.
    function extended(bytes32 history, bytes32[] calldata peaks, uint64 size, bytes32 leaf)
        internal
        pure
        returns (bytes32 longer)
    {
        bytes32 found;
        uint256 first;
        uint8 tag = Tags.HISTORY;
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore8(p, tag)
            first := add(p, 1)
            calldatacopy(first, peaks.offset, shl(5, peaks.length))
            found := keccak256(p, add(shl(5, peaks.length), 1))
        }
        if (found != history) revert IRollup.WrongHistory(history);
        uint8 node = Tags.HISTORY_NODE;
        assembly ("memory-safe") {
            // The leaf is the lowest peak, until a peak of its own height is there to its left.
            let end := add(first, shl(5, peaks.length))
            let left := add(end, 33)
            let right := add(end, 65)
            mstore8(sub(left, 1), node)
            for {} and(size, 1) { size := shr(1, size) } {
                end := sub(end, 32)
                mstore(left, mload(end))
                mstore(right, leaf)
                leaf := keccak256(sub(left, 1), 65)
            }
            mstore(end, leaf)
            longer := keccak256(sub(first, 1), add(sub(end, first), 33))
        }
    }
}
