"""plumbline program: a program of the folder of content, shown or put on L1 for good."""

from typing import Annotated

import typer

from rollup.cli import keys, options

app = typer.Typer(rich_markup_mode=None, help="Programs that claims are about.")


@app.command()
def register(
    program: Annotated[str, typer.Argument(help="The program's id, 0x and 64 hex digits.")],
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    content: options.Content = options.DEFAULT_CONTENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    json: options.Json = None,
) -> None:
    """Register a program, so that claims about it count.

    It is read from the folder of content. Registering one that L1 knows costs nothing.
    """
    from prover.content import ContentStore
    from rollup import files, report, session

    name = options.hash_of(program, "a program's id")
    found = ContentStore(content).program(name)
    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    contracts = session.connect(l1, deployment)
    known = contracts.programs.info(name) is not None
    if not known:
        contracts.programs.register(signer, found.packed, found.depths)
    said = {
        "program": "0x" + name.hex(),
        "known_before": known,
        "rows": len(found.packed),
        "micro_steps": found.micro_steps,
        "work_units": found.work,
        "words": found.words,
    }
    report.CONSOLE.print(report.facts("registered on L1", said))
    files.write_json(json, said)


@app.command()
def show(
    program: Annotated[str, typer.Argument(help="The program's id, 0x and 64 hex digits.")],
    content: options.Content = options.DEFAULT_CONTENT,
    fuse: Annotated[
        bool, typer.Option(envvar="PLUMBLINE_FUSE", help="Join rows into loops where that is safe.")
    ] = True,
    json: options.Json = None,
) -> None:
    """Show a program's size and how a training step runs.

    Registers are p0, i0, o0 (params, inputs, outputs); @128 is a place in memory between stages.
    """
    from prover.content import ContentStore
    from prover.plan import NoPlan, plan
    from prover.plan.show import HEADER, buffer_name, lives, stages
    from rollup import files, report

    found = ContentStore(content).program(options.hash_of(program, "a program's id"))
    size = {
        "rows": len(found.packed),
        "micro_steps": found.micro_steps,
        "work_units": found.work,
        "words": found.words,
    }
    said: dict[str, object] = {"program": "0x" + found.id.hex(), **size}
    report.CONSOLE.print(report.facts("one training step", size))
    try:
        made = plan(found, fuse=fuse)
    except NoPlan as reason:
        said["stages"] = None
        report.CONSOLE.print(f"\nIts rows are executed one by one: {reason}.")
    else:
        lines = stages(found, made)
        spans = [(buffer_name(one), one.length, *span) for one, *span in lives(made)]
        said["stages"] = [dict(zip(HEADER, line, strict=True)) for line in lines]
        said["arena_words"] = made.arena
        said["lives"] = [
            dict(zip(("place", "words", "first", "last"), span, strict=True)) for span in spans
        ]
        report.CONSOLE.print()
        report.CONSOLE.print(report.table("stages", lines, HEADER, left=(1, 2, 5, 6, 7)))
        report.CONSOLE.print()
        header = ("place", "words", "first stage", "last stage")
        texts = [tuple(map(str, span)) for span in spans]
        report.CONSOLE.print(report.table(f"memory of {made.arena} words", texts, header))
    files.write_json(json, said)
