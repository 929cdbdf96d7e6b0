// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Float32
/// @notice IEEE-754 binary32 on words: round to nearest, ties to even, subnormals kept. NaN results
/// of arithmetic and of maximum are always 0x7fc00000.
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
    uint32 private constant SIGN = 0x80000000;
    uint32 private constant MAGNITUDE = 0x7fffffff;
    uint32 private constant MAX_FINITE = 0x7f7fffff;
    uint32 private constant INFINITY = 0x7f800000;
    uint32 private constant NAN = 0x7fc00000;
    uint256 private constant MAX_SCALE = 253;

    /// @dev Byte i: how far the leading bit of i, a number below 32, lies below bit 4; of 0, 255.
    uint256 private constant GAPS =
        0xff04030302020202010101010101010100000000000000000000000000000000;

    // ------------------------------------------------------------------------------- arithmetic

    /// @notice x + y. An exact zero sum is +0 unless both operands are -0.
    function add(uint32 x, uint32 y) internal pure returns (uint32) {
        unchecked {
            uint256 a = x & MAGNITUDE;
            uint256 b = y & MAGNITUDE;
            // Let x and a be the larger in magnitude.
            if (a < b) {
                (a, b) = (b, a);
                (x, y) = (y, x);
            }
            if (_special(a) != 0) {
                return a > INFINITY || (a == b && x != y) ? NAN : x;
            }
            uint256 scale = _scale(a);
            uint256 other = _scale(b);
            // In units of 2^(scale - 277). What leaves b below them is too little to matter.
            a = (a - (scale << 23)) << 128;
            b = ((b - (other << 23)) << 128) >> (scale - other);
            a = (x ^ y) & SIGN == 0 ? a + b : a - b;
            // Unless they cancel, the leading bit is at 150..152.
            uint256 gap = _gap(a >> 148);
            uint256 result = scale + 1 - gap;
            if (result > MAX_SCALE) {
                if (a == 0) return x & y & SIGN;
                return (x & SIGN) | _round(a, int256(scale) - 128);
            }
            return (x & SIGN) | _word((result << 23) + _nearest(a << gap, 129));
        }
    }

    /// @notice x - y, which is x + (-y).
    function sub(uint32 x, uint32 y) internal pure returns (uint32) {
        return add(x, y ^ SIGN);
    }

    /// @notice x * y. Zero times infinity is NaN.
    function mul(uint32 x, uint32 y) internal pure returns (uint32) {
        unchecked {
            uint32 sign = (x ^ y) & SIGN;
            uint256 a = x & MAGNITUDE;
            uint256 b = y & MAGNITUDE;
            if (_special(a) | _special(b) != 0) {
                if (a == 0 || b == 0 || a > INFINITY || b > INFINITY) return NAN;
                return sign | INFINITY;
            }
            uint256 scale = _scale(a);
            uint256 other = _scale(b);
            // The value is product * 2^(scale - 298).
            uint256 product = (a - (scale << 23)) * (b - (other << 23));
            scale += other;
            // The product of two normal numbers has its leading bit at 46 or 47.
            uint256 high = product >> 47;
            uint256 result = scale + high - 126;
            if (_bit(product < 1 << 46) | _bit(result > MAX_SCALE) != 0) {
                return sign | _round(product << 64, int256(scale) - 213);
            }
            return sign | _word((result << 23) + _nearest(product << (1 - high), 24));
        }
    }

    /// @notice x * y + z, rounded once. Zero times infinity is NaN whatever z is.
    function fma(uint32 x, uint32 y, uint32 z) internal pure returns (uint32) {
        unchecked {
            uint256 a = x & MAGNITUDE;
            uint256 b = y & MAGNITUDE;
            uint256 c = z & MAGNITUDE;
            if (_special(a) | _special(b) | _special(c) != 0) return _fmaSpecial(x, y, z);
            uint32 sign = (x ^ y) & SIGN;
            uint256 scale = _scale(a);
            uint256 other = _scale(b);
            a = (a - (scale << 23)) * (b - (other << 23));
            if (a == 0) return c == 0 ? sign & z : z;
            scale += other;
            other = _scale(c);
            c -= other << 23;
            // In units of 2^(scale - 362) the product is a << 64 and z is c << shift.
            a <<= 64;
            uint256 shift = other + 213 - scale;
            if (shift > 88) {
                if (shift >= 1 << 255) {
                    // Negative: all that z can do is to break a tie, which it does from 0 as well.
                    shift = 0;
                } else {
                    // Above the product: larger units, where z is c << 88. The product loses bits
                    // only where all of it is too little to move z, be it zero.
                    shift -= 88;
                    a >>= shift;
                    scale += shift;
                    shift = 88;
                }
            }
            c <<= shift;
            if ((sign ^ z) & SIGN == 0) {
                a += c;
            } else {
                a -= c;
                if (a >= 1 << 255) {
                    a = 0 - a;
                    sign ^= SIGN;
                }
            }
            // Unless they cancel, the leading bit of two normal numbers is at 109..112.
            uint256 gap = _gap(a >> 108);
            uint256 result = scale - gap - 124;
            if (_bit(gap == 255) | _bit(result > MAX_SCALE) != 0) {
                // Cancelled, or a product of which nothing is left.
                if (a == 0) return c == 0 ? sign : 0;
                return sign | _round(a, int256(scale) - 213);
            }
            return sign | _word((result << 23) + _nearest(a << gap, 89));
        }
    }

    /// @notice x / y. A finite non-zero x over zero is an infinity; 0/0 and inf/inf are NaN.
    function div(uint32 x, uint32 y) internal pure returns (uint32) {
        unchecked {
            uint32 sign = (x ^ y) & SIGN;
            uint256 a = x & MAGNITUDE;
            uint256 b = y & MAGNITUDE;
            if (_special(a) | _special(b) != 0) {
                if (a > INFINITY || b > INFINITY || a == b) return NAN;
                return a == INFINITY ? sign | INFINITY : sign;
            }
            uint256 scale = _scale(a);
            uint256 other = _scale(b);
            // The value is quotient * 2^(scale - 277), and less than one unit more. That decides
            // nothing: where the value is not halfway between two floats, it is 2^56 units or more
            // away from there, since the divisor is below 2^24.
            uint256 quotient = _div((a - (scale << 23)) << 128, b - (other << 23));
            scale -= other;
            // The quotient of two normal numbers has its leading bit at 127 or 128.
            uint256 high = quotient >> 128;
            uint256 result = scale + high + 125;
            if (_bit((quotient >> 127) - 1 > 2) | _bit(result > MAX_SCALE) != 0) {
                if (b == 0) return a == 0 ? NAN : sign | INFINITY;
                return sign | _round(quotient, int256(scale) + 21);
            }
            return sign | _word((result << 23) + _nearest(quotient << (1 - high), 105));
        }
    }

    /// @notice The square root of x. Of -0 it is -0, of anything else below zero NaN.
    function sqrt(uint32 x) internal pure returns (uint32) {
        unchecked {
            uint256 scale = _scale(x);
            uint256 m = x - (scale << 23);
            if (_bit(m < 1 << 23) | _bit(scale > MAX_SCALE) != 0) {
                if (x & MAGNITUDE == 0 || x == INFINITY) return x;
                // NaN, or the sign made it as large.
                if (scale > MAX_SCALE) return NAN;
                uint256 raise = 23 - _log2(m);
                m <<= raise;
                scale -= raise;
            }
            // The value is radicand * 2^(an even number). The root's floor has 25 bits; the last
            // says how to round, for no root is halfway between two floats: the square of an odd
            // number is odd and all radicands are even.
            uint256 radicand = m << (25 + (scale & 1));
            // A straight line within 3.2 % of the root; a step of Newton's squares and halves that.
            uint256 root = (((radicand >> 25) + (1 << 24)) * 11) >> 4;
            root = (root + _div(radicand, root)) >> 1;
            root = (root + _div(radicand, root)) >> 1;
            root = (root + _div(radicand, root)) >> 1;
            // The last is the root's floor or 1 more.
            root -= _bit(root * root > radicand);
            return _word((((scale + 126) >> 1) << 23) + ((root + 1) >> 1));
        }
    }

    // ------------------------------------------------------------------------------ comparisons

    /// @notice x if x > y, else y; a NaN result is canonical. So maximum(NaN, 1) = 1 and
    /// maximum(1, NaN) = NaN, and maximum(+0, -0) = -0.
    function maximum(uint32 x, uint32 y) internal pure returns (uint32) {
        if (_difference(y, x) < 0) return x;
        return y & MAGNITUDE > INFINITY ? NAN : y;
    }

    /// @notice Mask of x < y; false where either is NaN.
    function lt(uint32 x, uint32 y) internal pure returns (uint32) {
        return _mask(_difference(x, y) < 0);
    }

    /// @notice Mask of x <= y; false where either is NaN.
    function le(uint32 x, uint32 y) internal pure returns (uint32) {
        return _mask(_difference(x, y) <= 0);
    }

    /// @notice Mask of x == y; false where either is NaN, and -0 == +0.
    function eq(uint32 x, uint32 y) internal pure returns (uint32) {
        return _mask(_difference(x, y) == 0);
    }

    // ------------------------------------------------------------------------------ conversions

    /// @notice The float nearest to the int32 x, ties to even.
    function fromInt(uint32 x) internal pure returns (uint32) {
        unchecked {
            uint32 sign = x & SIGN;
            uint32 m = sign == 0 ? x : 0 - x;
            return sign | _round(uint256(m) << 32, 117);
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

    /// @dev x * y + z where one of them is an infinity or NaN.
    function _fmaSpecial(uint32 x, uint32 y, uint32 z) private pure returns (uint32) {
        uint32 a = x & MAGNITUDE;
        uint32 b = y & MAGNITUDE;
        uint32 c = z & MAGNITUDE;
        if (a > INFINITY || b > INFINITY || c > INFINITY) return NAN;
        if (a < INFINITY && b < INFINITY) return z;
        if (a == 0 || b == 0) return NAN;
        uint32 product = ((x ^ y) & SIGN) | INFINITY;
        return c == INFINITY && z != product ? NAN : product;
    }

    /// @dev The magnitude nearest to m * 2^(exponent - 149), ties to even; 0 for m = 0. It takes an
    /// m < 2^200 of which at least one bit lies below the result's last place, and an exponent
    /// above -256.
    function _round(uint256 m, int256 exponent) private pure returns (uint32) {
        unchecked {
            if (m == 0) return 0;
            int256 drop = int256(_log2(m)) - 23;
            int256 scale = exponent + drop;
            if (scale < 0) {
                // No place is below a subnormal's last.
                drop = -exponent;
                scale = 0;
            }
            if (scale > int256(MAX_SCALE)) return INFINITY;
            return _word((uint256(scale) << 23) + _nearest(m, uint256(drop)));
        }
    }

    /// @dev value / 2^places, to nearest, ties to even; value < 2^200 and 1 <= places < 256.
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

    /// @dev 1 where the magnitude is an infinity's or NaN's.
    function _special(uint256 magnitude) private pure returns (uint256) {
        return _bit(magnitude > MAX_FINITE);
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

    /// @dev The word that a number below 2^32 is.
    function _word(uint256 value) private pure returns (uint32 word) {
        assembly ("memory-safe") {
            word := value
        }
    }

    /// @dev 1 or 0: on these, unlike || and &&, | and & do not jump.
    function _bit(bool condition) private pure returns (uint256 bit) {
        assembly ("memory-safe") {
            bit := condition
        }
    }

    /// @dev All ones where the condition holds, else 0.
    function _mask(bool condition) private pure returns (uint32) {
        unchecked {
            return _word(_bit(condition) * 0xffffffff);
        }
    }

    /// @dev Positive, zero or negative as x is above, equal to or below y; for NaN positive.
    function _difference(uint32 x, uint32 y) private pure returns (int256 difference) {
        assembly ("memory-safe") {
            let a := and(x, MAGNITUDE)
            let b := and(y, MAGNITUDE)
            let unordered := or(gt(a, INFINITY), gt(b, INFINITY))
            // Magnitudes times 1 or -1: both zeros are 0. What is unordered outweighs them.
            a := mul(a, sub(1, and(shr(30, x), 2)))
            b := mul(b, sub(1, and(shr(30, y), 2)))
            difference := add(sub(a, b), shl(40, unordered))
        }
    }

    /// @dev A magnitude below 2^31 in units of 2^-149.
    function _fixed149(uint256 magnitude) private pure returns (uint256) {
        unchecked {
            uint256 scale = _scale(magnitude);
            return (magnitude - (scale << 23)) << scale;
        }
    }

    /// @dev The int32 nearest to a float of magnitude 2^31 or more; 0 for NaN.
    function _saturated(uint32 x) private pure returns (uint32) {
        if (x & MAGNITUDE > INFINITY) return 0;
        return x & SIGN == 0 ? 0x7fffffff : 0x80000000;
    }

    /// @dev The int32 of the given magnitude with the sign of x.
    function _signed(uint32 x, uint256 magnitude) private pure returns (uint32) {
        unchecked {
            return uint32(x & SIGN == 0 ? magnitude : 0 - magnitude);
        }
    }
}
