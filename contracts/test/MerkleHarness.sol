// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Dissections} from "../src/libraries/Dissections.sol";
import {Merkle} from "../src/libraries/Merkle.sol";
import {Tags} from "../src/libraries/Tags.sol";
import {Turn, Turns} from "../src/libraries/Turns.sol";

/// @title The game's libraries, callable
contract MerkleHarness {
    function ceilLog2(uint256 count) external pure returns (uint256) {
        return Merkle.ceilLog2(count);
    }

    function pair(bytes32 left, bytes32 right, uint8 tag) external pure returns (bytes32) {
        return Merkle.pair(left, right, tag);
    }

    function root(bytes32[] calldata leaves, uint8 tag) external pure returns (bytes32 result, bytes32 untouched) {
        bytes32[] memory copy = leaves;
        bytes memory after_ = new bytes(32);
        result = Merkle.root(copy, tag);
        // Neither its argument nor what was allocated is written to.
        for (uint256 i = 0; i < leaves.length; ++i) {
            require(copy[i] == leaves[i]);
        }
        untouched = bytes32(after_);
    }

    function climb(bytes32 leaf, uint256 index, bytes32[] calldata path, uint8 tag) external pure returns (bytes32) {
        return Merkle.climb(leaf, index, path, tag);
    }

    function climb2(bytes32 oldLeaf, bytes32 newLeaf, uint256 index, bytes32[] calldata path, uint8 tag)
        external
        pure
        returns (bytes32, bytes32)
    {
        return Merkle.climb2(oldLeaf, newLeaf, index, path, tag);
    }

    /// @notice Climbs along a path that starts `skip` bytes into `witness`.
    function climbInside(bytes32 leaf, uint256 index, bytes calldata witness, uint256 skip, uint256 depth, uint8 tag)
        external
        pure
        returns (bytes32 node, bytes32 oldRoot, bytes32 newRoot)
    {
        uint256 offset;
        assembly ("memory-safe") {
            offset := add(witness.offset, skip)
        }
        node = Merkle.climbAt(leaf, index, offset, depth, tag);
        (oldRoot, newRoot) = Merkle.climb2At(leaf, ~leaf, index, offset, depth, tag);
    }

    function dissectionRoot(bytes32 start, bytes32[] calldata values) external pure returns (bytes32, bytes32) {
        return Dissections.root(start, values, Merkle.ceilLog2(values.length));
    }

    function bounds(uint256 start, uint256 length, uint256 part, uint256 parts)
        external
        pure
        returns (uint256, uint256)
    {
        return Dissections.bounds(start, length, part, parts);
    }

    /// @notice What is packed comes out again, open and closed.
    function turn(
        uint64 start,
        uint64 length,
        uint32 challengerClock,
        uint32 defenderClock,
        uint40 movedAt,
        uint8 moves,
        bool defender
    ) external pure {
        uint256 mover = defender ? Turns.DEFENDER : Turns.CHALLENGER;
        Turn t = Turns.pack(start, length, challengerClock, defenderClock, movedAt, moves, mover);
        for (uint256 i = 0; i < 2; ++i) {
            require(t.start() == start && t.length() == length && t.movedAt() == movedAt && t.moves() == moves);
            require(t.clock(Turns.CHALLENGER) == challengerClock && t.clock(Turns.DEFENDER) == defenderClock);
            require(t.mover() == mover && t.isOpen() == (i == 0));
            t = t.closed();
        }
    }

    function used(uint40 movedAt, uint256 time) external pure returns (uint256) {
        return Turns.pack(0, 0, 0, 0, movedAt, 0, 0).used(time);
    }

    /// @notice All tags, in the order of the table.
    function tags() external pure returns (uint8[32] memory) {
        return [
            Tags.TENSOR_LEAF,
            Tags.TENSOR_NODE,
            Tags.REGISTER,
            Tags.SEGMENT_NODE,
            Tags.STATE,
            Tags.ROW,
            Tags.SUM_NODE,
            Tags.PROGRAM,
            Tags.RUN,
            Tags.HISTORY_NODE,
            Tags.HISTORY,
            Tags.BUNDLE_LEAF,
            Tags.BUNDLE_NODE,
            Tags.HEADER,
            Tags.CHUNK,
            Tags.DISSECTION_LEAF,
            Tags.DISSECTION_NODE,
            Tags.MOVE,
            Tags.ACCOUNT,
            Tags.RECORD,
            Tags.JOB,
            Tags.EPOCH,
            Tags.LEDGER_NODE,
            Tags.LEDGER_STATE,
            Tags.LEDGER_RUN,
            Tags.ENTRY,
            Tags.ENTRY_NODE,
            Tags.INBOX_ENTRY,
            Tags.ASSERTION,
            Tags.FORCED,
            Tags.FIELD,
            Tags.FIELD_NODE
        ];
    }
}
