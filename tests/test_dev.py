"""How dev.py comes by torch: a build for the CPU, or none."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("dev_under_test", ROOT / "dev.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, path in {
        "CACHE": tmp_path / "cache",
        "VENV": tmp_path / "venv",
        "TORCH_TRIED": tmp_path / "venv" / "tried",
    }.items():
        monkeypatch.setattr(module, name, path)
    (tmp_path / "venv").mkdir()
    return module


def offers(dev: ModuleType, monkeypatch: pytest.MonkeyPatch, status: int) -> list[list[str]]:
    """The commands that are run when each ends with `status`."""
    commands: list[list[str]] = []

    def call(command: list[str], environment: dict[str, str]) -> int:
        commands.append(command)
        return status

    monkeypatch.setattr(dev, "call", call)
    return commands


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_only_a_build_for_the_cpu_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, platform: str
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    dev = request.getfixturevalue("dev")
    commands = offers(dev, monkeypatch, 0)
    dev.offer_torch({"PATH": ""})
    assert commands
    for command in commands:
        assert command[-1].endswith("+cpu") or platform == "darwin"
        assert {"--no-deps", "--only-binary"} < {*command}
        assert [word for word in command if word.startswith("torch")] == [command[-1]]


def test_where_there_is_none_it_says_so_and_looks_again_only_when_told_to(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = offers(dev, monkeypatch, 1)
    dev.offer_torch({"PATH": ""})
    assert "left out" in capsys.readouterr().out
    tried = len(commands)
    dev.offer_torch({"PATH": ""})
    assert len(commands) == tried
    assert "left out" in capsys.readouterr().out
    dev.offer_torch({"PATH": ""}, again=True)
    assert len(commands) > tried


def test_what_is_installed_is_left_alone(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    record = dev.VENV / "lib/python3.12/site-packages/torch-2.13.0+cpu.dist-info/RECORD"
    record.parent.mkdir(parents=True)
    record.touch()
    commands = offers(dev, monkeypatch, 0)
    dev.offer_torch({"PATH": ""}, again=True)
    assert commands == []
