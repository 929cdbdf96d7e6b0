// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Claim, IClaimHost} from "./IClaimHost.sol";
import {IMachine} from "./IMachine.sol";
import {IStakeVault} from "./IStakeVault.sol";

/// @notice One kind of claim: where its claims come from and what decides a step of them.
struct Kind {
    IClaimHost host;
    IMachine machine;
}

/// @notice What a deployment fixes for good.
/// @param k parts of a dissection, 2 to 64.
/// @param clock protocol seconds that each side has for all its moves together.
/// @param grace seconds that a side has at least for a move that may be the final proof.
/// @param challengeBond wei that a challenger puts up for one game.
/// @param burnBps part of every lost bond that is burnt, in 1/10,000, so that playing against oneself costs.
/// @param gasPerMove gas refunded for each of a challenger's moves when its claim is rejected.
/// @param baseFeeCap wei a gas that is refunded at the most.
/// @param vault where all ETH lies.
/// @param guardian who may pause the clocks; zero for nobody.
/// @param maxPause protocol seconds that all pauses together may last.
/// @param kinds the kinds of claims, by number from 0; one address may host several.
struct GameParameters {
    uint256 k;
    uint32 clock;
    uint32 grace;
    uint256 challengeBond;
    uint256 burnBps;
    uint256 gasPerMove;
    uint256 baseFeeCap;
    IStakeVault vault;
    address guardian;
    uint40 maxPause;
    Kind[] kinds;
}

/// @notice One game as it stands.
/// @param head commitment to everything that was played; zero once the game is over.
/// @param start first step of the segment dissected last.
/// @param length steps of that segment.
/// @param challengerClock protocol seconds left at `movedAt`.
/// @param defenderClock protocol seconds left at `movedAt`.
/// @param movedAt protocol time of the last move.
/// @param moves how many dissections the challenger posted.
/// @param defenderToMove whose turn it is.
/// @param open whether the game is being played. Not open with `movedAt` 0: never opened; otherwise: over.
struct GameView {
    bytes32 head;
    uint64 start;
    uint64 length;
    uint32 challengerClock;
    uint32 defenderClock;
    uint40 movedAt;
    uint8 moves;
    bool defenderToMove;
    bool open;
}

/// @notice What the game knows about a claim.
enum ClaimStatus {
    Unknown, // never challenged
    Disputed, // challenged at least once and not rejected
    Rejected // a challenger won
}

/// @notice A claim's record.
/// @param status what became of the claim so far.
/// @param kind its kind.
/// @param openGames games on it that are not over.
/// @param defender who may move for it.
/// @param program what it executes.
/// @param winner who had it rejected; kept only while other games on it wait to be closed.
/// @param refundPerMove wei for each move of those games' challengers.
/// @param share wei set aside for each of those games.
struct ClaimView {
    ClaimStatus status;
    uint8 kind;
    uint32 openGames;
    address defender;
    bytes32 program;
    address winner;
    uint96 refundPerMove;
    uint256 share;
}

/// @title The dispute game
/// @notice docs/protocol.md, section 7. A challenger and a claim's defender cut a segment of steps on whose start they
/// agree and on whose end they do not into at most k parts, in turn, until a part is one step long; the player to move
/// then proves the other's value for that step wrong. Every call is checked in full when it is made.
///
/// The **opening** of a part is (prior, part, start, end, path): it shows that part number `part` of the dissection to
/// be answered goes from value `start` to value `end`. `prior` is the head as it was before that dissection was
/// posted; hashed with the dissection's bounds and root it must give the game's head. So a call answers exactly the
/// history that its maker saw, whatever a reorganisation or another player does.
///
/// The game is played by plain transactions; anybody may end one that should be over (`timeout`, `close`).
interface IDisputeGame {
    /// @notice A challenger dissected the whole claim; v[0] is the claim's `pre`, `values` are v[1..m].
    event Opened(
        bytes32 indexed claimId, address indexed challenger, bytes32 head, uint64 length, bytes32[] values
    );
    /// @notice The player to move dissected the steps [start, start + length); v[0] is the opened part's start value.
    event Moved(
        bytes32 indexed claimId,
        address indexed challenger,
        bytes32 head,
        uint64 start,
        uint64 length,
        bytes32[] values
    );
    /// @notice The challenger won: the claim is rejected, `paid` wei (its bond included) is the challenger's.
    event Won(bytes32 indexed claimId, address indexed challenger, uint256 paid);
    /// @notice The challenger lost its bond; `paid` wei of it is the defender's.
    event Lost(bytes32 indexed claimId, address indexed challenger, uint256 paid);
    /// @notice The game ended undecided; `paid` wei (its bond included) is the challenger's.
    event Closed(bytes32 indexed claimId, address indexed challenger, uint256 paid);

    /// @notice Thrown when a deployment parameter makes no sense.
    error BadParameter();
    /// @notice Thrown when the claim's kind is unknown or the caller is not its host.
    error WrongHost();
    /// @notice Thrown when the claim's length is 0 or 2^62 or more.
    error BadLength();
    /// @notice Thrown when the claim was challenged before with another kind, defender or program.
    error ClaimChanged();
    /// @notice Thrown when the claim is rejected already.
    error ClaimOver();
    /// @notice Thrown when the challenger has or had a game on this claim.
    error AlreadyOpened();
    /// @notice Thrown when a segment of one step is dissected, or a longer one proven.
    error WrongLength();
    /// @notice Thrown when a dissection has not exactly `expected` values.
    error WrongValueCount(uint256 expected);
    /// @notice Thrown when a dissection ends in the very value that it disputes.
    error SameEnd();
    /// @notice Thrown when the game is over or was never opened.
    error NotOpen();
    /// @notice Thrown when the caller is not the player whose turn it is.
    error NotYourTurn();
    /// @notice Thrown when the caller's clock has run out.
    error ClockExpired();
    /// @notice Thrown when the dissection to be answered has no such part.
    error WrongPart();
    /// @notice Thrown when the path has not exactly `expected` siblings.
    error WrongPathLength(uint256 expected);
    /// @notice Thrown when the opening does not give the game's head.
    error WrongOpening();
    /// @notice Thrown when the step leads to the very value that it should refute.
    error StepHolds();
    /// @notice Thrown when the player to move has time left.
    error ClockRunning();
    /// @notice Thrown when the claim is neither rejected nor void, so that the game must be played.
    error StillDisputed();

    /// @notice Host: `challenger` dissects the whole claim of more than one step. The host has put CHALLENGE_BOND into
    /// the vault's pots and counted the game as open.
    /// @param values v[1..m], m = min(k, length); v[0] is claim.pre and the last one is not claim.post.
    function open(Claim calldata claim, address challenger, bytes32[] calldata values) external;

    /// @notice Host: `challenger` proves a claim of one step wrong. The bond comes back at once.
    function openStep(Claim calldata claim, address challenger, bytes calldata witness) external;

    /// @notice The player to move answers a part of more than one step with a dissection of it.
    /// @param prior head before the dissection that is answered.
    /// @param part number of the part, from 0.
    /// @param start agreed value at the part's start, v[part] of the answered dissection.
    /// @param end disputed value at its end, v[part + 1].
    /// @param path siblings of the pair in the answered dissection's tree.
    /// @param values v[1..m], m = min(k, steps of the part); the last one is not `end`.
    function move(
        bytes32 claimId,
        address challenger,
        bytes32 prior,
        uint256 part,
        bytes32 start,
        bytes32 end,
        bytes32[] calldata path,
        bytes32[] calldata values
    ) external;

    /// @notice The player to move proves a part of exactly one step wrong, and wins.
    /// @param witness what the claim's machine needs for that step from state `start`.
    function prove(
        bytes32 claimId,
        address challenger,
        bytes32 prior,
        uint256 part,
        bytes32 start,
        bytes32 end,
        bytes32[] calldata path,
        bytes calldata witness
    ) external;

    /// @notice Anyone: the player to move has let its clock run out; the other side wins. On a void claim no challenger
    /// loses so: the game is closed.
    function timeout(bytes32 claimId, address challenger) external;

    /// @notice Anyone: ends a game whose claim is rejected or void; the challenger gets its bond back, and after a
    /// rejection its share for gas.
    function close(bytes32 claimId, address challenger) external;

    /// @notice The game of `challenger` on the claim.
    function game(bytes32 claimId, address challenger) external view returns (GameView memory);

    /// @notice The claim's record.
    function claimOf(bytes32 claimId) external view returns (ClaimView memory);

    /// @notice One kind, by its number; zero addresses when there is none.
    function kinds(uint256 kind) external view returns (IClaimHost host, IMachine machine);

    /// @notice Protocol time: the block's time less all paused time.
    function protocolTime() external view returns (uint64);

    /// @notice Parts of a dissection.
    function K() external view returns (uint256);

    /// @notice Protocol seconds that each side has.
    function CLOCK() external view returns (uint32);

    /// @notice Protocol seconds for a move that may be the final proof.
    function GRACE() external view returns (uint32);

    /// @notice Wei a challenger puts up for one game.
    function CHALLENGE_BOND() external view returns (uint256);

    /// @notice Part of a lost bond that is burnt, in 1/10,000.
    function BURN_BPS() external view returns (uint256);

    /// @notice Gas refunded for one move.
    function GAS_PER_MOVE() external view returns (uint256);

    /// @notice Wei a gas refunded at the most.
    function BASE_FEE_CAP() external view returns (uint256);

    /// @notice Where all ETH lies.
    function VAULT() external view returns (IStakeVault);
}
