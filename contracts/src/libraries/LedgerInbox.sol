// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {InboxKinds} from "./InboxKinds.sol";
import {LedgerEffects, Posted} from "./LedgerEffects.sol";
import {LedgerLayout} from "./LedgerLayout.sol";
import {Account, LedgerLeaves} from "./LedgerLeaves.sol";
import {LedgerReceipts, Receipt} from "./LedgerReceipts.sol";
import {LedgerRewards} from "./LedgerRewards.sol";
import {Forest, Store} from "./LedgerState.sol";
import {Tags} from "./Tags.sol";
import {Reader, WitnessReader} from "./WitnessReader.sol";

/// @notice An inbox entry where it lies in calldata: kind, four numbers and three words; of a forced receipt, the
/// length of the bytes behind its x and they themselves follow.
type InboxEntry is uint256;

using LedgerInbox for InboxEntry global;

/// @title What one inbox entry does
/// @notice docs/ledger.md, section 5; `rollup/protocol/ledger/inbox_effects.py` is the same, name by name. What does
/// not hold changes nothing but how many entries were consumed.
library LedgerInbox {
    /// @notice Thrown when the forced receipt is not what the entry's x is the hash of.
    error WrongForced();

    uint256 private constant U64_MAX = type(uint64).max;
    uint256 private constant ENTRY_BYTES = 129;

    /// @notice Takes an entry and, of a forced receipt, the bytes behind its x.
    function take(Reader memory reader) internal pure returns (InboxEntry entry) {
        uint256 place = reader.take(ENTRY_BYTES);
        entry = InboxEntry.wrap(place);
        if (WitnessReader.u8(place) != InboxKinds.FORCED) return entry;
        uint256 size = WitnessReader.u16(reader.take(2));
        if (WitnessReader.hash(Tags.FORCED, reader.take(size), size) != entry.x()) revert WrongForced();
    }

    /// @notice H(INBOX_ENTRY | 129 bytes).
    function leaf(InboxEntry entry) internal pure returns (bytes32) {
        return WitnessReader.hash(Tags.INBOX_ENTRY, InboxEntry.unwrap(entry), ENTRY_BYTES);
    }

    /// @notice The entry's kind.
    function kind(InboxEntry entry) internal pure returns (uint256) {
        return WitnessReader.u8(InboxEntry.unwrap(entry));
    }

    /// @notice Its first number.
    function a(InboxEntry entry) internal pure returns (uint256) {
        return WitnessReader.u64(InboxEntry.unwrap(entry) + 1);
    }

    /// @notice Its second number.
    function b(InboxEntry entry) internal pure returns (uint256) {
        return WitnessReader.u64(InboxEntry.unwrap(entry) + 9);
    }

    /// @notice Its third number.
    function c(InboxEntry entry) internal pure returns (uint256) {
        return WitnessReader.u64(InboxEntry.unwrap(entry) + 17);
    }

    /// @notice Its fourth number.
    function d(InboxEntry entry) internal pure returns (uint256) {
        return WitnessReader.u64(InboxEntry.unwrap(entry) + 25);
    }

    /// @notice Its first word.
    function x(InboxEntry entry) internal pure returns (bytes32) {
        return WitnessReader.word(InboxEntry.unwrap(entry) + 33);
    }

    /// @notice Its second word.
    function y(InboxEntry entry) internal pure returns (bytes32) {
        return WitnessReader.word(InboxEntry.unwrap(entry) + 65);
    }

    /// @notice Its third word.
    function z(InboxEntry entry) internal pure returns (bytes32) {
        return WitnessReader.word(InboxEntry.unwrap(entry) + 97);
    }

    /// @notice One entry.
    function inboxStep(Store memory store, Posted memory posted, InboxEntry entry) internal pure {
        uint256 said = entry.kind();
        if (said == InboxKinds.REGISTER) register(store, entry);
        else if (said == InboxKinds.DEPOSIT) deposit(store, entry);
        else if (said == InboxKinds.SLOTS || said == InboxKinds.EXIT || said == InboxKinds.SLASH) backing(store, entry);
        else if (said == InboxKinds.JOB) openJob(store, entry);
        else if (said == InboxKinds.CONFIRM) store.confirmed = Math.max(store.confirmed, entry.a());
        else if (said == InboxKinds.EPOCH) closeEpoch(store, entry);
        else if (said == InboxKinds.FORCED) forced(store, posted, entry);
        store.inbox += 1;
    }

    /// @notice A new account, at the index that L1 gave it.
    function register(Store memory store, InboxEntry entry) internal pure {
        uint256 count = store.counts[uint256(Forest.ACCOUNTS)];
        if (entry.a() != count || count >= LedgerLayout.MAX_ACCOUNTS) return;
        Account memory account;
        account.owner = address(uint160(uint256(entry.x())));
        store.push(Forest.ACCOUNTS, account.leaf());
    }

    /// @notice Balance.
    function deposit(Store memory store, InboxEntry entry) internal pure {
        (uint256 index, uint256 amount) = (entry.a(), entry.b());
        if (!store.known(Forest.ACCOUNTS, index) || store.funds + amount > U64_MAX) return;
        uint256 place = store.read(Forest.ACCOUNTS, index);
        Account memory account = LedgerLeaves.accountAt(place);
        account.balance += amount;
        store.write(Forest.ACCOUNTS, index, place, account.leaf());
        store.funds += amount;
    }

    /// @notice Slots begin to back claims (those from 64 on do not count), or one does not any more; after a slash
    /// reputation falls, whatever the slot.
    function backing(Store memory store, InboxEntry entry) internal pure {
        (uint256 index, uint256 slot, uint256 said) = (entry.a(), entry.b(), entry.kind());
        bool counts = slot < LedgerRewards.MAX_SLOTS;
        if (!store.known(Forest.ACCOUNTS, index) || (!counts && said != InboxKinds.SLASH)) return;
        uint256 place = store.read(Forest.ACCOUNTS, index);
        Account memory account = LedgerLeaves.accountAt(place);
        if (said == InboxKinds.SLOTS) {
            uint256 stop = Math.min(slot + entry.c(), LedgerRewards.MAX_SLOTS);
            account.live |= (1 << stop) - (1 << slot);
        } else if (counts) {
            account.live &= ~(1 << slot);
        }
        if (said == InboxKinds.SLASH) account.reputation /= 4;
        store.write(Forest.ACCOUNTS, index, place, account.leaf());
    }

    /// @notice A new job, at the index that L1 gave it.
    function openJob(Store memory store, InboxEntry entry) internal pure {
        uint256 count = store.counts[uint256(Forest.JOBS)];
        if (entry.a() != count || count >= LedgerLayout.MAX_JOBS) return;
        bytes32 digest = LedgerLeaves.jobLeaf(entry.b(), entry.d(), entry.c(), 0, entry.x(), entry.y(), entry.z());
        store.push(Forest.JOBS, digest);
    }

    /// @notice The sum of scores is fixed, the next epoch starts at 0 under its own rules. A pool that does not fit is
    /// none.
    function closeEpoch(Store memory store, InboxEntry entry) internal pure {
        uint256 count = store.counts[uint256(Forest.EPOCHS)];
        if (entry.a() != count || count >= LedgerLayout.MAX_EPOCHS) return;
        uint256 pool = store.funds + entry.b() <= U64_MAX ? entry.b() : 0;
        store.push(Forest.EPOCHS, LedgerLeaves.epochLeaf(pool, store.score));
        store.funds += pool;
        store.score = 0;
        store.rules = LedgerRewards.unpack(entry.x(), entry.y());
    }

    /// @notice A receipt as any of the batch's, signed by itself; bytes that are none do nothing.
    function forced(Store memory store, Posted memory posted, InboxEntry entry) internal pure {
        uint256 place = InboxEntry.unwrap(entry) + ENTRY_BYTES;
        uint256 size = WitnessReader.u16(place);
        uint256 packed = LedgerReceipts.packedBytes(WitnessReader.u8(place + 2));
        if (packed == 0 || size != packed + LedgerReceipts.SIGNATURE_BYTES) return;
        Receipt memory receipt = LedgerReceipts.receiptAt(place + 2);
        address signer = LedgerReceipts.signer(posted.separator, receipt.id, place + 2 + packed);
        LedgerEffects.receiptStep(store, posted, receipt, signer);
    }
}
