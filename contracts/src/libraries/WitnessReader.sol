// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice How far a witness has been read.
/// @param next place in calldata of the next byte.
/// @param end place in calldata behind the last byte.
struct Reader {
    uint256 next;
    uint256 end;
}

using WitnessReader for Reader global;

/// @title Takes a witness apart from the front, where it lies in calldata
/// @notice What is taken is named by its place in calldata; the functions below load and hash from there.
library WitnessReader {
    /// @notice Thrown when the witness is shorter than what it must hold.
    error WitnessTooShort();
    /// @notice Thrown when bytes are left over.
    error WitnessTooLong();

    /// @notice A reader at the first byte.
    function over(bytes calldata witness) internal pure returns (Reader memory reader) {
        assembly ("memory-safe") {
            mstore(reader, witness.offset)
            mstore(add(reader, 32), add(witness.offset, witness.length))
        }
    }

    /// @notice The place of the next `size` bytes, which is below 2^16.
    function take(Reader memory reader, uint256 size) internal pure returns (uint256 place) {
        unchecked {
            place = reader.next;
            reader.next = place + size;
            if (reader.next > reader.end) revert WitnessTooShort();
        }
    }

    /// @notice Nothing may be left.
    function finish(Reader memory reader) internal pure {
        if (reader.next != reader.end) revert WitnessTooLong();
    }

    /// @notice The 32 bytes at a place.
    function word(uint256 place) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := calldataload(place)
        }
    }

    /// @notice The byte at a place.
    function u8(uint256 place) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(0, calldataload(place))
        }
    }

    /// @notice The u16 at a place.
    function u16(uint256 place) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(240, calldataload(place))
        }
    }

    /// @notice The u32 at a place.
    function u32(uint256 place) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(224, calldataload(place))
        }
    }

    /// @notice The u64 at a place.
    function u64(uint256 place) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(192, calldataload(place))
        }
    }

    /// @notice H(tag | the `size` bytes at a place).
    function hash(uint8 tag, uint256 place, uint256 size) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore8(p, tag)
            calldatacopy(add(p, 1), place, size)
            digest := keccak256(p, add(size, 1))
        }
    }
}
