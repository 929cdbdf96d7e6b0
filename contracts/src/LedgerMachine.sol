// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMachine} from "./interfaces/IMachine.sol";
import {LedgerEffects, Posted} from "./libraries/LedgerEffects.sol";
import {InboxEntry, LedgerInbox} from "./libraries/LedgerInbox.sol";
import {LedgerReceipts, Receipt} from "./libraries/LedgerReceipts.sol";
import {LedgerState, Store} from "./libraries/LedgerState.sol";
import {Merkle} from "./libraries/Merkle.sol";
import {Tags} from "./libraries/Tags.sol";
import {Reader, WitnessReader} from "./libraries/WitnessReader.sol";

/// @title The ledger machine: one receipt or inbox entry
/// @notice docs/ledger.md. The witness is read once, from front to end, in the order of its section 7; everything that
/// it says is opened against `program` and `pre`. `rollup/protocol/ledger/witness.py` does the same step by step.
contract LedgerMachine is IMachine {
    /// @notice Thrown when the run is not the claim's program.
    error WrongRun();
    /// @notice Thrown when the run has no step at the position.
    error WrongPosition();
    /// @notice Thrown when what the step applies is not what stands at its position.
    error WrongEntry();

    uint256 private constant RUN_BYTES = 120;

    /// @inheritdoc IMachine
    function step(bytes32 program, uint64 position, bytes32 pre, bytes calldata witness)
        external
        pure
        returns (bytes32)
    {
        Reader memory reader = WitnessReader.over(witness);
        uint256 run = reader.take(RUN_BYTES);
        if (WitnessReader.hash(Tags.LEDGER_RUN, run, RUN_BYTES) != program) revert WrongRun();
        uint256 entries = WitnessReader.u32(run + 48);
        uint256 receipts = WitnessReader.u32(run + 84);
        if (position >= entries + receipts) revert WrongPosition();
        Posted memory posted =
            Posted(WitnessReader.word(run), WitnessReader.u64(run + 32), WitnessReader.u64(run + 40));

        Store memory store = LedgerState.open(reader, pre);
        if (position < entries) {
            InboxEntry entry = LedgerInbox.take(reader);
            _inRun(reader, entry.leaf(), position, entries, WitnessReader.word(run + 52));
            LedgerInbox.inboxStep(store, posted, entry);
        } else {
            (Receipt memory receipt, uint256 signature, bytes32 signed, bytes32 leaf) = LedgerReceipts.take(reader);
            _inRun(reader, leaf, position - entries, receipts, WitnessReader.word(run + 88));
            address signer = LedgerReceipts.signer(posted.separator, signed, signature);
            LedgerEffects.receiptStep(store, posted, receipt, signer);
        }
        reader.finish();
        return store.hash();
    }

    /// @dev The leaf stands at `index` in the tree of `count` that the run names; its path is what is taken next.
    function _inRun(Reader memory reader, bytes32 leaf, uint256 index, uint256 count, bytes32 root) private pure {
        uint256 depth = Merkle.ceilLog2(count);
        uint256 path = reader.take(32 * depth);
        if (Merkle.climbAt(leaf, index, path, depth, Tags.ENTRY_NODE) != root) revert WrongEntry();
    }
}
