"""Check that the installed package has the kernels of every instruction set of this kind of machine.

python tools/kernels.py; exit status 1 where one is missing, which an old compiler leaves out without a word. It is run
where a wheel is installed, and needs nothing but the wheel.
"""

from __future__ import annotations

import platform
import sys

from edgewise.model.native.build import BASELINE, INSTRUCTION_SETS, library_path


def missing() -> list[str]:
    """The instruction sets that no library is there for."""
    wanted = INSTRUCTION_SETS if platform.machine() == "x86_64" else (BASELINE,)
    return [name for name in wanted if not library_path(name).is_file()]


if __name__ == "__main__":
    if missing():
        sys.exit(f"no kernels for {', '.join(missing())}; the compiler is too old for them, GCC 11 is not")
    print("kernels are there")
