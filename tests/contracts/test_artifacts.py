"""The artifacts that the package ships are what contracts/src compiles to."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts import build


def _manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(_read(build.ARTIFACTS / "manifest.json"))
    return manifest


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def test_the_manifest_names_the_sources_as_they_are() -> None:
    sources = {name: build.sha256(text) for name, text in build.load_sources().items()}
    assert _manifest()["sources"] == sources, "run: python3 dev.py build, and commit the artifacts"


def test_the_manifest_names_the_artifacts_as_they_are() -> None:
    files = {
        path.name: build.sha256(_read(path))
        for path in build.ARTIFACTS.glob("*.json")
        if path.name != "manifest.json"
    }
    assert _manifest()["artifacts"] == files


def test_the_manifest_was_made_with_todays_settings() -> None:
    manifest = _manifest()
    assert manifest["settings"]["evmVersion"] == build.EVM_VERSION
    assert manifest["settings"]["optimizer"] == {"enabled": True, "runs": build.OPTIMIZER_RUNS}
    assert manifest["settings"]["metadata"] == {"appendCBOR": False, "bytecodeHash": "none"}
    package = json.loads(_read(build.CONTRACTS / "package.json"))
    assert manifest["dependencies"] == package["dependencies"]
    assert manifest["compiler"].split("+")[0] == package["dependencies"]["solc"]


def test_artifacts_hold_what_a_deployment_needs() -> None:
    for name in _manifest()["artifacts"]:
        artifact = json.loads(_read(build.ARTIFACTS / name))
        assert artifact["name"] == name.removesuffix(".json")
        assert artifact["abi"]
        creation, runtime = (
            bytes.fromhex(artifact[part].removeprefix("0x")) for part in ("bytecode", "runtime")
        )
        assert 0 < len(runtime) <= build.MAX_RUNTIME_BYTES
        assert len(creation) > len(runtime)


@pytest.mark.usefixtures("toolchain")
def test_compiling_again_gives_the_same_files() -> None:
    committed = {path.name: _read(path) for path in build.ARTIFACTS.glob("*.json")}
    assert build.build() == committed


@pytest.mark.usefixtures("toolchain")
def test_a_mutant_and_its_import_compile_from_texts_alone() -> None:
    sources = {
        "test/Half.sol": "pragma solidity ^0.8.28; library Half {"
        " function cut(uint256 x) internal pure returns (uint256) { return x / 2; } }",
        "test/Caller.sol": 'pragma solidity ^0.8.28; import {Half} from "./Half.sol";'
        ' /* import "./Missing.sol"; */ contract Caller { string s = "// not a comment";'
        " function half(uint256 x) external pure returns (uint256) { return Half.cut(x); } }",
    }
    compiled = build.compile_sources(sources, via_ir=False)
    assert sorted(compiled) == ["Caller", "Half"]
    assert compiled["Caller"].deployable
    assert not compiled["Half"].deployable
    mutant = sources | {"test/Half.sol": sources["test/Half.sol"].replace("x / 2", "x / 3")}
    changed = build.compile_sources(mutant, via_ir=False)
    assert changed["Caller"].runtime != compiled["Caller"].runtime


@pytest.mark.usefixtures("toolchain")
def test_libraries_come_from_npm() -> None:
    source = (
        "pragma solidity ^0.8.28;"
        ' import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";'
        " contract Signed { function who(bytes32 h, bytes memory s) external pure"
        " returns (address) { return ECDSA.recover(h, s); } }"
    )
    compiled = build.compile_sources({"test/Signed.sol": source}, via_ir=False)
    assert list(compiled) == ["Signed"]


@pytest.mark.usefixtures("toolchain")
def test_errors_name_the_place() -> None:
    with pytest.raises(build.BuildError, match=r"test/Bad\.sol:1:\d+"):
        build.compile_sources({"test/Bad.sol": "pragma solidity ^0.8.28; contract Bad { what }"})
    with pytest.raises(build.BuildError, match=r"test/Lost\.sol: imports src/Nowhere\.sol"):
        build.compile_sources({"test/Lost.sol": 'import "../src/Nowhere.sol";'})


def test_without_node_one_line_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert not build.toolchain_available()
    with pytest.raises(build.ToolchainError, match="node is not on PATH"):
        build.ensure_toolchain()
