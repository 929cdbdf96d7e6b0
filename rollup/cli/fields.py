"""plumbline fields: what a statement says, kept by its author and disclosed field by field."""

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollup.cli import options
from rollup.errors import ConfigError, ProofError

if TYPE_CHECKING:
    from rollup.protocol.types import Hash

app = typer.Typer(rich_markup_mode=None, help="Salted fields of statements.")


@app.command()
def commit(
    file: Annotated[
        Path,
        typer.Argument(help='Names and texts: {"label": "cat"}; - is standard input.'),
    ],
    out: Annotated[
        Path,
        typer.Option(
            envvar="PLUMBLINE_KEPT",
            help="New file for the fields and what their salts follow from; keep it to yourself.",
        ),
    ],
    subject: Annotated[
        str | None,
        typer.Option(
            envvar="PLUMBLINE_SUBJECT",
            help="The statement's, 32 bytes in hex; wanted with --secret-file.",
        ),
    ] = None,
    secret_file: Annotated[
        Path | None,
        typer.Option(
            envvar="PLUMBLINE_SECRET_FILE",
            help="File with 32 random bytes in hex, for all statements. Unless given: fresh ones.",
        ),
    ] = None,
    json: options.Json = None,
) -> None:
    """Commit to fields; prints a statement's content.

    What is not in the file of --out can never be disclosed again.
    """
    import secrets

    from rollup import files, report
    from rollup.protocol import fields
    from rollup.protocol.documents import text
    from rollup.protocol.types import ZERO_HASH

    about = ZERO_HASH if subject is None else options.hash_of(subject, "--subject")
    secret = secrets.token_bytes(fields.SECRET_BYTES)
    if secret_file is not None:
        if subject is None:
            raise ConfigError("--secret-file wants --subject: what the statement is about")
        secret = _secret(secret_file)
    said = fields.fields_from_json(files.read_json(file, "file of fields"))
    committed = fields.commit(said, secret, about)
    files.write_secret(out, committed.to_json())
    content = text(committed.content)
    report.CONSOLE.print(report.facts("committed", {"content": content, "fields": len(said)}))
    files.write_json(json, {"content": content, "fields": sorted(said)})


@app.command()
def disclose(
    file: Annotated[Path, typer.Argument(help="What `plumbline fields commit` wrote.")],
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Fields to show.")],
    out: Annotated[
        Path | None,
        typer.Option(envvar="PLUMBLINE_DISCLOSED", help="File to write; stdout if none."),
    ] = None,
) -> None:
    """Write a document that shows some fields.

    It tells nothing of the others, neither names nor values.
    """
    from rollup import files
    from rollup.protocol import fields

    document = fields.kept_from_json(files.read_json(file, "file of kept fields")).disclose(names)
    if out is None:
        typer.echo(jsonlib.dumps(document, indent=2))
    files.write_json(out, document)


@app.command()
def verify(
    file: Annotated[
        Path, typer.Argument(help="What `plumbline fields disclose` wrote; - is standard input.")
    ],
    content: Annotated[
        str | None,
        typer.Option(envvar="PLUMBLINE_STATEMENT", help="The statement's content, in hex."),
    ] = None,
    proof: Annotated[
        Path | None,
        typer.Option(
            envvar="PLUMBLINE_PROOF",
            help="The statement's portable proof, instead of --content; it is verified as well.",
        ),
    ] = None,
    json: options.Json = None,
) -> None:
    """Check disclosed fields against a statement, offline."""
    from rollup import files, report
    from rollup.protocol import fields

    if (content is None) == (proof is None):
        raise ConfigError("name the statement: either --content HEX or --proof FILE")
    committed = _proven(proof) if proof else options.hash_of(content or "", "--content")
    shown = fields.verify(files.read_json(file, "document of fields"), committed)
    rows = [(name, _shown(value)) for name, value in shown.items()]
    report.CONSOLE.print(report.table("these are fields of it", rows, left=(0, 1)))
    files.write_json(json, {"fields": shown})


def _proven(path: Path) -> "Hash":
    """The content of the statement that a proof shows."""
    from rollup import files
    from rollup.protocol import proof
    from rollup.protocol.receipts import Statement

    verified = proof.verify(files.read_json(path, "proof"))
    if not isinstance(verified.receipt, Statement):
        raise ProofError(f"{path} proves no Statement, and nothing else has fields")
    typer.echo(verified.line)
    return verified.receipt.content


def _secret(path: Path) -> bytes:
    try:
        said = path.read_text("utf-8").strip().removeprefix("0x")
        secret = bytes.fromhex(said) if len(said) == 64 else b""
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror or error}; name another file"
        ) from error
    except ValueError:
        secret = b""
    if len(secret) != 32:
        raise ConfigError(f"{path} holds no secret: write 32 random bytes in hex")
    return secret


def _shown(value: str) -> str:
    """A value on one line that does nothing to a terminal."""
    return value if value.isprintable() else jsonlib.dumps(value)
