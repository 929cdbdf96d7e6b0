// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Claim} from "../interfaces/IClaimHost.sol";
import {ProgramInfo} from "../interfaces/IPrograms.sol";
import {Caps, IRollup, Work} from "../interfaces/IRollup.sol";
import {Merkle} from "./Merkle.sol";
import {Receipts, ReceiptId} from "./Receipts.sol";
import {Tags} from "./Tags.sol";

/// @title What a Work receipt claims
/// @notice Derives the claim of docs/protocol.md, section 6, from a receipt and its registered program. Nothing in it is
/// the claimant's word but the four segment roots.
library TensorClaims {
    uint64 private constant LENGTH_LIMIT = 1 << 62;

    /// @notice The receipt's claim.
    /// @param kind number of the tensor kind in the game.
    function derive(Work calldata work, ReceiptId id, ProgramInfo memory program, Caps memory caps, uint8 kind)
        internal
        pure
        returns (Claim memory claim)
    {
        (uint64 length,) = measure(work.kind, work.firstStep, work.steps, program, caps);
        bytes32 outputs = zeroRoot(uint8(program.depths >> 8));
        bytes32 scratch = zeroRoot(uint8(program.depths));
        claim.kind = kind;
        claim.id = ReceiptId.unwrap(id);
        claim.program = keccak256(abi.encodePacked(Tags.RUN, work.program, work.firstStep));
        claim.pre = state(work.params, work.inputs, outputs, scratch);
        claim.post = state(work.paramsAfter, work.inputs, work.outputs, scratch);
        claim.length = length;
        claim.defender = work.defender;
    }

    /// @notice What a Work with these fields asks of who recomputes it; reverts when it is void.
    /// @return length micro-steps.
    /// @return units work units, at most caps.work.
    function measure(uint8 kind, uint64 firstStep, uint32 steps, ProgramInfo memory program, Caps memory caps)
        internal
        pure
        returns (uint64 length, uint64 units)
    {
        if (kind != Receipts.COMPUTE && kind != Receipts.INFERENCE) revert IRollup.UnknownKind(kind);
        if (program.microSteps == 0) revert IRollup.UnknownProgram();
        uint256 microSteps = uint256(program.microSteps) * steps;
        uint256 work = uint256(program.work) * steps;
        if (
            steps == 0 || steps > caps.steps || program.rows > caps.rows || program.words > caps.words
                || work > caps.work || microSteps >= LENGTH_LIMIT || uint256(firstStep) + steps > type(uint64).max
        ) revert IRollup.OverCap();
        return (uint64(microSteps), uint64(work));
    }

    /// @notice Root of a segment of 2^depth empty registers.
    function zeroRoot(uint8 depth) internal pure returns (bytes32 node) {
        bytes32 zeroLeaf = keccak256(abi.encodePacked(Tags.TENSOR_LEAF, new bytes(256)));
        node = keccak256(abi.encodePacked(Tags.REGISTER, uint32(0), zeroLeaf));
        for (uint256 level = 0; level < depth; ++level) {
            node = Merkle.pair(node, node, Tags.SEGMENT_NODE);
        }
    }

    /// @notice Commitment to a state at either end of a training step, where the accumulator is 0.
    function state(bytes32 params, bytes32 inputs, bytes32 outputs, bytes32 scratch) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tags.STATE, params, inputs, outputs, scratch, uint32(0)));
    }
}
