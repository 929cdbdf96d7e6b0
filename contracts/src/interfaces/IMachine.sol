// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A machine: what one step of a claim computes
/// @notice `step` is a function of the content behind the two commitments: for every program, position and state there
/// is exactly one post state, whatever the witness, and some witness that shows it. Content never makes it revert; only
/// a witness that does not open `program` and `pre`, or has bytes left over, does.
interface IMachine {
    /// @notice The state after one step.
    /// @param program commitment to what is executed.
    /// @param position which step, from 0.
    /// @param pre commitment to the state before the step.
    /// @param witness openings of both commitments, as far as this step reads them.
    /// @return post commitment to the state after the step.
    function step(bytes32 program, uint64 position, bytes32 pre, bytes calldata witness)
        external
        view
        returns (bytes32 post);
}
