// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMachine} from "./interfaces/IMachine.sol";

/// @title The alphabet machine: a toy to test the game with
/// @notice A state is a number, and step p adds letter number p mod 26, counted from 1. There is no program and nothing
/// to open. From state `pre`, steps 0 to n - 1 lead to
///
///     pre + 351 * (n / 26) + r * (r + 1) / 2  mod 2^256,     r = n mod 26,
///
/// since 351 = 1 + 2 + ... + 26: a closed form, so claims of any length can be played.
/// @dev Never deployed on a chain where anything is at stake.
contract AlphabetMachine is IMachine {
    /// @notice Thrown when there is a witness: nothing has to be opened, and nothing may be left over.
    error WitnessNotEmpty();

    /// @inheritdoc IMachine
    function step(bytes32, uint64 position, bytes32 pre, bytes calldata witness) external pure returns (bytes32 post) {
        if (witness.length != 0) revert WitnessNotEmpty();
        unchecked {
            return bytes32(uint256(pre) + 1 + position % 26);
        }
    }
}
