"""Which backend computes a decoder: by name, on a device, for a request; and what is recorded of it."""

from __future__ import annotations

from typing import Any

import pytest

from edgewise.core.errors import InputError
from edgewise.model.backend import choose_backend, describe_backend, serving_backend
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.native import build, library
from tests.model.native.present import needs_kernels

SPEC = DecoderSpec(width=8, layers=1, heads=1, kv_heads=1, feed_forward=8, max_positions=16)


def test_torch_is_always_there() -> None:
    assert choose_backend("torch") == choose_backend("torch", "cuda") == choose_backend("auto", "cuda") == "torch"
    assert describe_backend("torch") == {"name": "torch"}


@needs_kernels
def test_auto_is_native_where_the_kernels_are() -> None:
    assert choose_backend() == choose_backend("auto") == choose_backend("native", "cpu") == "native"
    recorded = describe_backend("native")
    assert recorded == {
        "name": "native",
        "instruction_set": library.loaded_kernels().instruction_set,
        "kernels": build.sources_digest(),
        "bf16": "native" if library.loaded_kernels().multiplies_bf16 else "torch",
    }
    assert recorded["instruction_set"] in build.INSTRUCTION_SETS


def test_native_is_refused_where_it_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"^backend: native runs on the cpu, not on cuda:0; use torch or auto$"):
        choose_backend("native", "cuda:0")
    monkeypatch.setattr(library, "find_kernels", lambda: None)
    assert choose_backend("auto") == "torch"
    with pytest.raises(InputError, match=r"^backend: native needs the compiled kernels, .*; use torch or auto$"):
        choose_backend("native")
    with pytest.raises(InputError, match=r"^backend: native needs"):
        Decoder(SPEC, 5, backend="native")


@pytest.mark.parametrize("name", ["", "Native", "cuda", "vllm"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"^backend: must be auto, torch, native, inductor; is "):
        choose_backend(name)


def test_a_decoder_carries_the_backend_that_was_chosen() -> None:
    assert Decoder(SPEC, 5, backend="torch").backend == "torch"
    assert Decoder(SPEC, 5).backend == choose_backend("auto")


@needs_kernels
@pytest.mark.parametrize("request_", [{"top_p": 0.9}, {"logit_noise": 0.1}], ids=str)
def test_what_the_kernels_do_not_know_is_served_by_torch(request_: dict[str, Any]) -> None:
    assert serving_backend("native") == "native"
    assert serving_backend("native", **request_) == serving_backend("torch", **request_) == "torch"


@needs_kernels
@pytest.mark.parametrize(("multiplies", "server"), [(True, "native"), (False, "torch")])
def test_bf16_is_the_kernels_where_the_processor_multiplies_it(
    monkeypatch: pytest.MonkeyPatch, multiplies: bool, server: str
) -> None:
    monkeypatch.setattr(library.Kernels, "multiplies_bf16", multiplies)
    assert serving_backend("native", precision="bf16") == describe_backend("native")["bf16"] == server
    assert serving_backend("native", precision="bf16", top_p=0.9) == "torch"
    for other in ("torch", "inductor"):
        assert serving_backend(other, precision="bf16") == other
