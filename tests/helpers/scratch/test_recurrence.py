"""Recurrent layers: by hand, by central differences, against Keras, and what they refuse."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.errors import ShapeError
from helpers.scratch import recurrence
from helpers.scratch.recurrence import (
    ACTIVATIONS,
    gru,
    gru_backward,
    lstm,
    lstm_backward,
    simple_rnn,
    simple_rnn_backward,
)

VARIANTS = {
    "simple_rnn tanh": ("simple_rnn", 1, {"activation": "tanh"}),
    "simple_rnn relu": ("simple_rnn", 1, {"activation": "relu"}),
    "simple_rnn linear": ("simple_rnn", 1, {"activation": "linear"}),
    "lstm": ("lstm", 4, {}),
    "gru": ("gru", 3, {"reset_after": True}),
    "gru reset before": ("gru", 3, {"reset_after": False}),
}


def configuration(variant, batch, time, features, units, seed, dtype="float64", scale=1.0):
    """The array arguments of a layer, drawn at random, and its options."""
    name, gates, options = VARIANTS[variant]
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.standard_normal(shape).astype(dtype)

    states = [draw(batch, units) for _ in range(2 if name == "lstm" else 1)]
    rows = (2,) if options.get("reset_after") else ()
    weights = [
        (draw(features, gates * units) / np.sqrt(features)).astype(dtype),
        (scale * draw(units, gates * units) / np.sqrt(units)).astype(dtype),
        draw(*rows, gates * units),
    ]
    return [draw(batch, time, features), *states, *weights], options


def functions(variant):
    name = VARIANTS[variant][0]
    return getattr(recurrence, name), getattr(recurrence, f"{name}_backward")


def arriving(output, rng):
    """A gradient drawn for each output: one array, or a tuple of arrays."""
    if isinstance(output, tuple):
        return tuple(rng.standard_normal(o.shape).astype(o.dtype) for o in output)
    return rng.standard_normal(output.shape).astype(output.dtype)


# --- by hand -------------------------------------------------------------------------------------

X = np.array([[[1.0], [2.0], [1.0]]])
INITIAL = np.array([[1.0, 0.0]])
KERNEL = np.array([[1.0, -1.0]])
RECURRENT = np.array([[1.0, 2.0], [-1.0, 1.0]])
BIAS = np.array([0.0, 1.0])
ZERO_EXCEPT_LAST = np.array([[[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]])


def test_simple_rnn_worked_by_hand():
    states = simple_rnn(X, INITIAL, KERNEL, RECURRENT, BIAS, "relu")
    np.testing.assert_array_equal(states[0], [[2, 2], [2, 5], [0, 9]])


def test_simple_rnn_backward_worked_by_hand():
    found = simple_rnn_backward(ZERO_EXCEPT_LAST, X, INITIAL, KERNEL, RECURRENT, BIAS, "relu")
    d_x, d_initial, d_kernel, d_recurrent, d_bias = found
    np.testing.assert_array_equal(d_x[0, :, 0], [5, 1, -1])
    np.testing.assert_array_equal(d_initial, [[2, -5]])
    np.testing.assert_array_equal(d_kernel, [[8, 2]])
    np.testing.assert_array_equal(d_recurrent, [[8, 3], [4, 7]])
    np.testing.assert_array_equal(d_bias, [6, 1])


def test_simple_rnn_linear_is_a_sum_of_powers():
    (x, initial, kernel, recurrent, bias), _ = configuration("simple_rnn linear", 2, 5, 3, 4, 0)
    states = simple_rnn(x, initial, kernel, recurrent, bias, "linear")
    power = np.linalg.matrix_power
    expected = initial @ power(recurrent, 5) + sum(
        (x[:, t] @ kernel + bias) @ power(recurrent, 4 - t) for t in range(5)
    )
    np.testing.assert_allclose(states[:, -1], expected)


def test_lstm_with_gates_fixed_carries_its_cell():
    """Forget gate ½, input gate 0, output gate 1: the cell halves at every step."""
    shut, wide = -60.0, 60.0
    bias = np.repeat([shut, 0.0, 0.0, wide], 1)
    arrays = np.ones((1, 3, 1)), np.zeros((1, 1)), np.array([[8.0]]), np.zeros((1, 4))
    states, cell = lstm(*arrays, np.zeros((1, 4)), bias)
    np.testing.assert_allclose(states[0, :, 0], np.tanh([4, 2, 1]))
    np.testing.assert_allclose(cell, [[1.0]])
    d_output = (np.zeros((1, 3, 1)), np.ones((1, 1)))
    d_cell = lstm_backward(d_output, *arrays, np.zeros((1, 4)), bias)[2]
    np.testing.assert_allclose(d_cell, [[1 / 8]])


@pytest.mark.parametrize("reset_after", [True, False])
def test_gru_with_update_gate_open_keeps_its_state(reset_after):
    bias = np.array([60.0, 0.0, 0.0])
    bias = np.stack([bias, np.zeros(3)]) if reset_after else bias
    arrays = np.ones((1, 4, 1)), np.array([[0.7]]), np.zeros((1, 3)), np.zeros((1, 3)), bias
    np.testing.assert_allclose(gru(*arrays, reset_after)[0, :, 0], 0.7)
    d_output = np.zeros((1, 4, 1))
    d_output[0, -1] = 1
    np.testing.assert_allclose(gru_backward(d_output, *arrays, reset_after)[1], [[1.0]])


# --- numerical gradients -------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_backward_is_the_numerical_gradient(variant):
    layer, backward = functions(variant)
    arrays, options = configuration(variant, 2, 3, 2, 3, seed=5)
    rng = np.random.default_rng(1)
    d_output = arriving(layer(*arrays, **options), rng)

    def loss():
        output = layer(*arrays, **options)
        pairs = zip(output, d_output, strict=True) if isinstance(output, tuple) else None
        return sum(np.sum(o * d) for o, d in pairs) if pairs else np.sum(output * d_output)

    for array, gradient in zip(arrays, backward(d_output, *arrays, **options), strict=True):
        assert gradient.shape == array.shape
        for place in np.ndindex(array.shape):
            kept, step = array[place], 1e-6
            array[place] = kept + step
            above = loss()
            array[place] = kept - step
            below = loss()
            array[place] = kept
            assert gradient[place] == pytest.approx((above - below) / (2 * step), abs=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_types_are_kept_and_arguments_left_alone(variant, dtype):
    layer, backward = functions(variant)
    arrays, options = configuration(variant, 2, 3, 2, 3, 0, dtype)
    kept = [a.copy() for a in arrays]
    output = layer(*arrays, **options)
    d_output = arriving(output, np.random.default_rng(0))
    results = [*(output if isinstance(output, tuple) else [output])]
    results += backward(d_output, *arrays, **options)
    assert {r.dtype.name for r in results} == {dtype}
    for array, before in zip(arrays, kept, strict=True):
        np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("variant", VARIANTS)
def test_examples_of_a_batch_do_not_meet(variant):
    layer, _ = functions(variant)
    arrays, options = configuration(variant, 3, 4, 2, 3, 0)
    states = 3 if variant == "lstm" else 2
    alone = [a[1:2] for a in arrays[:states]]
    whole, one = layer(*arrays, **options), layer(*alone, *arrays[states:], **options)
    if isinstance(whole, tuple):
        whole, one = whole[0], one[0]
    np.testing.assert_allclose(whole[1:2], one)


def test_gates_do_not_overflow():
    arrays, _ = configuration("lstm", 1, 2, 1, 2, 0)
    with np.errstate(all="raise"):
        states, _ = lstm(1e4 * arrays[0], *arrays[1:])
    assert np.isfinite(states).all()


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("argument", "shape", "axis"),
    [
        ("x", (2, 4, 5), "features"),
        ("x", (2, 4), "3"),
        ("x", (2, 0, 3), "time"),
        ("initial", (3, 4), "batch"),
        ("recurrent", (5, 4), "units"),
        ("bias", (7,), "units|axes"),
    ],
)
def test_bad_shapes_name_the_axis(variant, argument, shape, axis):
    layer, _ = functions(variant)
    arrays, options = configuration(variant, 2, 4, 3, 4, 0)
    names = ["x", "initial", "kernel", "recurrent", "bias"]
    if variant == "lstm":
        names.insert(2, "initial_cell")
    arrays[names.index(argument)] = np.ones(shape)
    with pytest.raises(ShapeError, match=axis):
        layer(*arrays, **options)


@pytest.mark.parametrize(("variant", "axis"), [("lstm", "4[*]units"), ("gru", "3[*]units")])
def test_missing_gates_are_named(variant, axis):
    layer, _ = functions(variant)
    arrays, options = configuration(variant, 2, 4, 3, 4, 0)
    arrays[-3:] = [a[..., :-4] for a in arrays[-3:]]
    with pytest.raises(ShapeError, match=f"axis '{axis}'"):
        layer(*arrays, **options)


def test_gru_needs_two_biases():
    arrays, _ = configuration("gru", 2, 4, 3, 4, 0)
    arrays[-1] = np.zeros((3, 12))
    with pytest.raises(ShapeError, match="biases"):
        gru(*arrays)


@pytest.mark.parametrize("variant", VARIANTS)
def test_backward_checks_what_arrives(variant):
    _, backward = functions(variant)
    arrays, options = configuration(variant, 2, 4, 3, 4, 0)
    d_output = np.zeros((2, 3, 4))
    with pytest.raises(ShapeError, match="time"):
        backward((d_output, arrays[1]) if variant == "lstm" else d_output, *arrays, **options)


def test_lstm_backward_checks_the_cell():
    arrays, _ = configuration("lstm", 2, 4, 3, 4, 0)
    with pytest.raises(ShapeError, match="units"):
        lstm_backward((np.zeros((2, 4, 4)), np.zeros((2, 3))), *arrays)


@pytest.mark.parametrize("function", [simple_rnn, simple_rnn_backward])
def test_an_unknown_activation_is_refused(function):
    arrays, _ = configuration("simple_rnn tanh", 1, 2, 1, 1, 0)
    before = [np.zeros((1, 2, 1))] if function is simple_rnn_backward else []
    with pytest.raises(ValueError, match="activation is 'sinus'"):
        function(*before, *arrays, activation="sinus")


def test_the_activations_slopes():
    u = np.array([-2.0, -0.5, 0.3, 1.7])
    for function, slope in ACTIVATIONS.values():
        numerical = (function(u + 1e-6) - function(u - 1e-6)) / 2e-6
        np.testing.assert_allclose(slope(function(u)), numerical, atol=1e-8)


# --- against Keras -------------------------------------------------------------------------------

SIZES = {
    "batch": st.integers(1, 4),
    "time": st.integers(1, 12),
    "features": st.integers(1, 5),
    "units": st.integers(1, 6),
    "scale": st.sampled_from([0.5, 1.0, 1.5]),
    "seed": st.integers(0, 2**32 - 1),
}
ONE = {"scale": 1.0, "seed": 7}


def equals_the_framework(variant, dtype, **drawn):
    import helpers.models  # noqa: F401  quietens TensorFlow's start
    from helpers.scratch.framework import differences
    from helpers.scratch.framework import recurrence as reference

    arrays, options = configuration(variant, dtype=dtype, **drawn)
    counterpart = getattr(reference, VARIANTS[variant][0])
    found = differences(*functions(variant), counterpart, arrays, seed=drawn["seed"], **options)
    assert found.output < 1e-5
    assert found.gradient < 1e-4


def against_keras(test):
    """100 random configurations, and the edges: length, batch, units or features of one."""
    test = settings(max_examples=100, deadline=None, derandomize=True)(given(**SIZES)(test))
    for sizes in ((1, 1, 1, 1), (3, 1, 2, 4), (1, 6, 2, 3), (2, 5, 3, 1), (2, 5, 1, 3)):
        edges = dict(zip(("batch", "time", "features", "units"), sizes, strict=True))
        test = example(**edges, **ONE)(test)
    return pytest.mark.slow(pytest.mark.parametrize("dtype", ["float32", "float64"])(test))


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@against_keras
def test_simple_rnn_equals_the_framework(activation, dtype, **drawn):
    equals_the_framework(f"simple_rnn {activation}", dtype, **drawn)


@against_keras
def test_lstm_equals_the_framework(dtype, **drawn):
    equals_the_framework("lstm", dtype, **drawn)


@pytest.mark.parametrize("variant", ["gru", "gru reset before"])
@against_keras
def test_gru_equals_the_framework(variant, dtype, **drawn):
    equals_the_framework(variant, dtype, **drawn)
