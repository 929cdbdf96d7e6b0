// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice One game's bounds, clocks and flags in one storage word. From the low bits up: start u64, length u64, the
/// challenger's clock u32, the defender's clock u32, protocol time of the last move u40, dissections by the challenger
/// u8, who is to move u1 (1 for the defender), open u1. All zero: there never was such a game.
type Turn is uint256;

using Turns for Turn global;

/// @title Reading and writing turns
/// @dev A side is 0 for the challenger and 1 for the defender.
library Turns {
    uint256 internal constant CHALLENGER = 0;
    uint256 internal constant DEFENDER = 1;
    uint256 private constant OPEN = 1 << 241;

    /// @notice An open turn; the arguments are the fields in their order, each below the bound of its field.
    function pack(
        uint256 first,
        uint256 steps,
        uint256 challengerClock,
        uint256 defenderClock,
        uint256 time,
        uint256 dissections,
        uint256 side
    ) internal pure returns (Turn) {
        return Turn.wrap(
            first | steps << 64 | challengerClock << 128 | defenderClock << 160 | time << 192 | dissections << 232
                | side << 240 | OPEN
        );
    }

    /// @notice The same turn of a game that is over.
    function closed(Turn turn) internal pure returns (Turn) {
        return Turn.wrap(Turn.unwrap(turn) & ~OPEN);
    }

    /// @notice Whether the game is being played.
    function isOpen(Turn turn) internal pure returns (bool) {
        return Turn.unwrap(turn) & OPEN != 0;
    }

    /// @notice Whether there was or is such a game.
    function exists(Turn turn) internal pure returns (bool) {
        return Turn.unwrap(turn) != 0;
    }

    /// @notice First step of the segment dissected last.
    function start(Turn turn) internal pure returns (uint256) {
        return uint64(Turn.unwrap(turn));
    }

    /// @notice Steps of that segment.
    function length(Turn turn) internal pure returns (uint256) {
        return uint64(Turn.unwrap(turn) >> 64);
    }

    /// @notice Protocol seconds that a side had left after the last move.
    function clock(Turn turn, uint256 side) internal pure returns (uint256) {
        unchecked {
            return uint32(Turn.unwrap(turn) >> (128 + 32 * side));
        }
    }

    /// @notice Protocol time of the last move.
    function movedAt(Turn turn) internal pure returns (uint256) {
        return uint40(Turn.unwrap(turn) >> 192);
    }

    /// @notice Dissections that the challenger posted; at most 31, for those of both sides are at most 62.
    function moves(Turn turn) internal pure returns (uint256) {
        return uint8(Turn.unwrap(turn) >> 232);
    }

    /// @notice The side to move.
    function mover(Turn turn) internal pure returns (uint256) {
        return Turn.unwrap(turn) >> 240 & 1;
    }

    /// @notice Protocol seconds since the last move; 0 should time ever run backwards.
    function used(Turn turn, uint256 time) internal pure returns (uint256) {
        uint256 since = turn.movedAt();
        unchecked {
            return time > since ? time - since : 0;
        }
    }
}
