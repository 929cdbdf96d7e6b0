// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Float32
/// @notice IEEE-754 binary32 on words: round to nearest, ties to even, subnormals kept. A NaN result
/// of arithmetic and of maximum is always 0x7fc00000.
///
/// A finite magnitude, zeros and subnormals included, splits into a *scale* in 0..253 and a
/// significand m < 2^24; its value is m * 2^(scale - 149), and it is put together again as
/// (scale << 23) + m. That sum carries where it must: the leading one of a normal m adds 1 to the
/// exponent field, an m rounded up to 2^24 adds 2, and from scale 253 that makes infinity.
///
/// Every operation computes in 256 bits a number that is exact, or so close that it rounds as the
/// exact one does. In the usual case its leading bit can be in a few places only; the rest
/// (subnormals, overflow, deep cancellation) goes to `_round`, which looks for it.
library Float32 {
    uint256 private constant SIGN = 0x80000000;
    uint256 private constant MAGNITUDE = 0x7fffffff;
    uint256 private constant INFINITY = 0x7f800000;
    uint256 private constant MAX_SCALE = 253;
    uint32 private constant NAN = 0x7fc00000;
    uint32 private constant TRUE = 0xffffffff;

    /// @dev Byte i: how far the leading bit of i, a number below 32, lies below bit 4; of 0, 255.
    uint256 private constant GAPS =
        0xff04030302020202010101010101010100000000000000000000000000000000;

    // ------------------------------------------------------------------------------- arithmetic

    /// @notice x + y. An exact zero sum is +0 unless both operands are -0.
    function add(uint32 x, uint32 y) internal pure returns (uint32) {
        return _add(x, y);
    }

    /// @notice x - y, which is x + (-y).
    function sub(uint32 x, uint32 y) internal pure returns (uint32) {
        return _add(x, y ^ SIGN);
    }

    /// @notice x * y. Zero times infinity is NaN.
    function mul(uint32 x, uint32 y) internal pure returns (uint32) {
        unchecked {
            uint256 sign = (uint256(x) ^ y) & SIGN;
            uint256 a = x & MAGNITUDE;
            uint256 b = y & MAGNITUDE;
            if (_special(a) | _special(b) != 0) {
                if (a == 0 || b == 0 || a > INFINITY || b > INFINITY) return NAN;
                return uint32(sign | INFINITY);
            }
            uint256 scale = _scale(a);
            uint256 other = _scale(b);
            // The value is product * 2^(scale - 298).
            uint256 product = (a - (scale << 23)) * (b - (other << 23));
            scale += other;
            // The product of two normal numbers has its leading bit at 46 or 47.
            uint256 high = product >> 47;
            uint256 result = scale + high - 126;
            if (product < 1 << 46 || result > MAX_SCALE) {
                return uint32(sign | _round(product << 64, int256(scale) - 213));
            }
            return uint32(sign | ((result << 23) + _nearest(product << (1 - high), 24)));
        }
    }

    /// @notice x * y + z, rounded once. Zero times infinity is NaN whatever z is.
    function fma(uint32 x, uint32 y, uint32 z) internal pure returns (uint32) {
        unchecked {
            uint256 a = x & MAGNITUDE;
            uint256 b = y & MAGNITUDE;
            uint256 c = z & MAGNITUDE;
            if (_special(a) | _special(b) | _special(c) != 0) return _fmaSpecial(x, y, z);
            uint256 sign = (uint256(x) ^ y) & SIGN;
            uint256 scale = _scale(a);
            uint256 other = _scale(b);
            a = (a - (scale << 23)) * (b - (other << 23));
            scale += other;
            other = _scale(c);
            c -= other << 23;
            // The product is (a << 64) * 2^(scale - 362); z in the same unit is c << shift.
            uint256 shift = other + 213 - scale;
            if (shift > 230 || a == 0) {
                if (a == 0) return c == 0 ? uint32(sign & z) : z;
                // Far above the product, z is the result.
                if (shift < 1 << 255) return z;
                // Far below, all z can do is to break a tie, which it does from down here too.
                shift = 0;
            }
            a <<= 64;
            c <<= shift;
            // Unless they cancel, the leading bit is from 3 places below `top` to 1 above it.
            uint256 top = shift > 88 ? shift + 23 : 111;
            if ((sign ^ z) & SIGN == 0) {
                a += c;
            } else if (a < c) {
                a = c - a;
                sign ^= SIGN;
            } else {
                a -= c;
            }
            uint256 gap = _gap(a >> (top - 3));
            uint256 result = scale + top - gap - 235;
            if (gap == 255 || result > MAX_SCALE) {
                return a == 0 ? 0 : uint32(sign | _round(a, int256(scale) - 213));
            }
            return uint32(sign | ((result << 23) + _nearest(a << (gap + 253 - top), 231)));
        }
    }

    /// @notice x / y. A finite non-zero x over zero is an infinity; 0/0 and inf/inf are NaN.
    function div(uint32 x, uint32 y) internal pure returns (uint32) {
        unchecked {
            uint256 sign = (uint256(x) ^ y) & SIGN;
            uint256 a = x & MAGNITUDE;
            uint256 b = y & MAGNITUDE;
            if (_special(a) | _special(b) != 0) {
                if (a > INFINITY || b > INFINITY || a == b) return NAN;
                return uint32(a == INFINITY ? sign | INFINITY : sign);
            }
            uint256 scale = _scale(a);
            uint256 other = _scale(b);
            // The value is quotient * 2^(scale - 277), up to a part of the quotient's last bit. That
            // part decides nothing: a quotient is exactly halfway between floats, or away from there
            // by a multiple of 2^-24 of the last place that it is rounded to.
            uint256 quotient = _div((a - (scale << 23)) << 128, b - (other << 23));
            scale -= other;
            // Of two normal numbers it has its leading bit at 127 or 128.
            uint256 high = quotient >> 128;
            uint256 result = scale + high + 125;
            if ((quotient >> 127) - 1 > 2 || result > MAX_SCALE) {
                if (b == 0) return a == 0 ? NAN : uint32(sign | INFINITY);
                return uint32(sign | _round(quotient, int256(scale) + 21));
            }
            return uint32(sign | ((result << 23) + _nearest(quotient << (1 - high), 105)));
        }
    }

    /// @notice The square root of x. Of -0 it is -0, of anything else below zero NaN.
    function sqrt(uint32 x) internal pure returns (uint32) {
        unchecked {
            // Positive and normal, or else.
            uint256 scale = _scale(x);
            uint256 m = x - (scale << 23);
            if (m < 1 << 23 || scale > MAX_SCALE) {
                if (x & MAGNITUDE == 0 || x == INFINITY) return x;
                if (scale > MAX_SCALE) return NAN;
                uint256 raise = 23 - _log2(m);
                m <<= raise;
                scale -= raise;
            }
            // The value is radicand * 2^(an even number); the root has 25 bits, the last one weighing
            // half a unit. No root is exactly halfway, for the square of an odd number is odd.
            m <<= scale & 1;
            uint256 radicand = m << 25;
            // A line within 3.2 % of the root; each step of Newton's squares and halves the error.
            uint256 root = ((m + (1 << 24)) * 11) >> 4;
            root = (root + _div(radicand, root)) >> 1;
            root = (root + _div(radicand, root)) >> 1;
            root = (root + _div(radicand, root)) >> 1;
            // Never below the root's floor, and at most 1 above it.
            root -= _toUint(root * root > radicand);
            return uint32((((scale + 126) >> 1) << 23) + ((root + 1) >> 1));
        }
    }

    // ------------------------------------------------------------------------------ comparisons

    /// @notice x if x > y, else y; a NaN result is canonical. So maximum(NaN, 1) = 1 and
    /// maximum(1, NaN) = NaN, and maximum(+0, -0) = -0.
    function maximum(uint32 x, uint32 y) internal pure returns (uint32) {
        if (y & MAGNITUDE > INFINITY) return NAN;
        return x & MAGNITUDE <= INFINITY && _order(x) > _order(y) ? x : y;
    }

    /// @notice Mask of x < y; false where either is NaN.
    function lt(uint32 x, uint32 y) internal pure returns (uint32) {
        return !_unordered(x, y) && _order(x) < _order(y) ? TRUE : 0;
    }

    /// @notice Mask of x <= y; false where either is NaN.
    function le(uint32 x, uint32 y) internal pure returns (uint32) {
        return !_unordered(x, y) && _order(x) <= _order(y) ? TRUE : 0;
    }

    /// @notice Mask of x == y; false where either is NaN, and -0 == +0.
    function eq(uint32 x, uint32 y) internal pure returns (uint32) {
        return !_unordered(x, y) && _order(x) == _order(y) ? TRUE : 0;
    }

    // ------------------------------------------------------------------------------ conversions

    /// @notice The float nearest to the int32 x, ties to even.
    function fromInt(uint32 x) internal pure returns (uint32) {
        unchecked {
            uint256 sign = x & SIGN;
            uint256 m = sign == 0 ? x : (1 << 32) - uint256(x);
            return uint32(sign | _round(m << 32, 117));
        }
    }

    /// @notice The int32 nearest to the float x, ties to even; saturating, NaN becomes 0.
    function toIntNearest(uint32 x) internal pure returns (uint32) {
        uint256 a = x & MAGNITUDE;
        if (a >= 0x4f000000) return _saturated(x);
        return _signed(x, _nearest(_fixed149(a), 149));
    }

    /// @notice The float x without its fraction as an int32; saturating, NaN becomes 0.
    function toIntZero(uint32 x) internal pure returns (uint32) {
        uint256 a = x & MAGNITUDE;
        if (a >= 0x4f000000) return _saturated(x);
        return _signed(x, _fixed149(a) >> 149);
    }

    // ---------------------------------------------------------------------------------- private

    function _add(uint256 x, uint256 y) private pure returns (uint32) {
        unchecked {
            uint256 a = x & MAGNITUDE;
            uint256 b = y & MAGNITUDE;
            // x and a are the larger in magnitude.
            if (a < b) {
                (a, b) = (b, a);
                (x, y) = (y, x);
            }
            if (_special(a) != 0) {
                return a > INFINITY || (a == b && x != y) ? NAN : uint32(x);
            }
            uint256 scale = _scale(a);
            uint256 other = _scale(b);
            // In units of 2^(scale - 277). What is shifted out of b is far too little to matter.
            a = (a - (scale << 23)) << 128;
            b = ((b - (other << 23)) << 128) >> (scale - other);
            a = (x ^ y) & SIGN == 0 ? a + b : a - b;
            // Unless they cancel, the leading bit is at 150..152.
            uint256 gap = _gap(a >> 148);
            uint256 result = scale + 1 - gap;
            if (result > MAX_SCALE) {
                if (a == 0) return uint32(x & y & SIGN);
                return uint32((x & SIGN) | _round(a, int256(scale) - 128));
            }
            return uint32((x & SIGN) | ((result << 23) + _nearest(a << gap, 129)));
        }
    }

    /// @dev x * y + z where one of them is an infinity or NaN.
    function _fmaSpecial(uint32 x, uint32 y, uint32 z) private pure returns (uint32) {
        uint256 a = x & MAGNITUDE;
        uint256 b = y & MAGNITUDE;
        if (a > INFINITY || b > INFINITY || z & MAGNITUDE > INFINITY) return NAN;
        if (a < INFINITY && b < INFINITY) return z;
        if (a == 0 || b == 0) return NAN;
        uint256 product = ((uint256(x) ^ y) & SIGN) | INFINITY;
        return z & MAGNITUDE == INFINITY && z != product ? NAN : uint32(product);
    }

    /// @dev The magnitude nearest to m * 2^(exponent - 149), ties to even; 0 for m = 0. Of m, at
    /// least one bit is below the last place of the result, and it is below 2^255.
    function _round(uint256 m, int256 exponent) private pure returns (uint256) {
        unchecked {
            if (m == 0) return 0;
            int256 drop = int256(_log2(m)) - 23;
            int256 scale = exponent + drop;
            if (scale < 0) {
                // No bit weighs less than a subnormal's last. Where 256 bits or more are dropped,
                // the shifts of `_nearest` give the 0 that is due.
                drop = -exponent;
                scale = 0;
            }
            if (scale > int256(MAX_SCALE)) return INFINITY;
            return (uint256(scale) << 23) + _nearest(m, uint256(drop));
        }
    }

    /// @dev value / 2^places, to nearest, ties to even; places >= 1.
    function _nearest(uint256 value, uint256 places) private pure returns (uint256) {
        unchecked {
            uint256 odd = (value >> places) & 1;
            return (value + odd + (1 << (places - 1)) - 1) >> places;
        }
    }

    /// @dev The scale of a magnitude: its exponent field, of which 0 and 1 mean the same, less 1.
    function _scale(uint256 magnitude) private pure returns (uint256 scale) {
        assembly ("memory-safe") {
            scale := shr(23, magnitude)
            scale := sub(scale, iszero(iszero(scale)))
        }
    }

    /// @dev Not zero where the magnitude is an infinity's or NaN's.
    function _special(uint256 magnitude) private pure returns (uint256) {
        unchecked {
            return (magnitude + 0x00800000) & SIGN;
        }
    }

    /// @dev How far the leading bit of v < 32 lies below bit 4; 255 where v is 0.
    function _gap(uint256 v) private pure returns (uint256 gap) {
        assembly ("memory-safe") {
            gap := byte(v, GAPS)
        }
    }

    /// @dev The leading bit's place in m > 0.
    function _log2(uint256 m) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := shl(7, gt(m, 0xffffffffffffffffffffffffffffffff))
            place := or(place, shl(6, gt(shr(place, m), 0xffffffffffffffff)))
            place := or(place, shl(5, gt(shr(place, m), 0xffffffff)))
            place := or(place, shl(4, gt(shr(place, m), 0xffff)))
            place := or(place, shl(3, gt(shr(place, m), 0xff)))
            place := or(place, shl(2, gt(shr(place, m), 0x0f)))
            place := sub(add(place, 4), byte(shr(place, m), GAPS))
        }
    }

    /// @dev Floor of dividend / divisor; 0 where the divisor is 0.
    function _div(uint256 dividend, uint256 divisor) private pure returns (uint256 quotient) {
        assembly ("memory-safe") {
            quotient := div(dividend, divisor)
        }
    }

    function _toUint(bool condition) private pure returns (uint256 bit) {
        assembly ("memory-safe") {
            bit := condition
        }
    }

    /// @dev An integer that orders words as the values they hold (NaN excepted); both zeros are 0.
    function _order(uint256 x) private pure returns (int256) {
        unchecked {
            return x & SIGN == 0 ? int256(x) : int256(SIGN) - int256(x);
        }
    }

    function _unordered(uint256 x, uint256 y) private pure returns (bool) {
        return x & MAGNITUDE > INFINITY || y & MAGNITUDE > INFINITY;
    }

    /// @dev A magnitude below 2^31 in units of 2^-149.
    function _fixed149(uint256 magnitude) private pure returns (uint256) {
        unchecked {
            uint256 scale = _scale(magnitude);
            return (magnitude - (scale << 23)) << scale;
        }
    }

    /// @dev The int32 nearest to a float of magnitude 2^31 or more; 0 for NaN.
    function _saturated(uint256 x) private pure returns (uint32) {
        if (x & MAGNITUDE > INFINITY) return 0;
        return x & SIGN == 0 ? 0x7fffffff : 0x80000000;
    }

    /// @dev The int32 of the given magnitude with the sign of x.
    function _signed(uint256 x, uint256 magnitude) private pure returns (uint32) {
        unchecked {
            return uint32(x & SIGN == 0 ? magnitude : 0 - magnitude);
        }
    }
}
