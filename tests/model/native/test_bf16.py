"""The kernels in bf16: near to FP64, no further from it than torch in bf16, and of the same bits in any layout.

Each library that multiplies bfloat16 and that this machine runs is tested.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from numpy.typing import NDArray
from torch import Tensor

from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.fixed_order import linear_layer
from edgewise.model.native import build, library
from edgewise.model.packed import PackedTokens
from edgewise.sampling.completions import PromptRequest, SampledTokens
from edgewise.sampling.decode_native import decode_native
from edgewise.sampling.decode_torch import decode_torch
from edgewise.sampling.params import SamplingParams
from tests.model.decoders import SHAPES, alone, sharp
from tests.model.flat import VOCABULARY, in_double, learned, shared_text, shared_texts, specs
from tests.model.native.present import needs_kernels

Floats = NDArray[np.float32]
SPECS = [
    DecoderSpec(width=64, layers=2, heads=2, kv_heads=1, feed_forward=96, max_positions=300),
    DecoderSpec(width=40, layers=2, heads=4, kv_heads=4, feed_forward=33, max_positions=300, tied=False),
    # More columns of the feed-forward than are treated together.
    DecoderSpec(width=32, layers=1, heads=2, kv_heads=2, feed_forward=300, max_positions=300),
]
# More queries and keys than one piece of attention holds, more rows than one block.
LONG = shared_text([(130, [1, 40, 129]), (1, [1, 33]), (65, [])], seed=5)
END, PARAMS = 3, SamplingParams(max_new_tokens=35, precision="bf16")
REQUESTS = [PromptRequest(range(1, n), n, 35) for n in (2, 20, 29)]


def that_multiply() -> list[str]:
    """The instruction sets whose libraries multiply bfloat16 and run here."""
    best = library.find_kernels()
    if best is None:
        return []
    runs = [name for name in build.INSTRUCTION_SETS if build.library_path(name).exists() and best.supports(name)]
    return [name for name in runs if library.Kernels(build.library_path(name), name).multiplies_bf16]


NAMES = that_multiply()
pytestmark = [needs_kernels, pytest.mark.skipif(not NAMES, reason="no library here multiplies bfloat16")]


@pytest.fixture(params=NAMES)
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> library.Kernels:
    """Each of these libraries in turn, in the place of the best."""
    found = library.Kernels(build.library_path(request.param), request.param)
    monkeypatch.setattr(library, "find_kernels", lambda: found)
    return found


def error(found: Tensor, exact: Tensor) -> float:
    """As a share of what is exact."""
    return float((found.double() - exact).norm() / exact.norm())


def whole(gradients: dict[str, Tensor]) -> Tensor:
    """All gradients in one row, in the order of their names."""
    return torch.cat([gradients[name].flatten() for name in sorted(gradients)])


def by_torch(model: Decoder) -> Decoder:
    other = Decoder(model.spec, model.vocabulary, backend="torch")
    other.load_state_dict(model.state_dict())
    return other


def read(model: Decoder, text: PackedTokens, precision: str = "bf16") -> tuple[Tensor, dict[str, Tensor]]:
    return learned(model, lambda m: m.forward_packed(text, precision).to(m.embedding.weight.dtype))


# ---- The numbers


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("text", [LONG, shared_text([(5, [1, 36]), (2, [])])], ids=["long", "short"])
def test_a_text_is_read_as_near_as_torch_reads_it(spec: DecoderSpec, text: PackedTokens) -> None:
    """Within 1.5% of hidden states, within 4% of each gradient, and at most 1.5 times as far away as torch."""
    model = sharp(spec, VOCABULARY, scale=1.0)
    hidden, gradients = read(model, text)
    torch_hidden, torch_gradients = read(by_torch(model), text)
    exact_hidden, exact_gradients = read(in_double(model), text, "fp32")
    assert hidden.dtype == torch.float32 and gradients.keys() == exact_gradients.keys()
    assert 1e-4 < error(hidden, exact_hidden) < min(0.015, 1.5 * error(torch_hidden, exact_hidden))
    for name, exact in exact_gradients.items():
        assert error(gradients[name], exact) < 0.04, name
    ours, theirs, exact = map(whole, (gradients, torch_gradients, exact_gradients))
    assert error(ours, exact) < 1.5 * error(theirs, exact)


@given(specs(), shared_texts())
@settings(deadline=None, max_examples=30)
def test_any_shape_is_read_as_near_as_torch_reads_it(spec: DecoderSpec, text: PackedTokens) -> None:
    """Hidden states within 3% and all gradients together within 5%, or at most three times as far away as torch."""
    model = sharp(spec, VOCABULARY, scale=1.0)
    ours, theirs, exact = (
        (hidden, whole(gradients))
        for hidden, gradients in (read(model, text), read(by_torch(model), text), read(in_double(model), text, "fp32"))
    )
    for found, other, right, bound in zip(ours, theirs, exact, (0.03, 0.05), strict=True):
        assert error(found, right) < max(bound, 3 * error(other, right))


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(("rows", "outputs", "inputs"), [(1, 5, 7), (300, 40, 24), (513, 70, 96)])
def test_the_head_keeps_sixteen_bits_and_its_derivatives_eight(rows: int, outputs: int, inputs: int) -> None:
    torch.manual_seed(0)
    x, weight = (torch.randn(size, inputs, requires_grad=True) for size in (rows, outputs))
    direction = torch.randn(rows, outputs)
    exact = [each.detach().double().requires_grad_() for each in (x, weight)]
    exact_y = exact[0] @ exact[1].T
    y = linear_layer(x, weight, precision="bf16")
    assert 1e-7 < error(y.detach(), exact_y.detach()) < 3e-5
    found = torch.autograd.grad((y * direction).sum(), (x, weight))
    for gradient, other in zip(found, torch.autograd.grad((exact_y * direction).sum(), exact), strict=True):
        assert 1e-4 < error(gradient, other) < 0.01
    assert error(linear_layer(x, weight).detach(), exact_y.detach()) < 1e-6, "FP32 stays FP32"


@pytest.mark.usefixtures("kernels")
def test_what_is_sampled_has_the_log_probabilities_of_the_trainer() -> None:
    """Those of a full pass by the same kernels, nearer than those of a pass in FP32."""
    found: dict[str, list[Floats]] = {"bf16": [], "fp32": []}
    for shape in SHAPES.values():
        model = sharp(shape, VOCABULARY, scale=1.2)
        drawn = decode_native(model, END, REQUESTS, 5, PARAMS, model_logp=True)
        for precision, all_of_them in found.items():
            all_of_them += differences(model, drawn, precision)
    in_bf16, in_fp32 = (np.abs(np.concatenate(each)) for each in found.values())
    assert in_bf16.mean() < 0.9 * in_fp32.mean() and in_fp32.mean() < 0.015
    assert in_bf16.max() < 0.1


def differences(model: Decoder, drawn: SampledTokens, precision: str) -> list[Floats]:
    """For each request, of its first sample: log-probabilities that were recorded, less those of a full pass."""
    found: list[Floats] = []
    assert drawn.model_logp_PGT is not None
    for p, request in enumerate(REQUESTS):
        ids = [token for token in drawn.tokens_PGT[p, 0].tolist() if token >= 0]
        logits = alone(model, [*request.prompt, *ids], precision)[len(request.prompt) - 1 : -1]
        logp = torch.log_softmax(logits, -1).gather(1, torch.tensor(ids).unsqueeze(1)).squeeze(1)
        found.append(drawn.model_logp_PGT[p, 0, : len(ids)] - logp.numpy())
    return found


@pytest.mark.usefixtures("kernels")
def test_most_tokens_are_torchs() -> None:
    """The same random numbers draw the same tokens until rounding decides one; before that, log-probs are near."""
    drawn = equal = 0
    for shape in SHAPES.values():
        model = sharp(shape, VOCABULARY, scale=1.2)
        ours = decode_native(model, END, REQUESTS, 8, PARAMS)
        theirs = decode_torch(by_torch(model), END, REQUESTS, 8, PARAMS)
        written = ours.tokens_PGT >= 0
        same = np.cumprod(ours.tokens_PGT == theirs.tokens_PGT, axis=-1).astype(bool) & written
        apart = np.abs(ours.logp_PGT - theirs.logp_PGT)[same]
        assert apart.mean() < 0.02 and apart.max() < 0.2
        drawn, equal = drawn + int(written.sum()), equal + int(same.sum())
    assert equal > 0.6 * drawn


# ---- The same bits whatever is beside it


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("name", SHAPES)
def test_a_completion_has_its_bits_whatever_else_is_sampled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On two threads with others, and on one alone."""
    model = sharp(SHAPES[name], VOCABULARY, scale=1.2)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    together = decode_native(model, END, REQUESTS, 20, PARAMS)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for p, request in enumerate(REQUESTS):
        by_itself = decode_native(model, END, [request], 20, PARAMS)
        assert (by_itself.tokens_PGT[0] == together.tokens_PGT[p]).all()
        assert (by_itself.logp_PGT[0] == together.logp_PGT[p]).all()


@pytest.mark.usefixtures("kernels")
def test_a_text_has_its_bits_alone_and_among_others() -> None:
    model, text = sharp(SPECS[0], VOCABULARY), shared_text([(70, [])], seed=1)
    more = shared_text([(33, [4])], seed=2)
    both = PackedTokens(
        torch.cat((more.token_N, text.token_N)),
        torch.cat((more.position_N, text.position_N)),
        torch.cat((more.segments_S4, torch.tensor([[37, 70, 0, 0]]))),
    )
    with torch.no_grad():
        assert torch.equal(model.forward_packed(both, "bf16")[37:], model.forward_packed(text, "bf16"))


@pytest.mark.usefixtures("kernels")
def test_threads_at_once_give_the_bits_of_one_after_the_other() -> None:
    """Tiles belong to a thread, and each sets its own."""
    model = sharp(SPECS[1], VOCABULARY)
    work = [shared_text([(90 + i, [40, 70, i])], seed=i) for i in range(1, 5)]

    def learn(text: PackedTokens) -> list[Tensor]:
        hidden = model.forward_packed(text, "bf16")
        return [hidden.detach(), *torch.autograd.grad(hidden.square().sum(), list(model.blocks.parameters()))]

    once = [learn(text) for text in work]
    with ThreadPoolExecutor(2) as pool:
        beside = list(pool.map(learn, work * 2))
    for one, other in zip(once * 2, beside, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.usefixtures("kernels")
def test_torch_multiplies_as_before() -> None:
    """It uses the same tiles, and what it had set of them stays."""
    torch.manual_seed(0)
    left, right = torch.randn(2, 130, 130).bfloat16()
    before = left @ right
    sharp(SPECS[0], VOCABULARY).forward_packed(LONG, "bf16").sum().backward()
    assert torch.equal(left @ right, before)


def test_fp32_is_what_it_was() -> None:
    """One model in both precisions, in turn: nothing of one stays in the other."""
    model = sharp(SPECS[0], VOCABULARY)
    hidden, gradients = read(model, LONG, "fp32")
    read(model, LONG)
    again, more = read(model, LONG, "fp32")
    assert torch.equal(hidden, again) and all(torch.equal(gradients[name], more[name]) for name in gradients)
