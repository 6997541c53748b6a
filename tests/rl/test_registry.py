"""Choices of a recipe register by their kind: found in their package, or registered by a module of one's own."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
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


def test_a_file_that_is_loaded_under_two_names_registers_its_own_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
from typing import Literal
from tests.rl.test_registry import SHAPES, Shape

@SHAPES.register
class Ring(Shape):
    kind: Literal["ring"] = "ring"
"""
    (tmp_path / "ring_of_mine.py").write_text(source, encoding="utf-8")
    (tmp_path / "ring_of_others.py").write_text(source, encoding="utf-8")
    monkeypatch.setattr(SHAPES, "_specs", dict(SHAPES.specs()))

    def loaded(file: str, name: str) -> type[Shape]:
        spec = importlib.util.spec_from_file_location(name, tmp_path / file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        ring: type[Shape] = module.Ring
        return ring

    loaded("ring_of_mine.py", "package.ring_of_mine")
    last = loaded("ring_of_mine.py", "ring_of_mine")
    assert SHAPES.specs()["ring"] is last
    with pytest.raises(InputError, match="has registered this name"):
        loaded("ring_of_others.py", "ring_of_others")


def test_a_family_of_one_file_is_that_module() -> None:
    (circle,) = SHAPES.modules()
    assert SpecRegistry[Shape]("shape", circle.__name__).modules() == [circle]
    assert descriptions_of([sys]) == [], "a module that declares none has none"
