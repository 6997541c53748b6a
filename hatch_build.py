"""The package's build: compiles the kernels where there is a compiler; without one the package is pure Python."""

from __future__ import annotations

import platform
import re
import runpy
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds the libraries to the wheel, which then fits this kind of machine only."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if sys.platform == "win32":
            return  # what MinGW builds there is not found without its own libraries
        libraries = runpy.run_path(str(Path(self.root) / "src/edgewise/model/native/build.py"))["build"]()
        if libraries:
            build_data["artifacts"] += [str(path.relative_to(self.root)) for path in libraries]
            build_data["pure_python"] = False
            # Libraries are loaded by their path, so that one wheel fits every Python on this kind of machine.
            # A Python for both kinds of Mac compiles for the one that it runs on.
            machine = sysconfig.get_platform().replace("universal2", platform.machine())
            build_data["tag"] = f"py3-none-{re.sub('[-. ]', '_', machine)}"
