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
    uint256 private constant FIELD_BITS = 28;
    uint256 private constant COUNT_BOUND = 1 << 48;
    uint256 private constant INPUTS = 1;

    uint8 private constant IMMEDIATE = 1;
    uint8 private constant REGISTER = 2;

    // ------------------------------------------------------------------------------------ rows

    /// @notice Number of micro-steps; 0 when the row is undecodable or would have 2^48 or more.
    function count(Row row, uint32 depths) internal pure returns (uint256 product) {
        unchecked {
            uint256 base = Row.unwrap(row);
            uint256 outRegister = row.out();
            if (!Scalar.isOpcode(row.opcode()) || _u8(base + 1) != 0) return 0;
            if (segmentOf(outRegister) == INPUTS || !holds(depths, outRegister)) return 0;
            // The out step modulus, then the four dimensions and the fold length, of which the product is below 2^160.
            uint256 bits = _u32(base + 12);
            product = 1;
            for (uint256 place = base + 20; place < base + 40; place += 4) {
                bits |= _u32(place);
                product *= _u32(place);
            }
            if (bits >> FIELD_BITS != 0 || product >= COUNT_BOUND) return 0;
            uint256 used = Scalar.arity(row.opcode());
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
            uint256 modulus = _u32(base + 12);
            int256 turn = modulus == 0 ? int256(0) : int256(step % modulus) * _i32(base + 16);
            return _i32(base + 8) + turn + int256(element);
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
            return kind == REGISTER && _u32(base + 32) >> FIELD_BITS == 0 && holds(depths, self.register());
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
        assembly ("memory-safe") {
            // The i32 at byte i of the operand.
            function field(operand, i) -> value {
                value := sar(224, calldataload(add(operand, i)))
            }
            result := add(field(self, 8), mul(field(self, 28), foldIndex))
            // By modulus 0 everything is 0.
            result := add(result, mul(field(self, 36), mod(step, shr(224, calldataload(add(self, 32))))))
            // Digits of the element, the last dimension's first: the stride of dimension j is at 12 + 4j of the operand,
            // its size at 20 + 4j of the row.
            for { let i := 24 } gt(i, 12) { i := sub(i, 4) } {
                let size := shr(224, calldataload(add(add(row, 8), i)))
                result := add(result, mul(field(self, i), mod(element, size)))
                element := div(element, size)
            }
            result := add(result, mul(field(self, 12), element))
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
