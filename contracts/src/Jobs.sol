// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IJobs} from "./interfaces/IJobs.sol";
import {IPrograms, ProgramInfo} from "./interfaces/IPrograms.sol";
import {Caps, IRollup} from "./interfaces/IRollup.sol";
import {InboxKinds} from "./libraries/InboxKinds.sol";
import {LedgerLayout} from "./libraries/LedgerLayout.sol";

/// @title Jobs (see IJobs)
contract Jobs is IJobs {
    /// @inheritdoc IJobs
    IRollup public immutable ROLLUP;
    /// @inheritdoc IJobs
    IPrograms public immutable PROGRAMS;
    /// @inheritdoc IJobs
    address public immutable GOVERNOR;
    /// @inheritdoc IJobs
    uint64 public count;

    constructor(IRollup rollup, address governor) {
        if (address(rollup) == address(0) || governor == address(0)) revert BadParameter();
        (ROLLUP, PROGRAMS, GOVERNOR) = (rollup, rollup.PROGRAMS(), governor);
    }

    /// @inheritdoc IJobs
    function open(bytes32 program, uint64 firstStep, bytes32 inputs, bytes32 params) external returns (uint64 job) {
        if (msg.sender != GOVERNOR) revert NotGovernor();
        ProgramInfo memory info = PROGRAMS.info(program);
        if (info.microSteps == 0) revert UnknownProgram();
        // The other caps bound a claim's steps, which the ledger's rules do as well.
        Caps memory caps = ROLLUP.caps();
        if (info.rows > caps.rows || info.words > caps.words || info.work > caps.work) revert OverCap();
        job = count;
        if (job >= LedgerLayout.MAX_JOBS) revert TooManyJobs();
        count = job + 1;
        uint64 registered = PROGRAMS.registeredAt(program);
        ROLLUP.append(InboxKinds.JOB, job, info.work, firstStep, registered, program, inputs, params);
        emit JobOpened(job, program, info.work, firstStep, registered, inputs, params);
    }
}
