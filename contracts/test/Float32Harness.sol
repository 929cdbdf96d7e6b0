// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Float32} from "../src/libraries/Float32.sol";
import {Scalar} from "../src/libraries/Scalar.sol";

/// @title Float32Harness
/// @notice Runs scalar operations on many operands a call. Test only.
contract Float32Harness {
    /// @notice Applies an opcode to packed cases of 16 bytes: the words acc, x, y, z.
    /// @return results One word (4 bytes) a case, in order.
    function evaluate(
        uint8 opcode,
        bytes calldata cases
    ) external pure returns (bytes memory results) {
        uint256 count = cases.length / 16;
        results = _words(count);
        for (uint256 i = 0; i < count; ++i) {
            (uint32 acc, uint32 x, uint32 y, uint32 z) = _case(cases, i);
            _put(results, i, Scalar.evaluate(opcode, acc, x, y, z));
        }
    }

    /// @notice The gas between a case's words on the stack and its result in memory, through
    /// Float32 directly; for MOVE, what that costs without computing anything.
    /// @return results One word (4 bytes) a case, in order.
    function measure(
        uint8 opcode,
        bytes calldata cases
    ) external view returns (bytes memory results) {
        uint256 count = cases.length / 16;
        results = _words(count);
        for (uint256 i = 0; i < count; ++i) {
            (, uint32 x, uint32 y, uint32 z) = _case(cases, i);
            uint256 before = 0;
            // A case's result goes where its gas is written afterwards.
            if (opcode == 0x01) {
                before = gasleft();
                _put(results, i, Float32.add(x, y));
            } else if (opcode == 0x02) {
                before = gasleft();
                _put(results, i, Float32.sub(x, y));
            } else if (opcode == 0x03) {
                before = gasleft();
                _put(results, i, Float32.mul(x, y));
            } else if (opcode == 0x04) {
                before = gasleft();
                _put(results, i, Float32.fma(x, y, z));
            } else if (opcode == 0x05) {
                before = gasleft();
                _put(results, i, Float32.div(x, y));
            } else if (opcode == 0x06) {
                before = gasleft();
                _put(results, i, Float32.sqrt(x));
            } else if (opcode == 0x07) {
                before = gasleft();
                _put(results, i, Float32.maximum(x, y));
            } else if (opcode == 0x08) {
                before = gasleft();
                _put(results, i, Float32.lt(x, y));
            } else if (opcode == 0x09) {
                before = gasleft();
                _put(results, i, Float32.le(x, y));
            } else if (opcode == 0x0a) {
                before = gasleft();
                _put(results, i, Float32.eq(x, y));
            } else if (opcode == 0x19) {
                before = gasleft();
                _put(results, i, Float32.fromInt(x));
            } else if (opcode == 0x1a) {
                before = gasleft();
                _put(results, i, Float32.toIntNearest(x));
            } else if (opcode == 0x1b) {
                before = gasleft();
                _put(results, i, Float32.toIntZero(x));
            } else {
                before = gasleft();
                _put(results, i, x);
            }
            _put(results, i, uint32(before - gasleft()));
        }
    }

    /// @notice What Scalar says about an opcode.
    function table(
        uint8 opcode
    )
        external
        pure
        returns (bool valid, bool fold, uint32 identity, uint256 arity, uint256 weight)
    {
        return (
            Scalar.isOpcode(opcode),
            Scalar.isFold(opcode),
            Scalar.identity(opcode),
            Scalar.arity(opcode),
            Scalar.weight(opcode)
        );
    }

    function _case(
        bytes calldata cases,
        uint256 i
    ) private pure returns (uint32 acc, uint32 x, uint32 y, uint32 z) {
        assembly ("memory-safe") {
            let word := shr(128, calldataload(add(cases.offset, mul(i, 16))))
            acc := shr(96, word)
            x := and(shr(64, word), 0xffffffff)
            y := and(shr(32, word), 0xffffffff)
            z := and(word, 0xffffffff)
        }
    }

    /// @dev An array of `count` words, with room for what `_put` writes beyond the last.
    function _words(uint256 count) private pure returns (bytes memory words) {
        words = new bytes(count * 4 + 32);
        assembly ("memory-safe") {
            mstore(words, mul(count, 4))
        }
    }

    /// @dev Writes 32 bytes, of which the first 4 stay once the next word is written.
    function _put(bytes memory results, uint256 i, uint32 word) private pure {
        assembly ("memory-safe") {
            mstore(add(add(results, 32), mul(i, 4)), shl(224, word))
        }
    }
}
