// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What L1 knows of a registered program.
/// @param microSteps micro-steps of one training step, 1 <= microSteps < 2^62; 0 when the program is unknown.
/// @param work weighted micro-steps of one training step, in work units.
/// @param words over the rows that have micro-steps, the sum of the lengths of the out register and of the registers
/// read, in words.
/// @param rows number of rows, 1 to 65,535.
/// @param depths depths of the register trees, 4 x u8: params, inputs, outputs, scratch, the first in the top byte.
struct ProgramInfo {
    uint64 microSteps;
    uint64 work;
    uint64 words;
    uint32 rows;
    uint32 depths;
}

/// @title The register of programs
/// @notice A program is a table of rows (docs/protocol.md, section 5). Posting them once makes the contract compute
/// what the program's id commits to, so that no program is known here whose sums lie.
interface IPrograms {
    /// @notice A program became known.
    event Registered(
        bytes32 indexed id, uint64 microSteps, uint64 work, uint64 words, uint32 rows, uint32 depths, bytes32 tableRoot
    );

    /// @notice Thrown when the bytes are not whole rows, or there are none or too many.
    error BadRowCount(uint256 length);
    /// @notice Thrown when a segment is deeper than 14.
    error BadDepths(uint32 depths);
    /// @notice Thrown when the program has no micro-steps, or 2^62 or more.
    error BadMicroSteps(uint256 microSteps);
    /// @notice Thrown when the weighted work of a training step does not fit 64 bits.
    error TooMuchWork(uint256 work);

    /// @notice Registers a program; a program that is known already stays as it is.
    /// @param rows packed rows, 160 bytes each, one after another.
    /// @param depths as in `ProgramInfo`.
    /// @return id the program's id.
    function register(bytes calldata rows, uint32 depths) external returns (bytes32 id);

    /// @notice What is known of a program; all zero when it is unknown.
    function info(bytes32 id) external view returns (ProgramInfo memory);

    /// @notice Protocol time at which a program became known; 0 when it is unknown. A receipt that was posted no later
    /// claims nothing: else a claim could be made to count after everybody had found it void.
    function registeredAt(bytes32 id) external view returns (uint64);
}
