"""What LLVM makes of a kernel, here and on other processors: which functions it calls, whether it works on vectors."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import llvmlite.binding as llvm
from llvmlite import ir

from actspec.kernels.machine import Value

FLOATS = {"float32": ir.FloatType(), "float64": ir.DoubleType()}


@dataclass(frozen=True)
class Target:
    """A processor that LLVM compiles for."""

    triple: str
    cpu: str
    features: str = ""

    @property
    def is_available(self) -> bool:
        """Whether this llvmlite can compile for it."""
        return _machine(self) is not None


HOST = Target(llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
AVX2 = Target("x86_64-unknown-linux-gnu", "haswell")
AVX512 = Target("x86_64-unknown-linux-gnu", "skylake-avx512")
NEON = Target("aarch64-unknown-linux-gnu", "neoverse-n1")


@cache
def _machine(target: Target) -> llvm.TargetMachine | None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        found = llvm.Target.from_triple(target.triple)
    except RuntimeError:
        return None
    return found.create_target_machine(cpu=target.cpu, features=target.features, opt=3, reloc="pic", codemodel="small")


def loop_over(emit: Callable[..., Value], dtype: str, arguments: int = 1) -> str:
    """LLVM IR, not optimised, of ``for i in range(n): y[i] = emit(x[i], ...)``: pointers to x... and y, then n."""
    kind, size = FLOATS[dtype], ir.IntType(64)
    module = ir.Module("loop")
    function = ir.Function(
        module, ir.FunctionType(ir.VoidType(), [kind.as_pointer()] * (arguments + 1) + [size]), "loop"
    )
    *inputs, output, count = function.args
    for each in (*inputs, output):
        each.add_attribute("noalias")
    entry, body, end = (function.append_basic_block(name) for name in ("entry", "body", "end"))
    builder = ir.IRBuilder(entry)
    builder.cbranch(builder.icmp_signed(">", count, size(0)), body, end)
    builder.position_at_end(body)
    index = builder.phi(size)
    result = emit(*(Value(builder, builder.load(builder.gep(each, [index]))) for each in inputs))
    builder.store(result.ir, builder.gep(output, [index]))
    following = builder.add(index, size(1), flags=["nsw"])
    index.add_incoming(size(0), entry)
    index.add_incoming(following, body)
    builder.cbranch(builder.icmp_signed("<", following, count), body, end)
    builder.position_at_end(end)
    builder.ret_void()
    return str(module)


def without_wrappers(text: str) -> str:
    """The LLVM IR of what Numba compiled, the wrappers for Python and C left out."""
    return re.sub(r"(?ms)^define [^\n]*@(_ZN7cpython|cfunc\.)[^\n]*\{$.*?^\}$", "", text)


def emitted(text: str) -> str:
    """The assembly of LLVM's IR, which is optimised already, for this machine."""
    machine = _machine(HOST)
    assert machine is not None
    return str(machine.emit_assembly(llvm.parse_assembly(text)))


def assembly(text: str, target: Target = HOST) -> str:
    """The assembly that LLVM makes of its IR for a processor, with the loop vectoriser on."""
    machine = _machine(target)
    assert machine is not None, f"this llvmlite doesn't know {target.triple}"
    module = llvm.parse_assembly(text)
    module.triple, module.data_layout = target.triple, str(machine.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = options.loop_interleaving = True
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    return str(machine.emit_assembly(module))


def called(code: str) -> set[str]:
    """The functions that assembly calls, by name, and ``*`` where an address is in a register."""
    names = re.findall(r"^\s+(?:callq?|jmpq?|bl|b|blr|br)\s+(\S+)", code, re.MULTILINE)
    names += re.findall(r"^\s+movabsq?\s+\$([A-Za-z_][\w.]*), %r", code, re.MULTILINE)
    names += re.findall(r"^\s+movq\s+(\w+)@GOTPCREL\(%rip\), %r", code, re.MULTILINE)
    # An address from the global offset table has its name with it; others were put into registers before.
    names = [re.sub(r"^\*?(\w+)@(?:PLT|GOTPCREL)\b.*", r"\1", name) for name in names if not name.startswith(".L")]
    return {name if re.fullmatch(r"[A-Za-z_][\w.]*", name) else "*" for name in names}


def vector_bits(code: str, dtype: str) -> set[int]:
    """The widths of the vectors on which assembly adds, multiplies or divides floats of a type."""
    letter = "s" if dtype == "float32" else "d"
    packed = rf"^\s+v?(?:add|sub|mul|div|fn?m(?:add|sub)\d*)p{letter}\s[^\n]*%([xyz])mm\d+$"
    widths = {{"x": 128, "y": 256, "z": 512}[each] for each in re.findall(packed, code, re.MULTILINE)}
    if re.search(rf"^\s+f(?:add|sub|mul|div|mla|mls)\s+v\d+\.{'4s' if letter == 's' else '2d'}", code, re.MULTILINE):
        widths.add(128)
    return widths


def lanes_taken_out(code: str) -> list[str]:
    """The instructions that take numbers out of vectors one by one, as happens where there is none for all of them."""
    return re.findall(r"^\s+(v?p(?:extr|insr)[dq]|v?cvtt?s[sd]2si[lq]?|umov|smov)\s", code, re.MULTILINE)
