// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDisputeGame} from "./interfaces/IDisputeGame.sol";
import {IPrograms, ProgramInfo} from "./interfaces/IPrograms.sol";
import {Merkle} from "./libraries/Merkle.sol";
import {Row, Rows} from "./libraries/Rows.sol";
import {Scalar} from "./libraries/Scalar.sol";
import {SumTree} from "./libraries/SumTree.sol";
import {Tags} from "./libraries/Tags.sol";
import {WitnessReader} from "./libraries/WitnessReader.sol";

/// @title The register of programs
/// @notice See `IPrograms`. `prover/program.py` computes the same id and sums.
contract Programs is IPrograms {
    uint256 private constant MAX_ROWS = 65_535;
    uint256 private constant MAX_LEVELS = 17;
    uint256 private constant MAX_DEPTH = 14;
    uint256 private constant MICRO_STEPS_BOUND = 1 << 62;

    /// @dev A table as far as it was read: its totals, and the roots of the full subtrees so far, by height. Subtree h is
    /// there where bit h of `rows` is 1. That is all a registration in several transactions would have to keep between
    /// them, for programs of thousands of rows; ids would be the same.
    struct Table {
        uint256 rows;
        uint256 microSteps;
        uint256 work;
        uint256 words;
        bytes32[MAX_LEVELS] hashes;
        uint256[MAX_LEVELS] sums;
    }

    /// @notice Whose clock is protocol time.
    IDisputeGame public immutable CLOCK;

    mapping(bytes32 id => ProgramInfo) private _infos;
    /// @inheritdoc IPrograms
    mapping(bytes32 id => uint64) public registeredAt;

    constructor(IDisputeGame clock) {
        CLOCK = clock;
    }

    /// @inheritdoc IPrograms
    function register(bytes calldata rows, uint32 depths) external returns (bytes32 id) {
        _checkDepths(depths);
        uint256 count = rows.length / Rows.ROW_BYTES;
        if (count == 0 || count > MAX_ROWS || rows.length % Rows.ROW_BYTES != 0) revert BadRowCount(rows.length);
        Table memory table;
        uint256 start;
        assembly ("memory-safe") {
            start := rows.offset
        }
        for (uint256 i = 0; i < count; ++i) {
            _append(table, Row.wrap(start + i * Rows.ROW_BYTES), depths);
        }
        if (table.microSteps == 0 || table.microSteps >= MICRO_STEPS_BOUND) revert BadMicroSteps(table.microSteps);
        if (table.work > type(uint64).max) revert TooMuchWork(table.work);

        bytes32 root = _root(table);
        ProgramInfo memory known = ProgramInfo({
            microSteps: uint64(table.microSteps),
            work: uint64(table.work),
            words: uint64(table.words), // below 2^50: four lengths a row
            rows: uint32(count),
            depths: depths
        });
        id = keccak256(abi.encodePacked(Tags.PROGRAM, root, known.rows, known.microSteps, depths));
        if (_infos[id].microSteps != 0) return id;
        _infos[id] = known;
        registeredAt[id] = CLOCK.protocolTime();
        emit Registered(id, known.microSteps, known.work, known.words, known.rows, depths, root);
    }

    /// @inheritdoc IPrograms
    function info(bytes32 id) external view returns (ProgramInfo memory) {
        return _infos[id];
    }

    function _checkDepths(uint32 depths) private pure {
        for (uint256 segment = 0; segment < 4; ++segment) {
            if (Rows.depthOf(depths, segment) > MAX_DEPTH) revert BadDepths(depths);
        }
    }

    /// @dev Adds a row to the totals and to the tree, joining full subtrees of the same height.
    function _append(Table memory table, Row row, uint32 depths) private pure {
        uint256 sum = row.count(depths);
        if (sum != 0) {
            table.microSteps += sum;
            table.work += sum * Scalar.weight(row.opcode());
            table.words += row.words();
        }
        bytes32 hash = WitnessReader.hash(Tags.ROW, Row.unwrap(row), Rows.ROW_BYTES);
        uint256 height = 0;
        for (uint256 filled = table.rows; filled & 1 == 1; filled >>= 1) {
            hash = SumTree.join(table.hashes[height], table.sums[height], hash, sum);
            sum += table.sums[height];
            ++height;
        }
        table.hashes[height] = hash;
        table.sums[height] = sum;
        ++table.rows;
    }

    /// @dev Root of the tree, its places beyond the last row filled with absent leaves (32 zero bytes, sum 0).
    function _root(Table memory table) private pure returns (bytes32) {
        uint256 depth = Merkle.ceilLog2(table.rows);
        if (table.rows == 1 << depth) return table.hashes[depth];
        bytes32 absent = 0;
        bytes32 hash = 0;
        uint256 sum = 0;
        for (uint256 height = 0; height < depth; ++height) {
            if ((table.rows >> height) & 1 == 1) {
                hash = SumTree.join(table.hashes[height], table.sums[height], hash, sum);
                sum += table.sums[height];
            } else {
                hash = SumTree.join(hash, sum, absent, 0);
            }
            absent = SumTree.join(absent, 0, absent, 0);
        }
        return hash;
    }
}
