// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Assertion, AssertionParameters, IAssertions} from "./interfaces/IAssertions.sol";
import {Claim} from "./interfaces/IClaimHost.sol";
import {IDisputeGame} from "./interfaces/IDisputeGame.sol";
import {Header, IRollup} from "./interfaces/IRollup.sol";
import {IStakeVault, Slot} from "./interfaces/IStakeVault.sol";
import {Receipts} from "./libraries/Receipts.sol";
import {Tags} from "./libraries/Tags.sol";

/// @title Assertions
/// @notice See IAssertions. An assertion is one word of storage; what became of it, vault and game know.
contract Assertions is IAssertions {
    /// @inheritdoc IAssertions
    IRollup public immutable ROLLUP;
    /// @inheritdoc IAssertions
    IStakeVault public immutable VAULT;
    /// @inheritdoc IAssertions
    IDisputeGame public immutable GAME;
    /// @inheritdoc IAssertions
    bytes32 public immutable GENESIS_ROOT;
    /// @inheritdoc IAssertions
    uint64 public immutable WINDOW;
    /// @inheritdoc IAssertions
    uint8 public immutable KIND;
    bytes32 private immutable _DOMAIN;

    /// @dev One storage word; `time` 0 stands for an assertion that nobody made.
    struct Backing {
        uint64 time;
        uint64 account;
        uint64 slot;
    }

    mapping(bytes32 id => Backing) private _backings;
    /// @inheritdoc IAssertions
    bytes32 public confirmedRoot;
    /// @inheritdoc IAssertions
    uint64 public confirmedBatch;

    constructor(AssertionParameters memory p) {
        if (address(p.rollup) == address(0) || p.window == 0 || p.genesis == 0) revert BadParameter();
        (ROLLUP, VAULT, GAME) = (p.rollup, p.rollup.VAULT(), p.rollup.GAME());
        // A bond must not leave while what it backs can be challenged.
        if (VAULT.UNBONDING() < p.window) revert BadParameter();
        (WINDOW, KIND, GENESIS_ROOT) = (p.window, p.kind, p.genesis);
        _DOMAIN = p.rollup.domainSeparator();
        confirmedRoot = p.genesis;
    }

    modifier onlyGame() {
        if (msg.sender != address(GAME)) revert NotGame();
        _;
    }

    // ----------------------------------------------------------------------------- assertions

    /// @inheritdoc IAssertions
    function assertState(Assertion calldata a) external returns (bytes32 id) {
        id = idOf(a);
        Backing storage backing = _backings[id];
        if (backing.time != 0) revert AlreadyAsserted();
        _checkBatch(a);
        if (VAULT.ownerOf(a.account) != msg.sender) revert NotOwner();
        uint64 time = GAME.protocolTime();
        if (!VAULT.isLive(a.account, a.slot, time)) revert SlotNotLive();
        (backing.time, backing.account, backing.slot) = (time, a.account, a.slot);
        emit Asserted(id, a.batch, a.header, a.pre, a.root, a.account, a.slot, a.defender, time);
    }

    /// @inheritdoc IAssertions
    /// @dev A rejected assertion's slot is slashed: it is held from the opening to the end of a game, so the bond was there
    /// when it was lost. That is why no more than the slot is looked at.
    function confirm(Assertion calldata a) external {
        bytes32 id = idOf(a);
        uint64 next = confirmedBatch + 1;
        if (a.batch != next) revert WrongNumber(next);
        if (a.pre != confirmedRoot) revert WrongState(confirmedRoot);
        uint256 until = _time(id) + WINDOW;
        uint256 time = GAME.protocolTime();
        if (time < until) revert WindowOpen(until);
        _checkBatch(a);
        Slot memory slot = VAULT.slotOf(a.account, a.slot);
        if (slot.slashed) revert SlotSlashed();
        if (slot.holds != 0 && (time < until + _longestGame() || GAME.claimOf(id).openGames != 0)) {
            revert GamesOpen(slot.holds);
        }
        confirmedBatch = next;
        confirmedRoot = a.root;
        emit AssertionConfirmed(id, next, a.root);
    }

    // ------------------------------------------------------------------------------- disputes

    /// @inheritdoc IAssertions
    function challenge(Assertion calldata a, Header calldata header, bytes32[] calldata values) external payable {
        GAME.open(_enter(a, header), msg.sender, values);
    }

    /// @inheritdoc IAssertions
    function challengeStep(Assertion calldata a, Header calldata header, bytes calldata witness) external payable {
        GAME.openStep(_enter(a, header), msg.sender, witness);
    }

    /// @inheritdoc IAssertions
    function claimOf(Assertion calldata a, Header calldata header) public view returns (Claim memory) {
        bytes32 id = idOf(a);
        uint256 time = _time(id);
        if (GAME.protocolTime() >= time + WINDOW) revert WindowClosed(time + WINDOW);
        if (!VAULT.isLive(a.account, a.slot, uint64(time))) revert SlotNotLive();
        if (Receipts.headerHash(header) != a.header) revert UnknownBatch(header.number);
        bytes32 program = keccak256(
            abi.encodePacked(
                Tags.LEDGER_RUN,
                _DOMAIN,
                header.number,
                header.posted,
                header.taken,
                header.inboxRoot,
                header.receipts,
                header.batchRoot
            )
        );
        // Not 0: no batch is empty.
        return Claim(KIND, id, program, a.pre, a.root, uint64(header.taken) + header.receipts, a.defender);
    }

    /// @dev Derives the claim and takes the bond to the vault, before the game hears of it.
    function _enter(Assertion calldata a, Header calldata header) private returns (Claim memory claim) {
        uint256 bond = GAME.CHALLENGE_BOND();
        if (msg.value != bond) revert WrongBond(bond);
        claim = claimOf(a, header);
        VAULT.hold(a.account, a.slot);
        VAULT.fund{value: bond}();
        emit AssertionChallenged(claim.id, msg.sender);
    }

    /// @dev Reverts unless the assertion is of a batch that is on L1.
    function _checkBatch(Assertion calldata a) private view {
        if (a.batch == 0 || a.header == 0 || a.header != ROLLUP.batchHash(a.batch)) revert UnknownBatch(a.batch);
    }

    /// @dev A game that was opened in a window is over, and its end told to L1, so long after it: both clocks, each
    /// raised to the grace at most once, and a clock more for whoever calls `timeout`.
    function _longestGame() private view returns (uint256) {
        return 3 * uint256(GAME.CLOCK()) + 2 * uint256(GAME.GRACE());
    }

    /// @dev When it was made.
    function _time(bytes32 id) private view returns (uint256 time) {
        time = _backings[id].time;
        if (time == 0) revert UnknownAssertion();
    }

    // ----------------------------------------------------------------------- host of the game

    /// @notice The assertion is false: its slot is slashed.
    function claimRejected(bytes32 claimId) external onlyGame returns (uint256 pot) {
        Backing memory backing = _backings[claimId];
        emit AssertionRejected(claimId);
        return VAULT.slash(backing.account, backing.slot, claimId);
    }

    /// @notice A game on the assertion ended.
    function gameClosed(bytes32 claimId) external onlyGame {
        Backing memory backing = _backings[claimId];
        VAULT.release(backing.account, backing.slot);
    }

    /// @notice Whether the slot behind the assertion is slashed.
    function isVoid(bytes32 claimId) external view returns (bool) {
        Backing memory backing = _backings[claimId];
        return VAULT.isSlashed(backing.account, backing.slot);
    }

    // ---------------------------------------------------------------------------------- views

    /// @inheritdoc IAssertions
    function idOf(Assertion calldata a) public pure returns (bytes32 id) {
        return keccak256(
            abi.encodePacked(Tags.ASSERTION, a.batch, a.header, a.pre, a.root, a.account, a.slot, a.defender)
        );
    }

    /// @inheritdoc IAssertions
    function assertionOf(bytes32 id) external view returns (uint64 time, uint64 account, uint64 slot) {
        Backing memory backing = _backings[id];
        return (backing.time, backing.account, backing.slot);
    }
}
