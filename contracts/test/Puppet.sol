// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IClaimHost} from "../src/interfaces/IClaimHost.sol";

/// @title Stands where a host, a game or a player would, and does as it is told
contract Puppet is IClaimHost {
    /// @notice What it says when asked as a game for the time.
    uint64 public protocolTime = 1;
    /// @notice What it says when asked as a host whether a claim is void.
    mapping(bytes32 claimId => bool) public isVoid;
    /// @notice Games on a claim that ended.
    mapping(bytes32 claimId => uint256) public closed;

    receive() external payable {}

    function setTime(uint64 time) external {
        protocolTime = time;
    }

    function setVoid(bytes32 claimId, bool void_) external {
        isVoid[claimId] = void_;
    }

    /// @notice Calls `to` as itself; its revert is passed on.
    function act(address to, bytes calldata data) external payable {
        (bool done, bytes memory result) = to.call{value: msg.value}(data);
        if (done) return;
        assembly ("memory-safe") {
            revert(add(result, 32), mload(result))
        }
    }

    function claimRejected(bytes32) external pure returns (uint256 pot) {
        return 0;
    }

    function gameClosed(bytes32 claimId) external {
        ++closed[claimId];
    }
}
