"""Development chains start, stop, and say what they lack."""

import socket
import time
from pathlib import Path

import pytest

from rollup.l1 import devnet
from rollup.l1.accounts import LocalSigner, dev_signer, dev_signers
from rollup.l1.client import L1Client
from rollup.l1.devnet import Devnet, Engine
from rollup.l1.embedded import EmbeddedChain, ExecutionRefused
from rollup.l1.errors import DevnetError
from rollup.protocol.types import Address, Gas
from tests.rollup.l1.conftest import ENGINES


def test_both_kinds_of_chain_are_tested() -> None:
    if "anvil" not in ENGINES:
        pytest.skip(
            "anvil is neither on PATH nor in contracts/node_modules: tests/rollup/l1 ran on the"
            " embedded chain alone"
        )
    assert len(ENGINES) == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_a_chain_listens_where_it_is_told_and_stops(engine: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with devnet.start(engine, port=port) as chain:
        assert chain.url == f"http://127.0.0.1:{port}"
        assert chain.rpc("eth_chainId") == hex(devnet.CHAIN_ID)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=1)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_beating_chain_buries_transactions_by_itself(engine: Engine) -> None:
    with devnet.start(engine, block_time=0.05) as chain:
        client = L1Client(chain.url, chain.chain_id, confirmations=4, patience=20, poll=0.02)
        sink = Address(b"\x11" * 20)
        mined = client.transact(chain.accounts[0], sink, b"", gas=Gas(21_000))
        assert client.head().number >= mined.block + 3


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DevnetError, match=f"cannot listen on 127.0.0.1:{port}"):
            devnet.embedded(port=port)


def test_without_anvil_one_line_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "")
    assert devnet.find_anvil(tmp_path) is None
    monkeypatch.setattr(devnet, "find_anvil", lambda: None)
    with pytest.raises(DevnetError, match="anvil is not installed: put it on PATH"):
        devnet.anvil()


def test_anvil_is_found_among_the_npm_packages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "")
    program = tmp_path / "contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
    program.parent.mkdir(parents=True)
    program.touch()
    assert devnet.find_anvil(tmp_path) == program


def test_an_anvil_that_ends_at_once_is_reported(tmp_path: Path) -> None:
    broken = tmp_path / "anvil"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(DevnetError, match="anvil ended at once with status 3"):
        devnet.anvil(program=broken)


def test_keys_are_the_same_everywhere_and_never_shown() -> None:
    first = dev_signer("plumbline", 0)
    assert first.address.hex() == "d7684dad8739e321931a8e1972a25b1f195369b3"
    assert len({signer.address for signer in dev_signers("a", 5) + dev_signers("b", 5)}) == 10
    assert first.key.hex() not in repr(first)
    assert LocalSigner(first.key) == first


def test_errors_of_the_chain_are_raised_with_their_words() -> None:
    with devnet.embedded() as chain:
        with pytest.raises(DevnetError, match="eth_wat: the method eth_wat does not exist"):
            chain.rpc("eth_wat")
        with pytest.raises(DevnetError, match="no snapshot"):
            chain.revert("0x9")
        url = chain.url
    stopped = Devnet(url, (), "embedded", lambda: None)
    with pytest.raises(DevnetError, match="does not answer"):
        stopped.rpc("eth_chainId")
    stopped.close()


def test_time_never_runs_backwards_and_follows_the_clock() -> None:
    now = 1_000.0
    chain = EmbeddedChain(1, {}, clock=lambda: now)
    assert chain.head.header.timestamp == 1_000
    now = 900.0
    assert chain.mine().header.timestamp == 1_000
    now = 1_100.0
    assert chain.mine().header.timestamp == 1_100
    chain.increase_time(50)
    assert chain.now() == 1_150
    with pytest.raises(ExecutionRefused, match="before the head's"):
        chain.set_next_time(1_099)
    with pytest.raises(ExecutionRefused, match="no block 9"):
        chain.block_at(9)


def test_snapshots_nest_and_are_used_once() -> None:
    chain = EmbeddedChain(1, {}, clock=time.time)
    outer = chain.snapshot()
    chain.mine()
    inner = chain.snapshot()
    chain.mine()
    assert chain.revert(inner)
    assert len(chain.blocks) == 2
    assert chain.revert(outer)
    assert len(chain.blocks) == 1
    assert not chain.revert(inner)
    assert not chain.revert(outer)
