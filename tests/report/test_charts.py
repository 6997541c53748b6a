from __future__ import annotations

from edgewise.report.charts import PALETTE, model_styles


def test_a_model_keeps_its_colour() -> None:
    found = model_styles(["base", "one", "two"])
    assert found["base"].color == PALETTE[0]
    assert len({style.color for style in found.values()}) == len({style.shape for style in found.values()}) == 3
    assert len(model_styles([str(i) for i in range(30)])) == 30
