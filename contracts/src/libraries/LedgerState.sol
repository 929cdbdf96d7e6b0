// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {LedgerLayout} from "./LedgerLayout.sol";
import {LedgerLeaves} from "./LedgerLeaves.sol";
import {LedgerRewards, Rules} from "./LedgerRewards.sol";
import {Merkle} from "./Merkle.sol";
import {Tags} from "./Tags.sol";
import {Reader, WitnessReader} from "./WitnessReader.sol";

/// @notice The four trees of a state, in the order of its header.
enum Forest {
    ACCOUNTS,
    RECORDS,
    JOBS,
    EPOCHS
}

/// @notice A state of which a step knows the header, and whatever else the witness opens.
/// @param reader the witness, as far as it was not read.
/// @param ring the record tree has 2^ring places.
/// @param roots by forest.
/// @param counts by forest: places of accounts, records ever made, jobs, closed epochs.
/// @param funds deposits and pools that ever came in.
/// @param score of the current epoch.
/// @param confirmed batches up to this one are confirmed.
/// @param inbox entries consumed.
/// @param rules of the current epoch.
struct Store {
    Reader reader;
    uint256 ring;
    bytes32[4] roots;
    uint256[4] counts;
    uint256 funds;
    uint256 score;
    uint256 confirmed;
    uint256 inbox;
    Rules rules;
}

using LedgerState for Store global;

/// @title The ledger's state as a step sees it: a header, and leaves along their paths
/// @notice docs/ledger.md, sections 2 and 7. Leaves are read where they lie in the witness; the place of a leaf is also
/// that of its path, which follows it, so that what was read can be written. `rollup/protocol/ledger/witness.py` does
/// the same as `Opened`.
library LedgerState {
    /// @notice Thrown when the header is not the prestate's.
    error WrongState();
    /// @notice Thrown when a leaf is not in its tree, or what stands at the next free place is another.
    error WrongLeaf(Forest forest);

    uint256 private constant PAIR_BYTES = 40; // a root and a count

    /// @notice Opens a state: its header is what the witness holds next.
    function open(Reader memory reader, bytes32 pre) internal pure returns (Store memory store) {
        uint256 header = reader.take(LedgerLayout.HEADER_BYTES);
        if (WitnessReader.hash(Tags.LEDGER_STATE, header, LedgerLayout.HEADER_BYTES) != pre) revert WrongState();
        store.reader = reader;
        store.ring = uint256(WitnessReader.word(header)) >> 248;
        uint256 place = header + 1;
        for (uint256 forest = 0; forest < 4; ++forest) {
            store.roots[forest] = WitnessReader.word(place);
            store.counts[forest] = WitnessReader.u64(place + 32);
            place += PAIR_BYTES;
        }
        store.funds = WitnessReader.u64(place);
        store.score = WitnessReader.u64(place + 8);
        store.confirmed = WitnessReader.u64(place + 16);
        store.inbox = WitnessReader.u64(place + 24);
        store.rules = LedgerRewards.unpack(WitnessReader.word(place + 32), WitnessReader.word(place + 64));
    }

    /// @notice The state: H(LEDGER_STATE | header).
    function hash(Store memory store) internal pure returns (bytes32) {
        (bytes32 x, bytes32 y) = LedgerRewards.pack(store.rules);
        bytes memory trees = abi.encodePacked(Tags.LEDGER_STATE, uint8(store.ring));
        for (uint256 forest = 0; forest < 4; ++forest) {
            trees = abi.encodePacked(trees, store.roots[forest], uint64(store.counts[forest]));
        }
        return keccak256(
            abi.encodePacked(
                trees,
                uint64(store.funds),
                uint64(store.score),
                uint64(store.confirmed),
                uint64(store.inbox),
                x,
                y
            )
        );
    }

    /// @notice Whether there is such an account, record, job or epoch. Index 0 is nobody's account; a record whose
    /// place was taken again is no more.
    function known(Store memory store, Forest forest, uint256 index) internal pure returns (bool) {
        uint256 count = store.counts[uint256(forest)];
        if (forest == Forest.ACCOUNTS && index == 0) return false;
        if (forest == Forest.RECORDS && index + (1 << store.ring) < count) return false;
        return index < count;
    }

    /// @notice Opens the leaf of a known index.
    /// @return leaf place of its bytes, with its path behind them.
    function read(Store memory store, Forest forest, uint256 index) internal pure returns (uint256 leaf) {
        uint256 size = _leafBytes(forest);
        leaf = store.reader.take(size);
        store.reader.take(32 * _depth(store, forest));
        bytes32 root = _climb(store, forest, index, leaf, WitnessReader.hash(_leafTag(forest), leaf, size));
        if (root != store.roots[uint256(forest)]) revert WrongLeaf(forest);
    }

    /// @notice Replaces a leaf that was read, since when nothing else was written to its tree.
    /// @param leaf place that `read` returned.
    /// @param digest the new leaf.
    function write(Store memory store, Forest forest, uint256 index, uint256 leaf, bytes32 digest) internal pure {
        store.roots[uint256(forest)] = _climb(store, forest, index, leaf, digest);
    }

    /// @notice Appends a leaf; its index is the count. What stands at its place now is opened by the witness: an
    /// absent leaf, or the hash of a record of a turn of the ring ago.
    function push(Store memory store, Forest forest, bytes32 digest) internal pure {
        uint256 index = store.counts[uint256(forest)];
        uint256 taken = _taken(store, forest);
        uint256 place = _place(store, forest, index);
        uint256 depth = Merkle.ceilLog2(taken);
        bytes32 root = store.roots[uint256(forest)];
        bytes32 old = 0;
        if (place < taken) {
            old = WitnessReader.word(store.reader.take(32));
        } else if (Merkle.ceilLog2(taken + 1) > depth) {
            // The tree grows: its root becomes the left child of the new one.
            root = Merkle.pair(root, _absent(depth), Tags.LEDGER_NODE);
            ++depth;
        }
        uint256 path = store.reader.take(32 * depth);
        (old, digest) = Merkle.climb2At(old, digest, place, path, depth, Tags.LEDGER_NODE);
        if (old != root) revert WrongLeaf(forest);
        store.roots[uint256(forest)] = digest;
        store.counts[uint256(forest)] = index + 1;
    }

    /// @dev The root that a tree has with `digest` at an index, along the path behind the leaf's bytes.
    function _climb(Store memory store, Forest forest, uint256 index, uint256 leaf, bytes32 digest)
        private
        pure
        returns (bytes32)
    {
        uint256 path = leaf + _leafBytes(forest);
        return Merkle.climbAt(digest, _place(store, forest, index), path, _depth(store, forest), Tags.LEDGER_NODE);
    }

    /// @dev Of a tree.
    function _depth(Store memory store, Forest forest) private pure returns (uint256) {
        return Merkle.ceilLog2(_taken(store, forest));
    }

    /// @dev How many places of a tree are taken.
    function _taken(Store memory store, Forest forest) private pure returns (uint256 taken) {
        taken = store.counts[uint256(forest)];
        if (forest == Forest.RECORDS && taken > 1 << store.ring) taken = 1 << store.ring;
    }

    /// @dev The place of an index: itself, but for records, which take places in a ring.
    function _place(Store memory store, Forest forest, uint256 index) private pure returns (uint256) {
        return forest == Forest.RECORDS ? index & ((1 << store.ring) - 1) : index;
    }

    /// @dev Root of a tree of 2^depth absent leaves.
    function _absent(uint256 depth) private pure returns (bytes32 node) {
        for (; depth != 0; --depth) {
            node = Merkle.pair(node, node, Tags.LEDGER_NODE);
        }
    }

    function _leafBytes(Forest forest) private pure returns (uint256) {
        if (forest == Forest.ACCOUNTS) return LedgerLayout.ACCOUNT_BYTES;
        if (forest == Forest.RECORDS) return LedgerLeaves.RECORD_BYTES;
        return forest == Forest.JOBS ? LedgerLeaves.JOB_BYTES : LedgerLeaves.EPOCH_BYTES;
    }

    function _leafTag(Forest forest) private pure returns (uint8) {
        if (forest == Forest.ACCOUNTS) return Tags.ACCOUNT;
        if (forest == Forest.RECORDS) return Tags.RECORD;
        return forest == Forest.JOBS ? Tags.JOB : Tags.EPOCH;
    }
}
