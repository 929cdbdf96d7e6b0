// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Claim, IClaimHost} from "./interfaces/IClaimHost.sol";
import {ClaimStatus, ClaimView, GameParameters, GameView, IDisputeGame, Kind} from "./interfaces/IDisputeGame.sol";
import {IMachine} from "./interfaces/IMachine.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Dissections} from "./libraries/Dissections.sol";
import {Merkle} from "./libraries/Merkle.sol";
import {Turn, Turns} from "./libraries/Turns.sol";
import {PausableClock} from "./PausableClock.sol";

/// @title The dispute game (see IDisputeGame)
/// @dev Calls nobody but the vault and the kinds' hosts and machines, all fixed at deployment. A game is two storage
/// words; a claim is two, and two more while games wait to be closed after a rejection.
contract DisputeGame is IDisputeGame, PausableClock {
    uint256 private constant BPS = 10_000;
    uint256 private constant LENGTH_LIMIT = 1 << 62;

    /// @inheritdoc IDisputeGame
    uint256 public immutable K;
    uint256 private immutable _DEPTH; // ceilLog2(K)
    /// @inheritdoc IDisputeGame
    uint32 public immutable CLOCK;
    /// @inheritdoc IDisputeGame
    uint32 public immutable GRACE;
    /// @inheritdoc IDisputeGame
    uint256 public immutable CHALLENGE_BOND;
    /// @inheritdoc IDisputeGame
    uint256 public immutable BURN_BPS;
    /// @inheritdoc IDisputeGame
    uint256 public immutable GAS_PER_MOVE;
    /// @inheritdoc IDisputeGame
    uint256 public immutable BASE_FEE_CAP;
    /// @inheritdoc IDisputeGame
    IStakeVault public immutable VAULT;

    /// @inheritdoc IDisputeGame
    mapping(uint256 kind => Kind) public kinds;

    struct Game {
        bytes32 head;
        Turn turn;
    }

    struct Record {
        address defender;
        uint8 kind;
        ClaimStatus status;
        uint32 openGames;
        bytes32 program;
        address winner;
        uint96 refundPerMove;
        uint256 share;
    }

    mapping(bytes32 claimId => mapping(address challenger => Game)) private _games;
    mapping(bytes32 claimId => Record) private _claims;

    constructor(GameParameters memory p) PausableClock(p.guardian, p.maxPause) {
        if (
            p.k < 2 || p.k > 64 || p.clock == 0 || p.burnBps > BPS || p.challengeBond == 0
                || p.challengeBond > type(uint96).max || p.gasPerMove > type(uint32).max
                || p.baseFeeCap > type(uint64).max || address(p.vault) == address(0) || p.kinds.length == 0
                || p.kinds.length > 256
        ) revert BadParameter();
        (K, CLOCK, GRACE) = (p.k, p.clock, p.grace);
        _DEPTH = Merkle.ceilLog2(p.k);
        (CHALLENGE_BOND, BURN_BPS) = (p.challengeBond, p.burnBps);
        (GAS_PER_MOVE, BASE_FEE_CAP) = (p.gasPerMove, p.baseFeeCap);
        VAULT = p.vault;
        for (uint256 i = 0; i < p.kinds.length; ++i) {
            if (address(p.kinds[i].host) == address(0) || address(p.kinds[i].machine) == address(0)) {
                revert BadParameter();
            }
            kinds[i] = p.kinds[i];
        }
    }

    // ------------------------------------------------------------------------------------ playing

    /// @inheritdoc IDisputeGame
    function open(Claim calldata c, address challenger, bytes32[] calldata values) external {
        _enter(c, challenger);
        if (c.length == 1) revert WrongLength();
        uint256 time = protocolTime();
        Turn turn = Turns.pack(0, 0, CLOCK, CLOCK, time, 0, Turns.CHALLENGER);
        bytes32 head = Dissections.firstHead(c.id, challenger);
        head = _dissect(_games[c.id][challenger], turn, time, head, 0, c.length, c.pre, c.post, values);
        emit Opened(c.id, challenger, head, c.length, values);
    }

    /// @inheritdoc IDisputeGame
    function openStep(Claim calldata c, address challenger, bytes calldata witness) external {
        Record storage record = _enter(c, challenger);
        if (c.length != 1) revert WrongLength();
        if (kinds[c.kind].machine.step(c.program, 0, c.pre, witness) == c.post) revert StepHolds();
        _challengerWon(c.id, record, challenger);
    }

    /// @inheritdoc IDisputeGame
    function move(
        bytes32 claimId,
        address challenger,
        bytes32 prior,
        uint256 part,
        bytes32 start,
        bytes32 end,
        bytes32[] calldata path,
        bytes32[] calldata values
    ) external {
        Game storage g = _games[claimId][challenger];
        Turn turn = g.turn;
        uint256 time = protocolTime();
        _checkMover(turn, time, _claims[claimId], challenger);
        bytes32 head = g.head;
        (uint256 first, uint256 length) = _opened(turn, head, prior, part, start, end, path);
        if (length == 1) revert WrongLength();
        head = _dissect(g, turn, time, head, first, length, start, end, values);
        emit Moved(claimId, challenger, head, uint64(first), uint64(length), values);
    }

    /// @inheritdoc IDisputeGame
    function prove(
        bytes32 claimId,
        address challenger,
        bytes32 prior,
        uint256 part,
        bytes32 start,
        bytes32 end,
        bytes32[] calldata path,
        bytes calldata witness
    ) external {
        Game storage g = _games[claimId][challenger];
        Record storage record = _claims[claimId];
        Turn turn = g.turn;
        _checkMover(turn, protocolTime(), record, challenger);
        (uint256 first, uint256 length) = _opened(turn, g.head, prior, part, start, end, path);
        if (length != 1) revert WrongLength();
        if (kinds[record.kind].machine.step(record.program, uint64(first), start, witness) == end) revert StepHolds();
        _finish(g, turn);
        if (turn.mover() == Turns.CHALLENGER) _challengerWon(claimId, record, challenger);
        else _challengerLost(claimId, record, challenger);
    }

    // ------------------------------------------------------------------------------------- ending

    /// @inheritdoc IDisputeGame
    function timeout(bytes32 claimId, address challenger) external {
        Game storage g = _games[claimId][challenger];
        Record storage record = _claims[claimId];
        Turn turn = g.turn;
        if (!turn.isOpen()) revert NotOpen();
        if (record.status == ClaimStatus.Rejected) revert ClaimOver();
        uint256 mover = turn.mover();
        if (turn.used(protocolTime()) <= turn.clock(mover)) revert ClockRunning();
        _finish(g, turn);
        if (mover == Turns.DEFENDER) _challengerWon(claimId, record, challenger);
        else if (kinds[record.kind].host.isVoid(claimId)) _undecided(claimId, record, challenger, CHALLENGE_BOND);
        else _challengerLost(claimId, record, challenger);
    }

    /// @inheritdoc IDisputeGame
    function close(bytes32 claimId, address challenger) external {
        Game storage g = _games[claimId][challenger];
        Record storage record = _claims[claimId];
        Turn turn = g.turn;
        if (!turn.isOpen()) revert NotOpen();
        _finish(g, turn);
        uint256 paid = CHALLENGE_BOND;
        if (record.status == ClaimStatus.Rejected) {
            uint256 share = record.share;
            uint256 refund = turn.moves() * record.refundPerMove;
            if (refund > share) refund = share;
            paid += refund;
            if (refund < share) VAULT.credit(record.winner, share - refund);
        } else if (!kinds[record.kind].host.isVoid(claimId)) {
            revert StillDisputed();
        }
        _undecided(claimId, record, challenger, paid);
    }

    /// @dev The challenger's game, finished or never begun, rejects the claim.
    function _challengerWon(bytes32 claimId, Record storage record, address challenger) private {
        record.status = ClaimStatus.Rejected;
        uint256 pot = kinds[record.kind].host.claimRejected(claimId);
        uint256 burnt = pot * BURN_BPS / BPS;
        uint256 paid = pot - burnt;
        uint256 others = record.openGames - 1;
        if (others != 0) {
            uint256 share = paid / (others + 1);
            uint256 price = block.basefee < BASE_FEE_CAP ? block.basefee : BASE_FEE_CAP;
            (record.winner, record.refundPerMove) = (challenger, uint96(GAS_PER_MOVE * price));
            record.share = share;
            paid -= share * others;
        }
        paid += CHALLENGE_BOND;
        if (burnt != 0) VAULT.burn(burnt);
        VAULT.credit(challenger, paid);
        emit Won(claimId, challenger, paid);
        _leave(claimId, record);
    }

    function _challengerLost(bytes32 claimId, Record storage record, address challenger) private {
        uint256 burnt = CHALLENGE_BOND * BURN_BPS / BPS;
        uint256 paid = CHALLENGE_BOND - burnt;
        if (burnt != 0) VAULT.burn(burnt);
        VAULT.credit(record.defender, paid);
        emit Lost(claimId, challenger, paid);
        _leave(claimId, record);
    }

    function _undecided(bytes32 claimId, Record storage record, address challenger, uint256 paid) private {
        VAULT.credit(challenger, paid);
        emit Closed(claimId, challenger, paid);
        _leave(claimId, record);
    }

    /// @dev The game's head goes, its last turn stays for whoever wants to see where it ended.
    function _finish(Game storage g, Turn turn) private {
        g.head = 0;
        g.turn = turn.closed();
    }

    function _leave(bytes32 claimId, Record storage record) private {
        --record.openGames;
        kinds[record.kind].host.gameClosed(claimId);
    }

    // -------------------------------------------------------------------------------------- rules

    /// @dev Checks and records that the claim's host opens a game of `challenger`, its first on the claim.
    function _enter(Claim calldata c, address challenger) private returns (Record storage record) {
        if (msg.sender != address(kinds[c.kind].host)) revert WrongHost();
        if (c.length == 0 || c.length >= LENGTH_LIMIT) revert BadLength();
        record = _claims[c.id];
        if (record.status == ClaimStatus.Rejected) revert ClaimOver();
        if (record.status == ClaimStatus.Unknown) {
            (record.defender, record.kind, record.status) = (c.defender, c.kind, ClaimStatus.Disputed);
            record.program = c.program;
        } else if (record.defender != c.defender || record.kind != c.kind || record.program != c.program) {
            revert ClaimChanged();
        }
        if (_games[c.id][challenger].turn.exists()) revert AlreadyOpened();
        ++record.openGames;
    }

    /// @dev The game is open, the claim not rejected, and the caller the player to move, in time.
    function _checkMover(Turn turn, uint256 time, Record storage record, address challenger) private view {
        if (!turn.isOpen()) revert NotOpen();
        if (record.status == ClaimStatus.Rejected) revert ClaimOver();
        uint256 mover = turn.mover();
        if (msg.sender != (mover == Turns.CHALLENGER ? challenger : record.defender)) revert NotYourTurn();
        if (turn.used(time) > turn.clock(mover)) revert ClockExpired();
    }

    /// @dev First step and length of the part that the opening shows to be one of the dissection behind `head`.
    function _opened(
        Turn turn,
        bytes32 head,
        bytes32 prior,
        uint256 part,
        bytes32 start,
        bytes32 end,
        bytes32[] calldata path
    ) private view returns (uint256 first, uint256 length) {
        (uint256 whole, uint256 from) = (turn.length(), turn.start());
        uint256 parts = whole < K ? whole : K;
        if (part >= parts) revert WrongPart();
        uint256 depth = _depth(parts);
        if (path.length != depth) revert WrongPathLength(depth);
        bytes32 root = Dissections.rootOf(start, end, part, path);
        if (Dissections.nextHead(prior, from, whole, root) != head) revert WrongOpening();
        return Dissections.bounds(from, whole, part, parts);
    }

    /// @dev Checks and stores a dissection of `length` steps from `first` by the player to move, and passes the turn.
    function _dissect(
        Game storage g,
        Turn turn,
        uint256 time,
        bytes32 prior,
        uint256 first,
        uint256 length,
        bytes32 start,
        bytes32 end,
        bytes32[] calldata values
    ) private returns (bytes32 head) {
        uint256 parts = length < K ? length : K;
        if (values.length != parts) revert WrongValueCount(parts);
        (bytes32 root, bytes32 last) = Dissections.root(start, values, _depth(parts));
        if (last == end) revert SameEnd();
        g.head = head = Dissections.nextHead(prior, first, length, root);
        uint256 mover = turn.mover();
        unchecked {
            uint256 mine = turn.clock(mover) - turn.used(time); // not negative: _checkMover
            uint256 theirs = turn.clock(mover ^ 1);
            // Some part may be one step, so the answer may be the final proof.
            if (length < 2 * K && theirs < GRACE) theirs = GRACE;
            g.turn = mover == Turns.CHALLENGER
                ? Turns.pack(first, length, mine, theirs, time, turn.moves() + 1, Turns.DEFENDER)
                : Turns.pack(first, length, theirs, mine, time, turn.moves(), Turns.CHALLENGER);
        }
    }

    /// @dev ceilLog2, known beforehand for full dissections.
    function _depth(uint256 parts) private view returns (uint256) {
        return parts == K ? _DEPTH : Merkle.ceilLog2(parts);
    }

    // -------------------------------------------------------------------------------------- views

    /// @inheritdoc IDisputeGame
    function game(bytes32 claimId, address challenger) external view returns (GameView memory) {
        Game storage g = _games[claimId][challenger];
        Turn turn = g.turn;
        return GameView({
            head: g.head,
            start: uint64(turn.start()),
            length: uint64(turn.length()),
            challengerClock: uint32(turn.clock(Turns.CHALLENGER)),
            defenderClock: uint32(turn.clock(Turns.DEFENDER)),
            movedAt: uint40(turn.movedAt()),
            moves: uint8(turn.moves()),
            defenderToMove: turn.mover() == Turns.DEFENDER,
            open: turn.isOpen()
        });
    }

    /// @inheritdoc IDisputeGame
    function claimOf(bytes32 claimId) external view returns (ClaimView memory) {
        Record storage record = _claims[claimId];
        return ClaimView({
            status: record.status,
            kind: record.kind,
            openGames: record.openGames,
            defender: record.defender,
            program: record.program,
            winner: record.winner,
            refundPerMove: record.refundPerMove,
            share: record.share
        });
    }

    /// @inheritdoc IDisputeGame
    function protocolTime() public view override(IDisputeGame, PausableClock) returns (uint64) {
        return PausableClock.protocolTime();
    }
}
