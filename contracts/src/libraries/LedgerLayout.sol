// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title How large things are in the ledger
/// @notice docs/ledger.md, section 2: what the ledger machine and those who read its states agree on.
library LedgerLayout {
    /// @notice Bytes of a state's header.
    uint256 internal constant HEADER_BYTES = 257;
    /// @notice Where the root of the accounts lies in it: behind the ring.
    uint256 internal constant ACCOUNTS_ROOT = 1;
    /// @notice Bytes of an account.
    uint256 internal constant ACCOUNT_BYTES = 76;
    /// @notice Where what it ever earned or withdrew lies in it.
    uint256 internal constant ACCOUNT_PAYABLE = 68;
    /// @notice Depth of the accounts' tree at the most.
    uint256 internal constant MAX_ACCOUNT_DEPTH = 24;
    /// @notice Places of accounts at the most; place 0 is nobody's.
    uint256 internal constant MAX_ACCOUNTS = 1 << MAX_ACCOUNT_DEPTH;
    /// @notice Jobs at the most.
    uint256 internal constant MAX_JOBS = 1 << 16;
    /// @notice Closed epochs at the most.
    uint256 internal constant MAX_EPOCHS = 1 << 16;
}
