"""The layers of chapter 3.1: by hand, against differences, against Keras, and on bad shapes."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.errors import ShapeError
from helpers.scratch import layers

MANY = settings(max_examples=100, deadline=None, derandomize=True)
DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


# --- random configurations -----------------------------------------------------------------------
#
# A configuration is (shapes of the arrays, options). `drawn` makes the arrays of one.


def drawn(shapes, seed=0, dtype="float64"):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@st.composite
def windows(draw, dilated=True, square=False):
    """(frames, bands, taps, options) of something that slides, at least one place for it."""
    padding = draw(st.sampled_from(["valid", "same"]))
    taps = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    stride = dilation = (1, 1)
    if dilated and draw(st.booleans()):
        dilation = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    else:
        stride = (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    if square:
        stride = (stride[0], stride[0])
    if square and padding == "same" and max(dilation) > 1:
        dilation = (dilation[0], dilation[0])
    needs = [
        (p - 1) * d + 1 if padding == "valid" else 1 for p, d in zip(taps, dilation, strict=True)
    ]
    frames, bands = (draw(st.integers(n, n + 6)) for n in needs)
    options = {"stride": stride, "padding": padding}
    return frames, bands, taps, {**options, "dilation": dilation} if dilated else options


@st.composite
def conv2d_configuration(draw):
    frames, bands, taps, options = draw(windows())
    batch, channels, units = (draw(st.integers(1, 4)) for _ in range(3))
    return [(batch, frames, bands, channels), (*taps, channels, units), (units,)], options


@st.composite
def depthwise_configuration(draw):
    frames, bands, taps, options = draw(windows(square=True))
    batch, channels = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return [(batch, frames, bands, channels), (*taps, channels), (channels,)], options


@st.composite
def separable_configuration(draw):
    (x, kernel, bias), options = draw(depthwise_configuration())
    units = draw(st.integers(1, 4))
    return [x, kernel, (*bias, units), (units,)], options


@st.composite
def pool_configuration(draw):
    frames, bands, taps, options = draw(windows(dilated=False))
    batch, channels = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    if draw(st.booleans()):
        options = {**options, "stride": None}
    return [(batch, frames, bands, channels)], {"pool": taps, **options}


@st.composite
def dense_configuration(draw):
    batch, features, units = (draw(st.integers(1, 9)) for _ in range(3))
    return [(batch, features), (features, units), (units,)], {}


@st.composite
def axis_configuration(draw):
    shape = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    return [tuple(shape)], {"axis": draw(st.integers(-len(shape), len(shape) - 1))}


@st.composite
def norm_configuration(draw):
    shape = draw(st.lists(st.integers(1, 6), min_size=2, max_size=4))
    features = (shape[-1],)
    return [tuple(shape), features, features], {"epsilon": draw(st.sampled_from([1e-3, 1e-2]))}


def same(name, configuration, dtype, seed=0, change=None):
    """Assert that a layer equals the framework, forward and backward."""
    import helpers.models  # noqa: F401  (quietens TensorFlow's start)
    from helpers.scratch import framework
    from helpers.scratch.framework import layers as keras_layers

    shapes, options = configuration
    arrays = drawn(shapes, seed, dtype)
    if change is not None:
        arrays = change(arrays)
    layer, backward = getattr(layers, name), getattr(layers, f"{name}_backward")
    reference = getattr(keras_layers, name)
    found = framework.differences(layer, backward, reference, arrays, seed=seed, **options)
    assert found.output < 1e-5
    assert found.gradient < 1e-4
    output = layer(*arrays, **options)
    assert output.dtype == dtype
    assert all(d.dtype == dtype for d in backward(output, *arrays, **options) if d is not None)


SEEDS = st.integers(0, 2**20)
ALONE = {"stride": (1, 1), "padding": "valid", "dilation": (1, 1)}


@pytest.mark.slow
@DTYPES
@MANY
@given(configuration=conv2d_configuration(), seed=SEEDS)
@example(([(1, 1, 1, 1), (1, 1, 1, 1), (1,)], ALONE), 0)
@example(([(1, 4, 5, 1), (2, 4, 1, 3), (3,)], {**ALONE, "padding": "same"}), 1)
@example(([(2, 9, 8, 2), (2, 3, 2, 1), (1,)], {**ALONE, "stride": (5, 4)}), 2)
@example(([(2, 9, 8, 2), (1, 2, 2, 1), (1,)], {"stride": (4, 5), "padding": "same"}), 3)
@example(([(2, 1, 1, 2), (4, 3, 2, 2), (2,)], {"padding": "same", "dilation": (2, 3)}), 4)
def test_conv2d_equals_the_framework(dtype, configuration, seed):
    same("conv2d", configuration, dtype, seed)


@pytest.mark.slow
@DTYPES
@MANY
@given(configuration=depthwise_configuration(), seed=SEEDS)
@example(([(1, 1, 1, 1), (1, 1, 1), (1,)], ALONE), 0)
@example(([(1, 4, 5, 3), (2, 4, 3), (3,)], {**ALONE, "padding": "same"}), 1)
@example(([(2, 9, 8, 2), (2, 3, 2), (2,)], {**ALONE, "stride": 5}), 2)
def test_depthwise_conv2d_equals_the_framework(dtype, configuration, seed):
    same("depthwise_conv2d", configuration, dtype, seed)


@pytest.mark.slow
@DTYPES
@MANY
@given(configuration=separable_configuration(), seed=SEEDS)
@example(([(1, 1, 1, 1), (1, 1, 1), (1, 1), (1,)], ALONE), 0)
@example(([(2, 9, 8, 2), (2, 3, 2), (2, 5), (5,)], {**ALONE, "stride": 4}), 1)
def test_separable_conv2d_equals_the_framework(dtype, configuration, seed):
    same("separable_conv2d", configuration, dtype, seed)


def whole_numbers(arrays):
    """Few different values, so that windows have several largest entries."""
    return [np.round(array).astype(array.dtype) for array in arrays]


@pytest.mark.slow
@DTYPES
@MANY
@given(configuration=pool_configuration(), seed=SEEDS, ties=st.booleans())
@example(([(1, 1, 1, 1)], {"pool": 1}), 0, False)
@example(([(2, 7, 8, 2)], {"pool": (2, 3), "stride": 4, "padding": "same"}), 1, True)
@example(([(1, 1, 5, 1)], {"pool": (4, 2), "padding": "same"}), 2, True)
def test_max_pool2d_equals_the_framework(dtype, configuration, seed, ties):
    same("max_pool2d", configuration, dtype, seed, whole_numbers if ties else None)


@pytest.mark.slow
@DTYPES
@MANY
@given(configuration=pool_configuration(), seed=SEEDS)
@example(([(1, 1, 1, 1)], {"pool": 1}), 0)
@example(([(2, 7, 8, 2)], {"pool": (2, 3), "stride": 4, "padding": "same"}), 1)
@example(([(1, 1, 5, 1)], {"pool": (4, 2), "padding": "same"}), 2)
def test_average_pool2d_equals_the_framework(dtype, configuration, seed):
    same("average_pool2d", configuration, dtype, seed)


@pytest.mark.slow
@DTYPES
@MANY
@given(shape=st.tuples(*[st.integers(1, 6)] * 4), seed=SEEDS)
@example((1, 1, 1, 1), 0)
def test_global_average_pool2d_equals_the_framework(dtype, shape, seed):
    same("global_average_pool2d", ([shape], {}), dtype, seed)


@pytest.mark.slow
@DTYPES
@MANY
@given(configuration=axis_configuration(), seed=SEEDS)
@example(([(1,)], {}), 0)
def test_relu_equals_the_framework(dtype, configuration, seed):
    same("relu", (configuration[0], {}), dtype, seed, whole_numbers)


@pytest.mark.slow
@DTYPES
@MANY
@given(configuration=dense_configuration(), seed=SEEDS)
@example(([(1, 1), (1, 1), (1,)], {}), 0)
def test_dense_equals_the_framework(dtype, configuration, seed):
    same("dense", configuration, dtype, seed)


def large(arrays):
    return [30 * array for array in arrays]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
@DTYPES
@MANY
@given(configuration=axis_configuration(), seed=SEEDS, far=st.booleans())
@example(([(1,)], {"axis": 0}), 0, False)
@example(([(3, 1)], {"axis": -1}), 0, True)
def test_softmax_equals_the_framework(dtype, configuration, seed, far):
    same("softmax", configuration, dtype, seed, large if far else None)
    same("log_softmax", configuration, dtype, seed, large if far else None)


@pytest.mark.slow
@DTYPES
@MANY
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6)), seed=SEEDS, scale=st.sampled_from([1, 9])
)
@example((1, 1), 0, 1)
@example((1, 5), 1, 9)
def test_cross_entropy_equals_the_framework(dtype, shape, seed, scale):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, shape[1], shape[0])
    same("cross_entropy", ([shape], {}), dtype, seed, lambda z: [scale * z[0], labels])


def modest(arrays):
    """A scale near 1: Keras rounds x · scale and mean · scale apart, which a large one blows up."""
    x, gamma, *rest = arrays
    return [x, 1 + gamma / 4, *rest]


@pytest.mark.slow
@DTYPES
@MANY
@given(configuration=norm_configuration(), seed=SEEDS)
@example(([(1, 1), (1,), (1,)], {}), 0)
@example(([(1, 4), (4,), (4,)], {}), 1)
@example(([(2, 3, 5, 1), (1,), (1,)], {}), 2)
def test_batch_norm_equals_the_framework(dtype, configuration, seed):
    same("batch_norm", configuration, dtype, seed, modest)


@pytest.mark.slow
@DTYPES
@MANY
@given(configuration=norm_configuration(), seed=SEEDS)
@example(([(1, 1), (1,), (1,)], {}), 0)
def test_batch_norm_inference_equals_the_framework(dtype, configuration, seed):
    (x, features, _), options = configuration
    kept = [x, features, features, features, features]

    def positive(arrays):
        return [*modest(arrays[:4]), np.square(arrays[4])]

    same("batch_norm_inference", (kept, options), dtype, seed, positive)


@pytest.mark.slow
@DTYPES
@MANY
@given(configuration=norm_configuration(), seed=SEEDS, momentum=st.sampled_from([0.0, 0.9, 0.99]))
@example(([(1, 1), (1,), (1,)], {}), 0, 0.9)
def test_moving_statistics_equals_the_framework(dtype, configuration, seed, momentum):
    from helpers.models import tf
    from helpers.scratch.framework import apart
    from helpers.scratch.framework import layers as keras_layers

    x, mean, variance = drawn(configuration[0], seed, dtype)
    arrays = (x, mean, np.square(variance))
    expected = keras_layers.moving_statistics(*map(tf.constant, arrays), momentum)
    for found, wanted in zip(layers.moving_statistics(*arrays, momentum), expected, strict=True):
        assert found.dtype == dtype
        assert apart(found, wanted.numpy()) < 1e-5


@pytest.mark.slow
@DTYPES
@MANY
@given(configuration=norm_configuration(), seed=SEEDS)
@example(([(1,), (1,), (1,)], {}), 0)
@example(([(1, 1), (1,), (1,)], {}), 0)
@example(([(2, 3, 5, 4), (4,), (4,)], {"epsilon": 1e-6}), 2)
def test_layer_norm_equals_the_framework(dtype, configuration, seed):
    same("layer_norm", configuration, dtype, seed, modest)


@pytest.mark.slow
def test_keras_refuses_stride_and_dilation_together_and_so_do_we():
    from helpers.models import keras

    with pytest.raises(ValueError, match="not supported in conjunction"):
        keras.layers.Conv2D(1, 2, strides=2, dilation_rate=2)
    with pytest.raises(ValueError, match="only one may be above 1"):
        layers.conv2d(*drawn([(1, 9, 9, 1), (2, 2, 1, 1), (1,)]), stride=2, dilation=2)


# --- gradients against central differences -------------------------------------------------------

CASES = {
    "conv2d": ([(2, 5, 6, 2), (3, 2, 2, 3), (3,)], {"stride": (2, 1), "padding": "same"}),
    "depthwise_conv2d": ([(2, 6, 5, 3), (2, 3, 3), (3,)], {"dilation": (2, 1)}),
    "separable_conv2d": ([(2, 4, 5, 2), (3, 2, 2), (2, 4), (4,)], {"padding": "same"}),
    "max_pool2d": ([(2, 5, 6, 2)], {"pool": (3, 2), "stride": 2, "padding": "same"}),
    "average_pool2d": ([(2, 5, 6, 2)], {"pool": (3, 2), "stride": 2, "padding": "same"}),
    "global_average_pool2d": ([(2, 3, 4, 2)], {}),
    "relu": ([(3, 4)], {}),
    "dense": ([(4, 3), (3, 5), (5,)], {}),
    "softmax": ([(3, 4, 2)], {"axis": 1}),
    "log_softmax": ([(3, 4, 2)], {"axis": 1}),
    "batch_norm": ([(3, 4, 2), (2,), (2,)], {}),
    "layer_norm": ([(3, 4, 5), (5,), (5,)], {}),
}


def differentiated(layer, arrays, d_output, which, step=1e-6):
    """The gradient with respect to one array, by moving each entry up and down."""
    gradient = np.zeros_like(arrays[which])
    for place in np.ndindex(gradient.shape):
        value = 0.0
        for sign in (1, -1):
            moved = [array.copy() for array in arrays]
            moved[which][place] += sign * step
            value += sign * np.sum(layer(*moved) * d_output)
        gradient[place] = value / (2 * step)
    return gradient


@pytest.mark.parametrize("name", CASES)
def test_gradient_equals_central_differences(name):
    shapes, options = CASES[name]
    arrays = drawn(shapes, seed=1)
    layer, backward = getattr(layers, name), getattr(layers, f"{name}_backward")
    d_output = drawn([layer(*arrays, **options).shape], seed=2)[0]
    found = backward(d_output, *arrays, **options)
    assert len(found) == len(arrays)
    for which, gradient in enumerate(found):
        wanted = differentiated(lambda *a: layer(*a, **options), arrays, d_output, which)
        np.testing.assert_allclose(gradient, wanted, atol=1e-7)


def test_gradient_of_batch_norm_inference_equals_central_differences():
    arrays = drawn([(3, 4, 2), (2,), (2,), (2,), (2,)], seed=1)
    arrays[4] = arrays[4] ** 2 + 0.5
    d_output = drawn([(3, 4, 2)], seed=2)[0]
    found = layers.batch_norm_inference_backward(d_output, *arrays)
    for which, gradient in enumerate(found):
        wanted = differentiated(layers.batch_norm_inference, arrays, d_output, which)
        np.testing.assert_allclose(gradient, wanted, atol=1e-7)


def test_gradient_of_cross_entropy_equals_central_differences():
    z, labels = drawn([(4, 3)])[0], np.array([0, 2, 2, 1])
    d_z, none = layers.cross_entropy_backward(np.float64(1.7), z, labels)
    wanted = differentiated(lambda z: layers.cross_entropy(z, labels), [z], 1.7, 0)
    assert none is None
    np.testing.assert_allclose(d_z, wanted, atol=1e-8)


# --- by hand -------------------------------------------------------------------------------------

X = np.array([[1.0, 2, 0], [0, 1, 3], [2, 1, 1]])[None, :, :, None]
W = np.array([[1.0, 0], [2, -1]])[:, :, None, None]


def test_conv2d_by_hand():
    y = layers.conv2d(X, W, np.array([1.0]))
    assert y[0, :, :, 0].tolist() == [[1, 2], [4, 3]]
    d_y = np.array([[1.0, 0], [-1, 2]])[None, :, :, None]
    d_x, d_w, d_b = layers.conv2d_backward(d_y, X, W, np.array([1.0]))
    assert d_x[0, :, :, 0].tolist() == [[1, 0, 0], [1, 1, 0], [-2, 5, -2]]
    assert d_w[:, :, 0, 0].tolist() == [[3, 7], [0, 2]]
    assert d_b.tolist() == [2]


def test_pooling_by_hand():
    assert layers.max_pool2d(X, 2, 1)[0, :, :, 0].tolist() == [[2, 3], [2, 3]]
    assert layers.average_pool2d(X, 2, 1)[0, :, :, 0].tolist() == [[1, 1.5], [1, 1.5]]
    same_size = layers.average_pool2d(X, 2, padding="same")[0, :, :, 0]
    assert same_size.tolist() == [[1, 1.5], [1.5, 1]]
    ones = np.ones((1, 2, 2, 1))
    d_x = layers.max_pool2d_backward(ones, X, 2, 1)[0][0, :, :, 0]
    assert d_x.tolist() == [[0, 1, 0], [0, 0, 2], [1, 0, 0]]
    d_x = layers.average_pool2d_backward(4 * ones, X, 2, 1)[0][0, :, :, 0]
    assert d_x.tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]


def test_among_equal_entries_the_first_gets_the_gradient():
    x = np.zeros((1, 2, 2, 1))
    (d_x,) = layers.max_pool2d_backward(np.ones((1, 1, 1, 1)), x, 2)
    assert d_x[0, :, :, 0].tolist() == [[1, 0], [0, 0]]


def test_dense_by_hand():
    x, kernel, bias = np.array([[1.0, 2]]), np.array([[1.0, 0, -1], [2, 1, 0]]), np.ones(3)
    assert layers.dense(x, kernel, bias).tolist() == [[6, 3, 0]]
    d_x, d_kernel, d_bias = layers.dense_backward(np.array([[1.0, -1, 2]]), x, kernel, bias)
    assert d_x.tolist() == [[-1, 1]]
    assert d_kernel.tolist() == [[1, -1, 2], [2, -2, 4]]
    assert d_bias.tolist() == [1, -1, 2]


def test_softmax_and_cross_entropy_by_hand():
    z, labels = np.log(np.array([[1.0, 2, 1]])), np.array([1])
    np.testing.assert_allclose(layers.softmax(z), [[0.25, 0.5, 0.25]])
    np.testing.assert_allclose(layers.log_softmax(z), np.log([[0.25, 0.5, 0.25]]))
    np.testing.assert_allclose(layers.cross_entropy(z, labels), np.log(2))
    d_z, _ = layers.cross_entropy_backward(1.0, z, labels)
    np.testing.assert_allclose(d_z, [[0.25, -0.5, 0.25]])


def test_softmax_stays_finite_where_the_plain_formula_overflows():
    z = np.array([[1e4, 0.0], [-1e4, 0.0]])
    assert layers.softmax(z).tolist() == [[1, 0], [0, 1]]
    assert layers.log_softmax(z).tolist() == [[0, -1e4], [-1e4, 0]]
    assert layers.cross_entropy(z, np.array([1, 0])) == 1e4


def test_normalisation_by_hand():
    x = np.array([[1.0, 10], [3, 10]])
    tiny = {"epsilon": 1e-12}
    np.testing.assert_allclose(
        layers.batch_norm(x, np.array([2.0, 1]), np.array([1.0, 5]), **tiny), [[-1, 5], [3, 5]]
    )
    np.testing.assert_allclose(
        layers.layer_norm(x, np.array([2.0, 1]), np.array([1.0, 5]), **tiny), [[-1, 6], [-1, 6]]
    )
    kept = layers.moving_statistics(x, np.zeros(2), np.ones(2), momentum=0.5)
    np.testing.assert_allclose(kept, [[1, 5], [1, 0.5]])


def test_batch_norm_in_use_is_that_of_training_if_the_batch_is_what_is_kept():
    x, gamma, bias = drawn([(5, 4, 3), (3,), (3,)])
    mean, variance = x.mean(axis=(0, 1)), x.var(axis=(0, 1))
    np.testing.assert_allclose(
        layers.batch_norm_inference(x, gamma, bias, mean, variance),
        layers.batch_norm(x, gamma, bias),
    )


# --- formulas against brute force ----------------------------------------------------------------


@MANY
@given(conv2d_configuration())
def test_output_size_is_what_comes_out(configuration):
    shapes, options = configuration
    found = layers.conv2d(*drawn(shapes), **options).shape[1:3]
    columns = zip(
        shapes[0][1:3], shapes[1][:2], options["stride"], options["dilation"], strict=True
    )
    for out, (n, p, s, d) in zip(found, columns, strict=True):
        assert out == layers.output_size(n, p, s, options["padding"], d)


@MANY
@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)).map(
            lambda layer: (layer[0], layer[1], 1 if layer[1] > 1 else layer[2])
        ),
        min_size=1,
        max_size=4,
    )
)
def test_receptive_field_is_what_moves_an_output(stack):
    field, step = layers.receptive_field(stack)
    rng = np.random.default_rng(0)

    def forward(x):
        for taps, stride, dilation in stack:
            kernel = rng.uniform(0.5, 1.0, (taps, 1, 1, 1))
            x = layers.conv2d(x, kernel, np.zeros(1), (stride, 1), "valid", (dilation, 1))
        return x

    frames = field + 2 * step
    x = np.concatenate([np.zeros((1, frames, 1, 1)), np.eye(frames)[:, :, None, None]])
    y = forward(x)[:, :, 0, 0]
    for place in range(y.shape[1]):
        moved = np.flatnonzero(y[1:, place] != y[0, place])
        assert (moved[0], moved[-1]) == (place * step, place * step + field - 1)


def test_depthwise_is_a_convolution_whose_kernel_is_diagonal_in_the_channels():
    x, kernel, bias = drawn([(2, 6, 7, 3), (2, 3, 3), (3,)])
    full = kernel[:, :, :, None] * np.eye(3)
    for options in ({}, {"stride": (2, 3), "padding": "same"}, {"dilation": (3, 2)}):
        np.testing.assert_allclose(
            layers.depthwise_conv2d(x, kernel, bias, **options),
            layers.conv2d(x, full, bias, **options),
        )


def test_separable_is_a_convolution_whose_kernel_is_a_product():
    x, kernel, mix, bias = drawn([(2, 6, 7, 3), (2, 3, 3), (3, 4), (4,)])
    full = kernel[:, :, :, None] * mix
    np.testing.assert_allclose(
        layers.separable_conv2d(x, kernel, mix, bias, stride=2),
        layers.conv2d(x, full, bias, stride=2),
    )


# --- bad input -----------------------------------------------------------------------------------

CONV = [(2, 5, 6, 3), (2, 3, 3, 4), (4,)]


@pytest.mark.parametrize(
    ("name", "shapes", "options", "message"),
    [
        ("conv2d", [(2, 5, 6, 3), (2, 3, 2, 4), (4,)], {}, "axis 'channels' is 2 in kernel"),
        ("conv2d", [(2, 5, 6, 3), (2, 3, 3, 4), (5,)], {}, "axis 'units' is 5 in bias"),
        ("conv2d", [(5, 6, 3), (2, 3, 3, 4), (4,)], {}, "x has shape"),
        ("conv2d", [(2, 1, 6, 3), (2, 3, 3, 4), (4,)], {}, "axis 'frames'"),
        ("conv2d", [(2, 5, 4, 3), (2, 3, 3, 4), (4,)], {"dilation": 2}, "axis 'bands'"),
        ("conv2d", [(0, 5, 6, 3), (2, 3, 3, 4), (4,)], {}, "axis 'batch' of x is empty"),
        ("depthwise_conv2d", [(2, 5, 6, 3), (2, 3, 2), (2,)], {}, "axis 'channels'"),
        ("separable_conv2d", [(2, 5, 6, 3), (2, 3, 3), (2, 4), (4,)], {}, "axis 'channels'"),
        ("separable_conv2d", [(2, 5, 6, 3), (2, 3, 3), (3, 4), (5,)], {}, "axis 'units'"),
        ("max_pool2d", [(2, 1, 6, 3)], {}, "axis 'frames'"),
        ("average_pool2d", [(2, 6, 1, 3)], {}, "axis 'bands'"),
        ("dense", [(2, 3), (4, 5), (5,)], {}, "axis 'features'"),
        ("softmax", [(2, 3)], {"axis": 2}, "axis is 2"),
        ("batch_norm", [(2, 3), (4,), (4,)], {}, "axis 'features'"),
        ("batch_norm", [(3,), (3,), (3,)], {}, "at least two axes"),
        ("batch_norm_inference", [(2, 3), (3,), (3,), (3,), (4,)], {}, "axis 'features'"),
        ("moving_statistics", [(2, 3), (3,), (4,)], {}, "axis 'features'"),
        ("layer_norm", [(2, 3), (4,), (3,)], {}, "axis 'features'"),
    ],
)
def test_bad_shapes_name_the_axis(name, shapes, options, message):
    with pytest.raises(ShapeError, match=message):
        getattr(layers, name)(*drawn(shapes), **options)


@pytest.mark.parametrize("name", CASES)
def test_a_gradient_of_another_shape_is_refused(name):
    shapes, options = CASES[name]
    arrays = drawn(shapes)
    shape = getattr(layers, name)(*arrays, **options).shape
    with pytest.raises(ShapeError, match="axis"):
        getattr(layers, f"{name}_backward")(np.ones((*shape[:-1], 9)), *arrays, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"padding": "full"}, "padding is 'full'"),
        ({"stride": 0}, "stride is 0"),
        ({"stride": (1, 2, 3)}, "stride is"),
        ({"dilation": 1.5}, "dilation is 1.5"),
        ({"stride": (2, 1), "dilation": (1, 2)}, "only one may be above 1"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        layers.conv2d(*drawn(CONV), **options)


def test_labels_are_checked():
    z = np.zeros((3, 4))
    with pytest.raises(TypeError, match="whole numbers"):
        layers.cross_entropy(z, np.zeros(3))
    with pytest.raises(ShapeError, match="axis 'batch'"):
        layers.cross_entropy(z, np.zeros(2, int))
    with pytest.raises(ValueError, match="from 0 to 3"):
        layers.cross_entropy(z, np.array([0, 4, 1]))
    with pytest.raises(ShapeError, match="one number"):
        layers.cross_entropy_backward(np.ones(3), z, np.zeros(3, int))


def test_other_bad_values_are_refused():
    x, vector = np.ones((2, 3)), np.ones(3)
    with pytest.raises(ValueError, match="epsilon"):
        layers.layer_norm(x, vector, vector, epsilon=0)
    with pytest.raises(ValueError, match="variance"):
        layers.batch_norm_inference(x, vector, vector, vector, -vector)
    with pytest.raises(ValueError, match="momentum"):
        layers.moving_statistics(x, vector, vector, 1.5)
    with pytest.raises(ValueError, match="NaN"):
        layers.softmax(np.array([np.nan, 1.0]))
    with pytest.raises(TypeError, match="floating point"):
        layers.relu(np.arange(3))
