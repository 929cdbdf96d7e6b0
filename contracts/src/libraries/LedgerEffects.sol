// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Account, Job, LedgerLeaves, Record} from "./LedgerLeaves.sol";
import {LedgerReceipts, Receipt} from "./LedgerReceipts.sol";
import {LedgerRewards, Rules} from "./LedgerRewards.sol";
import {Forest, Store} from "./LedgerState.sol";
import {Receipts} from "./Receipts.sol";
import {Tags} from "./Tags.sol";
import {WitnessReader} from "./WitnessReader.sol";

/// @notice What of a batch's post a receipt's step depends on.
/// @param separator EIP-712 domain separator that signatures count under.
/// @param batch number of the batch.
/// @param time protocol time of its post.
struct Posted {
    bytes32 separator;
    uint256 batch;
    uint256 time;
}

/// @title What one receipt does
/// @notice docs/ledger.md, section 4; `rollup/protocol/ledger/effects.py` is the same, name by name. Each function
/// reads what it needs, decides, and only then writes; what does not hold leaves everything as it is but the nonce.
/// @dev States that the machine reaches keep every sum inside its 64 bits; in one that it never reaches, sums are cut
/// to them when they are packed, and nothing reverts.
library LedgerEffects {
    uint256 private constant U32_MAX = type(uint32).max;
    uint256 private constant U64_MAX = type(uint64).max;

    uint256 private constant TRANSFER = 32;
    uint256 private constant WITHDRAW = 33;
    uint256 private constant SETTLE = 34;
    uint256 private constant EVALUATE = 35;
    uint256 private constant USE = 36;
    uint256 private constant DISTRIBUTE = 37;

    /// @notice One receipt.
    /// @param signer who signed it; 0 for nobody.
    function receiptStep(Store memory store, Posted memory posted, Receipt memory receipt, address signer)
        internal
        pure
    {
        if (!store.known(Forest.ACCOUNTS, receipt.account)) return;
        uint256 place = store.read(Forest.ACCOUNTS, receipt.account);
        Account memory account = LedgerLeaves.accountAt(place);
        if (signer == address(0) || signer != account.owner) return;
        if (receipt.nonce != account.nonce || account.nonce == U64_MAX) return;
        account.nonce += 1;
        if (receipt.form == LedgerReceipts.ACTION && _act(store, receipt, account, place)) return;
        _put(store, receipt.account, place, account);
        if (receipt.form == LedgerReceipts.WORK) claim(store, posted, receipt, account);
    }

    /// @notice A training or inference claim waits as a record, when a live slot backs it.
    function claim(Store memory store, Posted memory posted, Receipt memory work, Account memory account)
        internal
        pure
    {
        uint256 slot = work.slot();
        bool training = work.kind == Receipts.COMPUTE;
        if (!training && work.kind != Receipts.INFERENCE) return;
        if (slot >= LedgerRewards.MAX_SLOTS || account.live >> slot & 1 == 0) return;
        bytes memory numbers = abi.encodePacked(
            Tags.RECORD,
            uint64(store.counts[uint256(Forest.RECORDS)]),
            uint64(work.kind),
            uint64(LedgerLeaves.PENDING),
            uint64(work.account),
            uint64(slot),
            uint64(posted.batch),
            uint64(posted.time),
            uint64(work.firstStep()),
            uint64(work.steps()),
            uint128(0) // job and quantity
        );
        bytes32 afterwards = training ? work.paramsAfter() : work.outputs();
        bytes memory hashes = abi.encodePacked(work.program(), work.params(), work.inputs(), afterwards);
        store.push(Forest.RECORDS, keccak256(bytes.concat(numbers, hashes)));
    }

    /// @dev Any action.
    /// @param account the signer's, its nonce used; each function writes it to its `place`.
    /// @return acted false for a kind that is none: then nothing was written.
    function _act(Store memory store, Receipt memory action, Account memory account, uint256 place)
        private
        pure
        returns (bool acted)
    {
        uint256 kind = action.kind;
        if (kind == TRANSFER) transfer(store, action, account, place);
        else if (kind == WITHDRAW) withdraw(store, action, account, place);
        else if (kind == SETTLE) settle(store, action, account, place);
        else if (kind == EVALUATE) evaluate(store, action, account, place);
        else if (kind == USE) use(store, action, account, place);
        else if (kind == DISTRIBUTE) distribute(store, action, account, place);
        else return false;
        return true;
    }

    /// @notice Balance to another account, or to itself.
    function transfer(Store memory store, Receipt memory action, Account memory account, uint256 place)
        internal
        pure
    {
        (uint256 amount, uint256 target) = (action.amount(), action.target());
        bool moves = amount <= account.balance && store.known(Forest.ACCOUNTS, target);
        if (moves) account.balance -= amount;
        _put(store, action.account, place, account);
        if (!moves) return;
        place = store.read(Forest.ACCOUNTS, target);
        account = LedgerLeaves.accountAt(place);
        account.balance += amount;
        _put(store, target, place, account);
    }

    /// @notice Balance becomes payable on L1.
    function withdraw(Store memory store, Receipt memory action, Account memory account, uint256 place)
        internal
        pure
    {
        uint256 amount = action.amount();
        if (amount <= account.balance) {
            account.balance -= amount;
            account.payable_ += amount;
        }
        _put(store, action.account, place, account);
    }

    /// @notice A pending record becomes final, and a training claim becomes score and the job's new head.
    function settle(Store memory store, Receipt memory action, Account memory account, uint256 place) internal pure {
        (Record record, Job job, uint256 quantity, bool settles) = _settled(store, action, account);
        bool training = settles && record.kind() == Receipts.COMPUTE;
        if (training) {
            settles = _score(store, account, quantity, store.rules.computeBps);
            if (settles) account.reputation = Math.min(account.reputation + 1, LedgerRewards.REPUTATION_FULL);
        }
        _put(store, action.account, place, account);
        if (!settles) return;
        (uint256 target, uint256 other) = (action.target(), action.other());
        store.write(Forest.RECORDS, target, Record.unwrap(record), record.finalLeaf(other, quantity));
        if (!training) return;
        bytes32 moved = job.leafWith(job.step() + record.steps(), job.best(), record.afterwards());
        store.write(Forest.JOBS, other, Job.unwrap(job), moved);
    }

    /// @dev The record that is to be settled and its job.
    /// @return record of the action's target.
    /// @return job of the action's other number.
    /// @return quantity that the record then has.
    /// @return settles whether it may become final.
    function _settled(Store memory store, Receipt memory action, Account memory account)
        private
        pure
        returns (Record record, Job job, uint256 quantity, bool settles)
    {
        (uint256 target, uint256 other) = (action.target(), action.other());
        if (!store.known(Forest.RECORDS, target) || !store.known(Forest.JOBS, other)) {
            return (record, job, 0, false);
        }
        record = Record.wrap(store.read(Forest.RECORDS, target));
        job = Job.wrap(store.read(Forest.JOBS, other));
        uint256 steps = record.steps();
        quantity = job.work() * steps;
        settles = record.account() == action.account && record.status() == LedgerLeaves.PENDING
            && record.batch() <= store.confirmed && account.live >> record.slot() & 1 == 1
            && record.program() == job.program() && job.registered() < record.posted() && steps >= 1
            && steps <= store.rules.maxSteps && record.firstStep() + steps <= U64_MAX
            && quantity <= store.rules.maxWork;
        bool registered = job.inputs() != 0 && job.inputs() == record.inputs();
        bool atHead = record.params() == job.params();
        if (record.kind() == Receipts.COMPUTE) {
            settles = settles && registered && atHead && record.firstStep() == job.step();
        } else {
            settles = settles && (registered || job.inputs() == 0);
        }
        if (!registered || !atHead) quantity = 0;
    }

    /// @notice What the epoch's benchmark says of a final training claim's params is rewarded as far as it is better
    /// than anything that was evaluated of the same job.
    function evaluate(Store memory store, Receipt memory action, Account memory account, uint256 place)
        internal
        pure
    {
        (uint256 index, bool holds) = _evaluated(store, action);
        Job job;
        uint256 metric = action.amount();
        if (holds) {
            job = Job.wrap(store.read(Forest.JOBS, index));
            uint256 units = LedgerRewards.performanceUnits(metric, job.best(), store.rules);
            holds = units != 0 && _score(store, account, units, store.rules.performanceBps);
        }
        _put(store, action.account, place, account);
        if (!holds) return;
        store.write(Forest.JOBS, index, Job.unwrap(job), job.leafWith(job.step(), metric, job.params()));
    }

    /// @dev The job of training record `target`, and whether evaluation `other` shows its params to score `amount`.
    function _evaluated(Store memory store, Receipt memory action) private pure returns (uint256 job, bool holds) {
        (uint256 metric, uint256 target, uint256 other) = (action.amount(), action.target(), action.other());
        if (metric > U32_MAX || !store.known(Forest.RECORDS, target) || !store.known(Forest.RECORDS, other)) {
            return (0, false);
        }
        Record trained = Record.wrap(store.read(Forest.RECORDS, target));
        Record evaluation = Record.wrap(store.read(Forest.RECORDS, other));
        holds = trained.account() == action.account && trained.kind() == Receipts.COMPUTE
            && trained.status() == LedgerLeaves.FINAL && evaluation.kind() == Receipts.INFERENCE
            && evaluation.status() == LedgerLeaves.FINAL && evaluation.job() == store.rules.benchmark
            && evaluation.firstStep() == 0 && evaluation.steps() == 1 && evaluation.params() == trained.afterwards()
            && evaluation.afterwards() == wordRoot(metric);
        job = trained.job();
    }

    /// @notice A fee for an inference: a part is burnt, the rest is the provider's balance. Where everybody can
    /// recompute the inference, what was burnt also earns the provider score.
    function use(Store memory store, Receipt memory action, Account memory account, uint256 place) internal pure {
        (uint256 fee, uint256 target) = (action.amount(), action.target());
        Record record;
        bool holds = fee <= account.balance && store.known(Forest.RECORDS, target);
        if (holds) {
            record = Record.wrap(store.read(Forest.RECORDS, target));
            holds = record.kind() == Receipts.INFERENCE && record.status() == LedgerLeaves.FINAL;
        }
        if (holds) account.balance -= fee;
        _put(store, action.account, place, account);
        if (!holds) return;

        uint256 burnt = LedgerRewards.partCeil(fee, store.rules.burnBps);
        uint256 quantity = record.quantity();
        uint256 units = LedgerRewards.usageUnits(quantity, burnt, store.rules);
        place = store.read(Forest.ACCOUNTS, record.account());
        account = LedgerLeaves.accountAt(place);
        account.balance += fee - burnt;
        bool scores = _score(store, account, units, store.rules.usageBps);
        _put(store, record.account(), place, account);
        if (!scores) return;
        bytes32 digest = record.finalLeaf(record.job(), quantity - units);
        store.write(Forest.RECORDS, target, Record.unwrap(record), digest);
    }

    /// @notice The share of a closed epoch's pool that its score is.
    function distribute(Store memory store, Receipt memory action, Account memory account, uint256 place)
        internal
        pure
    {
        uint256 current = store.counts[uint256(Forest.EPOCHS)];
        if (account.score != 0 && account.epoch < current) {
            uint256 epoch = store.read(Forest.EPOCHS, account.epoch);
            uint256 total = WitnessReader.u64(epoch + 8);
            account.payable_ += LedgerRewards.shareFloor(account.score, WitnessReader.u64(epoch), total);
            account.score = 0;
            account.epoch = current;
        }
        _put(store, action.account, place, account);
    }

    /// @notice Root of a segment of one register, a tensor of this one word.
    function wordRoot(uint256 word) internal pure returns (bytes32) {
        uint256 reversed = (word & 0xff) << 24 | (word & 0xff00) << 8 | word >> 8 & 0xff00 | word >> 24;
        bytes32 leaf = keccak256(abi.encodePacked(Tags.TENSOR_LEAF, uint32(reversed), new bytes(252)));
        return keccak256(abi.encodePacked(Tags.REGISTER, uint32(1), leaf));
    }

    /// @dev Adds the credit of `units` to the account's score and the epoch's sum; false, and nothing of it, where the
    /// account holds score of a closed epoch or the sum would not fit.
    function _score(Store memory store, Account memory account, uint256 units, uint256 weight)
        private
        pure
        returns (bool)
    {
        uint256 credit =
            LedgerRewards.creditFloor(units, weight, account.live, account.reputation, store.rules);
        uint256 current = store.counts[uint256(Forest.EPOCHS)];
        if (account.score != 0 && account.epoch != current) return false;
        if (store.score + credit > U64_MAX) return false;
        store.score += credit;
        account.score += credit;
        account.epoch = current;
        return true;
    }

    /// @dev Writes an account back to where it was read.
    function _put(Store memory store, uint256 index, uint256 place, Account memory account) private pure {
        store.write(Forest.ACCOUNTS, index, place, account.leaf());
    }
}
