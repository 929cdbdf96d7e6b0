"""Modules of our own: compiled once, kept, and made again when what is kept is not whole."""

import ctypes
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from llvmlite import ir

from prover.native import jit, module
from prover.native.emit import LONG


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    jit.code_folder.cache_clear()
    yield jit.code_folder()
    jit.code_folder.cache_clear()


def adder(number: int) -> ir.Module:
    made = ir.Module("adder")
    function = ir.Function(made, ir.FunctionType(LONG, [LONG]), "plus")
    b = ir.IRBuilder(function.append_basic_block())
    b.ret(b.add(function.args[0], ir.Constant(LONG, number)))
    return made


def plus(library: module.Library, number: int) -> int:
    function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(library.address("plus"))
    return int(function(number))


def test_functions_are_compiled_kept_and_found_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plus(module.load(adder(5)), 37) == 42
    assert len(list(folder.iterdir())) == 1
    monkeypatch.setattr(module, "_LOADED", {})

    def refuse(*_: object) -> bytes:
        raise AssertionError("compiled again")

    monkeypatch.setattr(module, "_compile", refuse)
    assert plus(module.load(adder(5)), 1) == 6
    with pytest.raises(AssertionError, match="compiled again"):
        module.load(adder(6))


@pytest.mark.parametrize("damage", ["cut short", "changed", "empty"])
def test_damaged_code_is_made_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    module.load(adder(7))
    (kept,) = folder.iterdir()
    whole = kept.read_bytes()
    half = len(whole) // 2
    damaged = {
        "cut short": whole[:half],
        "changed": whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :],
        "empty": b"",
    }[damage]
    kept.write_bytes(damaged)
    monkeypatch.setattr(module, "_LOADED", {})
    assert plus(module.load(adder(7)), 1) == 8
    assert kept.read_bytes() == whole


def test_without_a_place_nothing_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    assert plus(module.load(adder(9)), 1) == 10


def test_an_unknown_function_is_no_address() -> None:
    with pytest.raises(KeyError):
        module.load(adder(1)).address("minus")


def test_declarations_are_found_in_the_process() -> None:
    made = ir.Module("caller")
    strlen = ir.Function(made, ir.FunctionType(LONG, [ir.PointerType()]), "strlen")
    function = ir.Function(made, ir.FunctionType(LONG, [ir.PointerType()]), "length")
    b = ir.IRBuilder(function.append_basic_block())
    b.ret(b.call(strlen, function.args))
    length = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_char_p)(module.load(made).address("length"))
    assert length(b"plumbline") == 9


def test_code_lies_under_the_hash_of_its_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    prover = tmp_path / "prover"
    for room in jit._ROOMS:
        shutil.copytree(Path(jit.__file__).parent.parent / room, prover / room)
    monkeypatch.setattr(jit, "__file__", str(prover / "native" / "jit.py"))
    fresh = jit.code_folder.__wrapped__
    first = fresh()
    assert first.parent == tmp_path
    assert fresh() == first
    (prover / "native" / "emit.py").write_bytes(b"# changed")
    assert fresh() != first


def test_known_modules_are_found_without_being_generated(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> ir.Module:
        raise AssertionError("generated again")

    assert plus(module.load_known("five", ["plus"], lambda: adder(5)), 37) == 42
    monkeypatch.setattr(module, "_LOADED", {})
    assert plus(module.load_known("five", ["plus"], refuse), 1) == 6
    with pytest.raises(AssertionError, match="generated again"):
        module.load_known("six", ["plus"], refuse)
