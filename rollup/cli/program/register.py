"""plumbline program register: a program of the folder of content, put on L1 for good."""

from typing import Annotated

import typer

from rollup.cli import keys, options


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
