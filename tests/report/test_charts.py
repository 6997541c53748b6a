from __future__ import annotations

import numpy as np

from edgewise.boundary import Counts, audit
from edgewise.report.charts import LINE, PALETTE, THIN_LINE, audit_styles, model_styles
from edgewise.report.curves import pass_at_k_chart


def test_a_model_keeps_its_colour() -> None:
    found = model_styles(["base", "one", "two"])
    assert found["base"].color == PALETTE[0]
    assert len({style.color for style in found.values()}) == len({style.shape for style in found.values()}) == 3
    assert len(model_styles([str(i) for i in range(30)])) == 30


def test_an_arm_has_one_colour_and_its_seeds_have_shapes() -> None:
    found = model_styles(["base", ("rl/0", "rl/1"), ("sft/0", "sft/1")])
    assert list(found) == ["base", "rl/0", "rl/1", "sft/0", "sft/1"]
    assert [style.color for style in found.values()] == [PALETTE[i] for i in (0, 1, 1, 2, 2)]
    assert found["rl/0"].shape == found["sft/0"].shape != found["rl/1"].shape == found["sft/1"].shape
    assert (found["base"].width, found["rl/0"].width) == (LINE, THIN_LINE)


def drawn(seeds: int) -> Counts:
    rng = np.random.default_rng(seeds)
    return Counts.of(16, rng.binomial(16, rng.beta(0.6, 1.5, 60)))


def test_an_audit_s_charts_are_drawn_by_arm() -> None:
    sets = [drawn(i) for i in range(8)]
    shared = audit({"base": sets[0], "rl": sets[1:4], "sft": sets[4:7], "one": sets[7]}, resamples=50)
    assert [PALETTE.index(style.color) for style in audit_styles(shared).values()] == [0, 1, 1, 1, 2, 2, 2, 3]
    assert list(audit_styles(shared)) == list(shared.models)
    own = audit({"base": sets[:3], "rl": sets[3:6]}, resamples=50)
    assert [PALETTE.index(style.color) for style in audit_styles(own).values()] == [0, 0, 0, 1, 1, 1]
    alone = audit({"base": sets[0], "rl": sets[1]}, resamples=50)
    assert [style.width for style in audit_styles(alone).values()] == [LINE, LINE]
    for result, width in ((own, THIN_LINE), (alone, LINE)):
        layers = pass_at_k_chart(result, result.sets[0].whole)["layer"]
        lines = [layer for layer in layers if layer["mark"]["type"] == "line"]
        assert {layer["mark"]["strokeWidth"] for layer in lines} == {width}
        scale = lines[0]["encoding"]["color"]["scale"]
        styles = audit_styles(result)
        assert dict(zip(scale["domain"], scale["range"], strict=True)) == {m: styles[m].color for m in result.models}
