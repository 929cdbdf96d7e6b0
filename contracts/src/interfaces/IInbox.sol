// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The inbox: what L1 tells the ledger, and receipts that nobody can keep out
/// @notice Entries are numbered from 0 and stay. Every batch takes the next ones, in order, as its first steps
/// (docs/protocol.md, section 8; what each kind does: docs/ledger.md, section 5).
interface IInbox {
    /// @notice An entry came in; `kind` to `z` are what its leaf hashes.
    event InboxAppended(
        uint64 indexed index, uint8 kind, uint64 a, uint64 b, uint64 c, uint64 d, bytes32 x, bytes32 y, bytes32 z
    );
    /// @notice Entry `index` is `receipt`: its packed fields and signature, which `sender` paid for.
    event ForcedReceipt(uint64 indexed index, address indexed sender, bytes receipt);

    /// @notice Thrown when the caller is not one of the writers fixed at deployment.
    error NotWriter();
    /// @notice Thrown when the bytes are not a form byte (0 Work, 1 Statement, 2 Action), that form's fields and 65
    /// bytes of signature: 283, 147 or 107 bytes.
    error BadForced();
    /// @notice Thrown when a Work is forced for which this window has no room left; the next begins at protocol time
    /// `until`.
    error ForcedWorkSpent(uint256 until);

    /// @notice Writer: appends an entry. Never reverts for a writer.
    function append(uint8 kind, uint64 a, uint64 b, uint64 c, uint64 d, bytes32 x, bytes32 y, bytes32 z) external;

    /// @notice Anyone: appends a receipt that is signed by itself. Whether its signature is good is the ledger's to
    /// say: under a wrong one it does nothing. A Work must not be void for its kind, program or size, and takes its units
    /// from those that may be forced in one window: all that is claimed stays what one validator can recompute in time.
    /// @param receipt form byte, packed fields, signature r, s, v.
    function force(bytes calldata receipt) external;

    /// @notice Whether the address appends entries.
    function isWriter(address writer) external view returns (bool);

    /// @notice The leaf of entry `index`, H(INBOX_ENTRY | 129 bytes); zero when there is none.
    function inboxLeaf(uint64 index) external view returns (bytes32);

    /// @notice How many entries ever came in.
    function inboxCount() external view returns (uint64);
}
