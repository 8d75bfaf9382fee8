"""Shapes by the names of their axes, and the comparison with the framework."""

import numpy as np
import pytest

from helpers.errors import ShapeError
from helpers.scratch._shapes import sizes
from helpers.scratch.framework import apart, differences


def test_sizes_of_the_axes():
    found = sizes(x=(np.zeros((2, 3)), "batch features"), w=(np.zeros((3, 5)), "features units"))
    assert found == {"batch": 2, "features": 3, "units": 5}


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(3), "1 axes"),
        (np.zeros((2, 0)), "axis 'features' of x is empty"),
        (np.zeros((2, 4)), "axis 'features' is 3 in w"),
    ],
)
def test_what_does_not_fit_names_the_axis(array, words):
    with pytest.raises(ShapeError, match=words):
        sizes(x=(array, "batch features"), w=(np.zeros((3, 5)), "features units"))


@pytest.mark.parametrize("bad", [[1.0], np.zeros(2, int), 3.0, None])
def test_only_arrays_of_floating_point_numbers(bad):
    with pytest.raises(TypeError, match="x must be a NumPy array of floating point numbers"):
        sizes(x=(bad, "batch"))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_must_be_finite(bad):
    with pytest.raises(ValueError, match="x holds numbers that are NaN or infinite"):
        sizes(x=(np.array([1.0, bad]), "batch"))


def test_apart():
    assert apart([1.0, 2.5], [1.0, 2.0]) == pytest.approx(0.25)
    assert apart([0.1], [0.2]) == pytest.approx(0.1)
    assert apart(np.zeros((0, 2)), np.zeros((0, 2))) == 0
    with pytest.raises(ShapeError, match="where the framework has"):
        apart(np.zeros(2), np.zeros(3))


@pytest.mark.slow
def test_differences_tells_right_from_wrong():
    """A square is equal to the framework's; a gradient without its factor 2 is told apart."""
    import helpers.models  # noqa: F401 - quietens TensorFlow's start

    x = np.array([1.0, -2.0, 3.0])

    def square(x):
        return x * x

    right = differences(square, lambda d, x: (2 * d * x,), square, [x])
    wrong = differences(square, lambda d, x: (d * x,), square, [x])
    assert max(right) < 1e-12
    assert wrong.output == 0
    assert wrong.gradient > 0.1

    def first_square(x, y):
        return x * x

    unused = differences(first_square, lambda d, x, y: (2 * d * x, None), first_square, [x, x])
    assert unused.gradient < 1e-12


@pytest.mark.slow
def test_differences_counts_the_gradients():
    import helpers.models  # noqa: F401 - quietens TensorFlow's start

    with pytest.raises(ShapeError, match="2 gradients for 1 arrays"):
        differences(lambda x: x, lambda d, x: (d, d), lambda x: x, [np.ones(2)])
