"""Marks: tests that need the kernels built, and tests that run once with each backend."""

from __future__ import annotations

import pytest

from edgewise.model.native import library

needs_kernels = pytest.mark.skipif(
    library.find_kernels() is None,
    reason="no compiled kernels of these sources here: src/edgewise/model/native/build.py makes them",
)
each_backend = pytest.mark.parametrize("backend", ["torch", pytest.param("native", marks=needs_kernels)])
