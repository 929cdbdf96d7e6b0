"""From CUDA C to machine code by NVIDIA's runtime compiler, which needs no device.

Found in the wheels `nvidia-cuda-nvrtc*`, or where a CUDA toolkit lies. What it makes is kept on
disk under the hash of source, options and version, as `prover.native.module` keeps its own.
"""

import ctypes
import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from prover.errors import ProverError
from prover.native.jit import code_folder
from prover.native.module import keep, kept

OPTIONS: Final = (
    "--fmad=false",
    "--ftz=false",
    "--prec-div=true",
    "--prec-sqrt=true",
    "--std=c++17",
)
"""Nothing is contracted, flushed or approximated. Intrinsics say so as well, one by one."""
_NAMES: Final = ("libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so")


class CompilerError(ProverError):
    """There is no compiler, or it refuses: the message says which and why."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """One source, for one architecture."""

    cubin: bytes
    ptx: str


def compile_source(source: str, arch: str) -> Compiled:
    """Machine code and PTX of a source for an architecture such as sm_80.

    Raises:
        CompilerError: where there is no compiler, or it refuses the source.
    """
    library = _library()
    about = "\n".join([*OPTIONS, arch, str(version()), source])
    name = hashlib.sha256(about.encode()).hexdigest()[:32]
    paths = [code_folder().parent / "cuda" / f"{name}.{kind}" for kind in ("cubin", "ptx")]
    found = [kept(path) for path in paths]
    if found[0] is not None and found[1] is not None:
        return Compiled(found[0], found[1].decode())
    made = _compile(library, source, arch)
    keep(paths[0], made.cubin)
    keep(paths[1], made.ptx.encode())
    return made


def version() -> tuple[int, int]:
    """The compiler's version.

    Raises:
        CompilerError: where there is none.
    """
    major, minor = ctypes.c_int(), ctypes.c_int()
    _library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    return major.value, minor.value


def _compile(library: Any, source: str, arch: str) -> Compiled:
    program = ctypes.c_void_p()
    options: Sequence[bytes] = [f"--gpu-architecture={arch}".encode(), *map(str.encode, OPTIONS)]
    created = library.nvrtcCreateProgram(
        ctypes.byref(program), source.encode(), b"plan.cu", 0, None, None
    )
    if created:
        raise CompilerError(f"NVRTC cannot begin: error {created}")
    try:
        given = (ctypes.c_char_p * len(options))(*options)
        if library.nvrtcCompileProgram(program, len(options), given):
            log = _text(library, program, "ProgramLog").decode(errors="replace")
            raise CompilerError(f"NVRTC refuses a source for {arch}: {log}")
        virtual = arch.startswith("compute_")
        ptx = _text(library, program, "PTX")
        cubin = b"" if virtual else _text(library, program, "CUBIN")
        return Compiled(cubin, ptx.decode())
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _text(library: Any, program: Any, what: str) -> bytes:
    size = ctypes.c_size_t()
    getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    getattr(library, f"nvrtcGet{what}")(program, text)
    return text.raw if what == "CUBIN" else text.value


@cache
def _library() -> Any:
    for path in _candidates():
        try:
            return ctypes.CDLL(path)
        except OSError:
            continue
    raise CompilerError(
        "there is no NVRTC: install the wheel nvidia-cuda-nvrtc-cu12, or a CUDA toolkit"
    )


def _candidates() -> Iterator[str]:
    """Where the library may be: among Python's packages, in a toolkit, where the linker looks."""
    for folder in sys.path:
        for path in sorted(Path(folder or ".").glob("nvidia/*/lib/libnvrtc.so.*"), reverse=True):
            yield str(path)
    for root in (os.environ.get("CUDA_PATH"), os.environ.get("CUDA_HOME"), "/usr/local/cuda"):
        for name in _NAMES:
            if root:
                yield str(Path(root) / "lib64" / name)
    yield from _NAMES
