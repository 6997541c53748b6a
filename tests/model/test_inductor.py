"""Layers compiled by torch.compile: what torch computes without it, in one graph for all layers and sizes."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.model import decoder as decoder_module
from edgewise.model.backend import choose_backend, describe_backend, serving_backend
from edgewise.model.decoder import Decoder
from edgewise.training.documents import Document
from edgewise.training.packing import PackedRows, pack
from tests.model.decoders import SHAPES, TOKENIZER, sharp, texts

SPEC = SHAPES["untied, grouped"]
ROWS = [pack([Document(ids, [1.0] * len(ids)) for ids in texts(n, 12, n)], 30, TOKENIZER.pad) for n in (9, 14, 20)]


def learned(model: Decoder, rows: PackedRows, precision: str) -> tuple[Tensor, dict[str, Tensor]]:
    """Hidden states of the tokens, and the gradients of their sum of squares."""
    model.zero_grad()
    hidden = model(rows.tokens_RT, rows.positions_RT, rows.document_RT, precision)[rows.document_RT >= 0]
    hidden.square().sum().backward()
    return hidden.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def compare(device: str = "cpu") -> None:
    """Of both precisions and several sizes; two graphs of each precision, whatever the layer and the size."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    plain, compiled = (sharp(SPEC, backend=name).to(device) for name in ("torch", "inductor"))
    for precision, error in (("fp32", 1e-4), ("bf16", 3e-2)):
        for rows in ROWS:
            (hidden, gradients), (ours, our_gradients) = (
                learned(model, rows.to(torch.device(device)), precision) for model in (plain, compiled)
            )
            assert float((ours - hidden).abs().max()) < error * float(hidden.abs().max())
            assert gradients.keys() == our_gradients.keys()
            for name, gradient in gradients.items():
                assert float((our_gradients[name] - gradient).norm()) < error * float(gradient.norm()), name
    counters = torch._dynamo.utils.counters
    assert counters["stats"]["unique_graphs"] == 4 and not counters["graph_break"]


def test_the_layers_are_one_graph_each_for_all_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Captured as for the compiler, and run operation by operation: compiling takes a minute."""

    @cache
    def captured(function: Callable[..., Any]) -> Callable[..., Any]:
        return torch.compile(function, dynamic=True, backend="eager")

    monkeypatch.setattr(decoder_module, "compiled", captured)
    compare()


@pytest.mark.slow
def test_what_is_compiled_gives_what_torch_gives() -> None:
    compare()


@pytest.mark.gpu
def test_what_is_compiled_for_a_gpu_gives_what_torch_gives() -> None:
    compare("cuda")


def test_sampling_and_other_backends_compile_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(function: object) -> None:
        raise AssertionError("compiled")

    monkeypatch.setattr(decoder_module, "compiled", refuse)
    tokens = torch.zeros(1, 3, dtype=torch.int64)
    model = sharp(SPEC, backend="inductor")
    with pytest.raises(AssertionError, match="compiled"):
        model(tokens, tokens, tokens)
    assert model.forward_torch(tokens, tokens, lambda layer, q, k, v: q).isfinite().all()
    for name in ("torch", "auto"):
        assert sharp(SPEC, backend=name)(tokens, tokens, tokens).isfinite().all()


def test_it_is_chosen_by_its_name_alone_where_it_can_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_backend("inductor") == "inductor" and choose_backend("auto", "cuda") == "torch"
    assert serving_backend("inductor", precision="bf16", top_p=0.5) == "inductor"
    assert describe_backend("inductor") == {"name": "inductor"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"^backend: inductor needs the package triton on a GPU; use torch or auto$"):
        choose_backend("inductor", "cuda")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r"^backend: inductor needs a C\+\+ compiler; use torch or auto$"):
        choose_backend("inductor")
