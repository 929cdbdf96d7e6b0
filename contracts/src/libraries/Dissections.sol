// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Merkle} from "./Merkle.sol";
import {Tags} from "./Tags.sol";

/// @title Heads and dissections
/// @notice docs/protocol.md, section 7; `bisect/bisection/dissection.py` is the same in Python.
library Dissections {
    /// @notice Head of a game that is not open yet: H(MOVE | claim id | challenger).
    function firstHead(bytes32 claimId, address challenger) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tags.MOVE, claimId, challenger));
    }

    /// @notice Head after a dissection with root `tree`: H(MOVE | prior | start u64 | length u64 | tree).
    function nextHead(bytes32 prior, uint256 start, uint256 length, bytes32 tree) internal pure returns (bytes32 head) {
        uint8 tag = Tags.MOVE;
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore8(p, tag)
            mstore(add(p, 1), prior)
            mstore(add(p, 33), or(shl(192, start), shl(128, length)))
            mstore(add(p, 49), tree)
            head := keccak256(p, 81)
        }
    }

    /// @notice First step and length of part `part` < `parts` of `length` < 2^62 steps from `start`.
    function bounds(uint256 start, uint256 length, uint256 part, uint256 parts)
        internal
        pure
        returns (uint256 first, uint256 steps)
    {
        unchecked {
            uint256 from = part * length / parts;
            steps = (part + 1) * length / parts - from;
            first = start + from;
        }
    }

    /// @notice Root of the dissection that has the pair (start, end) at `part`, given the pair's siblings.
    function rootOf(bytes32 start, bytes32 end, uint256 part, bytes32[] calldata path) internal pure returns (bytes32) {
        return Merkle.climb(Merkle.pair(start, end, Tags.DISSECTION_LEAF), part, path, Tags.DISSECTION_NODE);
    }

    /// @notice Root over the leaves H(DISSECTION_LEAF | v[i] | v[i+1]), and the last value.
    /// @param start v[0].
    /// @param values v[1..m], at least one.
    /// @param depth ceilLog2(m).
    function root(bytes32 start, bytes32[] calldata values, uint256 depth)
        internal
        pure
        returns (bytes32 result, bytes32 last)
    {
        uint8 tag = Tags.DISSECTION_LEAF;
        uint256 place;
        assembly ("memory-safe") {
            // Word 0 at `place` and then v[0..m] in words 1..m+1. Leaf i is hashed where its two values lie: its tag
            // takes the byte in front of them, in a word that is hashed already, and the leaf then takes that word.
            place := add(mload(0x40), 32)
            let word := place
            let end := add(place, shl(5, values.length))
            mstore(add(place, 32), start)
            calldatacopy(add(place, 64), values.offset, shl(5, values.length))
            last := mload(add(end, 32))
            // Four leaves a turn, while there are four.
            for { let four := sub(end, 96) } lt(word, four) { word := add(word, 128) } {
                mstore8(add(word, 31), tag)
                mstore(word, keccak256(add(word, 31), 65))
                mstore8(add(word, 63), tag)
                mstore(add(word, 32), keccak256(add(word, 63), 65))
                mstore8(add(word, 95), tag)
                mstore(add(word, 64), keccak256(add(word, 95), 65))
                mstore8(add(word, 127), tag)
                mstore(add(word, 96), keccak256(add(word, 127), 65))
            }
            for {} lt(word, end) { word := add(word, 32) } {
                mstore8(add(word, 31), tag)
                mstore(word, keccak256(add(word, 31), 65))
            }
            // Absent leaves.
            for { end := add(place, shl(5, shl(depth, 1))) } lt(word, end) { word := add(word, 32) } {
                mstore(word, 0)
            }
        }
        result = Merkle.fold(place, depth, Tags.DISSECTION_NODE);
    }
}
