"""The house rules that no linter knows."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parent.parent

# Past these a file no longer fits in one sitting. Locks and compiled artifacts are machine-made.
MAX_LINES = {".py": 400, ".sol": 500, ".md": 900}
MAX_BYTES = 512 * 1024
# Assembled, so that this file does not contain what it looks for.
HOSTS = [
    "pypi" + ".org",
    "python" + "hosted",
    "npm" + "js.org",
    "registry" + ".npm",
    "yarn" + "pkg",
]
HOMES = ["/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/", "/work/" + "main"]


def tracked_files() -> list[Path]:
    """Files in git that are still there."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout: git does not say which files are tracked")
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="replace")


def test_bisect_is_a_source_root_and_not_a_package() -> None:
    assert not (ROOT / "bisect" / "__init__.py").exists()


@pytest.mark.parametrize("name", ["bisect", "random"])
def test_the_standard_library_stays_itself(name: str) -> None:
    code = f"import sys; import {name}, sysconfig; print({name}.__file__)"
    paths = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'bisect')!r}]; "
    done = subprocess.run(
        [sys.executable, "-c", paths + code], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert Path(done.stdout.strip()).name == f"{name}.py"
    assert ROOT / "bisect" not in Path(done.stdout.strip()).parents


def test_files_are_of_a_size_one_can_read() -> None:
    large = []
    for path in tracked_files():
        lines = MAX_LINES.get(path.suffix)
        if lines is not None and text_of(path).count("\n") > lines:
            large.append(f"{path.relative_to(ROOT)}: over {lines} lines")
        if path.stat().st_size > MAX_BYTES and path.name != "requirements.lock":
            large.append(f"{path.relative_to(ROOT)}: over {MAX_BYTES} bytes")
    assert large == []


def test_no_file_names_a_registry_or_a_home_folder() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in tracked_files()
        for word in HOSTS + HOMES
        if word in text_of(path)
    ]
    assert found == []


@pytest.mark.parametrize("name", ["requirements.lock", "contracts/package-lock.json"])
def test_locks_name_no_host(name: str) -> None:
    assert "://" not in text_of(ROOT / name)


def test_everything_in_the_lock_is_pinned_and_hashed() -> None:
    entries = re.split(r"\n(?=\S)", text_of(ROOT / "requirements.lock").replace("\\\n", ""))
    entries = [entry for entry in entries if entry.strip() and not entry.startswith("#")]
    assert len(entries) > 50
    assert [e.split("\n")[0] for e in entries if "==" not in e or "--hash=sha256:" not in e] == []
    names = {re.split(r"[=\[ ]", entry)[0] for entry in entries}
    assert "merkletools" in names
    assert "pysha3" not in names  # it does not build on any Python that we support


def test_what_the_project_declares_is_in_the_lock() -> None:
    lock = text_of(ROOT / "requirements.lock")
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))
    declared = list(project["project"]["dependencies"])
    for group in project["dependency-groups"].values():
        declared += group
    names = [re.split(r"[^A-Za-z0-9_.-]", line)[0].lower() for line in declared]
    assert [name for name in names if f"\n{name}==" not in f"\n{lock}"] == []


def test_the_readme_opens_with_what_this_is_and_two_commands_that_exist() -> None:
    readme = text_of(ROOT / "README.md")
    assert readme.startswith("# Plumbline\n\nPlumbline is ")
    jobs = re.findall(r"^    python3 dev\.py (\w+)", readme, re.MULTILINE)[:2]
    assert jobs == ["demo", "test"]
    assert set(jobs) <= set(dev_jobs())


def dev_jobs() -> list[str]:
    done = subprocess.run(
        [sys.executable, "dev.py", "--help"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return re.findall(r"^    python3 dev\.py (\w+)", done.stdout, re.MULTILINE)


def test_every_job_is_documented_and_refuses_what_it_does_not_know() -> None:
    contributing = text_of(ROOT / "CONTRIBUTING.md")
    assert [job for job in dev_jobs() if f"python3 dev.py {job}" not in contributing] == []
    done = subprocess.run(
        [sys.executable, "dev.py", "dance"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_a_wheel_holds_the_three_packages_and_the_artifacts(tmp_path: Path) -> None:
    wheel = next(
        iter(WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"]))
    )
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "rollup/__init__.py",
        "rollup/l1/artifacts/manifest.json",
        "bisection/__init__.py",
        "prover/__init__.py",
        "prover/py.typed",
    ):
        assert wanted in names
    assert not [name for name in names if name.startswith(("bisect/", "tests/", "contracts/"))]
