"""Compiles the Solidity sources with npm's solc; importable as ``contracts.build``.

``python contracts/build.py`` compiles ``contracts/src`` and writes the artifacts that the Python
package ships. Standard library only: it runs before anything is installed.

Source units are named by their path under ``contracts/`` ("src/Game.sol", "test/Harness.sol") or by
their npm name ("@openzeppelin/contracts/..."). Bytecode carries no metadata, hence no path and no
hash of comments: the same code gives the same bytes on every machine.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

CONTRACTS: Final = Path(__file__).resolve().parent
REPOSITORY: Final = CONTRACTS.parent
SRC: Final = CONTRACTS / "src"
TEST: Final = CONTRACTS / "test"
ARTIFACTS: Final = REPOSITORY / "rollup" / "l1" / "artifacts"
CACHE: Final = REPOSITORY / ".cache"

EVM_VERSION: Final = "cancun"
# The contracts are deployed once and played many times: optimise for running, not for size.
OPTIMIZER_RUNS: Final = 1_000_000
# EIP-170: a chain refuses to deploy more runtime code than this.
MAX_RUNTIME_BYTES: Final = 24_576

_NODE_MODULES: Final = CONTRACTS / "node_modules"
_STAMP: Final = _NODE_MODULES / ".plumbline-stamp"
# A comment, a string or an import: scanned together so that neither of the first two hides a third.
_TOKENS: Final = re.compile(
    r"//[^\n]*|/\*.*?\*/"
    r"|\bimport\b[^;\"']*(?P<quote>[\"'])(?P<path>[^\"'\n]+)(?P=quote)[^;]*;"
    r"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'",
    re.DOTALL,
)


class BuildError(Exception):
    """Sources that do not compile, or a build that cannot be used; the text is for a person."""


class ToolchainError(BuildError):
    """The compiler cannot be run here: node or npm is missing, or ``npm ci`` failed."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract.

    ``bytecode`` is the creation code without constructor arguments, ``runtime`` the deployed code
    with zeros where immutables go. Both are empty for interfaces and abstract contracts.
    """

    name: str
    abi: list[dict[str, Any]]
    bytecode: bytes
    runtime: bytes

    @property
    def deployable(self) -> bool:
        """Whether there is code that somebody outside can call (not so for internal libraries)."""
        entries = {"function", "constructor", "fallback", "receive"}
        return bool(self.bytecode) and any(entry["type"] in entries for entry in self.abi)

    def to_json(self) -> str:
        """The artifact file's text: sorted keys, 0x-prefixed hex, one trailing newline."""
        return _dump(
            {
                "name": self.name,
                "abi": self.abi,
                "bytecode": "0x" + self.bytecode.hex(),
                "runtime": "0x" + self.runtime.hex(),
            }
        )


@dataclass(frozen=True, slots=True)
class Compilation:
    """What one compiler run gave: its full version, the contracts by name, the warnings."""

    compiler: str
    artifacts: dict[str, Artifact]
    warnings: tuple[str, ...]


def toolchain_available() -> bool:
    """Whether the compiler is installed, or node and npm are there to install it."""
    return shutil.which("node") is not None and (_installed() or shutil.which("npm") is not None)


def ensure_toolchain() -> None:
    """Installs the locked npm packages when they are missing or older than the lock.

    Safe to call from several processes. Raises ToolchainError with one line that says what to do.
    """
    if shutil.which("node") is None:
        raise ToolchainError("contracts: node is not on PATH; install Node.js 20 or newer")
    if _installed():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise ToolchainError("contracts: npm is not on PATH; install npm")
    with _locked(CACHE / "npm.lock"):
        if _installed():
            return
        command = [npm, "ci", "--loglevel=error", "--cache", str(CACHE / "npm")]
        done = subprocess.run(command, cwd=CONTRACTS, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines()
            reason = lines[-1] if lines else f"exit status {done.returncode}"
            raise ToolchainError(f"contracts: `npm ci` failed (is the network up?): {reason}")
        _STAMP.write_text(_lock_hash(), encoding="utf-8")


def load_sources(root: Path = SRC) -> dict[str, str]:
    """Every .sol file below ``root`` (a folder in contracts/), by source unit name."""
    found: dict[str, str] = {}
    for path in sorted(root.resolve().rglob("*.sol")):
        found[path.relative_to(CONTRACTS).as_posix()] = path.read_text(encoding="utf-8")
    return found


def compile_sources(
    sources: Mapping[str, str],
    *,
    via_ir: bool = True,
    evm_version: str = EVM_VERSION,
    optimizer_runs: int = OPTIMIZER_RUNS,
) -> dict[str, Artifact]:
    """Compiles ``sources`` (source unit name -> text) in one run and returns contracts by name.

    What they import and do not hold is read from contracts/ and node_modules; a text given here
    wins over the file of that name, so a mutant is ``load_sources() | {"src/Game.sol": text}``.
    Contracts of files that are only imported are left out. Results are kept on disk by the hash of
    the whole input. Raises BuildError with solc's own message, ToolchainError without a compiler.
    """
    return compile_run(
        sources, via_ir=via_ir, evm_version=evm_version, optimizer_runs=optimizer_runs
    ).artifacts


def compile_run(
    sources: Mapping[str, str],
    *,
    via_ir: bool = True,
    evm_version: str = EVM_VERSION,
    optimizer_runs: int = OPTIMIZER_RUNS,
) -> Compilation:
    """As compile_sources, with the compiler's version and its warnings."""
    ensure_toolchain()
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sorted(_closure(sources).items())},
        "settings": _settings(via_ir, evm_version, optimizer_runs)
        | {"outputSelection": {name: {"*": _OUTPUTS} for name in sorted(sources)}},
    }
    answer = _solc(json.dumps(request, sort_keys=True))
    output = answer["output"]
    messages = output.get("errors", [])
    errors = [m["formattedMessage"].strip() for m in messages if m["severity"] == "error"]
    if errors:
        raise BuildError("\n\n".join(errors))
    artifacts: dict[str, Artifact] = {}
    for unit, contracts in sorted(output.get("contracts", {}).items()):
        for name, compiled in sorted(contracts.items()):
            if name in artifacts:
                raise BuildError(f"{unit}: a second contract is named {name}; rename one of them")
            artifacts[name] = _artifact(name, compiled)
    warnings = tuple(m["formattedMessage"].strip() for m in messages if m["severity"] == "warning")
    return Compilation(answer["version"], artifacts, warnings)


def build(evm_version: str = EVM_VERSION) -> dict[str, str]:
    """Compiles contracts/src; returns the artifact files' texts by file name, with the manifest.

    Raises BuildError when a contract is too large to deploy.
    """
    sources = load_sources(SRC)
    run = compile_run(sources, evm_version=evm_version)
    kept = {name: artifact for name, artifact in run.artifacts.items() if artifact.deployable}
    for warning in run.warnings:
        print(warning, file=sys.stderr)
    for name, artifact in kept.items():
        if len(artifact.runtime) > MAX_RUNTIME_BYTES:
            size = len(artifact.runtime)
            raise BuildError(f"{name}: {size} bytes of code, over the chain's {MAX_RUNTIME_BYTES}")
    files = {f"{name}.json": artifact.to_json() for name, artifact in sorted(kept.items())}
    files["manifest.json"] = _dump(
        {
            "compiler": run.compiler,
            "dependencies": _dependencies(),
            "settings": _settings(True, evm_version, OPTIMIZER_RUNS),
            "sources": {name: sha256(text) for name, text in sources.items()},
            "artifacts": {name: sha256(text) for name, text in files.items()},
        }
    )
    return files


def write(files: Mapping[str, str], folder: Path) -> None:
    """Makes ``folder`` hold exactly these JSON files (folders inside it are left alone)."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in sorted(path for path in folder.glob("*.json") if path.name not in files):
        stale.unlink()
    for name, text in files.items():
        _replace(folder / name, text)


def sha256(text: str) -> str:
    """Hex SHA-256 of the text's UTF-8 bytes."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


_OUTPUTS: Final = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]


def _settings(via_ir: bool, evm_version: str, optimizer_runs: int) -> dict[str, Any]:
    return {
        "evmVersion": evm_version,
        "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
        "optimizer": {"enabled": True, "runs": optimizer_runs},
        "viaIR": via_ir,
    }


def _solc(request: str) -> dict[str, Any]:
    """One compiler run, or its kept answer."""
    kept = CACHE / "solc" / f"{sha256(_lock_hash() + request)}.json"
    if kept.is_file():
        answer: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        return answer
    command = ["node", str(CONTRACTS / "solc.js")]
    done = subprocess.run(
        command, cwd=CONTRACTS, input=request, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ToolchainError(f"contracts: solc stopped: {done.stderr.strip()[-500:]}")
    answer = json.loads(done.stdout)
    kept.parent.mkdir(parents=True, exist_ok=True)
    _replace(kept, done.stdout)
    return answer


def _closure(sources: Mapping[str, str]) -> dict[str, str]:
    """The sources with everything they import, directly or not."""
    held = dict(sources)
    waiting = list(sources)
    while waiting:
        unit = waiting.pop()
        for path in _imports(held[unit]):
            target = path
            if path.startswith("."):
                target = posixpath.normpath(posixpath.join(posixpath.dirname(unit), path))
            if target not in held:
                held[target] = _read_unit(target, unit)
                waiting.append(target)
    return held


def _imports(text: str) -> Iterator[str]:
    for match in _TOKENS.finditer(text):
        if match["path"] is not None:
            yield match["path"]


def _read_unit(name: str, importer: str) -> str:
    base = _NODE_MODULES if name.startswith("@") else CONTRACTS
    path = (base / name).resolve()
    if not path.is_relative_to(base) or not path.is_file():
        raise BuildError(f"{importer}: imports {name}, which is not in contracts/ or node_modules")
    return path.read_text(encoding="utf-8")


def _artifact(name: str, compiled: Mapping[str, Any]) -> Artifact:
    codes = [compiled["evm"][part]["object"] for part in ("bytecode", "deployedBytecode")]
    if any("_" in code for code in codes):
        raise BuildError(f"{name}: calls an external library; make its functions internal")
    return Artifact(name, compiled["abi"], bytes.fromhex(codes[0]), bytes.fromhex(codes[1]))


def _dependencies() -> dict[str, str]:
    package = json.loads((CONTRACTS / "package.json").read_text(encoding="utf-8"))
    dependencies: dict[str, str] = package["dependencies"]
    return dependencies


def _dump(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


def _lock_hash() -> str:
    return sha256((CONTRACTS / "package-lock.json").read_text(encoding="utf-8"))


def _installed() -> bool:
    return _STAMP.is_file() and _STAMP.read_text(encoding="utf-8") == _lock_hash()


def _replace(path: Path, text: str) -> None:
    """Writes the file whole or not at all, whoever reads or writes it beside us."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def main(arguments: list[str] | None = None) -> int:
    """Command line: builds contracts/src into the package's artifacts."""
    parser = argparse.ArgumentParser(description="Compile contracts/src and write its artifacts.")
    parser.add_argument("--evm-version", default=EVM_VERSION, help=f"default: {EVM_VERSION}")
    chosen = parser.parse_args(arguments)
    version: str = chosen.evm_version
    folder = ARTIFACTS if version == EVM_VERSION else ARTIFACTS / version
    try:
        files = build(version)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    write(files, folder)
    print(f"{len(files) - 1} contracts for {version} -> {folder.relative_to(REPOSITORY)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
