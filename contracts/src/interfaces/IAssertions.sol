// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Claim, IClaimHost} from "./IClaimHost.sol";
import {IDisputeGame} from "./IDisputeGame.sol";
import {Header, IRollup} from "./IRollup.sol";
import {IStakeVault} from "./IStakeVault.sol";

/// @notice "Batch `batch` takes the ledger from state `pre` to state `root`." Storage keeps its id, when it was made and
/// what backs it.
/// @param batch number of the batch, from 1.
/// @param header the batch's header hash.
/// @param pre state of the ledger before the batch, the true one only if every batch before was played truly.
/// @param root state after it.
/// @param account the vault's index of who asserts.
/// @param slot the account's bond that backs the assertion.
/// @param defender who may move for it in a game.
struct Assertion {
    uint64 batch;
    bytes32 header;
    bytes32 pre;
    bytes32 root;
    uint64 account;
    uint64 slot;
    address defender;
}

/// @notice What a deployment fixes for good.
/// @param rollup whose batches these are.
/// @param window protocol seconds in which an assertion may be challenged; at most the vault's unbonding.
/// @param kind number of the ledger kind in the game: its host is this contract.
/// @param genesis state of the ledger before the first batch.
struct AssertionParameters {
    IRollup rollup;
    uint64 window;
    uint8 kind;
    bytes32 genesis;
}

/// @title Assertions: where the ledger's states come to L1, and the host of claims about them
/// @notice Whoever has a live slot says what state a batch leads to from what state; whoever knows better disputes it, one
/// step of the ledger machine at last. Confirmed states are a chain: batch after batch, each from the state that was
/// confirmed before. So an assertion needs no other one to be made, only to be confirmed, and of what starts from a
/// state that is not the chain's nothing ever comes.
///
/// Several assertions may say the same of a batch, and several may say different things. Who knows the true states has to
/// challenge those that start from a true state and end in a false one, or the first of them that each slot was given
/// for: while a game on a slot is open, nothing that it backs is confirmed, and once it is slashed, nothing ever is. Games
/// on other things make an assertion wait no longer than the longest game that its own window allows, so that nobody can
/// keep a state waiting for good by games on what its slot came to back later.
/// @dev Trusts rollup, vault and game, which are fixed at deployment and call nobody else's code.
interface IAssertions is IClaimHost {
    /// @notice An assertion was made; these are its fields. It may be challenged until protocol time `time` + WINDOW.
    event Asserted(
        bytes32 indexed id,
        uint64 indexed batch,
        bytes32 header,
        bytes32 pre,
        bytes32 root,
        uint64 account,
        uint64 slot,
        address defender,
        uint64 time
    );
    /// @notice `challenger` opened a game on the assertion.
    event AssertionChallenged(bytes32 indexed id, address indexed challenger);
    /// @notice The assertion lost a game: its root is dropped.
    event AssertionRejected(bytes32 indexed id);
    /// @notice `root` is the ledger's state after the batch, for good.
    event AssertionConfirmed(bytes32 indexed id, uint64 indexed batch, bytes32 root);

    /// @notice Thrown when a deployment parameter makes no sense.
    error BadParameter();
    /// @notice Thrown when the header is not that of the batch with its number on L1, or there is no such batch.
    error UnknownBatch(uint64 number);
    /// @notice Thrown when the account is not the caller's.
    error NotOwner();
    /// @notice Thrown when the slot does not back the assertion or is gone.
    error SlotNotLive();
    /// @notice Thrown when the very same was asserted before.
    error AlreadyAsserted();
    /// @notice Thrown when nobody asserted this.
    error UnknownAssertion();
    /// @notice Thrown when the value sent is not the challenger's bond.
    error WrongBond(uint256 expected);
    /// @notice Thrown when the assertion's window is over.
    error WindowClosed(uint256 since);
    /// @notice Thrown when the assertion's window is not over yet.
    error WindowOpen(uint256 until);
    /// @notice Thrown when the next batch to be confirmed is `expected`.
    error WrongNumber(uint64 expected);
    /// @notice Thrown when the assertion does not start from the confirmed state.
    error WrongState(bytes32 confirmed);
    /// @notice Thrown when the slot behind the assertion is slashed: it lost a game over this or something else.
    error SlotSlashed();
    /// @notice Thrown when games are open on what the slot backs: on the assertion, or on anything while the longest game that
    /// could have been opened in the assertion's window might not be over.
    error GamesOpen(uint256 games);
    /// @notice Thrown when the caller is not the game.
    error NotGame();

    /// @notice Anyone with a live slot: asserts. The account is the caller's; one may assert again with another slot.
    /// @return id the assertion's id.
    function assertState(Assertion calldata a) external returns (bytes32 id);

    /// @notice Disputes an assertion on a batch of more than one step. The value is the challenger's bond.
    /// @param values v[1..m] of the first dissection (see IDisputeGame.open).
    function challenge(Assertion calldata a, Header calldata header, bytes32[] calldata values) external payable;

    /// @notice Disputes an assertion on a batch of one step, by proving it wrong at once. The value is the bond.
    function challengeStep(Assertion calldata a, Header calldata header, bytes calldata witness) external payable;

    /// @notice Anyone: makes the assertion's root the confirmed one, once its window is over. It is of the next batch, starts
    /// from the confirmed root, its header is still the batch's, and its slot is neither slashed nor in a game for which it
    /// has to wait (see GamesOpen).
    function confirm(Assertion calldata a) external;

    /// @notice The claim that the assertion makes, with every check that a challenge makes now.
    function claimOf(Assertion calldata a, Header calldata header) external view returns (Claim memory);

    /// @notice H(ASSERTION | batch | header | pre | root | account | slot | defender).
    function idOf(Assertion calldata a) external pure returns (bytes32 id);

    /// @notice When the assertion was made, in protocol time, and what backs it; all zero when nobody made it.
    function assertionOf(bytes32 id) external view returns (uint64 time, uint64 account, uint64 slot);

    /// @notice The newest confirmed state; that of the genesis before any.
    function confirmedRoot() external view returns (bytes32);

    /// @notice The batch which that is the state after; 0 before any.
    function confirmedBatch() external view returns (uint64);

    /// @notice State of the ledger before the first batch.
    function GENESIS_ROOT() external view returns (bytes32);

    /// @notice Protocol seconds in which an assertion may be challenged.
    function WINDOW() external view returns (uint64);

    /// @notice Number of the ledger kind in the game.
    function KIND() external view returns (uint8);

    /// @notice Whose batches these are.
    function ROLLUP() external view returns (IRollup);

    /// @notice Where bonds lie.
    function VAULT() external view returns (IStakeVault);

    /// @notice Where claims are disputed, and whose clock is protocol time.
    function GAME() external view returns (IDisputeGame);
}
