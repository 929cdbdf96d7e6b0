// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Tags} from "./Tags.sol";

/// @title The Merkle sum tree over a program's rows
/// @notice A node is (hash, sum), and a parent's hash binds the sums of both its children, so the path to a row proves
/// how many micro-steps lie to its left (docs/protocol.md, section 5). `prover/commit/sumtree.py` does the same.
library SumTree {
    uint256 private constant NODE_BYTES = 40;
    uint256 private constant PREIMAGE_BYTES = 81;

    /// @notice Hash of the parent of two nodes. The caller has checked that both sums fit 64 bits.
    function join(bytes32 left, uint256 leftSum, bytes32 right, uint256 rightSum) internal pure returns (bytes32 node) {
        uint8 tag = Tags.SUM_NODE;
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore8(p, tag)
            mstore(add(p, 1), left)
            mstore(add(p, 33), shl(192, leftSum))
            mstore(add(p, 41), right)
            mstore(add(p, 73), shl(192, rightSum))
            node := keccak256(p, PREIMAGE_BYTES)
        }
    }

    /// @notice The root above a leaf, and the sum of everything to the leaf's left.
    /// @param offset where the path starts in calldata: (hash, sum u64) pairs from the leaf up. The caller has checked
    /// that `depth` of them follow, and that the index is inside the tree.
    /// @return root hash of the root, which means nothing when `total` does not fit 64 bits.
    /// @return total sum of the root. It never shrinks on the way up: where it equals a u64, every sum fitted.
    /// @return before sum of the leaves to the left.
    function climbAt(bytes32 leaf, uint256 sum, uint256 index, uint256 offset, uint256 depth)
        internal
        pure
        returns (bytes32 root, uint256 total, uint256 before)
    {
        root = leaf;
        total = sum;
        uint8 tag = Tags.SUM_NODE;
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore8(p, tag)
            p := add(p, 1)
            for { let end := add(offset, mul(NODE_BYTES, depth)) } lt(offset, end) { offset := add(offset, NODE_BYTES) } {
                // The node goes left (at p) where the index bit is 0, its sibling to the other side. The sibling is
                // copied second: it overwrites the zeros behind the node's sum.
                let right := and(index, 1)
                let place := add(p, mul(NODE_BYTES, right))
                mstore(place, root)
                mstore(add(place, 32), shl(192, total))
                calldatacopy(add(p, mul(NODE_BYTES, iszero(right))), offset, NODE_BYTES)
                root := keccak256(sub(p, 1), PREIMAGE_BYTES)
                let siblingSum := shr(192, calldataload(add(offset, 32)))
                total := add(total, siblingSum)
                before := add(before, mul(right, siblingSum))
                index := shr(1, index)
            }
        }
    }
}
