// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice One bond of an account.
/// @param depositedAt protocol time of its deposit; 0 when there is no such slot.
/// @param exitAt protocol time at which its owner asked for it back; 0 when it did not.
/// @param holds open games on claims that this slot backs.
/// @param slashed whether the bond went to a challenger.
/// @param withdrawn whether the bond went back to the owner.
/// @param reported whether the ledger's inbox was told that the slot is slashed.
struct Slot {
    uint40 depositedAt;
    uint40 exitAt;
    uint32 holds;
    bool slashed;
    bool withdrawn;
    bool reported;
}

/// @title The vault: all ETH of the system, in three heaps
/// @notice `bonded` backs claims, `pots` is what open games will distribute, `credits` is what somebody may take.
/// Wei moves between heaps by the rules below and leaves only by `collect`. The three always add up to what was paid
/// in; the vault's balance is that, or more where somebody forced ether on it.
///
/// An account is an index given to an address once, from 1 (0 is nobody). Its slots are numbered from 0 and a number
/// is never reused. A slot backs every claim of its account that names it and was posted while it was live.
///
/// The ledger hears of accounts, slots and exits through its inbox as they happen. Of a slash it hears when somebody reports
/// it, which keeps a proof cheap: no batch is confirmed while `unreported` is not 0.
interface IStakeVault {
    /// @notice `owner` was given the index `account`.
    event AccountOpened(uint64 indexed account, address indexed owner);
    /// @notice `count` slots, numbered from `first`, were deposited.
    event Deposited(uint64 indexed account, uint64 first, uint32 count);
    /// @notice The slot's owner asked for it back; it backs nothing that is posted later.
    event Exiting(uint64 indexed account, uint64 indexed slot, uint40 exitAt);
    /// @notice The slot's bond became its owner's credit.
    event Withdrawn(uint64 indexed account, uint64 indexed slot);
    /// @notice A claim behind the receipt was false. `amount` is 0 when the slot was slashed before.
    event Slashed(uint64 indexed account, uint64 indexed slot, bytes32 indexed receiptId, uint256 amount);
    /// @notice The inbox was told that the slot is slashed.
    event Reported(uint64 indexed account, uint64 indexed slot);
    /// @notice `to` may take `amount` more. The zero address stands for burnt wei.
    event Credited(address indexed to, uint256 amount);
    /// @notice `amount` left the vault to `to`.
    event Collected(address indexed to, uint256 amount);

    /// @notice Thrown when the value sent is not `expected`.
    error WrongValue(uint256 expected);
    /// @notice Thrown when the caller is not one of the hosts fixed at deployment.
    error NotHost();
    /// @notice Thrown when the caller is not the game.
    error NotGame();
    /// @notice Thrown when the account has no such slot.
    error UnknownSlot();
    /// @notice Thrown when the slot's exit was asked for before.
    error AlreadyExiting();
    /// @notice Thrown when a slot is withdrawn whose exit was not asked for.
    error NotExiting();
    /// @notice Thrown when the slot cannot be withdrawn before protocol time `until`.
    error StillUnbonding(uint256 until);
    /// @notice Thrown when games are open on claims that the slot backs.
    error SlotHeld();
    /// @notice Thrown when the slot's bond is gone: slashed or withdrawn.
    error SlotSpent();
    /// @notice Thrown when a slot is reported that was not slashed, or was reported before.
    error NothingToReport();
    /// @notice Thrown when a host releases a slot that nobody holds.
    error NotHeld();
    /// @notice Thrown when the game gives away more than the pots hold.
    error PotsTooSmall();
    /// @notice Thrown when there is no credit to collect.
    error NothingToCollect();
    /// @notice Thrown when the receiver refused the ether.
    error TransferFailed();
    /// @notice Thrown when a deployment parameter makes no sense.
    error BadParameter();

    /// @notice Wei in one slot.
    function BOND() external view returns (uint256);

    /// @notice Protocol seconds between exit and withdrawal: longer than any claim that the slot backs can be disputed.
    function UNBONDING() external view returns (uint256);

    /// @notice Adds `count` slots to the caller's account; opens the account at the first call. The value must be
    /// exactly count * BOND. `deposit(0)` with no value only opens the account.
    /// @return account the caller's index.
    /// @return first number of the first new slot; the account's number of slots when count is 0.
    function deposit(uint32 count) external payable returns (uint64 account, uint64 first);

    /// @notice Starts the caller's slot on its way out.
    function exit(uint64 slot) external;

    /// @notice Turns the caller's slot into credit, when it is unbonded, not slashed, and no game holds it.
    function withdraw(uint64 slot) external;

    /// @notice Anyone: tells the inbox that the slot was slashed. Once a slot.
    function report(uint64 account, uint64 slot) external;

    /// @notice Sends the caller its credit.
    /// @return amount wei sent.
    function collect() external returns (uint256 amount);

    /// @notice Sends `to` its credit, whoever calls; for the zero address this is where burnt wei leaves for good.
    /// @return amount wei sent.
    function collectFor(address to) external returns (uint256 amount);

    /// @notice Host: puts a challenger's bond into the pots.
    function fund() external payable;

    /// @notice Host: a game opened on a claim that the slot backs.
    function hold(uint64 account, uint64 slot) external;

    /// @notice Host: such a game ended.
    function release(uint64 account, uint64 slot) external;

    /// @notice Host: the receipt's claim is false; moves the slot's bond into the pots. A slot pays once: the second time
    /// this moves nothing and returns 0. That a receipt is paid for once is the game's to see to, which rejects a claim
    /// once; kept here as well it would cost every won game a new storage word.
    /// @return amount wei moved.
    function slash(uint64 account, uint64 slot, bytes32 receiptId) external returns (uint256 amount);

    /// @notice Game: moves `amount` from the pots to the credit of `to`.
    function credit(address to, uint256 amount) external;

    /// @notice Game: moves `amount` from the pots to the zero address.
    function burn(uint256 amount) external;

    /// @notice The index of `owner`; 0 when it has none.
    function accountOf(address owner) external view returns (uint64);

    /// @notice The address of `account`; zero when there is no such account.
    function ownerOf(uint64 account) external view returns (address);

    /// @notice How many slots the account ever had.
    function slotsOf(uint64 account) external view returns (uint64);

    /// @notice One slot, all zero when there is none.
    function slotOf(uint64 account, uint64 slot) external view returns (Slot memory);

    /// @notice Whether the slot backs a claim posted at protocol time `posted`: it was there by then, its exit was not
    /// asked for before, and its bond is not gone.
    function isLive(uint64 account, uint64 slot, uint64 posted) external view returns (bool);

    /// @notice Whether the slot was slashed.
    function isSlashed(uint64 account, uint64 slot) external view returns (bool);

    /// @notice Slashed slots that the inbox was not told of yet.
    function unreported() external view returns (uint256);

    /// @notice What `owner` may collect.
    function creditOf(address owner) external view returns (uint256);

    /// @notice Wei in live and exiting slots.
    function bonded() external view returns (uint256);

    /// @notice Wei that open games will distribute.
    function pots() external view returns (uint256);

    /// @notice Wei that somebody may collect, burnt wei that has not left yet included.
    function credits() external view returns (uint256);
}
