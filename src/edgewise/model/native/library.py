"""Find and load the compiled kernels: the best library that was built from these sources and that this CPU runs."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_double, c_float, c_int64, c_void_p
from functools import cache
from pathlib import Path

from edgewise.model.native import build
from edgewise.model.native.structures import STRUCTURES, CGradients, CModel, CPackedTokens, CSamplingRequest, CWeights


class Kernels:
    """One loaded library.

    RuntimeError where a structure has another size in C++ than in Python: the two sides have drifted apart.
    """

    def __init__(self, path: Path, instruction_set: str) -> None:
        self.instruction_set = instruction_set
        self.functions = functions = ctypes.CDLL(str(path))
        functions.edgewise_digest.restype = c_char_p
        self.digest: str = functions.edgewise_digest().decode()
        # A library of other sources may lack what follows.
        if not self.is_current:
            return
        functions.edgewise_supports.argtypes = [c_char_p]
        functions.edgewise_sizeof.argtypes = [c_char_p]
        functions.edgewise_sizeof.restype = c_int64
        functions.edgewise_kept.argtypes = [POINTER(CModel), c_int64]
        functions.edgewise_kept.restype = c_int64
        functions.edgewise_sample.argtypes = [POINTER(CModel), POINTER(CSamplingRequest)]
        tokens = POINTER(CPackedTokens)
        functions.edgewise_forward.argtypes = [POINTER(CModel), tokens, c_void_p, c_void_p]
        functions.edgewise_backward.argtypes = [POINTER(CModel), tokens, c_void_p, c_void_p, POINTER(CGradients)]
        # Of rows.hpp: so many sizes, then so many arrays.
        for name, sizes, arrays in (
            *(("linear", 4, 3), ("linear_backward", 4, 5), ("sums", 2, 2), ("double_sums", 2, 2)),
            *(("log_sums", 2, 2), ("log_sums_backward", 2, 4), ("log_softmax_backward", 2, 3)),
            *(("exponentials", 1, 2), ("exponentials_minus_one", 1, 2), ("add_rows", 2, 3)),
        ):
            getattr(functions, f"edgewise_{name}").argtypes = [*[c_int64] * sizes, *[c_void_p] * arrays]
        functions.edgewise_sum_of_squares.argtypes = [c_int64, POINTER(CWeights)]
        functions.edgewise_sum_of_squares.restype = c_double
        functions.edgewise_adamw.argtypes = [c_int64, POINTER(CWeights), c_float, c_double, c_double, c_float]
        for name, structure in STRUCTURES.items():
            size = functions.edgewise_sizeof(name.encode())
            if size != ctypes.sizeof(structure):
                raise RuntimeError(f"{path.name}: {name} has {size} bytes, in Python {ctypes.sizeof(structure)}")

    @property
    def is_current(self) -> bool:
        """Whether the library was built from the sources that are here."""
        return self.digest == build.sources_digest()

    @property
    def same_bits(self) -> bool:
        """Whether it computes what every other library that says so does, bit for bit, on any processor."""
        return bool(self.functions.edgewise_same_bits())

    @property
    def multiplies_bf16(self) -> bool:
        """Whether it computes products of bfloat16, on a processor that has units for them."""
        return bool(self.functions.edgewise_bf16())

    def supports(self, instruction_set: str) -> bool:
        """Whether this CPU runs what was compiled for an instruction set."""
        return bool(self.functions.edgewise_supports(instruction_set.encode()))


@cache
def find_kernels() -> Kernels | None:
    """The kernels with the best instruction set that this CPU has; None where none were built from these sources."""
    try:
        baseline = Kernels(build.library_path(build.BASELINE), build.BASELINE)
    except OSError:
        return None
    if not baseline.is_current:
        return None
    for instruction_set in build.INSTRUCTION_SETS:
        path = build.library_path(instruction_set)
        if path.exists() and baseline.supports(instruction_set):
            kernels = Kernels(path, instruction_set)
            if kernels.is_current:
                return kernels
    return None


def loaded_kernels() -> Kernels:
    """The kernels, where a decoder's backend says that they are there."""
    kernels = find_kernels()
    assert kernels is not None, "native was chosen, and its library is gone"
    return kernels


def check_status(status: int) -> None:
    """MemoryError where a kernel found too little memory."""
    if status:
        raise MemoryError("the compiled kernels found too little memory")
