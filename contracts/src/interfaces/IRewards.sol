// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IAssertions} from "./IAssertions.sol";
import {IDisputeGame} from "./IDisputeGame.sol";
import {IRollup} from "./IRollup.sol";
import {IStakeVault} from "./IStakeVault.sol";

/// @notice What a deployment fixes for good, and the rules of the first epochs.
/// @param token an ERC-20 of 18 decimals that moves what it is told to, no less.
/// @param assertions where confirmed states are.
/// @param governor who sets the rules.
/// @param epoch protocol seconds of an epoch, at least.
/// @param rulesX rules of the genesis state (docs/ledger.md, section 6), the first 32 bytes; `rulesY` the other ones.
struct RewardsParameters {
    IERC20 token;
    IAssertions assertions;
    address governor;
    uint64 epoch;
    bytes32 rulesX;
    bytes32 rulesY;
}

/// @title Rewards: where tokens enter the ledger and leave it
/// @notice The ledger counts in billionths of the token, and so does everything here: UNIT base units each. What comes in is
/// told to the ledger through its inbox. What goes out is what a confirmed state says: an account's `payable` is what it
/// earned or withdrew in all its life, and `paid` is what it was sent of that. Nothing is missed by claiming late or
/// rarely, and nothing is paid twice, whatever states follow.
/// @dev All that the ledger ever hears of fits 64 bits, so that the machine takes every deposit and every pool in full;
/// together its accounts never hold more than lies here.
interface IRewards {
    /// @notice `from` paid in for `account`, whose balance will rise by `amount`.
    event TokensDeposited(uint64 indexed account, address indexed from, uint64 amount);
    /// @notice `from` added to the pool of the current epoch.
    event PoolFunded(uint64 indexed epoch, address indexed from, uint64 amount);
    /// @notice The rules of the epochs that begin after the next closing.
    event RulesSet(bytes32 x, bytes32 y);
    /// @notice The epoch is over and shares `pool`; (x, y) are the rules of the next one.
    event EpochClosed(uint64 indexed epoch, uint64 pool, bytes32 x, bytes32 y);
    /// @notice Claims are now made against these accounts, those of the confirmed `state` after `batch`.
    event Adopted(uint64 indexed batch, bytes32 state, bytes32 accountsRoot);

    /// @notice Thrown when a deployment parameter makes no sense.
    error BadParameter();
    /// @notice Thrown when the caller is not the governor.
    error NotGovernor();
    /// @notice Thrown when the ledger knows no such account.
    error UnknownAccount();
    /// @notice Thrown when the ledger would be told of more than 2^64 - 1 billionths in all.
    error TooMuch();
    /// @notice Thrown when a deposit or a fund is of nothing.
    error NothingToMove();
    /// @notice Thrown when the token moved less than it was told to.
    error ShortTransfer();
    /// @notice Thrown when rules let claims settle that exceed what can be challenged on L1.
    error RulesOverCap();
    /// @notice Thrown when the epoch lasts until protocol time `until` at least.
    error EpochOpen(uint256 until);
    /// @notice Thrown when the ledger can close no more epochs.
    error EpochsSpent();
    /// @notice Thrown when the bytes are not the header of the confirmed state.
    error WrongState(bytes32 confirmed);
    /// @notice Thrown when the proof is not of the account in the adopted state.
    error WrongProof();
    /// @notice Thrown when the account was paid all that the adopted state gives it.
    error NothingToClaim();

    /// @notice Pays in for an account, the caller's or another's: `amount` billionths, of which the caller allowed this
    /// contract to take amount * UNIT base units.
    function deposit(uint64 account, uint64 amount) external;

    /// @notice As `deposit`, into the pool of the current epoch.
    function fund(uint64 amount) external;

    /// @notice Governor: rules of the epochs that begin after the next closing. L1's caps bound what they let settle.
    function setRules(bytes32 x, bytes32 y) external;

    /// @notice Anyone: closes the current epoch, EPOCH seconds after the last closing or later.
    function closeEpoch() external;

    /// @notice Anyone: takes the accounts of the confirmed state as what claims are made against. Any later state gives
    /// every account as much or more, so one call serves all claims until somebody has earned anew.
    /// @param header the 257 bytes behind the confirmed state.
    function adopt(bytes calldata header) external;

    /// @notice Sends an account what it was not sent yet, to its own address, whoever calls. That the token says so in its
    /// `Transfer` is all: an event more would cost every claim its gas.
    /// @param account its index.
    /// @param proof its 76 bytes in the adopted state, and the siblings from its leaf up, 32 bytes each.
    /// @return amount billionths sent.
    function claim(uint64 account, bytes calldata proof) external returns (uint256 amount);

    /// @notice `adopt` and `claim` at once.
    function adoptAndClaim(bytes calldata header, uint64 account, bytes calldata proof)
        external
        returns (uint256 amount);

    /// @notice What the account was sent in all, in billionths.
    function paid(uint64 account) external view returns (uint256);

    /// @notice Root of the accounts that claims are made against; zero before the first `adopt`.
    function accountsRoot() external view returns (bytes32);

    /// @notice Number of the current epoch.
    function epoch() external view returns (uint64);

    /// @notice Protocol time from which the current epoch may be closed.
    function closesAt() external view returns (uint256);

    /// @notice Billionths in the current epoch's pool.
    function pool() external view returns (uint64);

    /// @notice Billionths that ever came in.
    function total() external view returns (uint64);

    /// @notice The rules that the next closing sets.
    function rules() external view returns (bytes32 x, bytes32 y);

    /// @notice Base units of the token in a billionth.
    function UNIT() external view returns (uint256);

    /// @notice Protocol seconds of an epoch, at least.
    function EPOCH() external view returns (uint64);

    /// @notice What is paid.
    function TOKEN() external view returns (IERC20);

    /// @notice Where confirmed states are.
    function ASSERTIONS() external view returns (IAssertions);

    /// @notice Whose inbox is told.
    function ROLLUP() external view returns (IRollup);

    /// @notice Who has accounts.
    function VAULT() external view returns (IStakeVault);

    /// @notice Whose clock is protocol time.
    function GAME() external view returns (IDisputeGame);

    /// @notice Who sets the rules.
    function GOVERNOR() external view returns (address);
}
