"""plumbline program build: from a function to a program in the folder of content."""

from typing import Annotated

import typer

from rollup.cli import options


def build(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="Where the program is written: module:name or file.py:name."
        ),
    ],
    content: options.Content = options.DEFAULT_CONTENT,
    json: options.Json = None,
) -> None:
    """Trace a training step and keep its program.

    SOURCE names a function without arguments. It returns what prover.tracer.trace returned; or, in
    parentheses, that and the params to start from, by name; or that, params and inputs by name (or
    a list of such inputs); or what prover.fronts makes of a torch module. Arrays are NumPy's, the
    weights of a safetensors file, or a dataset.

    The program, what its arrays are called, and the params and inputs that are given go into the
    folder of content: a job of `plumbline worker run` names them as they are printed here. Nothing
    is kept of a source that fails.
    """
    from prover.content import ContentStore
    from prover.tracer import TraceError
    from prover.tracer.described import layouts_of
    from rollup import files, report
    from rollup.cli.program import source as sources
    from rollup.cli.program import summary
    from rollup.cli.program.found import Found
    from rollup.cli.program.segment import Segment
    from rollup.errors import ConfigError

    made = sources.run(source)
    traced, layouts = made.traced, layouts_of(made.traced)
    # All words first: what does not fit the program must not leave half of it behind.
    try:
        params = None if made.params is None else Segment.of(made.params, traced.params)
        inputs = [Segment.of(one, traced.inputs) for one in made.inputs]
    except (TraceError, TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{source} gives arrays that are not its program's: {error}") from error
    store = ContentStore(content)
    started = None if params is None else params.put(store)
    given = [one.put(store) for one in inputs]
    store.put_program(traced.program, layouts.document())
    found = Found(traced.program, layouts)
    said = {
        **summary.of(found),
        "params": None if started is None else "0x" + started.hex(),
        "inputs": ["0x" + root.hex() for root in given],
    }
    files.write_json(json, said)
    for table in summary.tables(found, said):
        report.CONSOLE.print(table)
        report.CONSOLE.print()
    kept = {"program": said["program"]}
    kept |= {"params": said["params"]} if started else {}
    kept |= {f"inputs {place}": root for place, root in enumerate(said["inputs"])}
    report.CONSOLE.print(report.facts(f"kept in {content}", kept))
