"""Specs: one text per value, one digest per text, and errors that name the field."""

from __future__ import annotations

import json
import math
from itertools import permutations
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, ValidationError, model_validator

from edgewise.core.errors import InputError
from edgewise.core.spec import (
    ADDED_LATER,
    Spec,
    by_name,
    canonical_json,
    difference,
    digest,
    digest_of_values,
    override,
    plain,
)
from edgewise.model.decoder import DecoderSpec
from edgewise.rl.curriculum import ProblemPool
from edgewise.sampling.params import SamplingParams
from edgewise.study.demo import DemoSpec
from edgewise.tasks import ModularArithmetic


class Circle(Spec):
    kind: Literal["circle"] = "circle"
    radius: float = Field(1.0, gt=0)


class Square(Spec):
    kind: Literal["square"] = "square"
    side: float = 1.0


Shape = Annotated[Circle | Square, Field(discriminator="kind")]


class Inner(Spec):
    steps: int = Field(3, ge=0)
    rate: float = 0.5
    name: str = "adam"


class Outer(Spec):
    inner: Inner = Inner()
    shape: Shape = Circle()
    parent: Inner | None = None
    sizes: tuple[int, ...] = (1, 2)
    weights: dict[str, float] = Field(default={"b": 2.0, "a": 1.0})
    tied: bool = True


class Pair(Spec):
    low: int = 0
    high: int = 1

    @model_validator(mode="after")
    def _ordered(self) -> Pair:
        if self.high < self.low:
            raise ValueError(f"high must be at least low ({self.low}), is {self.high}")
        return self


class Anything(Spec):
    thing: Any


def one_line(error: pytest.ExceptionInfo[InputError], *words: str) -> str:
    """The message, which must be one line that contains `words`."""
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message, f"{word!r} is not in {message!r}"
    return message


def test_canonical_json_is_the_documented_text() -> None:
    assert canonical_json(Outer()) == (
        '{"inner":{"name":"adam","rate":0.5,"steps":3},"parent":null,"shape":{"kind":"circle","radius":1.0},'
        '"sizes":[1,2],"tied":true,"weights":{"a":1.0,"b":2.0}}'
    )


def test_the_digest_of_a_fixed_spec_never_moves() -> None:
    """Digests name folders on disk: a change here orphans every stored result."""
    assert digest_of_values(Inner()) == "41c17e7a1e04d642"
    assert digest(ModularArithmetic()) == digest_of_values(ModularArithmetic()) == "279e94e2d4ff96f3"


def test_order_of_fields_and_of_keys_does_not_matter() -> None:
    class Turned(Spec):
        name: str = "adam"
        rate: float = 0.5
        steps: int = 3

    assert canonical_json(Turned()) == canonical_json(Inner())
    one = Outer.parse({"sizes": [1], "weights": {"x": 1.0, "y": 2.0}})
    other = Outer.parse({"weights": {"y": 2.0, "x": 1.0}, "sizes": [1]})
    assert canonical_json(one) == canonical_json(other)
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Inner(), Inner(steps=3, rate=0.5, name="adam")),
        (Inner(rate=1.0), Inner.parse({"rate": 1})),
        (Inner(rate=0.0), Inner(rate=-0.0)),
        (Inner(rate=0.1), Inner(rate=float("0.1000000000000000055"))),
        (Outer(sizes=(1, 2)), Outer.parse({"sizes": [1, 2]})),
        (Outer(shape=Circle()), Outer.parse({"shape": {"kind": "circle", "radius": 1}})),
    ],
)
def test_equal_values_have_one_digest(one: Spec, other: Spec) -> None:
    assert one == other
    assert digest(one) == digest(other)


CHANGES: dict[str, Any] = {
    "inner.steps": 4,
    "inner.rate": 0.25,
    "inner.name": "sgd",
    "shape": {"kind": "square", "side": 1.0},
    "shape.radius": 1.5,
    "parent": {},
    "sizes": [2, 1],
    "weights": {"a": 1.0, "b": 2.5},
    "tied": False,
}


class Published(Spec):
    rate: float = 0.5


class Grown(Spec):
    rate: float = 0.5
    precision: Annotated[str, ADDED_LATER] = Field("fp32", pattern="^(fp32|bf16)$")


def test_a_field_that_was_added_later_changes_the_digest_only_where_it_is_used() -> None:
    # Their digests differ all the same: these classes are not of the package, so their code counts.
    assert canonical_json(Grown()) == canonical_json(Published())
    assert digest(Grown(precision="bf16")) != digest(Grown())
    assert plain(Grown())["precision"] == "fp32", "what a reader is shown is whole"
    assert Grown.parse(json.loads(canonical_json(Grown(precision="bf16")))).precision == "bf16"


def test_every_field_changes_the_digest() -> None:
    digests = {digest(Outer())} | {
        digest(override(Outer(), [f"{field}={json.dumps(value)}"])) for field, value in CHANGES.items()
    }
    assert len(digests) == len(CHANGES) + 1
    assert {field.split(".")[0] for field in CHANGES} == set(Outer.model_fields)


@pytest.mark.parametrize(
    "spec",
    [ModularArithmetic(max_op=3), DecoderSpec(heads=3, kv_heads=1, qkv_bias=False), SamplingParams()],
    ids=lambda s: type(s).__name__,
)
def test_every_field_of_the_real_specs_changes_the_digest(spec: Spec) -> None:
    other: dict[str, Any] = {
        "min_op": 2, "max_op": 4, "leaves": 2, "reuse": 0.5, "disorder": 1.0, "distractors": 1, "modulus": 11,
        "letters": 20,
        "width": 192, "layers": 1, "heads": 6, "kv_heads": 3, "feed_forward": 1, "max_positions": 1, "rope_theta": 2.0,
        "norm_eps": 1e-5, "tied": False, "qkv_bias": True, "qk_norm": True, "head_dim": 8,
        "rope_scaling": {
            "factor": 8.0, "low_frequency_factor": 1.0, "high_frequency_factor": 4.0, "original_max_positions": 64
        },
        "temperature": 0.5, "top_p": 0.5, "max_new_tokens": 1, "precision": "bf16",
    }  # fmt: skip
    fields = [name for name in type(spec).model_fields if name not in ("world", "version")]
    digests = {digest(spec)} | {digest(override(spec, [f"{name}={json.dumps(other[name])}"])) for name in fields}
    assert len(digests) == len(fields) + 1


@pytest.mark.parametrize(
    "thing",
    [
        {1, 2},
        frozenset("a"),
        Path("a"),
        object(),
        1j,
        b"bytes",
        bytearray(b"x"),
        [1, {"a": {3}}],
        {"a": object()},
        print,
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_what_has_no_canonical_form_raises(thing: Any) -> None:
    spec = Anything(thing=thing)
    with pytest.raises(TypeError, match="thing"):
        canonical_json(spec)
    with pytest.raises(TypeError):
        digest(spec)


def test_keys_that_would_collide_as_text_raise() -> None:
    """{1: ..., "1": ...} written as JSON would lose one of the two."""
    with pytest.raises(TypeError, match="thing"):
        canonical_json(Anything(thing={1: "a", "1": "b"}))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_not_a_number_and_infinity_are_refused(number: float) -> None:
    with pytest.raises(InputError) as error:
        Inner.parse({"rate": number})
    one_line(error, "rate")
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(Anything(thing=[number]))


def test_specs_are_frozen_and_refuse_unknown_fields() -> None:
    with pytest.raises(ValidationError):
        Inner().steps = 4  # type: ignore[misc]
    with pytest.raises(InputError) as error:
        Outer.parse({"inner": {"stepps": 3}}, "study.json")
    one_line(error, "study.json", "inner.stepps")


def test_parse_names_the_source_the_field_the_value_and_how_many_more() -> None:
    with pytest.raises(InputError) as error:
        Inner.parse({"steps": -1, "rate": "fast"}, "run.json")
    one_line(error, "run.json: steps", "-1", "and 1 more")
    with pytest.raises(InputError) as error:
        Outer.parse({"shape": {"kind": "circle", "radius": -2}})
    one_line(error, "shape.circle.radius", "-2")
    with pytest.raises(InputError) as error:
        Pair.parse({"low": 5, "high": 2})
    one_line(error, "high must be at least low (5), is 2")
    with pytest.raises(InputError) as error:
        Inner.parse({"name": ["x" * 5000]})
    assert len(one_line(error, "name")) < 200


def test_a_discriminated_union_survives_the_round_trip() -> None:
    for shape in (Circle(radius=2.0), Square(side=3.0)):
        before = Outer(shape=shape, parent=Inner(steps=9))
        after = Outer.parse(json.loads(canonical_json(before)))
        assert after == before
        assert type(after.shape) is type(shape)
        assert digest(after) == digest(before)


def test_plain_is_what_json_gives_back() -> None:
    assert plain(Outer()) == json.loads(canonical_json(Outer()))


@given(st.integers(0, 10**9), st.floats(allow_nan=False, allow_infinity=False), st.text(), st.booleans())
@settings(deadline=None, max_examples=50)
def test_round_trip_of_any_value(steps: int, rate: float, name: str, tied: bool) -> None:
    spec = Outer(inner=Inner(steps=steps, rate=rate, name=name), tied=tied)
    again = Outer.parse(json.loads(canonical_json(spec)))
    assert again == spec
    assert digest(again) == digest(spec)


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("inner.steps=7", Outer(inner=Inner(steps=7))),
        ("inner.rate=1e-3", Outer(inner=Inner(rate=1e-3))),
        ("inner.name=adam w", Outer(inner=Inner(name="adam w"))),
        ("inner.name=a=b", Outer(inner=Inner(name="a=b"))),
        ('inner.name="7"', Outer(inner=Inner(name="7"))),
        ("inner.name=", Outer(inner=Inner(name=""))),
        ("tied=false", Outer(tied=False)),
        ("sizes=[5]", Outer(sizes=(5,))),
        ('shape={"kind":"square","side":2}', Outer(shape=Square(side=2.0))),
        ('parent={"steps":1}', Outer(parent=Inner(steps=1))),
        ("weights.a=4", Outer(weights={"a": 4.0, "b": 2.0})),
    ],
)
def test_override(assignment: str, expected: Outer) -> None:
    before = Outer()
    assert override(before, [assignment]) == expected
    assert before == Outer()


def test_of_two_overrides_of_one_field_the_later_one_holds() -> None:
    both = override(
        Outer(), ['parent={"steps":1}', "parent.steps=2", "parent.rate=0.25", "inner.steps=1", "inner.steps=5"]
    )
    assert both == Outer(parent=Inner(steps=2, rate=0.25), inner=Inner(steps=5))
    assert override(Outer(parent=Inner()), ["parent=null"]) == Outer()
    assert override(Outer(), []) == Outer()


class Needy(Spec):
    kind: Literal["needy"] = "needy"
    size: int = Field(ge=1)
    extra: int = 0


class Scene(Spec):
    shape: Annotated[Circle | Square | Needy, Field(discriminator="kind"), by_name("kind")] = Circle()
    pair: Pair = Pair()
    count: int = 1


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        # Alone neither would do: the choice needs a size, and the present one has none.
        ("shape=needy shape.size=8", Scene(shape=Needy(size=8))),
        ("shape.kind=needy shape.size=8 shape.extra=2", Scene(shape=Needy(size=8, extra=2))),
        ('shape={"kind":"needy","extra":2} shape.size=8', Scene(shape=Needy(size=8, extra=2))),
        ("shape=square shape.side=3", Scene(shape=Square(side=3.0))),
        ("shape.kind=square", Scene(shape=Square())),
        ("shape.radius=3 shape.kind=circle", Scene(shape=Circle(radius=3.0))),
        # A rule between fields that only all together keep.
        ("pair.low=5 pair.high=7", Scene(pair=Pair(low=5, high=7))),
        ('pair={"low":5,"high":9} pair.high=6 count=2', Scene(pair=Pair(low=5, high=6), count=2)),
    ],
)
def test_overrides_are_checked_together_in_any_order(assignments: str, expected: Scene) -> None:
    for order in permutations(assignments.split()):
        assert override(Scene(), order) == expected


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        ("count=2 shape=needy", "override 'shape=needy': shape.needy.size: Field required"),
        ("count=x shape=square", "override 'count=x': count: Input should be a valid integer"),
        ("count=2 pair.low=7 pair.high=5", "overrides 'pair.low=7', 'pair.high=5': pair: high must be at least low"),
        ("count=2 shape=square shape.radius=1", "override 'shape.radius=1': there is no field 'radius'; there are ['k"),
        ("count=2 shape=hexagon shape.size=1", "overrides 'shape=hexagon', 'shape.size=1': shape: Input tag 'hexagon'"),
        ("pair=seven pair.low=1", "override 'pair=seven': pair: Input should be a valid dictionary"),
    ],
)
def test_a_bad_override_among_others_is_the_one_that_is_named(assignments: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        override(Scene(), assignments.split())
    assert one_line(error).startswith(message)


def test_a_recipe_by_name_and_a_curriculum_with_its_size_are_set_in_one_line() -> None:
    settings = ["rl.steps=7", "rl.sampling.curriculum.size=8", "rl.sampling.curriculum=pool", "rl=dapo/small"]
    rl = override(DemoSpec(), settings).rl
    assert (rl.label, rl.steps, rl.sampling.curriculum) == ("dapo/small 1", 7, ProblemPool(size=8))


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("inner.stepps=7", ("'stepps'", "steps", "rate", "name")),
        ("outer.steps=7", ("'outer'", "inner", "shape")),
        ("tied.steps=7", ("'tied'",)),
        ("parent.steps=7", ("'parent'",)),
        ("inner.steps=-1", ("inner.steps", "-1")),
        ("inner.steps=many", ("inner.steps", "many")),
        ("inner.steps=2.5", ("inner.steps", "2.5")),
        ("inner.name=7", ("inner.name", "7")),
        ("inner.rate=NaN", ("inner.rate",)),
        ("inner.steps=" + "9" * 5000, ("inner.steps",)),
        ("inner.steps=" + "[" * 100_000, ("inner.steps",)),
        ("shape.kind=hexagon", ("shape", "hexagon")),
        ("shape.side=1", ("'side'", "radius")),
        ("inner.steps", ("field=value",)),
        ("=3", ("field=value",)),
        ("inner..steps=1", ("''",)),
        ("inner.name\n=1", ()),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_a_bad_override_is_one_line_that_names_the_field(assignment: str, words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as error:
        override(Outer(), [assignment])
    one_line(error, "override", *words)


def test_an_override_may_not_break_a_rule_between_fields() -> None:
    with pytest.raises(InputError) as error:
        override(Pair(), ["low=5"])
    one_line(error, "low=5", "high must be at least low (5)")


def test_difference() -> None:
    left = Outer()
    assert difference(left, Outer()) == {}
    right = override(left, ["inner.steps=9", "tied=false", 'shape={"kind":"square"}', 'parent={"steps":1}'])
    assert difference(left, right) == {
        "inner.steps": (3, 9),
        "tied": (True, False),
        "shape.kind": ("circle", "square"),
        "shape.radius": (1.0, None),
        "shape.side": (None, 1.0),
        "parent.steps": (None, 1),
        "parent.rate": (None, 0.5),
        "parent.name": (None, "adam"),
    }
    assert difference(right, left) == {field: (b, a) for field, (a, b) in difference(left, right).items()}


def test_difference_is_empty_exactly_where_digests_agree() -> None:
    for field, value in CHANGES.items():
        assert difference(Outer(), override(Outer(), [f"{field}={json.dumps(value)}"]))
    pairs: list[tuple[Any, Any]] = [([], None), ({}, None), ([], {}), ("1", 1), ([1], [[1]])]
    for one, other in pairs:
        left, right = Anything(thing=one), Anything(thing=other)
        assert digest(left) != digest(right)
        assert difference(left, right), f"{one!r} and {other!r}"
