"""The house rules for commands: documented, mirrored by the environment, quick to ask."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from rollup import cli
from rollup.config import PREFIX, SequencerSettings, flag, variable
from tests.rollup.cli.conftest import Plumbline
from tests.rollup.cli.running import ROOT, environment

README = (ROOT / "README.md").read_text("utf-8")
KEBAB = re.compile(r"--[a-z][a-z0-9]*(-[a-z0-9]+)*")


def commands(command: Any = None, path: str = "plumbline") -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its words."""
    command = command or typer.main.get_command(cli.app)
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from commands(inner, f"{path} {name}")


def groups() -> list[Any]:
    top: Any = typer.main.get_command(cli.app)
    return [top, *(inner for inner in top.commands.values() if hasattr(inner, "commands"))]


COMMANDS = dict(commands())
FLAGS = [
    (path, parameter)
    for path, command in COMMANDS.items()
    for parameter in command.params
    if parameter.param_type_name == "option" and parameter.name != "help"
]


def test_these_are_the_commands() -> None:
    assert sorted(COMMANDS) == [
        "plumbline account collect",
        "plumbline account exit",
        "plumbline account open",
        "plumbline account show",
        "plumbline content add",
        "plumbline demo",
        "plumbline deploy",
        "plumbline devnet",
        "plumbline fields commit",
        "plumbline fields disclose",
        "plumbline fields verify",
        "plumbline job open",
        "plumbline ledger keep",
        "plumbline ledger replay",
        "plumbline ledger show",
        "plumbline program build",
        "plumbline program check",
        "plumbline program hash",
        "plumbline program register",
        "plumbline program show",
        "plumbline proof get",
        "plumbline proof verify",
        "plumbline receipt distribute",
        "plumbline receipt evaluate",
        "plumbline receipt force",
        "plumbline receipt settle",
        "plumbline receipt sign",
        "plumbline receipt submit",
        "plumbline receipt transfer",
        "plumbline receipt use",
        "plumbline receipt withdraw",
        "plumbline rewards claim",
        "plumbline rewards close-epoch",
        "plumbline rewards deposit",
        "plumbline rewards fund",
        "plumbline rewards mint",
        "plumbline rewards settle",
        "plumbline rewards show",
        "plumbline sequencer run",
        "plumbline status",
        "plumbline validator run",
        "plumbline worker run",
    ]


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_says_what_it_does(path: str) -> None:
    command = COMMANDS[path]
    assert command.help, path
    first = command.help.splitlines()[0]
    assert first.endswith("."), path
    assert len(first) <= 60, path  # whole in the list of commands
    for parameter in command.params:
        assert parameter.help, f"{path}: {parameter.name} has no help"
        assert parameter.help.endswith((".", "...")) or parameter.name == "help"


def test_every_group_says_what_it_is_about() -> None:
    assert [group.name for group in groups() if not group.help] == []


@pytest.mark.parametrize(("path", "parameter"), FLAGS, ids=lambda p: getattr(p, "name", p))
def test_every_flag_is_kebab_case_and_mirrored_by_a_variable(path: str, parameter: Any) -> None:
    for name in (*parameter.opts, *parameter.secondary_opts):
        assert KEBAB.fullmatch(name), f"{path} {name}"
    assert isinstance(parameter.envvar, str), f"{path} {parameter.opts} has no variable"
    assert re.fullmatch(PREFIX + "[A-Z0-9_]+", parameter.envvar)


def test_the_sequencers_settings_have_the_flags_and_variables_that_settings_name() -> None:
    mine = {p.name: p for path, p in FLAGS if path == "plumbline sequencer run"}
    for setting in SequencerSettings.__dataclass_fields__:
        assert mine[setting].opts == [flag(setting)]
        assert mine[setting].envvar == variable(setting)


def test_dangerous_flags_are_called_unsafe() -> None:
    keys = {name for _, p in FLAGS for name in p.opts if "key" in name or "dev-account" in name}
    assert keys == {"--keystore", "--unsafe-key", "--unsafe-dev-account"}


@pytest.mark.parametrize("path", COMMANDS)
def test_the_readme_names_every_command(path: str) -> None:
    section = README.split("\n## Commands\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `plumbline")]
    named = set()
    for row in rows:
        first, *others = re.findall(r"`([^`]+)`", row.split("|")[1])
        words = first.split()
        named.add(first)
        for other in others:  # `plumbline account open`, `show`
            whole = other.startswith("plumbline")
            named.add(other if whole else " ".join([*words[:-1], other]))
    assert path in named


def test_flags_in_the_readme_exist() -> None:
    known = {name for _, p in FLAGS for name in (*p.opts, *p.secondary_opts)}
    prose = re.sub(r"`(python3? [^`]*|npm [^`]*)`", "", README)
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", prose))
    assert used - known <= {"--help", "--fault", "--unsafe"}, used - known


def test_variables_are_heard(plumbline: Plumbline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_DEPLOYMENT", "/nowhere/from-the-environment.json")
    said = plumbline("status")
    assert said.code == 2
    assert "/nowhere/from-the-environment.json" in said.line
    said = plumbline("status", "--deployment", "/nowhere/from-a-flag.json")
    assert "/nowhere/from-a-flag.json" in said.line


HEAVY = ("numba", "sklearn", "scipy", "web3", "eth", "eth_tester", "eth_account", "uvicorn")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["worker", "run", "--help"],
        ["demo", "--help"],
        ["proof", "verify", "/nowhere"],
        ["status"],
        ["account", "show", "--unsafe-dev-account", "0"],
    ],
)
def test_small_questions_load_no_large_library(arguments: list[str]) -> None:
    code = (
        "import sys; from rollup import cli; code = cli.run(sys.argv[1:]); "
        "sys.stderr.write('|' + ' '.join({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT / "tests",
        capture_output=True,
        check=True,
        text=True,
        env=environment(),
    )
    loaded = done.stderr.split("|")[-1].split()
    assert set(HEAVY) & set(loaded) == set()
    if "--help" in arguments:
        assert {"numpy", "httpx", "rich", "asyncio"} & set(loaded) <= {"asyncio", "rich"}


def test_help_is_help(plumbline: Plumbline) -> None:
    for arguments in ([], ["--help"], ["proof", "--help"], ["proof", "verify", "--help"]):
        said = plumbline(*arguments)
        assert (said.code, said.err) == (0, "")
        assert said.out.startswith("Usage: plumbline")
