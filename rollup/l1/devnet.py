"""Development chains: the embedded one, or anvil as a child process, under one handle.

Both run Prague's rules on loopback with the same chain id and the same funded accounts.
"""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import httpx

from rollup.l1.accounts import LocalSigner, dev_signers
from rollup.l1.chain import FORK, GAS_LIMIT
from rollup.l1.errors import DevnetError

CHAIN_ID: Final = 31_337
DEFAULT_SEED: Final = "plumbline"
FUNDS: Final = 10_000 * 10**18
"""Wei of each development account."""

Engine = Literal["embedded", "anvil"]


class Devnet:
    """A running development chain: its endpoint, its accounts, and a hand on its clock.

    ``accounts`` hold FUNDS wei each. Close it (or leave its ``with`` block) to stop it.
    """

    def __init__(
        self, url: str, accounts: Sequence[LocalSigner], engine: Engine, stop: Any
    ) -> None:
        self.url = url
        self.accounts = tuple(accounts)
        self.engine = engine
        self.chain_id = CHAIN_ID
        self._stop = stop
        self._http = httpx.Client(timeout=60)
        self._stopping = threading.Event()
        self._heart: threading.Thread | None = None
        self._next_id = 0

    def rpc(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call; raises DevnetError with the answer's message when it is an error."""
        self._next_id += 1
        request = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": list(params)}
        try:
            answer = self._http.post(self.url, json=request).json()
        except (httpx.HTTPError, json.JSONDecodeError) as error:
            raise DevnetError(
                f"{method}: the {self.engine} chain does not answer: {error}"
            ) from error
        if "error" in answer:
            raise DevnetError(f"{method}: {answer['error'].get('message', answer['error'])}")
        return answer["result"]

    def advance(self, seconds: int) -> None:
        """Moves the clock ahead by whole seconds and makes a block at the new time."""
        self.rpc("evm_increaseTime", seconds)
        self.rpc("evm_mine")

    def mine(self, blocks: int = 1) -> None:
        """Makes blocks of whatever is waiting."""
        for _ in range(blocks):
            self.rpc("evm_mine")

    def automine(self, on: bool) -> None:
        """Whether a block is made as soon as a transaction comes in."""
        self.rpc("evm_setAutomine", on)

    def snapshot(self) -> str:
        """Keeps the present for ``revert``."""
        return str(self.rpc("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        """Goes back: what was mined since is reorganised away. A snapshot serves once."""
        if not self.rpc("evm_revert", snapshot):
            raise DevnetError(f"there is no snapshot {snapshot}")

    def set_balance(self, address: bytes, wei: int) -> None:
        """Gives an account exactly ``wei``."""
        self.rpc("anvil_setBalance", "0x" + address.hex(), hex(wei))

    def beat(self, seconds: float) -> None:
        """From now on makes a block every so many seconds, so that transactions get deeper."""

        def beat() -> None:
            while not self._stopping.wait(seconds):
                self.mine()

        self._heart = threading.Thread(target=beat, name="heartbeat", daemon=True)
        self._heart.start()

    def close(self) -> None:
        """Stops the chain; it forgets everything."""
        self._stopping.set()
        if self._heart is not None:
            self._heart.join(timeout=10)
        self._http.close()
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def embedded(*, seed: str = DEFAULT_SEED, accounts: int = 10, port: int = 0) -> Devnet:
    """Starts the embedded chain, served by a thread of this process.

    Raises:
        DevnetError: when the port is taken.
    """
    # A chain takes a second to import; who only asks for a seed or for anvil need not wait.
    from rollup.l1.embedded import EmbeddedChain
    from rollup.l1.server import BackgroundServer, application

    signers = dev_signers(seed, accounts)
    chain = EmbeddedChain(CHAIN_ID, {signer.address: FUNDS for signer in signers})
    server = BackgroundServer(application(chain), port=port)
    return Devnet(server.url, signers, "embedded", server.close)


def find_anvil(root: Path | None = None) -> Path | None:
    """The anvil program: on PATH, or in ``contracts/node_modules`` of the checkout at ``root``."""
    on_path = shutil.which("anvil")
    if on_path:
        return Path(on_path)
    checkout = root if root is not None else Path(__file__).resolve().parents[2]
    found = sorted((checkout / "contracts/node_modules/@foundry-rs").glob("anvil-*/bin/anvil"))
    return found[0] if found else None


def anvil(
    *, seed: str = DEFAULT_SEED, accounts: int = 10, port: int = 0, program: Path | None = None
) -> Devnet:
    """Starts anvil as a child process and funds the same accounts.

    Raises:
        DevnetError: when it is not found or does not start.
    """
    found = program or find_anvil()
    if found is None:
        raise DevnetError(
            "anvil is not installed: put it on PATH, or install the npm package"
            " @foundry-rs/anvil-<platform> in contracts/; or use the embedded chain"
        )
    chosen = port or _free_port()
    command = [
        str(found), "--silent", "--host", "127.0.0.1", "--port", str(chosen), "--accounts", "1",
        "--chain-id", str(CHAIN_ID), "--hardfork", FORK, "--gas-limit", str(GAS_LIMIT),
    ]  # fmt: skip
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop() -> None:
        child.terminate()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    signers = dev_signers(seed, accounts)
    devnet = Devnet(f"http://127.0.0.1:{chosen}", signers, "anvil", stop)
    try:
        _await_start(devnet, child)
        for signer in signers:
            devnet.set_balance(signer.address, FUNDS)
    except DevnetError:
        devnet.close()
        raise
    return devnet


def start(
    engine: Engine = "embedded",
    *,
    seed: str = DEFAULT_SEED,
    port: int = 0,
    block_time: float | None = None,
) -> Devnet:
    """Starts the named development chain; with ``block_time`` it also makes a block so often (s).

    Raises:
        DevnetError: as ``embedded`` and ``anvil`` do.
    """
    running = anvil(seed=seed, port=port) if engine == "anvil" else embedded(seed=seed, port=port)
    if block_time is not None:
        running.beat(block_time)
    return running


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _await_start(devnet: Devnet, child: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 15
    while True:
        if child.poll() is not None:
            raise DevnetError(f"anvil ended at once with status {child.returncode}")
        try:
            devnet.rpc("eth_chainId")
            return
        except DevnetError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
