// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Protocol time
/// @notice The block's time less all paused time. While a pause lasts, protocol time stands still, and with it every
/// clock and window that is measured in it; transactions stay possible. All pauses together last MAX_PAUSE seconds at
/// the most: the pause that would exceed it ends by itself.
abstract contract PausableClock {
    /// @notice The guardian stopped the clock at `protocolTime`.
    event Paused(uint64 protocolTime);
    /// @notice The guardian let the clock run again; it had stood at `protocolTime`, or run on from there by itself.
    event Unpaused(uint64 protocolTime);

    /// @notice Thrown when the caller is not the guardian.
    error NotGuardian();
    /// @notice Thrown when the clock is paused already.
    error AlreadyPaused();
    /// @notice Thrown when there is no pause to end.
    error NotPaused();
    /// @notice Thrown when the pauses allowed are used up.
    error PauseSpent();

    /// @notice Who may pause; zero for nobody.
    address public immutable GUARDIAN;
    /// @notice Seconds that all pauses together may last.
    uint40 public immutable MAX_PAUSE;

    /// @dev One storage word.
    struct Pauses {
        uint40 since; // block time at which the present pause began; 0 when there is none
        uint40 earlier; // seconds of all earlier pauses, at most MAX_PAUSE
    }

    Pauses private _pauses;

    constructor(address guardian, uint40 maxPause) {
        GUARDIAN = guardian;
        MAX_PAUSE = maxPause;
    }

    modifier onlyGuardian() {
        if (msg.sender != GUARDIAN) revert NotGuardian();
        _;
    }

    /// @notice Guardian: stops the clock.
    function pause() external onlyGuardian {
        if (paused()) revert AlreadyPaused();
        uint256 earlier = _pausedSeconds();
        if (earlier >= MAX_PAUSE) revert PauseSpent();
        _pauses = Pauses({since: uint40(block.timestamp), earlier: uint40(earlier)});
        emit Paused(protocolTime());
    }

    /// @notice Guardian: lets the clock run again.
    function unpause() external onlyGuardian {
        if (!paused()) revert NotPaused();
        _pauses = Pauses({since: 0, earlier: uint40(_pausedSeconds())});
        emit Unpaused(protocolTime());
    }

    /// @notice Whether the clock stands still now.
    function paused() public view returns (bool) {
        return _pauses.since != 0 && _pausedSeconds() < MAX_PAUSE;
    }

    /// @notice Seconds that pauses may still last.
    function pauseLeft() external view returns (uint256) {
        return MAX_PAUSE - _pausedSeconds();
    }

    /// @notice The block's time less all paused time; never runs backwards.
    function protocolTime() public view virtual returns (uint64) {
        return uint64(block.timestamp - _pausedSeconds());
    }

    /// @dev Seconds of all pauses until now, at most MAX_PAUSE.
    function _pausedSeconds() private view returns (uint256) {
        Pauses storage pauses = _pauses;
        if (pauses.since == 0) return pauses.earlier;
        uint256 total = pauses.earlier + (block.timestamp - pauses.since);
        return total < MAX_PAUSE ? total : MAX_PAUSE;
    }
}
