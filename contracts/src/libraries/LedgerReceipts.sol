// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Merkle} from "./Merkle.sol";
import {Receipts} from "./Receipts.sol";
import {Tags} from "./Tags.sol";
import {Reader, WitnessReader} from "./WitnessReader.sol";

/// @notice A packed receipt where it lies in calldata, and what all forms of it have.
/// @param form Work, Statement or Action.
/// @param fields place of its fields.
/// @param kind of its form.
/// @param account whose owner signs.
/// @param nonce of the account.
/// @param id EIP-712 struct hash.
struct Receipt {
    uint256 form;
    uint256 fields;
    uint256 kind;
    uint256 account;
    uint256 nonce;
    bytes32 id;
}

using LedgerReceipts for Receipt global;

/// @title Receipts as the ledger reads them: packed, signed by themselves or in a bundle
/// @notice docs/ledger.md, sections 3 and 7; `entries.py` and `packing.py` of `rollup/protocol/ledger` are the same.
library LedgerReceipts {
    /// @notice Thrown when the witness shows a receipt of no form.
    error WrongForm();
    /// @notice Thrown when a receipt is neither bundled (1) nor not (0), or its leaf is not in its bundle.
    error WrongBundle();

    bytes32 private constant STATEMENT_TYPE =
        keccak256("Statement(uint8 kind,uint64 account,uint64 nonce,bytes32 subject,bytes32 content)");
    bytes32 private constant ACTION_TYPE =
        keccak256("Action(uint8 kind,uint64 account,uint64 nonce,uint64 target,uint64 other,uint64 amount)");

    uint256 internal constant WORK = Receipts.WORK_FORM;
    uint256 internal constant STATEMENT = 1;
    uint256 internal constant ACTION = 2;
    uint256 internal constant SIGNATURE_BYTES = 65;
    uint256 private constant MAX_BUNDLE = 1 << 12;
    uint256 private constant BUNDLE_BYTES = 56;

    /// @notice Bytes of a packed receipt, its form included; 0 for no form.
    function packedBytes(uint256 form) internal pure returns (uint256) {
        if (form == WORK) return 218;
        if (form == STATEMENT) return 82;
        return form == ACTION ? 42 : 0;
    }

    /// @notice The receipt whose packed bytes, of a form that is one, lie at a place.
    function receiptAt(uint256 place) internal pure returns (Receipt memory receipt) {
        receipt.form = WitnessReader.u8(place);
        receipt.fields = place + 1;
        receipt.kind = WitnessReader.u8(place + 1);
        receipt.account = WitnessReader.u64(place + 2);
        receipt.nonce = WitnessReader.u64(place + 10);
        receipt.id = receipt.form == WORK ? _workId(receipt) : _otherId(receipt);
    }

    /// @notice The Work whose packed bytes lie at a place, with its kind and what is read of its fields below, no more.
    function claimAt(uint256 place) internal pure returns (Receipt memory work) {
        work.fields = place + 1;
        work.kind = WitnessReader.u8(place + 1);
    }

    /// @notice Takes a receipt of a batch with its signature and its place in a bundle.
    /// @return receipt the receipt.
    /// @return signature place of its 65 bytes.
    /// @return signed what they sign: the receipt's id or its bundle's; 0 for a bundle that does not hold it there.
    /// @return leaf the batch's, H(ENTRY | receipt id | signature | bundle id or 0 | index u32).
    function take(Reader memory reader)
        internal
        pure
        returns (Receipt memory receipt, uint256 signature, bytes32 signed, bytes32 leaf)
    {
        uint256 size = packedBytes(WitnessReader.u8(reader.next));
        if (size == 0) revert WrongForm();
        receipt = receiptAt(reader.take(size));
        signature = reader.take(SIGNATURE_BYTES);
        uint256 bundled = WitnessReader.u8(reader.take(1));
        if (bundled > 1) revert WrongBundle();
        if (bundled == 0) return (receipt, signature, receipt.id, _leaf(receipt.id, signature, 0, 0));
        bytes32 bundle;
        uint256 index;
        bool holds;
        (bundle, index, holds) = _bundle(reader, receipt);
        signed = holds ? bundle : bytes32(0);
        leaf = _leaf(receipt.id, signature, bundle, index);
    }

    /// @notice Who signed; nobody (0) for a signature that docs/protocol.md, section 8, does not accept.
    /// @param signed a struct hash, or 0 for what nobody signed.
    /// @param signature place of r, s and v.
    function signer(bytes32 separator, bytes32 signed, uint256 signature) internal pure returns (address recovered) {
        if (signed == 0) return address(0);
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", separator, signed));
        bytes32 r = WitnessReader.word(signature);
        bytes32 s = WitnessReader.word(signature + 32);
        (recovered,,) = ECDSA.tryRecover(digest, uint8(WitnessReader.u8(signature + 64)), r, s);
    }

    /// @notice Of a Work, the account's bond that backs it.
    function slot(Receipt memory work) internal pure returns (uint256) {
        return WitnessReader.u64(work.fields + 17);
    }

    /// @notice Of a Work, its program.
    function program(Receipt memory work) internal pure returns (bytes32) {
        return WitnessReader.word(work.fields + 45);
    }

    /// @notice Of a Work, the training step that it starts at.
    function firstStep(Receipt memory work) internal pure returns (uint256) {
        return WitnessReader.u64(work.fields + 77);
    }

    /// @notice Of a Work, its runs of the program.
    function steps(Receipt memory work) internal pure returns (uint256) {
        return WitnessReader.u32(work.fields + 85);
    }

    /// @notice Of a Work, its params before.
    function params(Receipt memory work) internal pure returns (bytes32) {
        return WitnessReader.word(work.fields + 89);
    }

    /// @notice Of a Work, its inputs.
    function inputs(Receipt memory work) internal pure returns (bytes32) {
        return WitnessReader.word(work.fields + 121);
    }

    /// @notice Of a Work, its params after.
    function paramsAfter(Receipt memory work) internal pure returns (bytes32) {
        return WitnessReader.word(work.fields + 153);
    }

    /// @notice Of a Work, its outputs.
    function outputs(Receipt memory work) internal pure returns (bytes32) {
        return WitnessReader.word(work.fields + 185);
    }

    /// @notice Of an Action, its first number.
    function target(Receipt memory action) internal pure returns (uint256) {
        return WitnessReader.u64(action.fields + 17);
    }

    /// @notice Of an Action, its second number.
    function other(Receipt memory action) internal pure returns (uint256) {
        return WitnessReader.u64(action.fields + 25);
    }

    /// @notice Of an Action, its third number.
    function amount(Receipt memory action) internal pure returns (uint256) {
        return WitnessReader.u64(action.fields + 33);
    }

    function _workId(Receipt memory work) private pure returns (bytes32) {
        address defender = address(bytes20(WitnessReader.word(work.fields + 25)));
        bytes memory before = abi.encode(
            Receipts.WORK_TYPE, work.kind, work.account, work.nonce, slot(work), defender, program(work), firstStep(work)
        );
        return keccak256(
            abi.encodePacked(before, steps(work), params(work), inputs(work), paramsAfter(work), outputs(work))
        );
    }

    function _otherId(Receipt memory receipt) private pure returns (bytes32) {
        (uint256 kind, uint256 account, uint256 nonce) = (receipt.kind, receipt.account, receipt.nonce);
        if (receipt.form == STATEMENT) {
            bytes32 subject = WitnessReader.word(receipt.fields + 17);
            bytes32 content = WitnessReader.word(receipt.fields + 49);
            return keccak256(abi.encode(STATEMENT_TYPE, kind, account, nonce, subject, content));
        }
        return keccak256(
            abi.encode(ACTION_TYPE, kind, account, nonce, target(receipt), other(receipt), amount(receipt))
        );
    }

    /// @dev Takes a bundle and, where it is small enough and has the index, its leaf there.
    /// @return id of the bundle.
    /// @return index in the bundle.
    /// @return holds whether the receipt stands there.
    function _bundle(Reader memory reader, Receipt memory receipt)
        private
        pure
        returns (bytes32 id, uint256 index, bool holds)
    {
        uint256 bundle = reader.take(BUNDLE_BYTES);
        uint256 account = WitnessReader.u64(bundle);
        uint256 nonce = WitnessReader.u64(bundle + 8);
        uint256 count = WitnessReader.u32(bundle + 16);
        bytes32 root = WitnessReader.word(bundle + 20);
        index = WitnessReader.u32(bundle + 52);
        id = keccak256(abi.encode(Receipts.BUNDLE_TYPE, account, nonce, count, root));
        if (index >= count || count > MAX_BUNDLE) return (id, index, false);

        bytes32 found = WitnessReader.word(reader.take(32));
        uint256 depth = Merkle.ceilLog2(count);
        uint256 path = reader.take(32 * depth);
        if (Merkle.climbAt(found, index, path, depth, Tags.BUNDLE_NODE) != root) revert WrongBundle();
        bytes32 wanted = keccak256(abi.encodePacked(Tags.BUNDLE_LEAF, receipt.id));
        holds = account == receipt.account && nonce + index == receipt.nonce && found == wanted;
    }

    function _leaf(bytes32 id, uint256 signature, bytes32 bundle, uint256 index) private pure returns (bytes32) {
        bytes32 r = WitnessReader.word(signature);
        bytes32 s = WitnessReader.word(signature + 32);
        uint8 v = uint8(WitnessReader.u8(signature + 64));
        return keccak256(abi.encodePacked(Tags.ENTRY, id, r, s, v, bundle, uint32(index)));
    }
}
