"""Uniform and normal numbers: splitmix64 addressed by key, sample and position."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from edgewise.core.keyed import key
from edgewise.sampling.random_numbers import normal, row_keys, uniform

CPU = torch.device("cpu")
MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(x: int) -> int:
    """The output function of splitmix64, from its published definition."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def reference(prompt_key: int, sample: int, position: int) -> float:
    """Draw `position` of the generator whose seed is draw `sample` of the generator of the prompt."""
    return (nested(prompt_key, sample, position) >> 11) / 2**53


def nested(seed: int, *numbers: int) -> int:
    """Draw n of a generator, seed of the next."""
    for n in numbers:
        seed = mix((seed + GOLDEN * (n + 1)) & MASK)
    return seed


def numbers(keys: list[int], samples: int, positions: int) -> NDArray[np.float64]:
    """[keys, samples, positions]."""
    rows = row_keys(keys, samples, CPU)
    return torch.stack([uniform(rows, position) for position in range(positions)], dim=-1).numpy()


def test_the_reference_is_splitmix64() -> None:
    """The first outputs of the published generator from seed 1234567."""
    outputs = [mix((1234567 + GOLDEN * n) & MASK) for n in (1, 2, 3, 4, 5)]
    assert outputs == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@given(st.integers(0, MASK), st.integers(0, 300), st.integers(0, 5000))
@settings(deadline=None, max_examples=200)
def test_every_number_is_that_of_the_reference(prompt_key: int, sample: int, position: int) -> None:
    rows = row_keys([0, prompt_key], sample + 1, CPU)
    assert rows.shape == (2, sample + 1)
    assert uniform(rows, position)[1, sample].item() == reference(prompt_key, sample, position)


@pytest.mark.parametrize("prompt_key", [0, 1, 2**63 - 1, 2**63, MASK])
def test_keys_at_the_ends_of_the_range(prompt_key: int) -> None:
    assert uniform(row_keys([prompt_key], 1, CPU), 0).item() == reference(prompt_key, 0, 0)


def test_numbers_are_below_one_and_fill_the_53_bits_of_a_float() -> None:
    u = numbers([key("range", i) for i in range(100)], 100, 20)
    assert u.dtype == np.float64
    assert u.min() >= 0
    assert u.max() < 1
    assert ((u * 2**53) % 1 == 0).all()
    assert ((u * 2**53) % 2 == 1).mean() == pytest.approx(0.5, abs=0.01)


def test_numbers_do_not_depend_on_what_else_is_asked_for() -> None:
    keys = [key("layout", i) for i in range(5)]
    whole = numbers(keys, 8, 6)
    assert (whole[:, :3, :2] == numbers(keys, 3, 2)).all()
    assert (whole[3:4] == numbers(keys[3:4], 8, 6)).all()
    order = random.Random(0).sample(range(5), 5)
    assert (whole[order] == numbers([keys[i] for i in order], 8, 6)).all()


def test_numbers_are_uniform_along_every_axis() -> None:
    for shape in ((4000, 1, 1), (1, 4000, 1), (1, 1, 4000), (20, 20, 20)):
        u = numbers([key("uniform", i) for i in range(shape[0])], shape[1], shape[2]).ravel()
        assert stats.kstest(u, "uniform").pvalue > 1e-3
        assert stats.chisquare(np.histogram(u, 64, (0, 1))[0]).pvalue > 1e-3


def test_neighbours_along_every_axis_are_independent() -> None:
    """Pairs fall evenly into the cells of an 8 x 8 table, also for keys that differ by one."""
    tables = {
        "keys": numbers([key("pair", i) for i in range(4001)], 1, 1)[:, 0, 0],
        "keys in a row": numbers(list(range(4001)), 1, 1)[:, 0, 0],
        "samples": numbers([key("pair")], 4001, 1)[0, :, 0],
        "positions": numbers([key("pair")], 1, 4001)[0, 0, :],
    }
    for name, u in tables.items():
        cells = np.histogram2d(u[:-1], u[1:], bins=8, range=[(0, 1), (0, 1)])[0]
        assert stats.chisquare(cells.ravel()).pvalue > 1e-3, name
        assert len(np.unique(u)) == len(u), name


def test_sample_and_position_are_not_interchangeable() -> None:
    """A sum of the two in the address would draw sample 1 as sample 0 moved by one position."""
    u = numbers([key("grid")], 30, 30)[0]
    assert len(np.unique(u)) == u.size


# ---- Normal numbers


def normals(keys: list[int], samples: int, positions: int, count: int) -> NDArray[np.float64]:
    """[keys, samples, positions, count]."""
    rows = row_keys(keys, samples, CPU)
    return torch.stack([normal(rows, position, count) for position in range(positions)], dim=-2).numpy()


@given(st.integers(0, MASK), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
@settings(deadline=None, max_examples=100)
def test_every_normal_number_is_that_of_box_and_muller(prompt_key: int, sample: int, position: int, i: int) -> None:
    u, v = ((nested(prompt_key, sample, position, i // 2 * 2 + j) >> 11) / 2**53 for j in (0, 1))
    expected = np.sqrt(-2 * np.log1p(-u)) * (np.sin if i % 2 else np.cos)(2 * np.pi * v)
    rows = row_keys([prompt_key], sample + 1, CPU)
    assert normal(rows, position, i + 1)[0, sample, i].item() == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_normal_numbers_have_the_moments_of_the_normal_law() -> None:
    x = normals([key("moments", i) for i in range(50)], 20, 10, 30).ravel()
    assert x.dtype == np.float64
    # The first four moments, each in units of its standard error.
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((x**power).mean() - moment) < 4 * (variance / x.size) ** 0.5
    assert stats.kstest(x[:20_000], "norm").pvalue > 1e-3


def test_normal_neighbours_along_every_axis_are_independent() -> None:
    """Also the two of a pair, and the uniform number of the same key and position."""
    x = normals([key("axes", i) for i in range(20)], 20, 20, 20)
    u = numbers([key("axes", i) for i in range(20)], 20, 20)
    pairs = {f"axis {axis}": (x.take(range(19), axis), x.take(range(1, 20), axis)) for axis in range(4)}
    pairs["pair"] = (x[..., 0::2], x[..., 1::2])
    pairs["uniform"] = (x[..., 0], stats.norm.ppf(np.clip(u, 1e-9, None)))
    for name, (a, b) in pairs.items():
        # The table of quarters sees what a correlation does not, such as equal radii.
        cells = np.histogram2d(stats.norm.cdf(a).ravel(), stats.norm.cdf(b).ravel(), bins=8, range=[(0, 1), (0, 1)])[0]
        assert stats.chisquare(cells.ravel()).pvalue > 1e-3, name
    assert len(np.unique(x)) == x.size


def test_normal_numbers_do_not_depend_on_what_else_is_asked_for() -> None:
    keys = [key("normal layout", i) for i in range(5)]
    everything = normals(keys, 9, 4, 31)
    for part, same in (
        (normals(keys[3:4], 9, 4, 31), everything[3:4]),
        (normals(keys, 2, 4, 31), everything[:, :2]),
        (normals(keys, 9, 1, 31), everything[:, :, :1]),
        *((normals(keys, 9, 4, count), everything[..., :count]) for count in (1, 2, 3, 8, 30)),
    ):
        assert part.tobytes() == np.ascontiguousarray(same).tobytes()
