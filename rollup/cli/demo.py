"""plumbline demo: the whole story on a chain of its own."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from rollup.cli import options
from rollup.errors import ConfigError


def demo(
    seed: Annotated[
        int, typer.Option(envvar="PLUMBLINE_SEED", min=0, help="Of everything random.")
    ] = 0,
    receipts: Annotated[
        int, typer.Option(envvar="PLUMBLINE_RECEIPTS", min=64, help="How many are submitted.")
    ] = 4_096,
    l1: Annotated[
        str,
        typer.Option(
            "--l1", envvar="PLUMBLINE_L1", help="embedded, anvil, or a development chain's URL."
        ),
    ] = "embedded",
    fault_step: Annotated[
        int | None,
        typer.Option(
            envvar="PLUMBLINE_FAULT_STEP", min=0, help="Training step with the wrong bit."
        ),
    ] = None,
    fault_op: Annotated[
        str | None,
        typer.Option(envvar="PLUMBLINE_FAULT_OP", help="Its row: a number or a part of the name."),
    ] = None,
    fault_element: Annotated[
        int | None, typer.Option(envvar="PLUMBLINE_FAULT_ELEMENT", min=0, help="Its element.")
    ] = None,
    fault_k: Annotated[
        int | None,
        typer.Option("--fault-k", envvar="PLUMBLINE_FAULT_K", min=0, help="Its fold index."),
    ] = None,
    backend: options.Backend = "numba",
    folder: Annotated[
        Path | None,
        typer.Option(envvar="PLUMBLINE_FOLDER", help="Keep everything here; must be empty."),
    ] = None,
    json: options.Json = None,
) -> None:
    """Play the whole story on a chain of its own.

    Train, claim, batch, doubt, bisect, prove one scalar operation on chain, slash, confirm.
    """
    from rollup import files, parties, report
    from rollup.demo import report as endings
    from rollup.demo import story
    from rollup.demo.plan import Wish

    parties.backend(backend)
    wish = Wish(fault_step, fault_op, fault_element, fault_k)
    with tempfile.TemporaryDirectory(prefix="plumbline-") as temporary:
        kept = Path(temporary) if folder is None else _empty(folder)
        settings = story.Settings(kept.resolve(), l1, seed, receipts, backend, wish)
        ending = story.tell(settings, report.CONSOLE)
        document = endings.document(ending)
        endings.show(ending, document, report.CONSOLE)
    files.write_json(json, document)


def _empty(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ConfigError(f"--folder {folder} is not empty: name another, or empty it")
    return folder
