// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Tags} from "./Tags.sol";
import {WitnessReader} from "./WitnessReader.sol";

/// @notice One account; its index is its place in the tree.
/// @param owner who signs.
/// @param nonce of its next receipt.
/// @param balance in billionths of the token.
/// @param live bit i is set while slot i backs claims.
/// @param score of `epoch`.
/// @param epoch of `score`.
/// @param reputation 0 .. 1,000.
/// @param payable_ ever earned or withdrawn.
struct Account {
    address owner;
    uint256 nonce;
    uint256 balance;
    uint256 live;
    uint256 score;
    uint256 epoch;
    uint256 reputation;
    uint256 payable_;
}

/// @notice A record where it lies in calldata: a credit that waits, or that became score.
type Record is uint256;

/// @notice A job where it lies in calldata.
type Job is uint256;

using LedgerLeaves for Account global;
using LedgerLeaves for Record global;
using LedgerLeaves for Job global;

/// @title The leaves of a ledger's state: what their bytes say, and the hashes of changed ones
/// @notice docs/ledger.md, section 2; `rollup/protocol/ledger/types.py` is the same.
library LedgerLeaves {
    uint256 internal constant PENDING = 0;
    uint256 internal constant FINAL = 1;
    uint256 internal constant RECORD_BYTES = 216;
    uint256 internal constant JOB_BYTES = 128;
    uint256 internal constant EPOCH_BYTES = 16;

    /// @notice The account whose 76 bytes lie at a place.
    function accountAt(uint256 place) internal pure returns (Account memory found) {
        found.owner = address(bytes20(WitnessReader.word(place)));
        found.nonce = WitnessReader.u64(place + 20);
        found.balance = WitnessReader.u64(place + 28);
        found.live = WitnessReader.u64(place + 36);
        found.score = WitnessReader.u64(place + 44);
        found.epoch = WitnessReader.u64(place + 52);
        found.reputation = WitnessReader.u64(place + 60);
        found.payable_ = WitnessReader.u64(place + 68);
    }

    /// @notice H(ACCOUNT | 76 bytes).
    function leaf(Account memory found) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                Tags.ACCOUNT,
                found.owner,
                uint64(found.nonce),
                uint64(found.balance),
                uint64(found.live),
                uint64(found.score),
                uint64(found.epoch),
                uint64(found.reputation),
                uint64(found.payable_)
            )
        );
    }

    /// @notice Of the Work: 1 compute, 2 inference.
    function kind(Record record) internal pure returns (uint256) {
        return WitnessReader.u64(Record.unwrap(record) + 8);
    }

    /// @notice 0 pending, 1 final.
    function status(Record record) internal pure returns (uint256) {
        return WitnessReader.u64(Record.unwrap(record) + 16);
    }

    /// @notice Whose it is.
    function account(Record record) internal pure returns (uint256) {
        return WitnessReader.u64(Record.unwrap(record) + 24);
    }

    /// @notice 0 .. 63.
    function slot(Record record) internal pure returns (uint256) {
        return WitnessReader.u64(Record.unwrap(record) + 32);
    }

    /// @notice Number of the batch.
    function batch(Record record) internal pure returns (uint256) {
        return WitnessReader.u64(Record.unwrap(record) + 40);
    }

    /// @notice Protocol time of the batch's post.
    function posted(Record record) internal pure returns (uint256) {
        return WitnessReader.u64(Record.unwrap(record) + 48);
    }

    /// @notice The training step that the claim starts at.
    function firstStep(Record record) internal pure returns (uint256) {
        return WitnessReader.u64(Record.unwrap(record) + 56);
    }

    /// @notice Runs of the program.
    function steps(Record record) internal pure returns (uint256) {
        return WitnessReader.u64(Record.unwrap(record) + 64);
    }

    /// @notice Of a final one, its job.
    function job(Record record) internal pure returns (uint256) {
        return WitnessReader.u64(Record.unwrap(record) + 72);
    }

    /// @notice Of a final one, the work that everybody can recompute; less what was paid for, of an inference.
    function quantity(Record record) internal pure returns (uint256) {
        return WitnessReader.u64(Record.unwrap(record) + 80);
    }

    /// @notice Program id.
    function program(Record record) internal pure returns (bytes32) {
        return WitnessReader.word(Record.unwrap(record) + 88);
    }

    /// @notice Params before.
    function params(Record record) internal pure returns (bytes32) {
        return WitnessReader.word(Record.unwrap(record) + 120);
    }

    /// @notice Inputs.
    function inputs(Record record) internal pure returns (bytes32) {
        return WitnessReader.word(Record.unwrap(record) + 152);
    }

    /// @notice Params after of a compute claim, outputs of an inference.
    function afterwards(Record record) internal pure returns (bytes32) {
        return WitnessReader.word(Record.unwrap(record) + 184);
    }

    /// @notice The record's leaf once it is final, of job `ofJob` and with this quantity.
    function finalLeaf(Record record, uint256 ofJob, uint256 left) internal pure returns (bytes32 digest) {
        uint8 tag = Tags.RECORD;
        uint256 settled = FINAL << 192;
        uint256 counted = ofJob << 192 | left << 128;
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore8(p, tag)
            calldatacopy(add(p, 1), record, RECORD_BYTES)
            // The u64 at 16, then the two at 72; what follows them in the word stays.
            let place := add(p, 17)
            mstore(place, or(settled, shr(64, shl(64, mload(place)))))
            place := add(p, 73)
            mstore(place, or(counted, shr(128, shl(128, mload(place)))))
            digest := keccak256(p, add(RECORD_BYTES, 1))
        }
    }

    /// @notice Units of one step of the program.
    function work(Job opened) internal pure returns (uint256) {
        return WitnessReader.u64(Job.unwrap(opened));
    }

    /// @notice Protocol time of the program's registration.
    function registered(Job opened) internal pure returns (uint256) {
        return WitnessReader.u64(Job.unwrap(opened) + 8);
    }

    /// @notice The step that the next training claim starts at.
    function step(Job opened) internal pure returns (uint256) {
        return WitnessReader.u64(Job.unwrap(opened) + 16);
    }

    /// @notice The highest metric that an evaluation was counted for.
    function best(Job opened) internal pure returns (uint256) {
        return WitnessReader.u64(Job.unwrap(opened) + 24);
    }

    /// @notice Program id.
    function program(Job opened) internal pure returns (bytes32) {
        return WitnessReader.word(Job.unwrap(opened) + 32);
    }

    /// @notice Inputs that claims must have; 0 for any.
    function inputs(Job opened) internal pure returns (bytes32) {
        return WitnessReader.word(Job.unwrap(opened) + 64);
    }

    /// @notice The head: params after the last settled training claim.
    function params(Job opened) internal pure returns (bytes32) {
        return WitnessReader.word(Job.unwrap(opened) + 96);
    }

    /// @notice The job's leaf once training is at `nextStep` with the head `head`, and `metric` is its best.
    function leafWith(Job opened, uint256 nextStep, uint256 metric, bytes32 head) internal pure returns (bytes32) {
        return jobLeaf(work(opened), registered(opened), nextStep, metric, program(opened), inputs(opened), head);
    }

    /// @notice H(JOB | 128 bytes).
    function jobLeaf(
        uint256 units,
        uint256 time,
        uint256 nextStep,
        uint256 metric,
        bytes32 programId,
        bytes32 registeredInputs,
        bytes32 head
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                Tags.JOB,
                uint64(units),
                uint64(time),
                uint64(nextStep),
                uint64(metric),
                programId,
                registeredInputs,
                head
            )
        );
    }

    /// @notice H(EPOCH | pool | score).
    function epochLeaf(uint256 pool, uint256 score) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tags.EPOCH, uint64(pool), uint64(score)));
    }
}
