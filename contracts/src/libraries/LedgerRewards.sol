// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice An epoch's weights and caps (docs/ledger.md, section 6), each inside its bound.
/// @param computeBps weight of training work, in ten-thousandths, as the next two.
/// @param usageBps weight of paid inferences.
/// @param performanceBps weight of evaluations.
/// @param uncoveredBps what work beyond the stake's cover counts.
/// @param reputationBps what full reputation adds.
/// @param stakeBps what `stakeFull` slots add.
/// @param burnBps of a usage fee.
/// @param stakeFull 1 .. 64.
/// @param benchmark the job whose evaluations count.
/// @param baseline metric from which points count.
/// @param maxSteps of a claim.
/// @param cover units that a live slot covers in full.
/// @param unitsAPrice units that a burnt billionth pays for.
/// @param unitsAPoint units that a point above the baseline is worth.
/// @param maxWork of a claim.
struct Rules {
    uint256 computeBps;
    uint256 usageBps;
    uint256 performanceBps;
    uint256 uncoveredBps;
    uint256 reputationBps;
    uint256 stakeBps;
    uint256 burnBps;
    uint256 stakeFull;
    uint256 benchmark;
    uint256 baseline;
    uint256 maxSteps;
    uint256 cover;
    uint256 unitsAPrice;
    uint256 unitsAPoint;
    uint256 maxWork;
}

/// @title The reward rule: integers, rounded as the names say
/// @notice docs/ledger.md, section 6; `rollup/protocol/ledger/rewards.py` is the same. With the rules' bounds every
/// product fits its word of 64 bits but `pool * score`, which has 128.
library LedgerRewards {
    uint256 internal constant BPS = 10_000;
    /// @notice Units of one claim, and of whatever is brought to the same scale.
    uint256 internal constant MAX_WORK = 1 << 44;
    uint256 internal constant REPUTATION_FULL = 1_000;
    /// @notice Slots 0 .. 63 of an account count: one bit each.
    uint256 internal constant MAX_SLOTS = 64;
    uint256 private constant MAX_UNITS_A_PRICE = 1 << 16;
    uint256 private constant MAX_UNITS_A_POINT = 1 << 12;

    /// @notice The rules that 64 bytes say, each cut to its bound.
    function unpack(bytes32 x, bytes32 y) internal pure returns (Rules memory rules) {
        uint256 word = uint256(x);
        rules.computeBps = Math.min(uint16(word >> 240), BPS);
        rules.usageBps = Math.min(uint16(word >> 224), BPS);
        rules.performanceBps = Math.min(uint16(word >> 208), BPS);
        rules.uncoveredBps = Math.min(uint16(word >> 192), BPS);
        rules.reputationBps = Math.min(uint16(word >> 176), BPS);
        rules.stakeBps = Math.min(uint16(word >> 160), BPS);
        rules.burnBps = Math.min(uint16(word >> 144), BPS);
        rules.stakeFull = Math.max(1, Math.min(uint16(word >> 128), MAX_SLOTS));
        rules.benchmark = uint32(word >> 96);
        rules.baseline = uint32(word >> 64);
        rules.maxSteps = uint32(word >> 32);
        word = uint256(y);
        rules.cover = Math.min(uint64(word >> 192), MAX_WORK);
        rules.unitsAPrice = Math.min(uint64(word >> 128), MAX_UNITS_A_PRICE);
        rules.unitsAPoint = Math.min(uint64(word >> 64), MAX_UNITS_A_POINT);
        rules.maxWork = Math.min(uint64(word), MAX_WORK);
    }

    /// @notice The inverse of `unpack`.
    function pack(Rules memory rules) internal pure returns (bytes32 x, bytes32 y) {
        x = bytes32(
            rules.computeBps << 240 | rules.usageBps << 224 | rules.performanceBps << 208 | rules.uncoveredBps << 192
                | rules.reputationBps << 176 | rules.stakeBps << 160 | rules.burnBps << 144 | rules.stakeFull << 128
                | rules.benchmark << 96 | rules.baseline << 64 | rules.maxSteps << 32
        );
        y = bytes32(rules.cover << 192 | rules.unitsAPrice << 128 | rules.unitsAPoint << 64 | rules.maxWork);
    }

    /// @notice `bps` ten-thousandths of `whole`, rounded up.
    function partCeil(uint256 whole, uint256 bps) internal pure returns (uint256) {
        return Math.ceilDiv(whole * bps, BPS);
    }

    /// @notice Usage: the claim's work as far as burnt fees paid for it.
    function usageUnits(uint256 quantity, uint256 burnt, Rules memory rules) internal pure returns (uint256) {
        return Math.min(quantity, Math.min(burnt, MAX_WORK) * rules.unitsAPrice);
    }

    /// @notice Performance: points above the baseline and above the best so far.
    function performanceUnits(uint256 metric, uint256 best, Rules memory rules) internal pure returns (uint256) {
        return Math.saturatingSub(metric, Math.max(best, rules.baseline)) * rules.unitsAPoint;
    }

    /// @notice Risk: what the account's live slots cover counts in full, the rest a part of it.
    function riskedFloor(uint256 units, uint256 slots, Rules memory rules) internal pure returns (uint256) {
        uint256 covered = Math.min(units, slots * rules.cover);
        return covered + (units - covered) * rules.uncoveredBps / BPS;
    }

    /// @notice Reputation and stake: ten-thousandths, from 10,000 to 30,000.
    function factorFloor(uint256 reputation, uint256 slots, Rules memory rules) internal pure returns (uint256) {
        uint256 byReputation = reputation * rules.reputationBps / REPUTATION_FULL;
        uint256 byStake = Math.min(slots, rules.stakeFull) * rules.stakeBps / rules.stakeFull;
        return BPS + byReputation + byStake;
    }

    /// @notice One component of the composite: risk, then factor, then the epoch's weight, each rounded down by itself.
    /// @param live a bit a slot that backs the account's claims.
    function creditFloor(uint256 units, uint256 weight, uint256 live, uint256 reputation, Rules memory rules)
        internal
        pure
        returns (uint256)
    {
        uint256 slots = bits(live);
        uint256 earned = riskedFloor(units, slots, rules) * factorFloor(reputation, slots, rules) / BPS;
        return earned * weight / BPS;
    }

    /// @notice Of a closed epoch's pool, for a score that is part of `total`; 0 of an epoch without score.
    function shareFloor(uint256 score, uint256 pool, uint256 total) internal pure returns (uint256) {
        return total == 0 ? 0 : pool * score / total;
    }

    /// @notice How many bits of a u64 are set: sums of 1, 2, 4 and then all 8 bits side by side.
    function bits(uint256 word) internal pure returns (uint256) {
        unchecked {
            word -= word >> 1 & 0x5555555555555555;
            word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
            word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f;
            return uint64(word * 0x0101010101010101) >> 56;
        }
    }
}
