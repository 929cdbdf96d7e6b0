// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Scalar} from "./Scalar.sol";

/// @notice A packed row, by the place of its 160 bytes in calldata.
type Row is uint256;
/// @notice A packed operand, by the place of its 40 bytes in calldata.
type Operand is uint256;

using Rows for Row global;
using Rows for Operand global;

/// @title Rows of a program
/// @notice Fields of packed rows, and what makes a row decodable (docs/protocol.md, section 5). `prover/program.py`
/// does the same.
library Rows {
    uint256 internal constant ROW_BYTES = 160;
    uint256 private constant OPERAND_BYTES = 40;
    uint256 private constant FIELD_BOUND = 1 << 28;
    uint256 private constant COUNT_BOUND = 1 << 48;
    uint256 private constant INPUTS = 1;

    uint8 private constant IMMEDIATE = 1;
    uint8 private constant REGISTER = 2;

    // ------------------------------------------------------------------------------------ rows

    /// @notice Number of micro-steps; 0 when the row is undecodable or would have 2^48 or more.
    function count(Row row, uint32 depths) internal pure returns (uint256 product) {
        unchecked {
            uint8 op = row.opcode();
            uint256 outRegister = row.out();
            if (!Scalar.isOpcode(op) || _u8(Row.unwrap(row) + 1) != 0) return 0;
            if (segmentOf(outRegister) == INPUTS || !holds(depths, outRegister)) return 0;
            if (_u32(Row.unwrap(row) + 12) >= FIELD_BOUND) return 0;
            product = 1;
            // Four dimensions and the fold length: five numbers in a row.
            for (uint256 base = 20; base < 40; base += 4) {
                uint256 size = _u32(Row.unwrap(row) + base);
                if (size >= FIELD_BOUND) return 0;
                product *= size;
            }
            if (product >= COUNT_BOUND) return 0;
            uint256 used = Scalar.arity(op);
            for (uint256 i = 0; i < used; ++i) {
                if (!row.operand(i).decodable(depths)) return 0;
            }
        }
    }

    /// @notice Words that the row touches: its out length and the lengths of the registers that its opcode reads.
    function words(Row row) internal pure returns (uint256 sum) {
        unchecked {
            sum = row.outLength();
            uint256 used = Scalar.arity(row.opcode());
            for (uint256 i = 0; i < used; ++i) {
                Operand one = row.operand(i);
                if (!one.isImmediate()) sum += one.length();
            }
        }
    }

    /// @notice Byte 0: the opcode.
    function opcode(Row row) internal pure returns (uint8) {
        return _u8(Row.unwrap(row));
    }

    /// @notice The out register's id.
    function out(Row row) internal pure returns (uint256) {
        unchecked {
            return _u32(Row.unwrap(row)) & 0xffff;
        }
    }

    /// @notice Length in words that the out register has after a write.
    function outLength(Row row) internal pure returns (uint256) {
        unchecked {
            return _u32(Row.unwrap(row) + 4);
        }
    }

    /// @notice Where element `element` is written in training step `step`.
    function outAddress(Row row, uint256 element, uint256 step) internal pure returns (int256) {
        unchecked {
            uint256 base = Row.unwrap(row);
            return _i32(base + 8) + _turn(_u32(base + 12), _i32(base + 16), step) + int256(element);
        }
    }

    /// @notice Fold length.
    function fold(Row row) internal pure returns (uint256) {
        unchecked {
            return _u32(Row.unwrap(row) + 36);
        }
    }

    /// @notice Operand 0, 1 or 2: x, y or z.
    function operand(Row row, uint256 i) internal pure returns (Operand) {
        unchecked {
            return Operand.wrap(Row.unwrap(row) + OPERAND_BYTES * (i + 1));
        }
    }

    // -------------------------------------------------------------------------------- operands

    /// @notice Whether a used operand says something: an immediate, or a register that exists.
    function decodable(Operand self, uint32 depths) internal pure returns (bool) {
        unchecked {
            uint256 base = Operand.unwrap(self);
            uint8 kind = _u8(base);
            if (_u8(base + 1) != 0) return false;
            if (kind == IMMEDIATE) return true;
            return kind == REGISTER && _u32(base + 32) < FIELD_BOUND && holds(depths, self.register());
        }
    }

    /// @notice Whether the operand is a constant; in a decodable row it is a register otherwise.
    function isImmediate(Operand self) internal pure returns (bool) {
        return _u8(Operand.unwrap(self)) == IMMEDIATE;
    }

    /// @notice The constant of an immediate.
    function word(Operand self) internal pure returns (uint32) {
        unchecked {
            return uint32(_u32(Operand.unwrap(self) + 8));
        }
    }

    /// @notice The register's id.
    function register(Operand self) internal pure returns (uint256) {
        unchecked {
            return _u32(Operand.unwrap(self)) & 0xffff;
        }
    }

    /// @notice The register's length in words as the row expects it.
    function length(Operand self) internal pure returns (uint256) {
        unchecked {
            return _u32(Operand.unwrap(self) + 4);
        }
    }

    /// @notice The exact signed address at a place of the row's iteration space; below 2^62 in magnitude.
    function addressAt(Operand self, Row row, uint256 element, uint256 foldIndex, uint256 step)
        internal
        pure
        returns (int256 result)
    {
        unchecked {
            uint256 base = Operand.unwrap(self);
            result = _i32(base + 8) + _i32(base + 28) * int256(foldIndex) + _turn(_u32(base + 32), _i32(base + 36), step);
            // Digits of the element, the last dimension the fastest; dimension j is at 20 + 4j, its stride at 12 + 4j.
            uint256 dimension = Row.unwrap(row) + 32;
            for (uint256 stride = base + 24; stride > base + 12; stride -= 4) {
                uint256 size = _u32(dimension);
                result += _i32(stride) * int256(element % size);
                element /= size;
                dimension -= 4;
            }
            result += _i32(base + 12) * int256(element);
        }
    }

    // ------------------------------------------------------------------------------- registers

    /// @notice The segment of a register id.
    function segmentOf(uint256 id) internal pure returns (uint256) {
        return id >> 14;
    }

    /// @notice The index of a register id inside its segment.
    function indexOf(uint256 id) internal pure returns (uint256) {
        return id & 0x3fff;
    }

    /// @notice Depth of a segment's tree.
    function depthOf(uint32 depths, uint256 segment) internal pure returns (uint256) {
        unchecked {
            return (depths >> (24 - 8 * segment)) & 0xff;
        }
    }

    /// @notice Whether a register's index is inside its segment.
    function holds(uint32 depths, uint256 id) internal pure returns (bool) {
        return indexOf(id) >> depthOf(depths, segmentOf(id)) == 0;
    }

    // ------------------------------------------------------------------------------------------

    /// @dev The step term of an address; nothing for modulus 0.
    function _turn(uint256 modulus, int256 stride, uint256 step) private pure returns (int256) {
        unchecked {
            return modulus == 0 ? int256(0) : int256(step % modulus) * stride;
        }
    }

    function _u8(uint256 base) private pure returns (uint8 value) {
        assembly ("memory-safe") {
            value := byte(0, calldataload(base))
        }
    }

    function _u32(uint256 base) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(224, calldataload(base))
        }
    }

    function _i32(uint256 base) private pure returns (int256 value) {
        assembly ("memory-safe") {
            value := sar(224, calldataload(base))
        }
    }
}
