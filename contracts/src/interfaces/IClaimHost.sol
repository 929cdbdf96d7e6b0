// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice "From state `pre`, `length` steps of `program` on the kind's machine lead to state `post`."
/// @param kind which (host, machine) pair of the game.
/// @param id name of the claim, derived by the host from committed data; for a tensor claim the receipt id.
/// @param program commitment to what is executed.
/// @param pre state before the first step.
/// @param post state after the last one.
/// @param length number of steps, 1 <= length < 2^62.
/// @param defender who may move for the claim.
struct Claim {
    uint8 kind;
    bytes32 id;
    bytes32 program;
    bytes32 pre;
    bytes32 post;
    uint64 length;
    address defender;
}

/// @title Where claims live: what the game asks of a kind's host
/// @notice A host derives claims from committed data and never gives one id two contents. It takes the challenger's
/// bond, hands it to the vault, counts the game as open on the claim (and holds the slot behind it), and only then
/// calls the game. Every `open` or `openStep` that succeeds is followed by exactly one `gameClosed`, for `openStep`
/// before it returns.
/// @dev The game calls these functions and nobody else may. They must not revert when called as described: a host that
/// does could freeze a game.
interface IClaimHost {
    /// @notice The claim is false: slash the slot behind it. Called at most once a claim.
    /// @return pot wei that this moved into the vault's pots for the game to distribute; 0 when the slot was slashed
    /// before through another claim.
    function claimRejected(bytes32 claimId) external returns (uint256 pot);

    /// @notice One game on the claim ended, in whichever way.
    function gameClosed(bytes32 claimId) external;

    /// @notice Whether the slot behind the claim is slashed, so that the claim counts for nothing.
    function isVoid(bytes32 claimId) external view returns (bool);
}
