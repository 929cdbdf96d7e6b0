// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IMachine} from "./interfaces/IMachine.sol";
import {Merkle} from "./libraries/Merkle.sol";
import {Operand, Row, Rows} from "./libraries/Rows.sol";
import {Scalar} from "./libraries/Scalar.sol";
import {SumTree} from "./libraries/SumTree.sol";
import {Tags} from "./libraries/Tags.sol";
import {Reader, WitnessReader} from "./libraries/WitnessReader.sol";

/// @title The tensor machine: one scalar operation of a neural network's program
/// @notice docs/protocol.md, section 6. The witness is read once, from front to end, in the order of that section;
/// everything that it says is opened against `program` and `pre`. `prover/witness.py` does the same step by step.
contract TensorMachine is IMachine {
    /// @notice Thrown when the program header or first step is not the claim's.
    error WrongHeader();
    /// @notice Thrown when the row is not in the op table.
    error WrongRow();
    /// @notice Thrown when the position is not one of the row's micro-steps.
    error WrongPosition();
    /// @notice Thrown when the segment roots and the accumulator are not the prestate's.
    error WrongState();
    /// @notice Thrown when a register is not in its segment.
    error WrongRegister();
    /// @notice Thrown when a leaf is not in its register's tensor.
    error WrongLeaf();

    /// @dev Where the position lies, and what the program's header says.
    struct Place {
        Row row;
        uint32 depths;
        bool last; // of the training step
        uint256 step;
        uint256 element;
        uint256 foldIndex;
    }

    uint256 private constant SCRATCH = 3;
    uint256 private constant HEADER_BYTES = 48;
    uint256 private constant STATE_BYTES = 132;
    uint256 private constant REGISTER_BYTES = 36;
    uint256 private constant LEAF_BYTES = 256;
    uint256 private constant LEAF_WORDS = 64;
    uint256 private constant SUM_NODE_BYTES = 40;
    uint8 private constant GATHER = 0x1d;

    /// @dev H(TENSOR_LEAF | 256 zero bytes).
    bytes32 internal constant ZERO_LEAF = 0x04674516e8a219f22341f69d4775d73505d9263a7db2259ef512619800d9535b;
    /// @dev H(REGISTER | 0 u32 | ZERO_LEAF).
    bytes32 internal constant EMPTY_REGISTER = 0x8a22b3ab58f0d94fb868efcb64b85115e58bdb8b88c9c5dccb742a447aae2564;

    /// @inheritdoc IMachine
    function step(bytes32 program, uint64 position, bytes32 pre, bytes calldata witness)
        external
        pure
        returns (bytes32)
    {
        Reader memory reader = WitnessReader.over(witness);
        Place memory place = _place(reader, program, position);

        uint256 opening = reader.take(STATE_BYTES);
        if (WitnessReader.hash(Tags.STATE, opening, STATE_BYTES) != pre) revert WrongState();
        bytes32[4] memory roots;
        assembly ("memory-safe") {
            calldatacopy(roots, opening, 128)
        }

        uint256 acc = _scalar(reader, place, roots, WitnessReader.u32(opening + 128));
        if (place.foldIndex == place.row.fold() - 1) {
            _write(reader, place, roots, uint32(acc));
            acc = 0;
        }
        if (place.last) roots[SCRATCH] = _zeros(EMPTY_REGISTER, Rows.depthOf(place.depths, SCRATCH), Tags.SEGMENT_NODE);
        reader.finish();
        return _stateHash(roots, acc);
    }

    /// @dev Opens the program's header, and the row that the position lies in.
    function _place(Reader memory reader, bytes32 program, uint256 position)
        private
        pure
        returns (Place memory place)
    {
        uint256 header = reader.take(HEADER_BYTES + 8);
        bytes32 id = WitnessReader.hash(Tags.PROGRAM, header, HEADER_BYTES);
        uint256 firstStep = WitnessReader.u64(header + HEADER_BYTES);
        if (keccak256(abi.encodePacked(Tags.RUN, id, uint64(firstStep))) != program) revert WrongHeader();
        uint256 microSteps = WitnessReader.u64(header + 36);
        place.depths = uint32(WitnessReader.u32(header + 44));

        (uint256 before, uint256 count) = _openRow(reader, place, header, microSteps);
        if (microSteps == 0) revert WrongPosition();
        uint256 rest = position % microSteps;
        if (rest < before || rest - before >= count) revert WrongPosition();
        place.last = rest == microSteps - 1;
        place.step = firstStep + position / microSteps;
        place.element = (rest - before) / place.row.fold();
        place.foldIndex = (rest - before) % place.row.fold();
    }

    /// @dev Opens a row of the op table.
    /// @return before micro-steps of the rows before it.
    /// @return count its own micro-steps.
    function _openRow(Reader memory reader, Place memory place, uint256 header, uint256 microSteps)
        private
        pure
        returns (uint256 before, uint256 count)
    {
        uint256 rows = WitnessReader.u32(header + 32);
        uint256 index = WitnessReader.u32(reader.take(4));
        if (index >= rows) revert WrongRow();
        Row row = Row.wrap(reader.take(Rows.ROW_BYTES));
        place.row = row;
        count = row.count(place.depths);
        uint256 depth = Merkle.ceilLog2(rows);
        uint256 path = reader.take(SUM_NODE_BYTES * depth);
        bytes32 root = WitnessReader.hash(Tags.ROW, Row.unwrap(row), Rows.ROW_BYTES);
        uint256 total;
        (root, total, before) = SumTree.climbAt(root, count, index, path, depth);
        if (root != WitnessReader.word(header) || total != microSteps) revert WrongRow();
    }

    /// @dev Reads the operands and applies the operation to them and the accumulator.
    function _scalar(Reader memory reader, Place memory place, bytes32[4] memory roots, uint256 acc)
        private
        pure
        returns (uint32)
    {
        uint8 opcode = place.row.opcode();
        uint256 arity = Scalar.arity(opcode);
        uint32[3] memory read;
        for (uint256 i = 0; i < arity; ++i) {
            Operand operand = place.row.operand(i);
            if (operand.isImmediate()) {
                read[i] = operand.word();
                continue;
            }
            int256 target = operand.addressAt(place.row, place.element, place.foldIndex, place.step);
            if (opcode == GATHER && i == 2) target += int256(int32(read[0])) * int256(int32(read[1]));
            read[i] = _read(reader, place.depths, roots, operand, target);
        }
        if (place.foldIndex == 0) acc = Scalar.identity(opcode);
        return Scalar.evaluate(opcode, uint32(acc), read[0], read[1], read[2]);
    }

    /// @dev The word of an operand's register; 0 when its length is another than expected or the address is outside.
    function _read(Reader memory reader, uint32 depths, bytes32[4] memory roots, Operand operand, int256 target)
        private
        pure
        returns (uint32)
    {
        uint256 id = operand.register();
        uint256 length = operand.length();
        (uint256 register, uint256 path, uint256 depth) = _openRegister(reader, depths, id);
        bytes32 leaf = WitnessReader.hash(Tags.REGISTER, register, REGISTER_BYTES);
        if (Merkle.climbAt(leaf, Rows.indexOf(id), path, depth, Tags.SEGMENT_NODE) != roots[Rows.segmentOf(id)]) {
            revert WrongRegister();
        }
        if (WitnessReader.u32(register) != length || !_inside(target, length)) return 0;

        depth = _tensorDepth(length);
        uint256 content = reader.take(LEAF_BYTES);
        path = reader.take(32 * depth);
        leaf = WitnessReader.hash(Tags.TENSOR_LEAF, content, LEAF_BYTES);
        bytes32 root = Merkle.climbAt(leaf, uint256(target) / LEAF_WORDS, path, depth, Tags.TENSOR_NODE);
        if (root != WitnessReader.word(register + 4)) revert WrongLeaf();
        return _swap(WitnessReader.u32(content + 4 * (uint256(target) % LEAF_WORDS)));
    }

    /// @dev Writes a word to the place's element, and the new root of the out register's segment to `roots`.
    function _write(Reader memory reader, Place memory place, bytes32[4] memory roots, uint32 word) private pure {
        uint256 id = place.row.out();
        uint256 length = place.row.outLength();
        int256 target = place.row.outAddress(place.element, place.step);
        (uint256 register, uint256 path, uint256 depth) = _openRegister(reader, place.depths, id);
        bytes32 oldLeaf = WitnessReader.hash(Tags.REGISTER, register, REGISTER_BYTES);
        bytes32 root = WitnessReader.word(register + 4);
        if (WitnessReader.u32(register) != length) {
            root = _zerosBut(_tensorDepth(length), target, length, word);
        } else if (_inside(target, length)) {
            root = _replace(reader, root, uint256(target), length, word);
        }
        bytes32 newLeaf = _registerHash(length, root);
        uint256 segment = Rows.segmentOf(id);
        (oldLeaf, newLeaf) =
            Merkle.climb2At(oldLeaf, newLeaf, Rows.indexOf(id), path, depth, Tags.SEGMENT_NODE);
        if (oldLeaf != roots[segment]) revert WrongRegister();
        roots[segment] = newLeaf;
    }

    /// @dev Takes a register's length and tensor root, which lie at `register`, and its segment path.
    function _openRegister(Reader memory reader, uint32 depths, uint256 id)
        private
        pure
        returns (uint256 register, uint256 path, uint256 depth)
    {
        register = reader.take(REGISTER_BYTES);
        depth = Rows.depthOf(depths, Rows.segmentOf(id));
        path = reader.take(32 * depth);
    }

    /// @dev The root of a tensor after one word of it, whose leaf the witness opens, became another.
    function _replace(Reader memory reader, bytes32 root, uint256 target, uint256 length, uint32 word)
        private
        pure
        returns (bytes32)
    {
        uint256 content = reader.take(LEAF_BYTES);
        uint256 depth = _tensorDepth(length);
        uint256 path = reader.take(32 * depth);
        bytes32 oldLeaf = WitnessReader.hash(Tags.TENSOR_LEAF, content, LEAF_BYTES);
        bytes32 newLeaf = _leafWith(content, target % LEAF_WORDS, word);
        (oldLeaf, newLeaf) = Merkle.climb2At(oldLeaf, newLeaf, target / LEAF_WORDS, path, depth, Tags.TENSOR_NODE);
        if (oldLeaf != root) revert WrongLeaf();
        return newLeaf;
    }

    /// @dev The root of a tensor of zeros, but for one word where the target is inside it.
    function _zerosBut(uint256 depth, int256 target, uint256 length, uint32 word) private pure returns (bytes32 root) {
        if (!_inside(target, length)) return _zeros(ZERO_LEAF, depth, Tags.TENSOR_NODE);
        uint256 index = uint256(target) / LEAF_WORDS;
        // Past the end of calldata there are zeros: the leaf to write into.
        root = _leafWith(msg.data.length, uint256(target) % LEAF_WORDS, word);
        bytes32 zeros = ZERO_LEAF;
        for (uint256 height = 0; height < depth; ++height) {
            root = index & 1 == 1
                ? Merkle.pair(zeros, root, Tags.TENSOR_NODE)
                : Merkle.pair(root, zeros, Tags.TENSOR_NODE);
            zeros = Merkle.pair(zeros, zeros, Tags.TENSOR_NODE);
            index >>= 1;
        }
    }

    /// @dev Hash of the leaf at `content` in calldata after one of its words became another.
    function _leafWith(uint256 content, uint256 index, uint32 word) private pure returns (bytes32 digest) {
        uint8 tag = Tags.TENSOR_LEAF;
        uint256 bytesOfWord = uint256(_swap(word)) << 224;
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore8(p, tag)
            calldatacopy(add(p, 1), content, LEAF_BYTES)
            let place := add(add(p, 1), shl(2, index))
            mstore(place, or(bytesOfWord, shr(32, shl(32, mload(place)))))
            digest := keccak256(p, add(LEAF_BYTES, 1))
        }
    }

    /// @dev Root of a tree of 2^depth absent leaves.
    function _zeros(bytes32 absent, uint256 depth, uint8 tag) private pure returns (bytes32) {
        for (uint256 height = 0; height < depth; ++height) {
            absent = Merkle.pair(absent, absent, tag);
        }
        return absent;
    }

    function _stateHash(bytes32[4] memory roots, uint256 acc) private pure returns (bytes32 digest) {
        uint8 tag = Tags.STATE;
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore8(p, tag)
            mcopy(add(p, 1), roots, 128)
            mstore(add(p, 129), shl(224, acc))
            digest := keccak256(p, add(STATE_BYTES, 1))
        }
    }

    /// @dev H(REGISTER | length | root).
    function _registerHash(uint256 length, bytes32 root) private pure returns (bytes32 digest) {
        uint8 tag = Tags.REGISTER;
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore8(p, tag)
            mstore(add(p, 1), shl(224, length))
            mstore(add(p, 5), root)
            digest := keccak256(p, add(REGISTER_BYTES, 1))
        }
    }

    function _inside(int256 target, uint256 length) private pure returns (bool) {
        return target >= 0 && uint256(target) < length;
    }

    /// @dev Depth of the tree over a tensor of `length` words.
    function _tensorDepth(uint256 length) private pure returns (uint256) {
        return Math.log2((length + LEAF_WORDS - 1) / LEAF_WORDS, Math.Rounding.Ceil);
    }

    /// @dev A word's four bytes in the other order: leaves are little-endian.
    function _swap(uint256 word) private pure returns (uint32) {
        word = (word & 0x00ff00ff) << 8 | (word >> 8) & 0x00ff00ff;
        return uint32(word << 16 | word >> 16);
    }
}
