// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IPrograms} from "./IPrograms.sol";
import {IRollup} from "./IRollup.sol";

/// @title Jobs: which training and inference the ledger scores
/// @notice A job is a registered program, data and a start (docs/ledger.md, section 2). Opening one tells the ledger through
/// its inbox; a job is never closed. Who may open jobs decides what work is paid for.
interface IJobs {
    /// @notice The job was opened. `work` are units a step, `registered` is when its program became known.
    event JobOpened(
        uint64 indexed job,
        bytes32 indexed program,
        uint64 work,
        uint64 firstStep,
        uint64 registered,
        bytes32 inputs,
        bytes32 params
    );

    /// @notice Thrown when a deployment parameter makes no sense.
    error BadParameter();
    /// @notice Thrown when the caller is not the governor.
    error NotGovernor();
    /// @notice Thrown when the program is not registered.
    error UnknownProgram();
    /// @notice Thrown when no claim of the program could be challenged: it has too many rows or words, or one step of it is
    /// too much work.
    error OverCap();
    /// @notice Thrown when the ledger has room for no more jobs.
    error TooManyJobs();

    /// @notice Governor: opens a job.
    /// @param firstStep step from which its training starts.
    /// @param inputs root of the data; zero for any, which scores no training. Those of a benchmark are not zero.
    /// @param params root of what training starts from; for inference, of the model that counts.
    /// @return job its index.
    function open(bytes32 program, uint64 firstStep, bytes32 inputs, bytes32 params) external returns (uint64 job);

    /// @notice How many jobs were opened; the next one's index.
    function count() external view returns (uint64);

    /// @notice Whose inbox is told, and whose caps hold.
    function ROLLUP() external view returns (IRollup);

    /// @notice Which programs are known.
    function PROGRAMS() external view returns (IPrograms);

    /// @notice Who opens jobs.
    function GOVERNOR() external view returns (address);
}
