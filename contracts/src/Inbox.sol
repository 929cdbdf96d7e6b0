// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IInbox} from "./interfaces/IInbox.sol";
import {InboxKinds} from "./libraries/InboxKinds.sol";
import {LedgerReceipts, Receipt} from "./libraries/LedgerReceipts.sol";
import {Merkle} from "./libraries/Merkle.sol";
import {Receipts} from "./libraries/Receipts.sol";
import {Tags} from "./libraries/Tags.sol";
import {WitnessReader} from "./libraries/WitnessReader.sol";

/// @title Inbox (see IInbox)
/// @dev Storage an entry is one word, its leaf. The count lies with whoever inherits, in a word that it reads anyway.
abstract contract Inbox is IInbox {
    /// @inheritdoc IInbox
    mapping(address writer => bool) public isWriter;
    /// @inheritdoc IInbox
    mapping(uint64 index => bytes32) public inboxLeaf;

    /// @dev Work units of what was forced in a window, the newest in which anything was: protocol time from
    /// number * window on.
    struct Forced {
        uint64 number;
        uint64 units;
    }

    Forced private _forced;

    constructor(address[] memory writers) {
        for (uint256 i = 0; i < writers.length; ++i) {
            isWriter[writers[i]] = true;
        }
    }

    /// @inheritdoc IInbox
    function append(uint8 kind, uint64 a, uint64 b, uint64 c, uint64 d, bytes32 x, bytes32 y, bytes32 z) external {
        if (!isWriter[msg.sender]) revert NotWriter();
        _append(kind, a, b, c, d, x, y, z);
    }

    /// @inheritdoc IInbox
    function force(bytes calldata receipt) external {
        if (receipt.length == 0) revert BadForced();
        uint256 form = uint8(receipt[0]);
        uint256 packed = LedgerReceipts.packedBytes(form);
        if (packed == 0 || receipt.length != packed + LedgerReceipts.SIGNATURE_BYTES) revert BadForced();
        if (form == LedgerReceipts.WORK) _meter(LedgerReceipts.claimAt(WitnessReader.over(receipt).next));
        bytes32 x = keccak256(abi.encodePacked(Tags.FORCED, receipt));
        emit ForcedReceipt(_append(InboxKinds.FORCED, 0, 0, 0, 0, x, 0, 0), msg.sender, receipt);
    }

    /// @inheritdoc IInbox
    function inboxCount() public view virtual returns (uint64);

    /// @dev Keeps the number of entries.
    function _setInboxCount(uint64 count) internal virtual;

    /// @dev Spends the units of a Work that is forced (see LedgerReceipts.claimAt); reverts when it is void.
    function _meter(Receipt memory work) internal virtual;

    /// @dev Counts units that are forced at a protocol time; reverts when its window then holds more than `most`.
    function _spend(uint256 units, uint64 time, uint64 window, uint64 most) internal {
        uint64 number = time / window;
        Forced memory forced = _forced;
        if (forced.number == number) units += forced.units;
        if (units > most) revert ForcedWorkSpent((uint256(number) + 1) * window);
        _forced = Forced(number, uint64(units));
    }

    /// @dev Appends an entry; returns its index.
    function _append(uint8 kind, uint64 a, uint64 b, uint64 c, uint64 d, bytes32 x, bytes32 y, bytes32 z)
        internal
        returns (uint64 index)
    {
        index = inboxCount();
        inboxLeaf[index] = Receipts.inboxLeaf(kind, a, b, c, d, x, y, z);
        _setInboxCount(index + 1);
        emit InboxAppended(index, kind, a, b, c, d, x, y, z);
    }

    /// @dev Root of the tree over the leaves from `first` on, `count` of them.
    function _rootOf(uint64 first, uint256 count) internal view returns (bytes32) {
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = inboxLeaf[uint64(first + i)];
        }
        return Merkle.root(leaves, Tags.ENTRY_NODE);
    }
}
