"""What several of the commands take."""

from typing import Annotated

import typer

Program = Annotated[
    str,
    typer.Argument(
        metavar="PROGRAM",
        help="Its id (0x and 64 hex digits) in the folder of content, a .program file, "
        "or a source (module:name, file.py:name), which is run.",
    ),
]
