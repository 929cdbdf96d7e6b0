// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Binary Merkle trees with tagged nodes
/// @notice docs/protocol.md, section 2: a tree over `count` leaves has 2^ceilLog2(count) places; a path lists siblings
/// from the leaf up; bit j of the index says on which side level j's node is. The caller brings the depth from a
/// committed count, never from the path's length, and must have bounded the index by that count: bits above the depth
/// are not looked at.
/// @dev Hashing works at the free memory pointer without moving it: nothing is allocated.
library Merkle {
    /// @notice Depth of a tree over `count` leaves; 0 for none or one.
    function ceilLog2(uint256 count) internal pure returns (uint256) {
        return count < 2 ? 0 : Math.log2(count - 1) + 1;
    }

    /// @notice H(tag | left | right).
    function pair(bytes32 left, bytes32 right, uint8 tag) internal pure returns (bytes32 node) {
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore8(p, tag)
            mstore(add(p, 1), left)
            mstore(add(p, 33), right)
            node := keccak256(p, 65)
        }
    }

    /// @notice The root that `leaf` at `index` has, given its siblings.
    /// @param path siblings from the leaf up; the caller has checked their number.
    function climb(bytes32 leaf, uint256 index, bytes32[] calldata path, uint8 tag) internal pure returns (bytes32) {
        uint256 offset;
        assembly ("memory-safe") {
            offset := path.offset
        }
        return climbAt(leaf, index, offset, path.length, tag);
    }

    /// @notice As `climb`, for a path that lies inside a longer witness.
    /// @param offset where the path starts in calldata, in bytes; the caller has checked that 32 * depth bytes follow.
    function climbAt(bytes32 leaf, uint256 index, uint256 offset, uint256 depth, uint8 tag)
        internal
        pure
        returns (bytes32 node)
    {
        assembly ("memory-safe") {
            // The pair lies at 0x20 with its tag in front, over the free memory pointer, which comes back at the end:
            // constant places cost less than places behind the pointer.
            let free := mload(0x40)
            node := leaf
            mstore8(0x1f, tag)
            index := shl(5, index)
            let end := add(offset, shl(5, depth))
            // The node goes left where the index bit is 0, its sibling to the other side. Two levels a turn, while
            // there are two.
            for { let even := sub(end, 32) } lt(offset, even) { offset := add(offset, 64) } {
                let side := and(index, 32)
                mstore(add(0x20, side), node)
                mstore(sub(0x40, side), calldataload(offset))
                side := and(shr(1, index), 32)
                mstore(add(0x20, side), keccak256(0x1f, 65))
                mstore(sub(0x40, side), calldataload(add(offset, 32)))
                node := keccak256(0x1f, 65)
                index := shr(2, index)
            }
            if lt(offset, end) {
                let side := and(index, 32)
                mstore(add(0x20, side), node)
                mstore(sub(0x40, side), calldataload(offset))
                node := keccak256(0x1f, 65)
            }
            mstore(0x40, free)
        }
    }

    /// @notice Roots before and after replacing one leaf, in one pass over its siblings.
    function climb2(bytes32 oldLeaf, bytes32 newLeaf, uint256 index, bytes32[] calldata path, uint8 tag)
        internal
        pure
        returns (bytes32 oldRoot, bytes32 newRoot)
    {
        uint256 offset;
        assembly ("memory-safe") {
            offset := path.offset
        }
        return climb2At(oldLeaf, newLeaf, index, offset, path.length, tag);
    }

    /// @notice As `climb2`, for a path that lies inside a longer witness (see `climbAt`).
    function climb2At(bytes32 oldLeaf, bytes32 newLeaf, uint256 index, uint256 offset, uint256 depth, uint8 tag)
        internal
        pure
        returns (bytes32 oldRoot, bytes32 newRoot)
    {
        assembly ("memory-safe") {
            oldRoot := oldLeaf
            newRoot := newLeaf
            let p := mload(0x40)
            mstore8(p, tag)
            p := add(p, 1)
            for { let end := add(offset, shl(5, depth)) } lt(offset, end) { offset := add(offset, 32) } {
                let side := shl(5, and(index, 1))
                mstore(add(p, xor(side, 32)), calldataload(offset))
                mstore(add(p, side), oldRoot)
                oldRoot := keccak256(sub(p, 1), 65)
                mstore(add(p, side), newRoot)
                newRoot := keccak256(sub(p, 1), 65)
                index := shr(1, index)
            }
        }
    }

    /// @notice Root of the tree over `leaves` whose absent leaves are 32 zero bytes; that constant itself for none.
    function root(bytes32[] memory leaves, uint8 tag) internal pure returns (bytes32 result) {
        uint256 count = leaves.length;
        uint256 depth = ceilLog2(count);
        assembly ("memory-safe") {
            // Copy to scratch with a byte in front of it for the first tag, then fill up with absent leaves.
            let nodes := add(mload(0x40), 32)
            mstore(nodes, 0)
            mcopy(nodes, add(leaves, 32), shl(5, count))
            let width := shl(depth, 1)
            for { let i := count } lt(i, width) { i := add(i, 1) } { mstore(add(nodes, shl(5, i)), 0) }
        }
        uint256 place;
        assembly ("memory-safe") {
            place := add(mload(0x40), 32)
        }
        return fold(place, depth, tag);
    }

    /// @notice Root of the 2^depth nodes at `place` in scratch memory, which it overwrites.
    /// @dev Each pair is hashed where it lies: its tag takes the byte in front of it, the last one of a node that is
    /// hashed already (of the word before `place` for the first pair, which the caller leaves free). Pair j's hash is
    /// kept at word j, below everything that is still to be read.
    function fold(uint256 place, uint256 depth, uint8 tag) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            for { let width := shl(5, shl(depth, 1)) } gt(width, 32) { width := shr(1, width) } {
                let to := place
                let from := sub(place, 1)
                let end := add(from, width)
                // Two pairs a turn, while there are two.
                for { let even := sub(end, 64) } lt(from, even) { from := add(from, 128) } {
                    mstore8(from, tag)
                    mstore(to, keccak256(from, 65))
                    mstore8(add(from, 64), tag)
                    mstore(add(to, 32), keccak256(add(from, 64), 65))
                    to := add(to, 64)
                }
                if lt(from, end) {
                    mstore8(from, tag)
                    mstore(to, keccak256(from, 65))
                }
            }
            result := mload(place)
        }
    }
}
