"""What kernels become: they compile without a device, and nothing is contracted or flushed."""

import re
from collections import Counter
from functools import cache

import pytest

from prover.backends.cuda import integers, products, tiles
from prover.backends.cuda.kernels import Kernel, sources
from prover.backends.cuda.nvrtc import OPTIONS, CompilerError, compile_source
from prover.backends.cuda.source import source
from prover.ops import Opcode
from prover.plan import plan
from prover.program import Program
from tests.examples.cases import CASES
from tests.prover import models
from tests.prover.cuda import ptx, sass
from tests.prover.cuda.sass import Code
from tests.prover.cuda.ways import NEEDS_COMPILER
from tests.prover.generators import Seeded
from tests.prover.plan.drawn import traced

pytestmark = NEEDS_COMPILER
ARCHS = ("sm_80", "sm_90")
NEEDS_DISASSEMBLER = pytest.mark.skipif(
    sass.disassembler() is None,
    reason="there is no nvdisasm: install the wheel nvidia-cuda-nvdisasm",
)
LAYOUTS = [(x, y) for x in (True, False) for y in (True, False)]


def programs() -> list[Program]:
    """The examples, and random models."""
    found = [one.tiny().program for one in CASES.values()]
    found += [traced(Seeded([79, seed]))[0].program for seed in range(6, 12)]
    return found + [models.model(Seeded([91, seed]))[0].program for seed in range(8)]


@cache
def compiled(arch: str) -> tuple[dict[str, Code], dict[str, str]]:
    """Machine code and PTX of all kernels of all programs, by name."""
    plans = [source(plan(program)).kernels for program in programs()]
    if arch == "sm_90":  # those that are not shared in one source
        plans = [tuple(dict.fromkeys(kernel for kernels in plans for kernel in kernels))]
    codes: dict[str, Code] = {}
    texts: dict[str, str] = {}
    for kernels in plans:
        for text, names in sources(kernels).items():
            if codes.keys() >= {*names}:
                continue
            made = compile_source(text, arch)
            codes |= sass.disassemble(made.cubin)
            texts |= entries(made.ptx)
    return codes, texts


def entries(text: str) -> dict[str, str]:
    return {part.split("(")[0]: part for part in text.split(".visible .entry ")[1:]}


def is_flushing(name: str) -> bool:
    """Whether an instruction treats subnormals of a program as zeros. Integer divisions go over an
    estimate in floats, and round it by an F2I that would flush, but is never given a subnormal.
    """
    return ".FTZ" in name and not name.startswith(("F2I.FTZ.U32", "I2F"))


@NEEDS_DISASSEMBLER
@pytest.mark.parametrize("arch", ARCHS)
def test_all_sources_compile_and_nothing_is_contracted_or_flushed(arch: str) -> None:
    codes, texts = compiled(arch)
    assert codes.keys() == texts.keys()
    plain = 0
    for name, code in codes.items():
        text = texts[name]
        arithmetic = re.findall(r"\b(?:add|sub|mul|fma|mad|div|sqrt|rcp|rsqrt)\.[\w.]*f32", text)
        assert all(re.fullmatch(r"\w+\.rn\.f32", one) for one in arithmetic), name
        # The root's fast path has two products that could flush; its operands are normal there.
        flushing = sum(count for one, count in code.own.items() if is_flushing(one))
        roots = code.own["MUFU.RSQ"]
        assert flushing == code.own["FMUL.FTZ"] == 2 * roots, name
        if not roots and "div.rn" not in text:
            plain += 1
            assert not any(is_flushing(one) for one in code.routines), name
        if not re.search(r"\b(?:fma|div|sqrt)\.rn", text):
            assert code.count("FFMA", "FFMA32I") == 0, name
    assert plain > len(codes) // 2


@NEEDS_DISASSEMBLER
@pytest.mark.parametrize("arch", ARCHS)
def test_no_float_instruction_is_there_that_nobody_asked_for(arch: str) -> None:
    """Kernels that have no division, root or loop within an element: their one loop, over
    elements, may be there more than once, but then with all that is in it.
    """
    codes, texts = compiled(arch)
    compared = 0
    for name, code in codes.items():
        kernel = ptx.parse(f".visible .entry {texts[name]}")[name]
        asked = Counter(one.name for one in kernel.code if one.name.endswith(".rn.f32"))
        if not name.startswith("nest") or {"div.rn.f32", "sqrt.rn.f32"} & asked.keys():
            continue
        back = [
            kernel.labels[one.operands[0]]
            for at, one in enumerate(kernel.code)
            if one.name.startswith("bra") and kernel.labels[one.operands[0]] <= at
        ]
        if len(back) > 1:
            continue
        made = {
            "fma": code.count("FFMA", "FFMA32I"),
            "add": code.count("FADD", "FADD32I"),
            "mul": code.count("FMUL", "FMUL32I"),
        }
        most = {
            "fma": asked["fma.rn.f32"],
            "add": asked["add.rn.f32"] + asked["sub.rn.f32"],
            "mul": asked["mul.rn.f32"],
        }
        copies = max([1, *(-(-made[one] // most[one]) for one in made if most[one])])
        assert copies <= 8, name
        assert all(made[one] <= copies * most[one] for one in made), (name, made, most)
        compared += sum(most.values())
    assert compared > 100


@NEEDS_DISASSEMBLER
@pytest.mark.parametrize("arch", ARCHS)
def test_kernels_of_products_keep_everything_in_registers(arch: str) -> None:
    for tile in tiles.TILES:
        layouts = LAYOUTS if tile is tiles.LARGE else [(True, False)]
        for along in layouts:
            kernel = products.kernel(tile, *along)
            made = compile_source(kernel.source, arch)
            code = sass.disassemble(made.cubin)[kernel.name]
            assert code.count("LDL", "STL") == 0, (tile, along)
            own = tile.own[0] * tile.own[1]
            assert code.count("FFMA") >= 4 * own, "it is unrolled"
            assert code.count("FFMA") % own == 0
            assert code.count("FADD", "FMUL", "MUFU") - code.own["MUFU.RCP"] == 0


@NEEDS_DISASSEMBLER
@pytest.mark.parametrize("arch", ARCHS)
def test_bytes_are_multiplied_by_tensor_instructions(arch: str) -> None:
    kernels: list[Kernel] = [integers.bytes_kernel(), integers.look()]
    kernels += [products.kernel(tiles.MIDDLE, True, False, opcode=Opcode.IDOT)]
    for kernel in kernels:
        code = sass.disassemble(compile_source(kernel.source, arch).cubin)[kernel.name]
        assert code.count("LDL", "STL") == 0
        assert code.count("FFMA") == 0
        assert (code.count("IMMA") > 0) == (kernel is kernels[0])


def test_options_forbid_what_intrinsics_do_not_know() -> None:
    assert {"--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true"} <= {*OPTIONS}


def test_what_is_refused_says_why() -> None:
    with pytest.raises(CompilerError, match="NVRTC refuses a source for sm_80"):
        compile_source("this is no program", "sm_80")
