// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDisputeGame} from "./interfaces/IDisputeGame.sol";
import {IInbox} from "./interfaces/IInbox.sol";
import {IStakeVault, Slot} from "./interfaces/IStakeVault.sol";
import {InboxKinds} from "./libraries/InboxKinds.sol";

/// @title The vault (see IStakeVault)
/// @dev The only calls that leave the system are the transfers in `collectFor`, made after the books are closed.
contract StakeVault is IStakeVault {
    /// @inheritdoc IStakeVault
    uint256 public immutable BOND;
    /// @inheritdoc IStakeVault
    uint256 public immutable UNBONDING;
    /// @notice The game, which distributes pots and keeps protocol time.
    IDisputeGame public immutable GAME;
    /// @notice Where the ledger hears of accounts, slots, exits and slashes.
    IInbox public immutable INBOX;

    /// @dev One storage word.
    struct Account {
        address owner;
        uint64 slots; // ever deposited; the next slot's number
    }

    /// @notice Whether the address is one of the hosts, fixed at deployment.
    mapping(address => bool) public isHost;

    /// @notice How many accounts there are; the last one's index.
    uint64 public accounts;

    /// @inheritdoc IStakeVault
    mapping(address => uint64) public accountOf;
    mapping(uint64 => Account) private _accounts;
    mapping(uint64 => mapping(uint64 => Slot)) private _slots;

    /// @inheritdoc IStakeVault
    mapping(address => uint256) public creditOf;

    /// @dev The three heaps in one storage word: most calls move wei from one to another. There is less ether than
    /// 2^96 wei.
    struct Heaps {
        uint32 slots; // neither slashed nor withdrawn, a BOND each
        uint32 unreported; // slashed, and the inbox was not told
        uint96 pots;
        uint96 credits;
    }

    Heaps private _heaps;

    modifier onlyHost() {
        if (!isHost[msg.sender]) revert NotHost();
        _;
    }

    modifier onlyGame() {
        if (msg.sender != address(GAME)) revert NotGame();
        _;
    }

    /// @param bond wei in one slot.
    /// @param unbonding protocol seconds between exit and withdrawal.
    /// @param game the game; like the inbox it may be deployed later at this address.
    /// @param inbox which takes what the vault appends.
    /// @param hosts contracts that post claims and take challengers' bonds.
    constructor(uint256 bond, uint256 unbonding, IDisputeGame game, IInbox inbox, address[] memory hosts) {
        if (
            bond == 0 || bond > type(uint96).max || address(game) == address(0) || address(inbox) == address(0)
        ) revert BadParameter();
        BOND = bond;
        UNBONDING = unbonding;
        GAME = game;
        INBOX = inbox;
        for (uint256 i = 0; i < hosts.length; ++i) {
            isHost[hosts[i]] = true;
        }
    }

    // ------------------------------------------------------------------------------------- owners

    /// @inheritdoc IStakeVault
    function deposit(uint32 count) external payable returns (uint64 account, uint64 first) {
        uint256 value = count * BOND;
        if (msg.value != value) revert WrongValue(value);
        account = accountOf[msg.sender];
        if (account == 0) {
            account = ++accounts;
            accountOf[msg.sender] = account;
            _accounts[account].owner = msg.sender;
            emit AccountOpened(account, msg.sender);
            INBOX.append(InboxKinds.REGISTER, account, 0, 0, 0, bytes32(uint256(uint160(msg.sender))), 0, 0);
        }
        first = _accounts[account].slots;
        if (count == 0) return (account, first);
        _accounts[account].slots = first + count;
        _heaps.slots += count;
        uint40 time = uint40(GAME.protocolTime());
        for (uint64 slot = first; slot < first + count; ++slot) {
            _slots[account][slot].depositedAt = time;
        }
        emit Deposited(account, first, count);
        INBOX.append(InboxKinds.SLOTS, account, first, count, 0, 0, 0, 0);
    }

    /// @inheritdoc IStakeVault
    function exit(uint64 slot) external {
        uint64 account = accountOf[msg.sender];
        Slot storage s = _existing(account, slot);
        if (s.slashed || s.withdrawn) revert SlotSpent();
        if (s.exitAt != 0) revert AlreadyExiting();
        s.exitAt = uint40(GAME.protocolTime());
        emit Exiting(account, slot, s.exitAt);
        INBOX.append(InboxKinds.EXIT, account, slot, 0, 0, 0, 0, 0);
    }

    /// @inheritdoc IStakeVault
    function withdraw(uint64 slot) external {
        uint64 account = accountOf[msg.sender];
        Slot storage s = _existing(account, slot);
        if (s.slashed || s.withdrawn) revert SlotSpent();
        if (s.exitAt == 0) revert NotExiting();
        uint256 until = s.exitAt + UNBONDING;
        if (GAME.protocolTime() < until) revert StillUnbonding(until);
        if (s.holds != 0) revert SlotHeld();
        s.withdrawn = true;
        --_heaps.slots;
        _heaps.credits += uint96(BOND);
        creditOf[msg.sender] += BOND;
        emit Withdrawn(account, slot);
        emit Credited(msg.sender, BOND);
    }

    /// @inheritdoc IStakeVault
    function report(uint64 account, uint64 slot) external {
        Slot storage s = _slots[account][slot];
        if (!s.slashed || s.reported) revert NothingToReport();
        s.reported = true;
        --_heaps.unreported;
        emit Reported(account, slot);
        INBOX.append(InboxKinds.SLASH, account, slot, 0, 0, 0, 0, 0);
    }

    /// @inheritdoc IStakeVault
    function collect() external returns (uint256 amount) {
        return collectFor(msg.sender);
    }

    /// @inheritdoc IStakeVault
    function collectFor(address to) public returns (uint256 amount) {
        amount = creditOf[to];
        if (amount == 0) revert NothingToCollect();
        creditOf[to] = 0;
        _heaps.credits -= uint96(amount);
        emit Collected(to, amount);
        (bool sent,) = to.call{value: amount}("");
        if (!sent) revert TransferFailed();
    }

    // -------------------------------------------------------------------------------------- hosts

    /// @inheritdoc IStakeVault
    function fund() external payable onlyHost {
        _heaps.pots += uint96(msg.value);
    }

    /// @inheritdoc IStakeVault
    function hold(uint64 account, uint64 slot) external onlyHost {
        ++_existing(account, slot).holds;
    }

    /// @inheritdoc IStakeVault
    function release(uint64 account, uint64 slot) external onlyHost {
        Slot storage s = _existing(account, slot);
        if (s.holds == 0) revert NotHeld();
        --s.holds;
    }

    /// @inheritdoc IStakeVault
    function slash(uint64 account, uint64 slot, bytes32 receiptId) external onlyHost returns (uint256 amount) {
        Slot storage s = _existing(account, slot);
        // A slot is withdrawn only when nothing that it backs can be disputed any more; should a host slash it all the
        // same, there is nothing left to take.
        if (!s.slashed && !s.withdrawn) {
            s.slashed = true;
            amount = BOND;
            --_heaps.slots;
            ++_heaps.unreported;
            _heaps.pots += uint96(amount);
        }
        emit Slashed(account, slot, receiptId, amount);
    }

    // --------------------------------------------------------------------------------------- game

    /// @inheritdoc IStakeVault
    function credit(address to, uint256 amount) external onlyGame {
        _credit(to, amount);
    }

    /// @inheritdoc IStakeVault
    function burn(uint256 amount) external onlyGame {
        _credit(address(0), amount);
    }

    // -------------------------------------------------------------------------------------- views

    /// @inheritdoc IStakeVault
    function ownerOf(uint64 account) external view returns (address) {
        return _accounts[account].owner;
    }

    /// @inheritdoc IStakeVault
    function slotsOf(uint64 account) external view returns (uint64) {
        return _accounts[account].slots;
    }

    /// @inheritdoc IStakeVault
    function slotOf(uint64 account, uint64 slot) external view returns (Slot memory) {
        return _slots[account][slot];
    }

    /// @inheritdoc IStakeVault
    function isLive(uint64 account, uint64 slot, uint64 posted) external view returns (bool) {
        Slot storage s = _slots[account][slot];
        return s.depositedAt != 0 && s.depositedAt <= posted && (s.exitAt == 0 || s.exitAt >= posted) && !s.slashed
            && !s.withdrawn;
    }

    /// @inheritdoc IStakeVault
    function isSlashed(uint64 account, uint64 slot) external view returns (bool) {
        return _slots[account][slot].slashed;
    }

    /// @inheritdoc IStakeVault
    function unreported() external view returns (uint256) {
        return _heaps.unreported;
    }

    /// @inheritdoc IStakeVault
    function bonded() external view returns (uint256) {
        return _heaps.slots * BOND;
    }

    /// @inheritdoc IStakeVault
    function pots() external view returns (uint256) {
        return _heaps.pots;
    }

    /// @inheritdoc IStakeVault
    function credits() external view returns (uint256) {
        return _heaps.credits;
    }

    function _existing(uint64 account, uint64 slot) private view returns (Slot storage s) {
        s = _slots[account][slot];
        if (s.depositedAt == 0) revert UnknownSlot();
    }

    function _credit(address to, uint256 amount) private {
        if (amount > _heaps.pots) revert PotsTooSmall();
        unchecked {
            // All heaps together are at most all the ether there is.
            _heaps.pots -= uint96(amount);
            _heaps.credits += uint96(amount);
            creditOf[to] += amount;
        }
        emit Credited(to, amount);
    }
}
