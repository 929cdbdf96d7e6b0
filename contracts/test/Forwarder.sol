// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Calls whatever it is told to, for tests of who may call
contract Forwarder {
    function forward(address to, bytes calldata data) external payable returns (bytes memory) {
        (bool done, bytes memory answer) = to.call{value: msg.value}(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        return answer;
    }
}
