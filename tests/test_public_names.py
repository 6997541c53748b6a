"""The public names: each is there, and torch is imported only by those that need it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import edgewise


def test_every_public_name_is_an_object_of_that_name() -> None:
    assert sorted(edgewise.__all__) == sorted(edgewise._MODULES)
    for name in edgewise.__all__:
        assert getattr(edgewise, name).__name__ == name


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = edgewise.nothing


def test_what_needs_no_torch_imports_none() -> None:
    program = "import sys; from edgewise import Outcomes, World, audit, pass_at_k; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
