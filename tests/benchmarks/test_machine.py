"""The machine and its measured ceilings."""

from __future__ import annotations

import pytest
import torch

from benchmarks import machine
from benchmarks.machine import Peaks


def test_the_ceiling_is_the_better_precision() -> None:
    without, with_units = Peaks(1, 100.0, 40.0, 1.0), Peaks(1, 100.0, 220.0, 1.0)
    assert (without.flops, without.has_bf16) == (100.0, False)
    assert (with_units.flops, with_units.has_bf16) == (220.0, True)


def test_peaks_are_measured_and_the_threads_are_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_SECONDS", 0.01)
    monkeypatch.setattr(machine, "_SIZES", (64,))
    monkeypatch.setattr(machine, "_COPIED_BYTES", 2**20)
    before = torch.get_num_threads()
    found = machine.peaks(before + 1)
    assert torch.get_num_threads() == before
    assert found.threads == before + 1
    assert 1e7 < found.flops < 1e15 and 1e7 < found.copy < 1e14


def test_threads_are_set_back_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(KeyError), machine.using(before + 1):
        raise KeyError
    assert torch.get_num_threads() == before


def test_what_is_written_of_the_machine_is_complete() -> None:
    described, versions = machine.described(), machine.compared_versions()
    assert described["cpu"] and described["cores"] >= 1 and described["memory_gb"] > 0.1
    assert described["threads"] == torch.get_num_threads()
    assert versions["torch"] == torch.__version__ and versions.keys() >= {"trl", "transformers", "edgewise"}
