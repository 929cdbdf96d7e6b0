// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Claim, IClaimHost} from "./interfaces/IClaimHost.sol";
import {ClaimStatus, ClaimView, GameParameters, GameView, IDisputeGame, Kind} from "./interfaces/IDisputeGame.sol";
import {IMachine} from "./interfaces/IMachine.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Merkle} from "./libraries/Merkle.sol";
import {Tags} from "./libraries/Tags.sol";
import {PausableClock} from "./PausableClock.sol";

/// @title The dispute game (see IDisputeGame)
/// @dev Calls nobody but the vault and the kinds' hosts and machines, all fixed at deployment. A game is two storage
/// words, its head and a packed `Turn`; a claim is two, and two more while games wait to be closed after a rejection.
contract DisputeGame is IDisputeGame, PausableClock {
    uint256 private constant CHALLENGER = 0;
    uint256 private constant DEFENDER = 1;
    uint256 private constant BPS = 10_000;
    uint256 private constant LENGTH_LIMIT = 1 << 62;

    /// @inheritdoc IDisputeGame
    uint256 public immutable K;
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
    Kind[] public kinds;

    struct Game {
        bytes32 head;
        uint256 turn; // a packed Turn
    }

    /// @dev Start u64, length u64, both clocks u32, movedAt u40, moves u8, toMove u1, open u1, from the low bits up.
    struct Turn {
        uint256 start;
        uint256 length;
        uint256[2] clocks; // by side
        uint256 movedAt;
        uint256 moves; // of the challenger; at most 62
        uint256 toMove; // CHALLENGER or DEFENDER
        bool open;
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
        (CHALLENGE_BOND, BURN_BPS) = (p.challengeBond, p.burnBps);
        (GAS_PER_MOVE, BASE_FEE_CAP) = (p.gasPerMove, p.baseFeeCap);
        VAULT = p.vault;
        for (uint256 i = 0; i < p.kinds.length; ++i) {
            if (address(p.kinds[i].host) == address(0) || address(p.kinds[i].machine) == address(0)) {
                revert BadParameter();
            }
            kinds.push(p.kinds[i]);
        }
    }

    // ------------------------------------------------------------------------------------ playing

    /// @inheritdoc IDisputeGame
    function open(Claim calldata c, address challenger, bytes32[] calldata values) external {
        _enter(c, challenger);
        if (c.length == 1) revert WrongLength();
        Turn memory turn;
        turn.clocks = [uint256(CLOCK), CLOCK];
        turn.movedAt = protocolTime();
        turn.toMove = CHALLENGER;
        bytes32 head = keccak256(abi.encodePacked(Tags.MOVE, c.id, challenger));
        head = _dissect(_games[c.id][challenger], turn, head, 0, c.length, c.pre, c.post, values);
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
        Turn memory turn = _toMove(g, _claims[claimId], challenger);
        bytes32 head = g.head;
        (uint256 first, uint256 length) = _opened(turn, head, prior, part, start, end, path);
        if (length == 1) revert WrongLength();
        head = _dissect(g, turn, head, first, length, start, end, values);
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
        Turn memory turn = _toMove(g, record, challenger);
        (uint256 first, uint256 length) = _opened(turn, g.head, prior, part, start, end, path);
        if (length != 1) revert WrongLength();
        if (kinds[record.kind].machine.step(record.program, uint64(first), start, witness) == end) revert StepHolds();
        _finish(g, turn);
        if (turn.toMove == CHALLENGER) _challengerWon(claimId, record, challenger);
        else _challengerLost(claimId, record, challenger);
    }

    // ------------------------------------------------------------------------------------- ending

    /// @inheritdoc IDisputeGame
    function timeout(bytes32 claimId, address challenger) external {
        Game storage g = _games[claimId][challenger];
        Record storage record = _claims[claimId];
        Turn memory turn = _unpack(g.turn);
        if (!turn.open) revert NotOpen();
        if (record.status == ClaimStatus.Rejected) revert ClaimOver();
        if (_used(turn) <= turn.clocks[turn.toMove]) revert ClockRunning();
        _finish(g, turn);
        if (turn.toMove == DEFENDER) _challengerWon(claimId, record, challenger);
        else if (kinds[record.kind].host.isVoid(claimId)) _undecided(claimId, record, challenger, CHALLENGE_BOND);
        else _challengerLost(claimId, record, challenger);
    }

    /// @inheritdoc IDisputeGame
    function close(bytes32 claimId, address challenger) external {
        Game storage g = _games[claimId][challenger];
        Record storage record = _claims[claimId];
        Turn memory turn = _unpack(g.turn);
        if (!turn.open) revert NotOpen();
        _finish(g, turn);
        uint256 paid = CHALLENGE_BOND;
        if (record.status == ClaimStatus.Rejected) {
            uint256 share = record.share;
            uint256 refund = turn.moves * record.refundPerMove;
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
    function _finish(Game storage g, Turn memory turn) private {
        turn.open = false;
        g.head = 0;
        g.turn = _pack(turn);
    }

    function _leave(bytes32 claimId, Record storage record) private {
        --record.openGames;
        kinds[record.kind].host.gameClosed(claimId);
    }

    // -------------------------------------------------------------------------------------- rules

    /// @dev Checks and records that the claim's host opens a game of `challenger`, its first on the claim.
    function _enter(Claim calldata c, address challenger) private returns (Record storage record) {
        if (c.kind >= kinds.length || msg.sender != address(kinds[c.kind].host)) revert WrongHost();
        if (c.length == 0 || c.length >= LENGTH_LIMIT) revert BadLength();
        record = _claims[c.id];
        if (record.status == ClaimStatus.Rejected) revert ClaimOver();
        if (record.status == ClaimStatus.Unknown) {
            (record.defender, record.kind, record.status) = (c.defender, c.kind, ClaimStatus.Disputed);
            record.program = c.program;
        } else if (record.defender != c.defender || record.kind != c.kind || record.program != c.program) {
            revert ClaimChanged();
        }
        if (_games[c.id][challenger].turn != 0) revert AlreadyOpened();
        ++record.openGames;
    }

    /// @dev The turn of an open game on a live claim whose player to move is the caller, in time.
    function _toMove(Game storage g, Record storage record, address challenger)
        private
        view
        returns (Turn memory turn)
    {
        turn = _unpack(g.turn);
        if (!turn.open) revert NotOpen();
        if (record.status == ClaimStatus.Rejected) revert ClaimOver();
        if (msg.sender != (turn.toMove == CHALLENGER ? challenger : record.defender)) revert NotYourTurn();
        if (_used(turn) > turn.clocks[turn.toMove]) revert ClockExpired();
    }

    /// @dev Protocol seconds since the last move; 0 should time ever run backwards.
    function _used(Turn memory turn) private view returns (uint256) {
        uint256 time = protocolTime();
        unchecked {
            return time > turn.movedAt ? time - turn.movedAt : 0;
        }
    }

    /// @dev First step and length of the part that the opening shows to be one of the dissection behind `head`.
    function _opened(
        Turn memory turn,
        bytes32 head,
        bytes32 prior,
        uint256 part,
        bytes32 start,
        bytes32 end,
        bytes32[] calldata path
    ) private view returns (uint256 first, uint256 length) {
        uint256 parts = turn.length < K ? turn.length : K;
        if (part >= parts) revert WrongPart();
        uint256 depth = Merkle.ceilLog2(parts);
        if (path.length != depth) revert WrongPathLength(depth);
        bytes32 root = Merkle.pair(start, end, Tags.DISSECTION_LEAF);
        root = Merkle.climb(root, part, path, Tags.DISSECTION_NODE);
        if (_next(prior, turn.start, turn.length, root) != head) revert WrongOpening();
        unchecked {
            // Lengths are below 2^62 and parts at most 64: nothing overflows.
            first = part * turn.length / parts;
            length = (part + 1) * turn.length / parts - first;
            first += turn.start;
        }
    }

    /// @dev Checks and stores a dissection of `length` steps from `first` by the player to move, and passes the turn.
    function _dissect(
        Game storage g,
        Turn memory turn,
        bytes32 prior,
        uint256 first,
        uint256 length,
        bytes32 start,
        bytes32 end,
        bytes32[] calldata values
    ) private returns (bytes32 head) {
        uint256 parts = length < K ? length : K;
        if (values.length != parts) revert WrongValueCount(parts);
        if (values[parts - 1] == end) revert SameEnd();
        head = _next(prior, first, length, _root(start, values));
        uint256 mover = turn.toMove;
        unchecked {
            turn.clocks[mover] -= _used(turn); // not more than is left: _toMove
            if (mover == CHALLENGER) ++turn.moves;
        }
        turn.toMove = mover ^ 1;
        // Some part may be one step, so the answer may be the final proof.
        if (length < 2 * K && turn.clocks[turn.toMove] < GRACE) turn.clocks[turn.toMove] = GRACE;
        (turn.start, turn.length, turn.movedAt, turn.open) = (first, length, protocolTime(), true);
        g.head = head;
        g.turn = _pack(turn);
    }

    // ------------------------------------------------------------------------------------ hashing

    /// @dev H(MOVE | prior | start u64 | length u64 | root).
    function _next(bytes32 prior, uint256 start, uint256 length, bytes32 root) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tags.MOVE, prior, uint64(start), uint64(length), root));
    }

    /// @dev Root over the leaves H(DISSECTION_LEAF | v[i] | v[i+1]), v[0] = `start`, built in scratch memory.
    function _root(bytes32 start, bytes32[] calldata values) private pure returns (bytes32) {
        uint256 depth = Merkle.ceilLog2(values.length);
        uint8 tag = Tags.DISSECTION_LEAF;
        uint256 place;
        assembly ("memory-safe") {
            // Word 0 at `place` and then v[0..m] in words 1..m+1. Leaf i is hashed where its two values lie: its tag
            // takes the byte in front of them, in a word that is hashed already, and the leaf then takes that word.
            place := add(mload(0x40), 32)
            let m := values.length
            mstore(add(place, 32), start)
            calldatacopy(add(place, 64), values.offset, shl(5, m))
            let word := place
            for { let end := add(place, shl(5, m)) } lt(word, end) { word := add(word, 32) } {
                mstore8(add(word, 31), tag)
                mstore(word, keccak256(add(word, 31), 65))
            }
            // Absent leaves.
            for { let end := add(place, shl(5, shl(depth, 1))) } lt(word, end) { word := add(word, 32) } {
                mstore(word, 0)
            }
        }
        return Merkle.fold(place, depth, Tags.DISSECTION_NODE);
    }

    // ------------------------------------------------------------------------------------ packing

    function _pack(Turn memory turn) private pure returns (uint256 word) {
        word = turn.start | turn.length << 64 | turn.clocks[CHALLENGER] << 128 | turn.clocks[DEFENDER] << 160
            | turn.movedAt << 192 | turn.moves << 232 | turn.toMove << 240;
        if (turn.open) word |= 1 << 241;
    }

    function _unpack(uint256 word) private pure returns (Turn memory turn) {
        turn.start = uint64(word);
        turn.length = uint64(word >> 64);
        turn.clocks = [uint256(uint32(word >> 128)), uint32(word >> 160)];
        turn.movedAt = uint40(word >> 192);
        turn.moves = uint8(word >> 232);
        turn.toMove = word >> 240 & 1;
        turn.open = word >> 241 & 1 == 1;
    }

    // -------------------------------------------------------------------------------------- views

    /// @inheritdoc IDisputeGame
    function game(bytes32 claimId, address challenger) external view returns (GameView memory) {
        Game storage g = _games[claimId][challenger];
        Turn memory turn = _unpack(g.turn);
        return GameView({
            head: g.head,
            start: uint64(turn.start),
            length: uint64(turn.length),
            challengerClock: uint32(turn.clocks[CHALLENGER]),
            defenderClock: uint32(turn.clocks[DEFENDER]),
            movedAt: uint40(turn.movedAt),
            moves: uint8(turn.moves),
            defenderToMove: turn.toMove == DEFENDER,
            open: turn.open
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
