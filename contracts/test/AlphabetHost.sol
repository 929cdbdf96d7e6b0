// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Claim, IClaimHost} from "../src/interfaces/IClaimHost.sol";
import {IDisputeGame} from "../src/interfaces/IDisputeGame.sol";
import {IStakeVault} from "../src/interfaces/IStakeVault.sol";

/// @title The smallest host, for tests: whoever owns a slot posts claims about the alphabet
contract AlphabetHost is IClaimHost {
    error NotGame();
    error NotLive();
    error AlreadyPosted();
    error WrongValue(uint256 expected);

    struct Posted {
        Claim claim;
        uint64 account;
        uint64 slot;
        uint64 time;
        uint32 openGames;
        bool rejected;
    }

    IDisputeGame public immutable GAME;
    IStakeVault public immutable VAULT;
    mapping(bytes32 => Posted) private _posted;

    constructor(IDisputeGame game, IStakeVault vault) {
        GAME = game;
        VAULT = vault;
    }

    /// @notice The slot's owner posts a claim once; it may name anybody as the defender.
    function post(Claim calldata claim, uint64 slot) external {
        Posted storage posted = _posted[claim.id];
        if (posted.time != 0) revert AlreadyPosted();
        posted.claim = claim;
        posted.account = VAULT.accountOf(msg.sender);
        posted.slot = slot;
        posted.time = GAME.protocolTime();
        if (!VAULT.isLive(posted.account, slot, posted.time)) revert NotLive();
    }

    function challenge(bytes32 id, bytes32[] calldata values) external payable {
        Claim memory claim = _begin(id);
        GAME.open(claim, msg.sender, values);
    }

    function challengeStep(bytes32 id, bytes calldata witness) external payable {
        Claim memory claim = _begin(id);
        GAME.openStep(claim, msg.sender, witness);
    }

    /// @notice Opens a game on a claim that the caller makes up: a host that breaks its word.
    function challengeAs(Claim calldata claim, bytes32[] calldata values) external payable {
        _begin(claim.id);
        GAME.open(claim, msg.sender, values);
    }

    function claimRejected(bytes32 claimId) external returns (uint256 pot) {
        Posted storage posted = _mine(claimId);
        posted.rejected = true;
        return VAULT.slash(posted.account, posted.slot, claimId);
    }

    function gameClosed(bytes32 claimId) external {
        Posted storage posted = _mine(claimId);
        --posted.openGames;
        VAULT.release(posted.account, posted.slot);
    }

    function isVoid(bytes32 claimId) external view returns (bool) {
        Posted storage posted = _posted[claimId];
        return VAULT.isSlashed(posted.account, posted.slot);
    }

    function postedOf(bytes32 claimId) external view returns (Posted memory) {
        return _posted[claimId];
    }

    function _begin(bytes32 id) private returns (Claim memory) {
        Posted storage posted = _posted[id];
        if (!VAULT.isLive(posted.account, posted.slot, posted.time)) revert NotLive();
        if (msg.value != GAME.CHALLENGE_BOND()) revert WrongValue(GAME.CHALLENGE_BOND());
        VAULT.fund{value: msg.value}();
        VAULT.hold(posted.account, posted.slot);
        ++posted.openGames;
        return posted.claim;
    }

    function _mine(bytes32 id) private view returns (Posted storage) {
        if (msg.sender != address(GAME)) revert NotGame();
        return _posted[id];
    }
}
