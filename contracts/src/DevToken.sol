// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token that anybody mints, for chains where nothing is at stake
/// @notice Deployed where no token is named. Worth nothing.
contract DevToken is ERC20 {
    constructor() ERC20("Plumbline development token", "PLUMBDEV") {}

    /// @notice Gives `to` so many base units, 10^18 of which are one token.
    function mint(address to, uint256 value) external {
        _mint(to, value);
    }
}
