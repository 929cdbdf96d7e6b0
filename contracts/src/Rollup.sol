// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Claim} from "./interfaces/IClaimHost.sol";
import {IDisputeGame} from "./interfaces/IDisputeGame.sol";
import {IInbox} from "./interfaces/IInbox.sol";
import {IPrograms, ProgramInfo} from "./interfaces/IPrograms.sol";
import {Caps, Header, IRollup, Opening, RollupParameters, Work} from "./interfaces/IRollup.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {History} from "./libraries/History.sol";
import {InboxKinds} from "./libraries/InboxKinds.sol";
import {Receipt} from "./libraries/LedgerReceipts.sol";
import {ReceiptId, Receipts, StructHash} from "./libraries/Receipts.sol";
import {Tags} from "./libraries/Tags.sol";
import {TensorClaims} from "./libraries/TensorClaims.sol";
import {Inbox} from "./Inbox.sol";

/// @title Rollup
/// @notice See IRollup. Storage a batch is one word, its header's hash; one more word holds both ends of the chain of
/// batches, the inbox's count and the sequencer's slot.
contract Rollup is IRollup, Inbox {
    using Receipts for Work;

    uint256 private constant MAX_CHUNK = 120_000;
    uint256 private constant MAX_RECEIPTS = 65_536;

    /// @inheritdoc IRollup
    address public immutable SEQUENCER;
    /// @inheritdoc IRollup
    uint64 public immutable WINDOW;
    /// @inheritdoc IRollup
    uint64 public immutable DEADLINE;
    /// @inheritdoc IRollup
    uint32 public immutable INBOX_CAP;
    /// @inheritdoc IRollup
    uint64 public immutable FORCED_WORK;
    /// @inheritdoc IRollup
    uint8 public immutable KIND;
    /// @inheritdoc IRollup
    IStakeVault public immutable VAULT;
    /// @inheritdoc IRollup
    IDisputeGame public immutable GAME;
    /// @inheritdoc IRollup
    IPrograms public immutable PROGRAMS;
    uint64 private immutable MAX_WORK;
    uint64 private immutable MAX_WORDS;
    uint32 private immutable MAX_ROWS;
    uint32 private immutable MAX_STEPS;

    /// @dev One word, read and written by every batch and entry. Nothing that costs a transaction comes 2^48 times, and
    /// nothing that costs a storage word 2^64 times.
    struct Ends {
        uint48 head;
        uint48 confirmed;
        uint48 inbox;
        uint48 account;
        uint64 slot;
    }

    /// @dev What stands behind a claim that was challenged, and which batch its open games keep waiting.
    struct Backing {
        uint64 account;
        uint64 slot;
        uint64 batch;
        uint32 open;
    }

    Ends private _ends;
    /// @inheritdoc IRollup
    mapping(uint64 number => bytes32) public batchHash;
    /// @inheritdoc IRollup
    mapping(address poster => bytes32) public dataHashOf;
    /// @inheritdoc IRollup
    mapping(uint64 number => uint256) public openGames;
    mapping(bytes32 claimId => Backing) private _backings;

    constructor(RollupParameters memory p) Inbox(p.writers) {
        if (
            p.sequencer == address(0) || p.window == 0 || p.deadline == 0 || p.inboxCap == 0 || address(p.vault) == address(0)
                || address(p.game) == address(0) || address(p.programs) == address(0) || p.caps.work == 0
                || p.caps.words == 0 || p.caps.rows == 0 || p.caps.steps == 0 || p.forcedWork < p.caps.work
        ) revert BadParameter();
        SEQUENCER = p.sequencer;
        WINDOW = p.window;
        DEADLINE = p.deadline;
        INBOX_CAP = p.inboxCap;
        FORCED_WORK = p.forcedWork;
        KIND = p.kind;
        VAULT = p.vault;
        GAME = p.game;
        PROGRAMS = p.programs;
        (MAX_WORK, MAX_WORDS, MAX_ROWS, MAX_STEPS) = (p.caps.work, p.caps.words, p.caps.rows, p.caps.steps);
        batchHash[0] = Receipts.genesisHash();
    }

    modifier onlyGame() {
        if (msg.sender != address(GAME)) revert NotGame();
        _;
    }

    // -------------------------------------------------------------------------------- batches

    /// @inheritdoc IRollup
    function publish(bytes calldata chunk) external {
        if (chunk.length > MAX_CHUNK) revert ChunkTooLarge(chunk.length);
        // An origin without code (not even delegated to) calls nothing but what its transaction names.
        // solhint-disable-next-line avoid-tx-origin
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert NotDirect();
        bytes32 chunkHash = keccak256(chunk);
        bytes32 running = Receipts.nextDataHash(dataHashOf[msg.sender], chunkHash);
        dataHashOf[msg.sender] = running;
        emit ChunkPublished(msg.sender, running, chunkHash);
    }

    /// @inheritdoc IRollup
    function discard() external {
        delete dataHashOf[msg.sender];
    }

    /// @inheritdoc IRollup
    function post(
        Header calldata parent,
        bytes32[] calldata peaks,
        uint32 receipts,
        bytes32 batchRoot,
        bytes32 dataHash,
        uint64 inbox
    ) external {
        if (msg.sender != SEQUENCER) revert NotSequencer();
        Ends memory ends = _ends;
        uint64 time = _now();
        if (!VAULT.isLive(ends.account, ends.slot, time)) revert SequencerUnbonded();
        _post(ends, time, parent, peaks, receipts, batchRoot, dataHash, inbox);
    }

    /// @inheritdoc IRollup
    function postOverdue(uint64 slot, Header calldata parent, bytes32[] calldata peaks, uint64 inbox) external {
        uint64 time = _now();
        // The genesis has no time from which a silence could count.
        uint256 since = parent.number == 0 ? type(uint256).max : uint256(parent.posted) + DEADLINE;
        if (time < since) revert NotOverdue(since);
        if (!VAULT.isLive(VAULT.accountOf(msg.sender), slot, time)) revert PosterUnbonded();
        _post(_ends, time, parent, peaks, 0, 0, 0, inbox);
    }

    /// @dev Makes the header of the caller's batch, with everything in it that is not the poster's word.
    function _post(
        Ends memory ends,
        uint64 time,
        Header calldata parent,
        bytes32[] calldata peaks,
        uint32 receipts,
        bytes32 batchRoot,
        bytes32 dataHash,
        uint64 inbox
    ) private {
        bytes32 last = batchHash[ends.head];
        if (Receipts.headerHash(parent) != last) revert WrongParent(last);
        (uint32 taken, bytes32 inboxRoot) = _take(parent, ends.inbox, inbox);
        if (receipts == 0 && taken == 0) revert EmptyBatch();
        if (receipts > MAX_RECEIPTS) revert TooManyReceipts(MAX_RECEIPTS);
        bytes32 running = dataHashOf[msg.sender];
        if (dataHash != running || (receipts == 0) != (running == 0)) revert WrongData(running);
        if (receipts == 0 && batchRoot != 0) revert WrongRoot();
        if (running != 0) delete dataHashOf[msg.sender];

        Header memory header = Header({
            number: parent.number + 1,
            parent: last,
            history: History.extended(parent.history, peaks, parent.number, last),
            posted: time,
            receipts: receipts,
            batchRoot: batchRoot,
            dataHash: dataHash,
            inbox: inbox,
            seen: ends.inbox,
            taken: taken,
            inboxRoot: inboxRoot
        });
        bytes32 hash = Receipts.hashOf(header);
        batchHash[header.number] = hash;
        _ends.head = uint48(header.number);
        emit BatchPosted(
            header.number,
            hash,
            header.parent,
            header.history,
            header.posted,
            header.receipts,
            header.batchRoot,
            header.dataHash,
            header.inbox,
            header.seen,
            header.taken,
            header.inboxRoot
        );
    }

    /// @dev What a batch takes of the inbox, which has `count` entries: those from the parent's last one up to `inbox`.
    function _take(Header calldata parent, uint64 count, uint64 inbox)
        private
        view
        returns (uint32 taken, bytes32 root)
    {
        uint64 first = parent.inbox;
        uint64 most = first + INBOX_CAP;
        uint64 least = parent.seen < most ? parent.seen : most;
        if (inbox < least) revert InboxSkipped(least);
        if (count < most) most = count;
        if (inbox > most) revert InboxTooFar(most);
        taken = uint32(inbox - first);
        if (taken != 0) root = _rootOf(first, taken);
    }

    function _meter(Receipt memory work) internal override {
        (uint64 firstStep, uint32 steps) = (uint64(work.firstStep()), uint32(work.steps()));
        ProgramInfo memory program = _info(work.program());
        (, uint256 units) = TensorClaims.measure(uint8(work.kind), firstStep, steps, program, caps());
        _spend(units, _now(), WINDOW, FORCED_WORK);
    }

    /// @inheritdoc IRollup
    function chooseSlot(uint64 slot) external {
        if (msg.sender != SEQUENCER) revert NotSequencer();
        uint64 account = VAULT.accountOf(msg.sender);
        if (!VAULT.isLive(account, slot, _now())) revert SequencerUnbonded();
        (_ends.account, _ends.slot) = (uint48(account), slot);
        emit SequencerSlotChosen(account, slot);
    }

    /// @inheritdoc IRollup
    function confirm(Header calldata header) external {
        uint48 next = _ends.confirmed + 1;
        if (header.number != next) revert WrongNumber(next);
        bytes32 hash = _known(header);
        uint256 until = uint256(header.posted) + WINDOW;
        if (_now() < until) revert WindowOpen(until);
        if (openGames[next] != 0) revert GamesOpen(openGames[next]);
        uint256 slashes = VAULT.unreported();
        if (slashes != 0) revert SlashesUnreported(slashes);
        _ends.confirmed = next;
        emit BatchConfirmed(next, hash);
        _append(InboxKinds.CONFIRM, next, 0, 0, 0, 0, 0, 0);
    }

    // ------------------------------------------------------------------------------- disputes

    /// @inheritdoc IRollup
    function challenge(Opening calldata opening, bytes32[] calldata values) external payable {
        GAME.open(_enter(opening), msg.sender, values);
    }

    /// @inheritdoc IRollup
    function challengeStep(Opening calldata opening, bytes calldata witness) external payable {
        GAME.openStep(_enter(opening), msg.sender, witness);
    }

    /// @inheritdoc IRollup
    function claimOf(Opening calldata opening) public view returns (Claim memory) {
        Header calldata header = opening.header;
        Work calldata work = opening.work;
        _known(header);
        uint256 end = uint256(header.posted) + WINDOW;
        if (_now() >= end) revert WindowClosed(end);

        ReceiptId id = work.id();
        StructHash signed = work.signedHash(id, opening.bundle);
        _findIn(header, opening, id, signed);
        address signer = Receipts.signer(signed, opening.signature);
        if (signer != VAULT.ownerOf(work.account)) revert WrongSigner(signer);
        if (!VAULT.isLive(work.account, work.slot, header.posted)) revert SlotNotLive();
        if (PROGRAMS.registeredAt(work.program) >= header.posted) revert LateProgram();
        return TensorClaims.derive(work, id, _info(work.program), caps(), KIND);
    }

    /// @dev Reverts unless the receipt stands at its place: in the batch, or among the inbox entries that it took.
    function _findIn(Header calldata header, Opening calldata opening, ReceiptId id, StructHash signed) private pure {
        (bytes32 leaf, bytes32 root, uint32 count) = (bytes32(0), header.batchRoot, header.receipts);
        if (opening.forced) {
            if (opening.bundle.count != 0) revert ForcedBundle();
            leaf = Receipts.forcedLeaf(opening.work, opening.signature);
            (root, count) = (header.inboxRoot, header.taken);
        } else {
            leaf = Receipts.entryLeaf(id, opening.signature, signed, opening.bundle);
        }
        if (Receipts.climb(leaf, opening.index, count, opening.path, Tags.ENTRY_NODE) != root) revert WrongPath();
    }

    /// @dev Derives the claim, takes the bond to the vault and counts the game, before the game hears of it.
    function _enter(Opening calldata opening) private returns (Claim memory claim) {
        uint256 bond = GAME.CHALLENGE_BOND();
        if (msg.value != bond) revert WrongBond(bond);
        claim = claimOf(opening);

        Work calldata work = opening.work;
        Backing storage backing = _backings[claim.id];
        uint64 batch = opening.header.number;
        uint32 open = backing.open;
        if (open == 0) {
            (backing.account, backing.slot, backing.batch) = (work.account, work.slot, batch);
        } else if (batch < backing.batch) {
            // The same receipt, found in an earlier batch: that is the one which has to wait.
            openGames[backing.batch] -= open;
            openGames[batch] += open;
            backing.batch = batch;
        } else {
            batch = backing.batch;
        }
        backing.open = open + 1;
        openGames[batch] += 1;
        VAULT.hold(work.account, work.slot);
        VAULT.fund{value: bond}();
        emit ClaimChallenged(claim.id, msg.sender, opening.header.number, opening.index);
    }

    /// @dev These two keep each call's code in one place: a contract's size is bounded.
    function _now() private view returns (uint64) {
        return GAME.protocolTime();
    }

    function _info(bytes32 program) private view returns (ProgramInfo memory) {
        return PROGRAMS.info(program);
    }

    /// @dev Reverts unless this is the header of the batch with its number; returns its hash.
    function _known(Header calldata header) private view returns (bytes32 hash) {
        hash = Receipts.headerHash(header);
        if (hash != batchHash[header.number]) revert UnknownBatch(header.number);
    }

    // ----------------------------------------------------------------------- host of the game

    /// @notice The claim is false: its slot is slashed.
    function claimRejected(bytes32 claimId) external onlyGame returns (uint256 pot) {
        Backing storage backing = _backings[claimId];
        return VAULT.slash(backing.account, backing.slot, claimId);
    }

    /// @notice A game on the claim ended.
    function gameClosed(bytes32 claimId) external onlyGame {
        Backing storage backing = _backings[claimId];
        backing.open -= 1;
        openGames[backing.batch] -= 1;
        VAULT.release(backing.account, backing.slot);
    }

    /// @notice Whether the slot behind the claim is slashed.
    function isVoid(bytes32 claimId) external view returns (bool) {
        Backing storage backing = _backings[claimId];
        return VAULT.isSlashed(backing.account, backing.slot);
    }

    // ---------------------------------------------------------------------------------- views

    /// @inheritdoc IRollup
    function receiptId(Work calldata work) external pure returns (bytes32) {
        return ReceiptId.unwrap(work.id());
    }

    /// @inheritdoc IRollup
    function head() external view returns (uint64 number, bytes32 headerHash) {
        number = _ends.head;
        headerHash = batchHash[number];
    }

    /// @inheritdoc IRollup
    function confirmed() external view returns (uint64) {
        return _ends.confirmed;
    }

    /// @inheritdoc IRollup
    function sequencerSlot() external view returns (uint64 account, uint64 slot) {
        return (_ends.account, _ends.slot);
    }

    /// @inheritdoc IInbox
    function inboxCount() public view override(IInbox, Inbox) returns (uint64) {
        return _ends.inbox;
    }

    function _setInboxCount(uint64 count) internal override {
        _ends.inbox = uint48(count);
    }

    /// @inheritdoc IRollup
    function domainSeparator() external view returns (bytes32) {
        return Receipts.domain();
    }

    /// @inheritdoc IRollup
    function caps() public view returns (Caps memory) {
        return Caps(MAX_WORK, MAX_WORDS, MAX_ROWS, MAX_STEPS);
    }
}
