// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Claim, IClaimHost} from "./IClaimHost.sol";
import {IDisputeGame} from "./IDisputeGame.sol";
import {IInbox} from "./IInbox.sol";
import {IPrograms} from "./IPrograms.sol";
import {IStakeVault} from "./IStakeVault.sol";

/// @notice A batch's header, version 2. Storage keeps its hash alone.
/// @param number from 1 on without a gap; 0 is the genesis, which is no batch.
/// @param parent header hash of the batch before; of the genesis the EIP-712 domain separator.
/// @param history H(HISTORY | peaks) of the mountains over the header hashes of all batches before (History.sol).
/// @param posted protocol time of posting.
/// @param receipts how many receipts the batch holds; 0 only when it takes inbox entries.
/// @param batchRoot tree over H(ENTRY | receipt id | signature | bundle id | index), in the order of the data; zero
/// when there are no receipts.
/// @param dataHash running hash of the chunks that carry the batch's data; zero when there are no receipts.
/// @param inbox how many inbox entries all batches up to this one took.
/// @param seen how many entries the inbox had when the batch was posted.
/// @param taken how many of them this batch took.
/// @param inboxRoot tree over their leaves; zero when there are none.
struct Header {
    uint64 number;
    bytes32 parent;
    bytes32 history;
    uint64 posted;
    uint32 receipts;
    bytes32 batchRoot;
    bytes32 dataHash;
    uint64 inbox;
    uint64 seen;
    uint32 taken;
    bytes32 inboxRoot;
}

/// @notice A receipt that claims: `steps` training steps of `program` from `firstStep` on lead from `params` and
/// `inputs` to `paramsAfter` and `outputs` (docs/protocol.md, section 8).
/// @param kind 1 compute, 2 inference.
/// @param account the vault's index of the signer.
/// @param nonce of the account, one a receipt.
/// @param slot the account's bond that backs the claim.
/// @param defender who may move for the claim in a game.
/// @param program id of a registered program.
/// @param params register segment root before, as are `inputs`; `paramsAfter` and `outputs` are those after.
struct Work {
    uint8 kind;
    uint64 account;
    uint64 nonce;
    uint64 slot;
    address defender;
    bytes32 program;
    uint64 firstStep;
    uint32 steps;
    bytes32 params;
    bytes32 inputs;
    bytes32 paramsAfter;
    bytes32 outputs;
}

/// @notice Where a receipt stands in the bundle whose signature covers it.
/// @param count receipts in the bundle; 0 when the receipt is signed by itself.
/// @param nonce of the bundle's first receipt.
/// @param index of the receipt in the bundle.
/// @param path siblings from its leaf up, ceil_log2(count) of them.
struct BundlePlace {
    uint32 count;
    uint64 nonce;
    uint32 index;
    bytes32[] path;
}

/// @notice All that shows a receipt of a batch, and who signed it.
/// @param forced whether it came through the inbox: `index` and `path` are then of its entry among those which the batch
/// took, and it is in no bundle.
/// @param index of the receipt in the batch.
/// @param path siblings from its leaf up, ceil_log2(header.receipts) of them (of header.taken when forced).
/// @param signature r, s, v of the receipt's digest, or of the bundle's.
struct Opening {
    Header header;
    bool forced;
    uint32 index;
    bytes32[] path;
    Work work;
    BundlePlace bundle;
    bytes signature;
}

/// @notice Bounds of a claim that counts. What exceeds one is void: it needs no challenge and none can be opened.
/// @param work weighted micro-steps of all training steps together.
/// @param words of the registers that one training step reads and writes.
/// @param rows of the program.
/// @param steps training steps.
struct Caps {
    uint64 work;
    uint64 words;
    uint32 rows;
    uint32 steps;
}

/// @notice What a deployment fixes for good.
/// @param sequencer who posts batches.
/// @param window protocol seconds in which a batch's claims may be challenged.
/// @param deadline protocol seconds without a batch after which anybody with a bond may post one of inbox entries.
/// @param inboxCap inbox entries that one batch takes at the most.
/// @param forcedWork work units of the Work that may be forced in one window, at least what one claim may have.
/// @param kind number of the tensor kind in the game: its host is the rollup.
/// @param writers who append to the inbox.
struct RollupParameters {
    address sequencer;
    uint64 window;
    uint64 deadline;
    uint32 inboxCap;
    uint64 forcedWork;
    uint8 kind;
    IStakeVault vault;
    IDisputeGame game;
    IPrograms programs;
    Caps caps;
    address[] writers;
}

/// @title The rollup: batches of receipts, and the host of their tensor claims
/// @notice Batches are posted by the sequencer and keep their place for good. A receipt stays off chain until somebody
/// disputes what it claims; then it alone is opened, its signature checked, and its claim handed to the game.
///
/// A claim is named by its receipt's id. A receipt that stands in several batches is one claim: it may be challenged
/// through each of them, is slashed once, and keeps waiting the earliest batch through which a game on it is open (and
/// so, batches being confirmed in order, all later ones).
///
/// A batch takes at least what was in the inbox when the one before was posted, INBOX_CAP entries at the most: so every
/// entry is taken by the second batch after it came, or as soon as those before it let it. A sequencer that takes
/// nothing can post nothing, and when it posts nothing for DEADLINE anybody with a bond posts what is in the inbox.
/// @dev Trusts vault, game and programs, which are fixed at deployment and call nobody else's code.
interface IRollup is IClaimHost, IInbox {
    /// @notice A chunk of data is in this transaction's input; `dataHash` is the poster's running hash with it.
    event ChunkPublished(address indexed poster, bytes32 indexed dataHash, bytes32 chunkHash);
    /// @notice A batch was posted; these are its header's fields and its hash.
    event BatchPosted(
        uint64 indexed number,
        bytes32 indexed headerHash,
        bytes32 parent,
        bytes32 history,
        uint64 posted,
        uint32 receipts,
        bytes32 batchRoot,
        bytes32 dataHash,
        uint64 inbox,
        uint64 seen,
        uint32 taken,
        bytes32 inboxRoot
    );
    /// @notice The batch is final: none of its claims can be challenged any more.
    event BatchConfirmed(uint64 indexed number, bytes32 indexed headerHash);
    /// @notice `challenger` opened a game on the claim of receipt `claimId`, found at `index` of batch `number`.
    event ClaimChallenged(bytes32 indexed claimId, address indexed challenger, uint64 number, uint32 index);
    /// @notice From now on this slot of the sequencer backs what it posts.
    event SequencerSlotChosen(uint64 indexed account, uint64 indexed slot);

    /// @notice Thrown when a deployment parameter makes no sense.
    error BadParameter();
    /// @notice Thrown when the caller is not the sequencer.
    error NotSequencer();
    /// @notice Thrown when the slot that backs the sequencer is not live.
    error SequencerUnbonded();
    /// @notice Thrown when the slot that is to back an overdue batch is not a live one of the caller.
    error PosterUnbonded();
    /// @notice Thrown when the sequencer's next batch is not overdue before protocol time `since` (never, when it is the
    /// first one).
    error NotOverdue(uint256 since);
    /// @notice Thrown when a chunk has more than 120,000 bytes.
    error ChunkTooLarge(uint256 length);
    /// @notice Thrown when `publish` is not called by a transaction itself, so that the chunk is not that
    /// transaction's input.
    error NotDirect();
    /// @notice Thrown when the batch is not number `expected`.
    error WrongNumber(uint64 expected);
    /// @notice Thrown when the parent is not the newest batch, whose header hash is `expected`.
    error WrongParent(bytes32 expected);
    /// @notice Thrown when the peaks are not those behind the parent's `history`.
    error WrongHistory(bytes32 expected);
    /// @notice Thrown when the data hash is not that of the chunks which the poster published since its last batch, or
    /// when only one of data and receipts is there.
    error WrongData(bytes32 expected);
    /// @notice Thrown when a batch without receipts has a root of receipts.
    error WrongRoot();
    /// @notice Thrown when a batch holds more than `most` receipts.
    error TooManyReceipts(uint256 most);
    /// @notice Thrown when a batch holds no receipt and takes no inbox entry.
    error EmptyBatch();
    /// @notice Thrown when a batch leaves entries that it must take: it takes those up to `least`.
    error InboxSkipped(uint64 least);
    /// @notice Thrown when a batch takes more entries than there are or than one batch may: it takes those up to `most`.
    error InboxTooFar(uint64 most);
    /// @notice Thrown when a field of a header has bits beyond its type.
    error BadHeader();
    /// @notice Thrown when the header is not that of the batch with its number.
    error UnknownBatch(uint64 number);
    /// @notice Thrown when the index is not below the count.
    error IndexOutOfRange();
    /// @notice Thrown when a path has not exactly `expected` siblings.
    error WrongPathLength(uint256 expected);
    /// @notice Thrown when the receipt is not at this place of the batch.
    error WrongPath();
    /// @notice Thrown when a forced receipt is shown as one of a bundle.
    error ForcedBundle();
    /// @notice Thrown when the receipt's nonce is not the one of its place in the bundle.
    error WrongNonce();
    /// @notice Thrown when the signature is not 65 bytes r, s, v with low s and v 27 or 28, or recovers nobody.
    error BadSignature();
    /// @notice Thrown when somebody else than the owner of the receipt's account signed.
    error WrongSigner(address signer);
    /// @notice Thrown when the receipt is of a kind that claims nothing. It is void.
    error UnknownKind(uint8 kind);
    /// @notice Thrown when the window of the batch is over.
    error WindowClosed(uint256 since);
    /// @notice Thrown when the slot named by the receipt did not back it or is gone. The claim is void.
    error SlotNotLive();
    /// @notice Thrown when the program is not registered. The claim is void.
    error UnknownProgram();
    /// @notice Thrown when the receipt's program was not registered before the batch was posted.
    error LateProgram();
    /// @notice Thrown when the claim exceeds a cap or has no steps. It is void.
    error OverCap();
    /// @notice Thrown when the value sent is not the challenger's bond.
    error WrongBond(uint256 expected);
    /// @notice Thrown when the window of the batch is not over yet.
    error WindowOpen(uint256 until);
    /// @notice Thrown when games on claims of the batch are open.
    error GamesOpen(uint256 games);
    /// @notice Thrown when so many slashed slots are not in the inbox yet: report them to the vault first.
    error SlashesUnreported(uint256 slots);
    /// @notice Thrown when the caller is not the game.
    error NotGame();

    /// @notice Puts a chunk of data on L1: it is this transaction's input. Each caller has a running hash of its own.
    function publish(bytes calldata chunk) external;

    /// @notice Forgets what the caller has published since its last batch: its running hash becomes zero. For a poster
    /// whose chunks a reorganisation brought back in part or in another order.
    function discard() external;

    /// @notice Sequencer: posts the next batch. Consumes its running data hash.
    /// @param parent header of the newest batch, of the genesis before the first one; a post made for a branch that a
    /// reorganisation removed reverts.
    /// @param peaks of the mountains behind parent.history, highest first.
    /// @param dataHash of the chunks published since the last batch.
    /// @param inbox entries taken after this batch: at least min(parent.seen, parent.inbox + INBOX_CAP), at most
    /// min(count, parent.inbox + INBOX_CAP).
    function post(
        Header calldata parent,
        bytes32[] calldata peaks,
        uint32 receipts,
        bytes32 batchRoot,
        bytes32 dataHash,
        uint64 inbox
    ) external;

    /// @notice Anyone with a bond: posts the next batch when the newest one is DEADLINE old, of inbox entries alone. What a
    /// batch's data hides only its poster could assert, and nobody dispute: of a stranger's batch everything is on L1.
    /// @param slot a live one of the caller.
    function postOverdue(uint64 slot, Header calldata parent, bytes32[] calldata peaks, uint64 inbox) external;

    /// @notice Sequencer: names the slot of its own that must be live while it posts.
    function chooseSlot(uint64 slot) external;

    /// @notice Disputes a claim of more than one micro-step. The value is the challenger's bond.
    /// @param values v[1..m] of the first dissection (see IDisputeGame.open).
    function challenge(Opening calldata opening, bytes32[] calldata values) external payable;

    /// @notice Disputes a claim of exactly one micro-step, by proving it wrong at once. The value is the bond.
    function challengeStep(Opening calldata opening, bytes calldata witness) external payable;

    /// @notice Anyone: makes the next batch final, once its window is over, no game on its claims is open and every slash
    /// is in the inbox; and tells the inbox.
    function confirm(Header calldata header) external;

    /// @notice The claim that the opened receipt makes, with every check that a challenge makes now.
    function claimOf(Opening calldata opening) external view returns (Claim memory);

    /// @notice A receipt's id: its EIP-712 struct hash.
    function receiptId(Work calldata work) external view returns (bytes32);

    /// @notice Hash of batch `number`'s header, zero when there is none.
    function batchHash(uint64 number) external view returns (bytes32);

    /// @notice The newest batch; 0 when there is none.
    function head() external view returns (uint64 number, bytes32 headerHash);

    /// @notice The newest final batch; 0 when there is none.
    function confirmed() external view returns (uint64 number);

    /// @notice The account and slot that back the sequencer.
    function sequencerSlot() external view returns (uint64 account, uint64 slot);

    /// @notice The running hash of what `poster` has published since its last batch.
    function dataHashOf(address poster) external view returns (bytes32);

    /// @notice Open games that keep the batch from being confirmed.
    function openGames(uint64 number) external view returns (uint256);

    /// @notice EIP-712 domain separator.
    function domainSeparator() external view returns (bytes32);

    /// @notice Who posts batches.
    function SEQUENCER() external view returns (address);

    /// @notice Protocol seconds in which a batch's claims may be challenged.
    function WINDOW() external view returns (uint64);

    /// @notice Protocol seconds without a batch after which anybody with a bond may post one of inbox entries.
    function DEADLINE() external view returns (uint64);

    /// @notice Inbox entries that one batch takes at the most.
    function INBOX_CAP() external view returns (uint32);

    /// @notice Work units of the Work that may be forced in one window: WINDOW seconds of protocol time, from a multiple of
    /// WINDOW on.
    function FORCED_WORK() external view returns (uint64);

    /// @notice Number of the tensor kind in the game.
    function KIND() external view returns (uint8);

    /// @notice Bounds of a claim that counts.
    function caps() external view returns (Caps memory);

    /// @notice Where bonds lie.
    function VAULT() external view returns (IStakeVault);

    /// @notice Where claims are disputed, and whose clock is protocol time.
    function GAME() external view returns (IDisputeGame);

    /// @notice Which programs are known.
    function PROGRAMS() external view returns (IPrograms);
}
