"""Choices of a recipe register by their kind: found in their package, or registered by a module of one's own."""

from __future__ import annotations

import importlib
import sys
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, PlainValidator, SerializeAsAny

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, digest, override, plain
from edgewise.rl.description import descriptions_of
from edgewise.rl.registry import SpecRegistry


class Shape(Spec):
    kind: str


SHAPES: SpecRegistry[Shape] = SpecRegistry("shape", "shapes_of_a_test")
AnyShape = Annotated[Shape, PlainValidator(SHAPES.parse), SerializeAsAny()]


class Square(Shape):
    kind: Literal["square"] = "square"
    side: float = Field(1.0, gt=0)


class Drawing(Spec):
    shape: AnyShape = Square()


@pytest.fixture(scope="module", autouse=True)
def package(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A package of one module, which registers when it is imported."""
    folder = tmp_path_factory.mktemp("package") / "shapes_of_a_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "circle.py").write_text(
        "from typing import Literal\n"
        f"from {__name__} import SHAPES, Shape\n"
        "@SHAPES.register\n"
        "class Circle(Shape):\n"
        "    kind: Literal['circle'] = 'circle'\n"
        "    radius: float = 1.0\n"
    )
    sys.path.insert(0, str(folder.parent))
    importlib.invalidate_caches()
    SHAPES.register(Square)


def test_a_file_in_the_package_is_found_because_it_is_there() -> None:
    assert sorted(SHAPES.specs()) == ["circle", "square"]
    assert [module.__name__ for module in SHAPES.modules()] == ["shapes_of_a_test.circle"]
    assert plain(Drawing.parse({"shape": "circle"})) == {"shape": {"kind": "circle", "radius": 1.0}}


def test_a_field_takes_a_name_or_fields_or_a_spec() -> None:
    named = Drawing.parse({"shape": "square"})
    assert named == Drawing(shape={"kind": "square"}) == Drawing(shape=Square())
    assert Drawing.parse(plain(named)) == named and Drawing.model_validate_json(named.model_dump_json()) == named
    assert digest(named) != digest(override(named, ["shape=circle"]))
    assert override(named, ["shape.side=2"]).shape == Square(side=2.0)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("cube", r"^drawing: shape: kind must be one of .*square.*, got 'cube'$"),
        ({"kind": "cube"}, r"^drawing: shape: kind must be one of .*, is 'cube'$"),
        ({"side": 2}, r"^drawing: shape: write a name, or its fields with `kind`; kinds are"),
        (3, r"^drawing: shape: write a name, .*, got 3$"),
        ({"kind": "square", "side": 0}, r"^drawing: shape.side: .*, got 0$"),
        ({"kind": "square", "radius": 1}, r"^drawing: shape.radius: Extra inputs"),
    ],
)
def test_what_is_no_choice_names_the_field_in_one_line(value: Any, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        Drawing.parse({"shape": value}, "drawing")


def test_a_spec_that_nobody_registered_and_a_name_that_is_taken_are_refused() -> None:
    class Other(Shape):
        kind: Literal["square"] = "square"

    with pytest.raises(InputError, match=r"Other is not registered as shape"):
        Drawing.parse({"shape": Other()})
    with pytest.raises(InputError, match=r"^shape 'square': .* has registered this name; choose another kind"):
        SHAPES.register(Other)
    SHAPES.register(Square)  # the same class again, as when a file is loaded twice


def test_a_family_of_one_file_is_that_module() -> None:
    (circle,) = SHAPES.modules()
    assert SpecRegistry[Shape]("shape", circle.__name__).modules() == [circle]
    assert descriptions_of([sys]) == [], "a module that declares none has none"
