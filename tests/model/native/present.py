"""Tests of the kernels need them built."""

from __future__ import annotations

import pytest

from edgewise.model.native import library

needs_kernels = pytest.mark.skipif(
    library.find_kernels() is None,
    reason="no compiled kernels of these sources here: src/edgewise/model/native/build.py makes them",
)
