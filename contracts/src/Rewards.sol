// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IAssertions} from "./interfaces/IAssertions.sol";
import {IDisputeGame} from "./interfaces/IDisputeGame.sol";
import {IRewards, RewardsParameters} from "./interfaces/IRewards.sol";
import {Caps, IRollup} from "./interfaces/IRollup.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {InboxKinds} from "./libraries/InboxKinds.sol";
import {LedgerLayout} from "./libraries/LedgerLayout.sol";
import {LedgerRewards, Rules} from "./libraries/LedgerRewards.sol";
import {Merkle} from "./libraries/Merkle.sol";
import {Tags} from "./libraries/Tags.sol";
import {WitnessReader} from "./libraries/WitnessReader.sol";

/// @title Rewards
/// @notice See IRewards.
/// @dev Only the token's code is not ours. It is called with the books closed; what it could still do is fail.
contract Rewards is IRewards {
    using SafeERC20 for IERC20;

    /// @inheritdoc IRewards
    uint256 public constant UNIT = 1e9;
    /// @inheritdoc IRewards
    IERC20 public immutable TOKEN;
    /// @inheritdoc IRewards
    IAssertions public immutable ASSERTIONS;
    /// @inheritdoc IRewards
    IRollup public immutable ROLLUP;
    /// @inheritdoc IRewards
    IStakeVault public immutable VAULT;
    /// @inheritdoc IRewards
    IDisputeGame public immutable GAME;
    /// @inheritdoc IRewards
    address public immutable GOVERNOR;
    /// @inheritdoc IRewards
    uint64 public immutable EPOCH;

    /// @dev One storage word.
    struct Books {
        uint64 total;
        uint64 pool;
        uint64 epoch;
        uint64 closedAt; // protocol time of the last closing, or of the deployment
    }

    /// @dev Rules as the inbox takes them.
    struct Packed {
        bytes32 x;
        bytes32 y;
    }

    Books private _books;
    /// @inheritdoc IRewards
    Packed public rules;
    /// @inheritdoc IRewards
    bytes32 public accountsRoot;
    /// @inheritdoc IRewards
    mapping(uint64 account => uint256) public paid;

    constructor(RewardsParameters memory p) {
        if (
            address(p.assertions) == address(0) || p.governor == address(0) || p.epoch == 0
                || IERC20Metadata(address(p.token)).decimals() != 18
        ) revert BadParameter();
        (TOKEN, ASSERTIONS, GOVERNOR, EPOCH) = (p.token, p.assertions, p.governor, p.epoch);
        (ROLLUP, VAULT, GAME) = (p.assertions.ROLLUP(), p.assertions.VAULT(), p.assertions.GAME());
        _setRules(p.rulesX, p.rulesY, p.assertions.ROLLUP());
        // Protocol time, too: before there is a game, nobody has paused it.
        _books.closedAt = uint64(block.timestamp);
    }

    // --------------------------------------------------------------------------------- inward

    /// @inheritdoc IRewards
    function deposit(uint64 account, uint64 amount) external {
        // What the vault registered the ledger knows, as long as it has places.
        if (account >= LedgerLayout.MAX_ACCOUNTS || VAULT.ownerOf(account) == address(0)) revert UnknownAccount();
        _take(amount);
        ROLLUP.append(InboxKinds.DEPOSIT, account, amount, 0, 0, 0, 0, 0);
        emit TokensDeposited(account, msg.sender, amount);
    }

    /// @inheritdoc IRewards
    function fund(uint64 amount) external {
        uint64 number = _books.epoch;
        if (number >= LedgerLayout.MAX_EPOCHS) revert EpochsSpent();
        unchecked {
            _books.pool += amount; // no more than `total`, which _take bounds
        }
        _take(amount);
        emit PoolFunded(number, msg.sender, amount);
    }

    /// @dev Counts what comes in and has the token move it.
    function _take(uint64 amount) private {
        if (amount == 0) revert NothingToMove();
        uint64 before = _books.total;
        if (amount > type(uint64).max - before) revert TooMuch();
        _books.total = before + amount;
        uint256 held = TOKEN.balanceOf(address(this));
        TOKEN.safeTransferFrom(msg.sender, address(this), amount * UNIT);
        if (TOKEN.balanceOf(address(this)) != held + amount * UNIT) revert ShortTransfer();
    }

    // --------------------------------------------------------------------------------- epochs

    /// @inheritdoc IRewards
    function setRules(bytes32 x, bytes32 y) external {
        if (msg.sender != GOVERNOR) revert NotGovernor();
        _setRules(x, y, ROLLUP);
        emit RulesSet(x, y);
    }

    /// @inheritdoc IRewards
    function closeEpoch() external {
        Books memory books = _books;
        uint64 time = GAME.protocolTime();
        uint256 until = uint256(books.closedAt) + EPOCH;
        if (time < until) revert EpochOpen(until);
        if (books.epoch >= LedgerLayout.MAX_EPOCHS) revert EpochsSpent();
        (_books.pool, _books.epoch, _books.closedAt) = (0, books.epoch + 1, time);
        Packed memory next = rules;
        ROLLUP.append(InboxKinds.EPOCH, books.epoch, books.pool, 0, 0, next.x, next.y, 0);
        emit EpochClosed(books.epoch, books.pool, next.x, next.y);
    }

    /// @dev A claim above L1's caps cannot be challenged: no rules may let one settle.
    function _setRules(bytes32 x, bytes32 y, IRollup rollup) private {
        Caps memory caps = rollup.caps();
        Rules memory read = LedgerRewards.unpack(x, y);
        if (read.maxSteps > caps.steps || read.maxWork > caps.work) revert RulesOverCap();
        rules = Packed(x, y);
    }

    // -------------------------------------------------------------------------------- outward

    /// @inheritdoc IRewards
    function adopt(bytes calldata header) public {
        bytes32 state = ASSERTIONS.confirmedRoot();
        if (header.length != LedgerLayout.HEADER_BYTES) revert WrongState(state);
        uint256 place = _place(header);
        if (WitnessReader.hash(Tags.LEDGER_STATE, place, header.length) != state) revert WrongState(state);
        bytes32 root = WitnessReader.word(place + LedgerLayout.ACCOUNTS_ROOT);
        accountsRoot = root;
        emit Adopted(ASSERTIONS.confirmedBatch(), state, root);
    }

    /// @inheritdoc IRewards
    /// @dev The depth is not compared with the state's: leaves and nodes have tags of their own, so no path of another
    /// length leads to the root. It bounds the index, which so names one leaf alone.
    function claim(uint64 account, bytes calldata proof) public returns (uint256 amount) {
        uint256 place = _place(proof);
        unchecked {
            // What is shorter than a leaf has a depth beyond all bounds.
            uint256 siblings = proof.length - LedgerLayout.ACCOUNT_BYTES;
            uint256 depth = siblings >> 5;
            if (siblings & 31 != 0 || depth > LedgerLayout.MAX_ACCOUNT_DEPTH || account >> depth != 0) {
                revert WrongProof();
            }
            bytes32 node = WitnessReader.hash(Tags.ACCOUNT, place, LedgerLayout.ACCOUNT_BYTES);
            uint256 path = place + LedgerLayout.ACCOUNT_BYTES;
            if (Merkle.climbAt(node, account, path, depth, Tags.LEDGER_NODE) != accountsRoot) revert WrongProof();
            uint256 due = WitnessReader.u64(place + LedgerLayout.ACCOUNT_PAYABLE);
            uint256 sent = paid[account];
            if (due <= sent) revert NothingToClaim();
            paid[account] = due;
            amount = due - sent;
            TOKEN.safeTransfer(address(bytes20(WitnessReader.word(place))), amount * UNIT);
        }
    }

    /// @inheritdoc IRewards
    function adoptAndClaim(bytes calldata header, uint64 account, bytes calldata proof)
        external
        returns (uint256 amount)
    {
        adopt(header);
        return claim(account, proof);
    }

    function _place(bytes calldata data) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := data.offset
        }
    }

    // ---------------------------------------------------------------------------------- views

    /// @inheritdoc IRewards
    function epoch() external view returns (uint64) {
        return _books.epoch;
    }

    /// @inheritdoc IRewards
    function closesAt() external view returns (uint256) {
        return uint256(_books.closedAt) + EPOCH;
    }

    /// @inheritdoc IRewards
    function pool() external view returns (uint64) {
        return _books.pool;
    }

    /// @inheritdoc IRewards
    function total() external view returns (uint64) {
        return _books.total;
    }
}
