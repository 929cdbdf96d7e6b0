// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Float32} from "./Float32.sol";

/// @title Scalar
/// @notice The scalar operations: all that a micro-step can compute. The table is that of the
/// protocol; maps look at their operands alone, folds (0x20 and up) at the accumulator too.
library Scalar {
    /// @notice Thrown when an opcode that names no operation is applied; ask `isOpcode` first.
    error UnknownOpcode(uint8 opcode);

    /// @dev Bit i: whether i is an opcode. 0x01..0x1d are maps, 0x20..0x23 folds.
    uint256 private constant OPCODES = 0xf3ffffffe;
    /// @dev Bits 2i and 2i + 1: how many operands opcode i uses.
    uint256 private constant ARITIES = 0x990d56aaaabaaa9ba8;
    /// @dev Nibble i: the weight of opcode i.
    uint256 private constant WEIGHTS = 0x223200c11111111111111211111112221110;

    uint8 private constant ADD = 0x01;
    uint8 private constant SUB = 0x02;
    uint8 private constant MUL = 0x03;
    uint8 private constant FMA = 0x04;
    uint8 private constant DIV = 0x05;
    uint8 private constant SQRT = 0x06;
    uint8 private constant MAX = 0x07;
    uint8 private constant LT = 0x08;
    uint8 private constant LE = 0x09;
    uint8 private constant EQ = 0x0a;
    uint8 private constant ILT = 0x0b;
    uint8 private constant ILE = 0x0c;
    uint8 private constant IEQ = 0x0d;
    uint8 private constant SELECT = 0x0e;
    uint8 private constant IADD = 0x0f;
    uint8 private constant ISUB = 0x10;
    uint8 private constant IMUL = 0x11;
    uint8 private constant UMULH = 0x12;
    uint8 private constant AND = 0x13;
    uint8 private constant OR = 0x14;
    uint8 private constant XOR = 0x15;
    uint8 private constant SHL = 0x16;
    uint8 private constant SHR = 0x17;
    uint8 private constant SAR = 0x18;
    uint8 private constant FROM_INT = 0x19;
    uint8 private constant TO_INT_NEAREST = 0x1a;
    uint8 private constant TO_INT_ZERO = 0x1b;
    uint8 private constant MOVE = 0x1c;
    uint8 private constant GATHER = 0x1d;
    uint8 private constant SUM = 0x20;
    uint8 private constant DOT = 0x21;
    uint8 private constant MAXF = 0x22;
    uint8 private constant IDOT = 0x23;

    /// @notice The operation's result for an accumulator and operand words; what the operation does
    /// not use is ignored.
    function evaluate(
        uint8 opcode,
        uint32 acc,
        uint32 x,
        uint32 y,
        uint32 z
    ) internal pure returns (uint32) {
        // A fold is a map with the accumulator in an operand's place.
        if (opcode >= SUM) {
            if (opcode == DOT) return Float32.fma(x, y, acc);
            if (opcode == SUM) return Float32.add(acc, x);
            if (opcode == MAXF) return Float32.maximum(acc, x);
            if (opcode == IDOT) return _multiplyAdd(acc, x, y);
            revert UnknownOpcode(opcode);
        }
        if (opcode < LT) return _arithmetic(opcode, x, y, z);
        if (opcode < SELECT) return _comparison(opcode, x, y);
        if (opcode < SHL) return _integer(opcode, x, y, z);
        return _conversion(opcode, x, y, z);
    }

    /// @notice Whether the number names an operation.
    function isOpcode(uint8 opcode) internal pure returns (bool) {
        return (OPCODES >> opcode) & 1 != 0;
    }

    /// @notice Whether the opcode's operation uses the accumulator.
    function isFold(uint8 opcode) internal pure returns (bool) {
        return opcode >= SUM && isOpcode(opcode);
    }

    /// @notice The word that the accumulator starts as: -Inf for MAXF, 0 for all else.
    function identity(uint8 opcode) internal pure returns (uint32) {
        return opcode == MAXF ? 0xff800000 : 0;
    }

    /// @notice How many of the operands x, y, z the operation uses, in that order: 1..3, or 0 for
    /// what is no opcode.
    function arity(uint8 opcode) internal pure returns (uint256) {
        return (ARITIES >> (2 * uint256(opcode))) & 3;
    }

    /// @notice The operation's cost in work units; 0 for what is no opcode.
    function weight(uint8 opcode) internal pure returns (uint256) {
        return (WEIGHTS >> (4 * uint256(opcode))) & 0x0f;
    }

    function _arithmetic(
        uint8 opcode,
        uint32 x,
        uint32 y,
        uint32 z
    ) private pure returns (uint32) {
        if (opcode == FMA) return Float32.fma(x, y, z);
        if (opcode == ADD) return Float32.add(x, y);
        if (opcode == SUB) return Float32.sub(x, y);
        if (opcode == MUL) return Float32.mul(x, y);
        if (opcode == MAX) return Float32.maximum(x, y);
        if (opcode == DIV) return Float32.div(x, y);
        if (opcode == SQRT) return Float32.sqrt(x);
        revert UnknownOpcode(opcode);
    }

    function _comparison(uint8 opcode, uint32 x, uint32 y) private pure returns (uint32) {
        if (opcode == LT) return Float32.lt(x, y);
        if (opcode == LE) return Float32.le(x, y);
        if (opcode == EQ) return Float32.eq(x, y);
        if (opcode == ILT) return _mask(int32(x) < int32(y));
        if (opcode == ILE) return _mask(int32(x) <= int32(y));
        return _mask(x == y);
    }

    function _integer(uint8 opcode, uint32 x, uint32 y, uint32 z) private pure returns (uint32) {
        unchecked {
            if (opcode == SELECT) return x != 0 ? y : z;
            if (opcode == IADD) return x + y;
            if (opcode == ISUB) return x - y;
            if (opcode == IMUL) return x * y;
            if (opcode == UMULH) return uint32((uint256(x) * y) >> 32);
            if (opcode == AND) return x & y;
            if (opcode == OR) return x | y;
            return x ^ y;
        }
    }

    function _conversion(
        uint8 opcode,
        uint32 x,
        uint32 y,
        uint32 z
    ) private pure returns (uint32) {
        if (opcode == SHL) return x << (y & 31);
        if (opcode == SHR) return x >> (y & 31);
        if (opcode == SAR) return uint32(int32(x) >> (y & 31));
        if (opcode == FROM_INT) return Float32.fromInt(x);
        if (opcode == TO_INT_NEAREST) return Float32.toIntNearest(x);
        if (opcode == TO_INT_ZERO) return Float32.toIntZero(x);
        if (opcode == MOVE) return x;
        if (opcode == GATHER) return z;
        revert UnknownOpcode(opcode);
    }

    /// @dev Modulo 2^32, so that a fold's result does not hang on the order of its steps.
    function _multiplyAdd(uint32 acc, uint32 x, uint32 y) private pure returns (uint32) {
        unchecked {
            return acc + x * y;
        }
    }

    function _mask(bool condition) private pure returns (uint32) {
        return condition ? 0xffffffff : 0;
    }
}
