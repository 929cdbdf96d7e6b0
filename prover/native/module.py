"""LLVM modules of our own: optimised, turned into machine code, kept on disk, called by address.

For what numba's frontend has no words for: explicit vectors and functions that call each other by
address. Machine code is kept under the hash of its IR, its target and LLVM's version, so a
generator that changes, or another processor, finds nothing old; a file that is cut short or
damaged is not loaded but made again.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any, Final

import llvmlite.binding as llvm
from llvmlite import ir

from prover.native.isa import isa
from prover.native.jit import code_folder

_LEVEL: Final = 3
_LOADED: Final[dict[str, "Library"]] = {}
_LOCK: Final = Lock()
_NUMBERS: Final = count()
_DIGEST_BYTES: Final = 32


class Library:
    """Functions in memory, there until the process ends."""

    def __init__(self, tracker: Any, names: Sequence[str]) -> None:
        self._tracker = tracker
        self._addresses = {name: int(tracker[name]) for name in names}

    def address(self, name: str) -> int:
        """Where a function lies, for `ctypes` or for generated code.

        Raises:
            KeyError: when there is no such function.
        """
        return self._addresses[name]


def load(module: ir.Module) -> Library:
    """The module's functions that have bodies, compiled for `isa()` or taken from the disk.

    Nothing is reassociated or contracted: float instructions carry no fast-math flags.
    """
    names = [function.name for function in module.functions if not function.is_declaration]
    text = _text(module)
    return _library(text, names, lambda: text)


def load_known(name: str, exports: Sequence[str], generate: Callable[[], ir.Module]) -> Library:
    """As `load`, of a module that its name, the target and the sources that `code_folder` stands
    for determine: where its machine code is kept, no IR is generated. `exports` are its functions
    that have bodies.
    """
    return _library(f"known as {name}", exports, lambda: _text(generate()))


def _library(key: str, names: Sequence[str], text: Callable[[], str]) -> Library:
    about = f"{isa().cpu}\n{isa().features}\n{llvm.llvm_version_info}\n{_LEVEL}\n"
    key = hashlib.sha256((about + key).encode()).hexdigest()
    path = code_folder() / f"{key[:32]}.o"
    code = kept(path)
    if code is None:
        code = _compile(text(), _target())
        keep(path, code)
    with _LOCK:
        if key not in _LOADED:
            builder = llvm.JITLibraryBuilder().add_object_img(code).add_current_process()
            for name in names:
                builder.export_symbol(name)
            _LOADED[key] = Library(builder.link(_linker(), f"{key}/{next(_NUMBERS)}"), names)
        return _LOADED[key]


def _text(module: ir.Module) -> str:
    module.triple = llvm.get_process_triple()
    module.data_layout = str(_target().target_data)
    return str(module)


def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(
        cpu=isa().cpu, features=isa().features, opt=_LEVEL, reloc="pic", codemodel="small"
    )


@cache
def _linker() -> Any:
    return llvm.create_lljit_compiler(_target())


def _compile(text: str, target: Any) -> bytes:
    module = llvm.parse_assembly(text)
    module.triple = llvm.get_process_triple()
    module.data_layout = str(target.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=_LEVEL)
    passes = llvm.create_pass_builder(target, options)
    passes.getModulePassManager().run(module, passes)
    return bytes(target.emit_object(module))


def kept(path: Path) -> bytes | None:
    """What `keep` put into a file, where that is whole."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, code = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    return code if hashlib.sha256(code).digest() == digest else None


def keep(path: Path, code: bytes) -> None:
    """Puts code into a file, whole or not at all; where nothing can be written, nothing is kept."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(descriptor, "wb") as file:
            file.write(hashlib.sha256(code).digest() + code)
        Path(temporary).replace(path)
    except OSError:
        return
