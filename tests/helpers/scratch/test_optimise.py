"""Adam and clipping: worked by hand, against Keras, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.scratch.optimise import Adam, clip_by_global_norm


def test_clip_by_global_norm_of_3_and_4():
    gradients = {"kernel": np.array([[3.0, 0.0]]), "bias": np.array([4.0])}
    clipped, norm = clip_by_global_norm(gradients, 1.0)
    assert norm == 5.0
    np.testing.assert_allclose(clipped["kernel"], [[0.6, 0.0]])
    np.testing.assert_allclose(clipped["bias"], [0.8])


@pytest.mark.parametrize("largest", [5.0, 6.0])
def test_clip_by_global_norm_leaves_what_is_small(largest):
    gradients = {"a": np.array([3.0, 4.0], np.float32)}
    clipped, _ = clip_by_global_norm(gradients, largest)
    np.testing.assert_array_equal(clipped["a"], gradients["a"])


def test_clip_by_global_norm_keeps_direction_type_and_argument():
    rng = np.random.default_rng(0)
    gradients = {name: rng.standard_normal(4).astype(np.float32) for name in "abc"}
    before = {name: g.copy() for name, g in gradients.items()}
    clipped, norm = clip_by_global_norm(gradients, 0.5)
    for name, g in clipped.items():
        assert g.dtype == np.float32
        np.testing.assert_allclose(g, before[name] * 0.5 / norm, rtol=1e-6)
        np.testing.assert_array_equal(gradients[name], before[name])
    total = np.sqrt(sum(np.sum(g**2) for g in clipped.values()))
    assert total == pytest.approx(0.5, rel=1e-6)


def test_clip_by_global_norm_of_zero():
    clipped, norm = clip_by_global_norm({"a": np.zeros(3)}, 1.0)
    assert norm == 0 and not clipped["a"].any()


def test_clip_by_global_norm_survives_float32_squares():
    clipped, norm = clip_by_global_norm({"a": np.full(2, 1e30, np.float32)}, 1.0)
    assert norm == pytest.approx(np.sqrt(2) * 1e30, rel=1e-6)
    np.testing.assert_allclose(clipped["a"], np.sqrt(0.5), rtol=1e-6)


@pytest.mark.parametrize("largest", [0, -1.0, float("nan")])
def test_clip_by_global_norm_refuses_a_limit(largest):
    with pytest.raises(ValueError, match="must be positive"):
        clip_by_global_norm({"a": np.ones(2)}, largest)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_clip_by_global_norm_refuses_what_is_not_finite(bad):
    with pytest.raises(ValueError, match="NaN or infinite"):
        clip_by_global_norm({"a": np.array([1.0, bad])}, 1.0)


def test_adam_first_step_has_the_size_of_the_rate():
    parameters = {"a": np.array([1.0, 1.0, 1.0])}
    Adam(rate=0.1).update(parameters, {"a": np.array([1e-3, -7.0, 0.0])})
    np.testing.assert_allclose(parameters["a"], [0.9, 1.1, 1.0], atol=5e-4)


def test_adam_two_steps_by_hand():
    """Gradients 1, 3; decays ½, ¾. Means ½, 7/4 over ½, ¾; squares ¼, 39/16 over ¼, 7/16."""
    parameters = {"a": np.array([0.0])}
    adam = Adam(rate=1.0, decay=(0.5, 0.75), epsilon=0.0)
    adam.update(parameters, {"a": np.array([1.0])})
    assert parameters["a"][0] == pytest.approx(-1.0)
    adam.update(parameters, {"a": np.array([3.0])})
    assert parameters["a"][0] == pytest.approx(-1 - (7 / 3) / np.sqrt(39 / 7))


def test_adam_does_not_see_the_scale_of_gradients():
    rng = np.random.default_rng(1)
    gradients = rng.standard_normal((5, 4))
    ends = []
    for scale in (1.0, 1000.0):
        parameters, adam = {"a": np.zeros(4)}, Adam(rate=0.1, epsilon=0.0)
        for g in gradients:
            adam.update(parameters, {"a": scale * g})
        ends.append(parameters["a"])
    np.testing.assert_allclose(ends[0], ends[1])


@pytest.mark.parametrize("rate", [0, -1e-3, float("nan")])
def test_adam_refuses_a_rate(rate):
    with pytest.raises(ValueError, match="must be positive"):
        Adam(rate)


def test_adam_refuses_parameters_without_a_gradient():
    with pytest.raises(KeyError):
        Adam().update({"a": np.ones(2)}, {"b": np.ones(2)})


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    chosen=st.sampled_from(
        [
            (1e-3, (0.9, 0.999)),
            (0.01, (0.9, 0.999)),
            (0.25, (0.875, 1 - 2**-10)),
            (0.25, (0.5, 0.75)),
            (0.25, (0.0, 0.9375)),
        ]
    ),
    scale=st.sampled_from([1e-2, 1.0, 100.0]),
    steps=st.integers(1, 8),
)
def test_adam_equals_the_framework(dtype, seed, chosen, scale, steps):
    """Keras rounds its settings to float32; those with a large rate are not changed by that."""
    import keras

    import helpers.models  # noqa: F401  quietens TensorFlow's start

    rate, decay = chosen
    rng = np.random.default_rng(seed)
    parameters = {"kernel": rng.standard_normal((3, 2)).astype(dtype), "bias": np.zeros(2, dtype)}
    with _precision(keras, dtype):
        variables = [keras.Variable(p.copy(), dtype=dtype) for p in parameters.values()]
        reference = keras.optimizers.Adam(rate, beta_1=decay[0], beta_2=decay[1])
        reference.build(variables)
        adam = Adam(rate, decay)
        for _ in range(steps):
            gradients = {
                name: (scale * rng.standard_normal(p.shape)).astype(dtype)
                for name, p in parameters.items()
            }
            adam.update(parameters, gradients)
            reference.apply([keras.ops.convert_to_tensor(g) for g in gradients.values()])
        for (name, p), variable in zip(parameters.items(), variables, strict=True):
            assert p.dtype == dtype, name
            assert np.abs(p - variable.numpy()).max() < 1e-5


@pytest.mark.slow
@settings(max_examples=100, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), largest=st.floats(0.01, 100.0))
def test_clip_by_global_norm_equals_the_framework(seed, largest):
    import tensorflow as tf

    import helpers.models  # noqa: F401  quietens TensorFlow's start

    rng = np.random.default_rng(seed)
    gradients = {name: rng.standard_normal((3, n + 1)) for n, name in enumerate("abc")}
    clipped, norm = clip_by_global_norm(gradients, largest)
    expected, expected_norm = tf.clip_by_global_norm(list(gradients.values()), largest)
    assert norm == pytest.approx(float(expected_norm))
    for g, e in zip(clipped.values(), expected, strict=True):
        np.testing.assert_allclose(g, e.numpy(), atol=1e-12)


def _precision(keras, dtype):
    """Keras keeps an optimiser's own numbers in its default type: set it for a while."""
    import contextlib

    @contextlib.contextmanager
    def switched():
        before = keras.config.floatx()
        keras.config.set_floatx(dtype)
        try:
            yield
        finally:
            keras.config.set_floatx(before)

    return switched()
