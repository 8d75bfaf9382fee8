"""Attention and the Transformer's blocks: by hand, against numerical gradients, against Keras."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.errors import ShapeError
from helpers.scratch import attention as scratch

HARD = ("length 1", "batch 1", "one head", "values of another width", "rows masked", "all masked")
DTYPES = ("float32", "float64")


# --- random configurations -----------------------------------------------------------------------


def drawn(rng, dtype):
    """A function that draws arrays from a standard normal distribution."""
    return lambda *shape: rng.standard_normal(shape).astype(dtype)


def lengths(rng, case, most=6):
    """(batch, queries, keys, width, values), small, with the edge that `case` asks for."""
    batch, queries, keys, width, values = (int(n) for n in rng.integers(1, most + 1, 5))
    if case == "length 1":
        queries = keys = 1
    if case == "batch 1":
        batch = 1
    if case == "values of another width":
        values = width + 1
    return batch, queries, keys, width, values


def mask_of(rng, case, batch, queries, keys):
    """None, or a boolean mask, in which whole rows are False where `case` asks for it."""
    if case == "all masked":
        return np.zeros((batch, queries, keys), bool)
    if case != "rows masked" and rng.random() < 0.3:
        return None
    if case is None and rng.random() < 0.3:
        return np.broadcast_to(scratch.causal_mask(queries, keys), (batch, queries, keys)).copy()
    mask = rng.random((batch, queries, keys)) < 0.6
    if case == "rows masked":
        mask[rng.integers(batch), rng.integers(queries)] = False
    return mask


def attention_configuration(seed, dtype, case=None):
    """(arrays q, k, v, mask; options)"""
    rng = np.random.default_rng(seed)
    normal = drawn(rng, dtype)
    batch, queries, keys, width, values = lengths(rng, case)
    mask = mask_of(rng, case, batch, queries, keys)
    q, k = normal(batch, queries, width), normal(batch, keys, width)
    return [q, k, normal(batch, keys, values), mask], {}


def multi_head_configuration(seed, dtype, case=None):
    """(arrays x, memory, weights, mask; options)"""
    rng = np.random.default_rng(seed)
    normal = drawn(rng, dtype)
    batch, queries, keys, width, values = lengths(rng, case, most=5)
    heads = 1 if case == "one head" else int(rng.integers(1, 4))
    features, others, outputs = (int(n) for n in rng.integers(1, 6, 3))
    if heads > 1 and heads in (queries, keys):
        width, values = max(2, width), max(2, values)  # see the framework's multi_head_attention
    x, memory = normal(batch, queries, features), normal(batch, keys, others)
    if rng.random() < 0.3:
        memory, keys, others = x.copy(), queries, features
    weights = [
        normal(features, heads, width), normal(heads, width),
        normal(others, heads, width), normal(heads, width),
        normal(others, heads, values), normal(heads, values),
        normal(heads, values, outputs), normal(outputs),
    ]  # fmt: skip
    return [x, memory, *weights, mask_of(rng, case, batch, queries, keys)], {}


def embedding_configuration(seed, dtype, case=None):
    """(arrays tokens, table; options)"""
    rng = np.random.default_rng(seed)
    batch, steps, _, width, rows = lengths(rng, case)
    tokens = rng.integers(0, rows, (batch, steps)).astype(np.int32)
    return [tokens, drawn(rng, dtype)(rows, width)], {}


def positions_configuration(seed, dtype, case=None):
    """(arrays x, table; options)"""
    rng = np.random.default_rng(seed)
    normal = drawn(rng, dtype)
    batch, steps, more, width, _ = lengths(rng, case)
    return [normal(batch, steps, width), normal(steps + more - 1, width)], {}


def feed_forward_configuration(seed, dtype, case=None):
    """(arrays x, w_1, b_1, w_2, b_2; options)"""
    rng = np.random.default_rng(seed)
    normal = drawn(rng, dtype)
    batch, steps, inner, width, outputs = lengths(rng, case)
    arrays = [normal(batch, steps, width), normal(width, inner), normal(inner)]
    activation = str(rng.choice(["relu", "gelu"]))
    return [*arrays, normal(inner, outputs), normal(outputs)], {"activation": activation}


def block_configuration(seed, dtype, case=None, cross=False):
    """(arrays x, memory if there is one, parameters; options with their names)"""
    rng = np.random.default_rng(seed)
    normal = drawn(rng, dtype)
    batch, steps, keys, each, _ = lengths(rng, case, most=4)
    heads = 1 if case == "one head" else int(rng.integers(1, 4))
    if heads > 1 and heads in (steps, keys):
        each = max(2, each)  # see the framework's multi_head_attention
    while each * heads < 4:  # to normalise two numbers is ill-conditioned in single precision
        each += 1
    width = each * heads
    drawn_parameters = scratch.block_parameters(rng, width, heads, int(rng.integers(1, 9)), cross)
    parameters = {
        name: (array + 0.3 * rng.standard_normal(array.shape)).astype(dtype)
        for name, array in drawn_parameters.items()
    }
    options = {
        "names": tuple(parameters),
        "mask": mask_of(rng, case, batch, steps, steps),
        "norm": str(rng.choice(["pre", "post"])),
        "activation": str(rng.choice(["relu", "gelu"])),
    }
    inputs = [normal(batch, steps, width)]
    if cross:
        inputs.append(normal(batch, keys, width))
        options["memory_mask"] = mask_of(rng, case, batch, steps, keys)
    return [*inputs, *parameters.values()], options


def decoder_configuration(seed, dtype, case=None):
    """As `block_configuration`, for the decoder."""
    return block_configuration(seed, dtype, case, cross=True)


def blocks_as_arrays(name):
    """(forward, backward) of a block with arrays in place of the dict."""
    from helpers.scratch.framework.attention import as_arrays

    block, backward = getattr(scratch, name), getattr(scratch, f"{name}_backward")
    return as_arrays(block, backward, 1 if name == "encoder_block" else 2)


LAYERS = {
    "attention": attention_configuration,
    "multi_head_attention": multi_head_configuration,
    "embedding": embedding_configuration,
    "learned_positions": positions_configuration,
    "feed_forward": feed_forward_configuration,
    "encoder_block": block_configuration,
    "decoder_block": decoder_configuration,
}


def pair(name):
    """(forward, backward) of a layer, with its arrays as arguments."""
    if name.endswith("block"):
        return blocks_as_arrays(name)
    return getattr(scratch, name), getattr(scratch, f"{name}_backward")


# --- equal to the framework ----------------------------------------------------------------------


def assert_equal(name, seed, dtype, case=None):
    import helpers.models  # noqa: F401 - quietens TensorFlow's start
    from helpers.scratch.framework import attention as framework
    from helpers.scratch.framework import differences

    arrays, options = LAYERS[name](seed, dtype, case)
    found = differences(*pair(name), getattr(framework, name), arrays, seed=seed, **options)
    assert found.output < 1e-5, (found, seed, case)
    assert found.gradient < 1e-4, (found, seed, case)


def every_case(test):
    """Each edge case once, then a hundred configurations at random."""
    for case in HARD:
        test = example(seed=1, case=case)(test)
    test = settings(max_examples=100, deadline=None, derandomize=True)(test)
    test = given(seed=st.integers(0, 2**32 - 1), case=st.sampled_from((None, *HARD)))(test)
    return pytest.mark.slow(pytest.mark.parametrize("dtype", DTYPES)(test))


@every_case
def test_attention_equals_the_framework(dtype, seed, case):
    assert_equal("attention", seed, dtype, case)


@every_case
def test_multi_head_attention_equals_the_framework(dtype, seed, case):
    assert_equal("multi_head_attention", seed, dtype, case)


@every_case
def test_embedding_equals_the_framework(dtype, seed, case):
    assert_equal("embedding", seed, dtype, case)


@every_case
def test_learned_positions_equals_the_framework(dtype, seed, case):
    assert_equal("learned_positions", seed, dtype, case)


@every_case
def test_feed_forward_equals_the_framework(dtype, seed, case):
    assert_equal("feed_forward", seed, dtype, case)


@every_case
def test_encoder_block_equals_the_framework(dtype, seed, case):
    assert_equal("encoder_block", seed, dtype, case)


@every_case
def test_decoder_block_equals_the_framework(dtype, seed, case):
    assert_equal("decoder_block", seed, dtype, case)


@every_case
def test_sinusoidal_positions_equals_the_framework(dtype, seed, case):
    from helpers.scratch.framework import attention as framework

    rng = np.random.default_rng(seed)
    steps = 1 if case == "length 1" else int(rng.integers(1, 200))
    width = 2 * int(rng.integers(1, 33))
    codes = scratch.sinusoidal_positions(steps, width, dtype=dtype)
    assert codes.dtype == dtype
    np.testing.assert_allclose(
        codes, framework.sinusoidal_positions(steps, width, dtype), atol=1e-6
    )


def _unscaled(q, k, v, mask=None):
    return scratch.attention(q, k, v, mask, scaled=False)


def _unscaled_backward(d_output, q, k, v, mask=None):
    return scratch.attention_backward(d_output, q, k, v, mask, scaled=False)


def _inverted(q, k, v, mask):
    return scratch.attention(q, k, v, ~mask)


def _inverted_backward(d_output, q, k, v, mask):
    return scratch.attention_backward(d_output, q, k, v, ~mask)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("forward", "backward"),
    [(_unscaled, _unscaled_backward), (_inverted, _inverted_backward)],
    ids=["no scaling", "wrong sense of the mask"],
)
def test_a_wrong_attention_is_told_apart(forward, backward):
    import helpers.models  # noqa: F401 - quietens TensorFlow's start
    from helpers.scratch.framework import attention as framework
    from helpers.scratch.framework import differences

    normal = drawn(np.random.default_rng(2), "float64")
    mask = np.tril(np.ones((2, 4, 5), bool))
    arrays = [normal(2, 4, 3), normal(2, 5, 3), normal(2, 5, 3), mask]
    found = differences(forward, backward, framework.attention, arrays)
    assert found.output > 1e-2
    assert found.gradient > 1e-2


@pytest.mark.slow
def test_keras_has_two_answers_for_a_row_that_may_look_nowhere():
    """Ours is the first; if this fails, Keras has changed, and chapter 3.3 has to say so."""
    import keras

    import helpers.models  # noqa: F401 - quietens TensorFlow's start

    x, mask = np.random.default_rng(0).standard_normal((1, 2, 3)), np.zeros((1, 2, 2), bool)
    layer = keras.layers.MultiHeadAttention(1, 3, dtype="float64")
    plain = np.asarray(layer(x, x, attention_mask=mask))
    with_scores, _ = layer(x, x, attention_mask=mask, return_attention_scores=True)
    np.testing.assert_array_equal(np.asarray(with_scores), 0)
    weights = [w.numpy() for w in layer.weights]
    np.testing.assert_allclose(scratch.multi_head_attention(x, x, *weights, mask), plain)
    assert np.abs(plain).max() > 0.01


@pytest.mark.slow
def test_keras_adds_a_bias_of_shape_heads_by_1_along_time():
    """A fault of Keras 3.15 with TensorFlow; when it is mended, the exceptions above can go."""
    import keras

    import helpers.models  # noqa: F401 - quietens TensorFlow's start

    layer = keras.layers.EinsumDense("abc,cde->abde", (None, 3, 1), bias_axes="de")
    layer.build((1, 3, 2))
    layer.set_weights([np.zeros((2, 3, 1)), np.array([[1.0], [2.0], [3.0]])])
    found = np.asarray(layer(np.zeros((1, 3, 2))))[0, :, :, 0]
    np.testing.assert_array_equal(found, [[1, 1, 1], [2, 2, 2], [3, 3, 3]])
    np.testing.assert_array_equal(np.asarray(layer(np.zeros((1, 4, 2))))[0, 0, :, 0], [1, 2, 3])


# --- by hand -------------------------------------------------------------------------------------

# Two queries, two keys, D_k = 1: the scores are whole multiples of log 2, so the weights are thirds
# and fifths.
LOG2 = np.log(2.0)
Q = np.array([[[1.0], [2.0]]])
K = LOG2 * np.array([[[0.0], [1.0]]])
V = np.array([[[15.0, 0.0], [0.0, 15.0]]])


def test_attention_by_hand():
    weights = scratch.attention_weights(Q, K)
    np.testing.assert_allclose(weights, [[[1 / 3, 2 / 3], [1 / 5, 4 / 5]]])
    np.testing.assert_allclose(scratch.attention(Q, K, V), [[[5, 10], [3, 12]]])


def test_attention_backward_by_hand():
    # The loss is Y[0, 0], so the first row of dA is (15, 0), its mean under the weights 5, and
    # dE = (1/3 · 10, 2/3 · (−5)), as in chapter 3.3
    d_output = np.array([[[1.0, 0.0], [0.0, 0.0]]])
    d_q, d_k, d_v, nothing = scratch.attention_backward(d_output, Q, K, V)
    np.testing.assert_allclose(d_q, [[[-10 / 3 * LOG2], [0.0]]])
    np.testing.assert_allclose(d_k, [[[10 / 3], [-10 / 3]]])
    np.testing.assert_allclose(d_v, [[[1 / 3, 0], [2 / 3, 0]]])
    assert nothing is None


def test_the_scores_are_divided_by_the_root_of_the_width():
    q, k = np.ones((1, 1, 4)), np.stack([np.zeros((1, 4)), np.ones((1, 4))], axis=1)
    weights = scratch.attention_weights(q, k)
    np.testing.assert_allclose(weights, [[[1 / (1 + np.e**2), np.e**2 / (1 + np.e**2)]]])
    weights = scratch.attention_weights(q, k, scaled=False)
    np.testing.assert_allclose(weights, [[[1 / (1 + np.e**4), np.e**4 / (1 + np.e**4)]]])


def test_what_is_masked_has_no_weight_and_no_gradient():
    mask = np.array([[[True, False], [False, False]]])
    weights = scratch.attention_weights(Q, K, mask)
    np.testing.assert_array_equal(weights, [[[1, 0], [0.5, 0.5]]])
    d_q, d_k, d_v, _ = scratch.attention_backward(np.ones((1, 2, 2)), Q, K, V, mask)
    np.testing.assert_array_equal(d_q, 0)
    np.testing.assert_array_equal(d_k, 0)
    np.testing.assert_array_equal(d_v, [[[1.5, 1.5], [0.5, 0.5]]])


def test_the_causal_mask():
    mask = scratch.causal_mask(3)
    assert mask.shape == (1, 3, 3)
    np.testing.assert_array_equal(mask[0], [[1, 0, 0], [1, 1, 0], [1, 1, 1]])
    np.testing.assert_array_equal(scratch.causal_mask(2, 3)[0], [[1, 0, 0], [1, 1, 0]])
    with pytest.raises(ValueError, match="1 or more"):
        scratch.causal_mask(0)


def test_a_causal_block_does_not_see_the_future():
    rng = np.random.default_rng(3)
    parameters = scratch.block_parameters(rng, 8, 2, 16, dtype=np.float64)
    x = rng.standard_normal((2, 6, 8))
    later = x.copy()
    later[:, 4:] += 1
    mask = scratch.causal_mask(6)
    before, after = (scratch.encoder_block(a, parameters, mask) for a in (x, later))
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert np.abs(before[:, 4:] - after[:, 4:]).min() > 0


def test_attention_is_equivariant_under_permutations():
    rng = np.random.default_rng(4)
    parameters = scratch.block_parameters(rng, 8, 2, 16, dtype=np.float64)
    x, order = rng.standard_normal((2, 6, 8)), rng.permutation(6)
    moved = scratch.encoder_block(x[:, order], parameters)
    np.testing.assert_allclose(moved, scratch.encoder_block(x, parameters)[:, order])


def test_heads_are_split_and_merged():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((2, 3, 4))
    identity = np.eye(4).reshape(4, 2, 2)
    parts = scratch.split_heads(x, identity, np.zeros((2, 2)))
    np.testing.assert_array_equal(parts[1], x[0, :, 2:])
    np.testing.assert_array_equal(parts[2], x[1, :, :2])
    merged = scratch.merge_heads(parts, np.eye(4).reshape(2, 2, 4), np.zeros(4))
    np.testing.assert_allclose(merged, x)


def test_position_codes_by_hand():
    codes = scratch.sinusoidal_positions(2, 4, base=16.0, dtype=np.float64)
    one, quarter = np.sin([1, 0.25]), np.cos([1, 0.25])
    np.testing.assert_allclose(codes, [[0, 1, 0, 1], [one[0], quarter[0], one[1], quarter[1]]])


def test_products_of_position_codes_depend_on_the_distance():
    codes = scratch.sinusoidal_positions(40, 32, dtype=np.float64)
    products = codes @ codes.T
    for distance in range(40):
        diagonal = np.diagonal(products, distance)
        np.testing.assert_allclose(diagonal, diagonal[0], atol=1e-9)


def test_a_row_that_is_looked_up_twice_collects_both_gradients():
    tokens, table = np.array([[1, 1, 0]]), np.zeros((3, 2))
    d_output = np.array([[[1.0, 0.0], [2.0, 5.0], [7.0, 7.0]]])
    nothing, d_table = scratch.embedding_backward(d_output, tokens, table)
    assert nothing is None
    np.testing.assert_array_equal(d_table, [[7, 7], [3, 5], [0, 0]])


def test_feed_forward_by_hand():
    x = np.array([[[1.0, 2.0]]])
    w_1, b_1 = np.array([[1.0, -1.0], [1.0, 0.0]]), np.array([0.0, -1.0])
    w_2, b_2 = np.array([[2.0], [3.0]]), np.array([1.0])
    np.testing.assert_array_equal(scratch.feed_forward(x, w_1, b_1, w_2, b_2), [[[7.0]]])
    found = scratch.feed_forward_backward(np.ones((1, 1, 1)), x, w_1, b_1, w_2, b_2)
    wanted = ([[[2, 2]]], [[2, 0], [4, 0]], [2, 0], [[3], [0]], [1])
    for gradient, right in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(gradient, right)


def test_blocks_without_a_part():
    rng = np.random.default_rng(6)
    p = scratch.block_parameters(rng, 4, 2, 8, dtype=np.float64)
    x = rng.standard_normal((1, 3, 4))
    own = [p[f"self.{name}"] for name in scratch.ATTENTION]
    feed = [p[f"feed.{name}"] for name in scratch.FEED_FORWARD]
    y = x + scratch.multi_head_attention(x, x, *own)
    right = y + scratch.feed_forward(y, *feed)
    np.testing.assert_allclose(scratch.encoder_block(x, p, without="norm"), right)
    one = np.ones(4), np.zeros(4)
    z = scratch.layer_norm(x, *one)
    alone = scratch.encoder_block(x, p, without="feed-forward")
    np.testing.assert_allclose(alone, x + scratch.multi_head_attention(z, z, *own))
    z = scratch.multi_head_attention(z, z, *own)
    right = scratch.feed_forward(scratch.layer_norm(z, *one), *feed)
    np.testing.assert_allclose(scratch.encoder_block(x, p, without="residual"), right)


# --- numerical gradients -------------------------------------------------------------------------


def assert_numerical_gradient(forward, backward, arrays, options, step=1e-5):
    rng = np.random.default_rng(0)
    d_output = rng.standard_normal(forward(*arrays, **options).shape)
    gradients = backward(d_output, *arrays, **options)
    for array, gradient in zip(arrays, gradients, strict=True):
        if array is None or not np.issubdtype(array.dtype, np.floating):
            assert gradient is None
            continue
        assert gradient.shape == array.shape
        numerical = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            kept = array[place]
            sides = []
            for side in (step, -step):
                array[place] = kept + side
                sides.append(np.sum(forward(*arrays, **options) * d_output))
            array[place] = kept
            numerical[place] = (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(gradient, numerical, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", [None, "rows masked"])
@pytest.mark.parametrize("name", [n for n in LAYERS if not n.endswith("block")])
def test_gradients_are_those_of_small_differences(name, case):
    arrays, options = LAYERS[name](11, "float64", case)
    assert_numerical_gradient(*pair(name), arrays, options)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("without", [None, *scratch.PARTS])
@pytest.mark.parametrize("name", ["encoder_block", "decoder_block"])
def test_gradients_of_blocks_are_those_of_small_differences(name, without, norm):
    arrays, options = LAYERS[name](12, "float64")
    options |= {"norm": norm, "without": without, "activation": "gelu"}
    assert_numerical_gradient(*pair(name), arrays, options)


# --- dtype and errors ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYERS)
def test_the_dtype_is_kept(name, dtype):
    arrays, options = LAYERS[name](7, dtype, "rows masked")
    forward, backward = pair(name)
    output = forward(*arrays, **options)
    assert output.dtype == dtype
    gradients = backward(np.ones_like(output), *arrays, **options)
    assert {g.dtype.name for g in gradients if g is not None} == {dtype}


def test_bad_shapes_name_the_axis():
    q, k, v = np.ones((2, 3, 4)), np.ones((2, 5, 4)), np.ones((2, 5, 6))
    with pytest.raises(ShapeError, match="width"):
        scratch.attention(q, np.ones((2, 5, 3)), v)
    with pytest.raises(ShapeError, match="keys"):
        scratch.attention(q, k, np.ones((2, 4, 6)))
    with pytest.raises(ShapeError, match="batch"):
        scratch.attention_weights(q, np.ones((3, 5, 4)))
    with pytest.raises(ShapeError, match="'queries' is 5 in mask"):
        scratch.attention(q, k, v, np.ones((2, 5, 3), bool))
    with pytest.raises(ShapeError, match="3 axes"):
        scratch.attention(q, k, v, np.ones((3, 5), bool))
    with pytest.raises(TypeError, match="boolean"):
        scratch.attention(q, k, v, np.ones((2, 3, 5)))
    with pytest.raises(ShapeError, match="values"):
        scratch.attention_backward(np.ones((2, 3, 5)), q, k, v)
    w, b = np.ones((4, 2, 3)), np.ones((2, 3))
    out, bias = np.ones((2, 3, 4)), np.ones(4)
    with pytest.raises(ShapeError, match="memory_features"):
        scratch.multi_head_attention(q, np.ones((2, 5, 3)), w, b, w, b, w, b, out, bias)
    with pytest.raises(ShapeError, match="heads"):
        scratch.multi_head_attention(q, k, w, b, w, b, w, b, np.ones((3, 3, 4)), bias)
    with pytest.raises(ShapeError, match="parts"):
        scratch.merge_heads(np.ones((3, 1, 3)), out, bias)
    with pytest.raises(ShapeError, match="inner"):
        scratch.feed_forward(q, np.ones((4, 8)), np.ones(7), np.ones((8, 4)), np.ones(4))
    with pytest.raises(ShapeError, match="'steps' of x is 3"):
        scratch.learned_positions(q, np.ones((2, 4)))
    with pytest.raises(ShapeError, match="empty"):
        scratch.attention(np.ones((2, 0, 4)), k, v)


def test_bad_tokens_and_options_are_refused():
    table = np.ones((3, 2))
    with pytest.raises(ValueError, match="from 0 to 2"):
        scratch.embedding(np.array([[0, 3]]), table)
    with pytest.raises(ValueError, match="from 0 to 2"):
        scratch.embedding(np.array([[-1]]), table)
    with pytest.raises(TypeError, match="whole numbers"):
        scratch.embedding(np.array([[0.0]]), table)
    with pytest.raises(ShapeError, match="2 axes"):
        scratch.embedding(np.array([0, 1]), table)
    with pytest.raises(ShapeError, match="d_output"):
        scratch.embedding_backward(np.ones((1, 3, 2)), np.array([[0, 1]]), table)
    for steps, width in ((0, 2), (3, 3), (3, 0)):
        with pytest.raises(ValueError, match="even"):
            scratch.sinusoidal_positions(steps, width)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="heads must divide"):
        scratch.block_parameters(rng, 5, 2, 8)
    p, x = scratch.block_parameters(rng, 4, 2, 8), np.ones((1, 3, 4), np.float32)
    with pytest.raises(ValueError, match="pre"):
        scratch.encoder_block(x, p, norm="both")
    with pytest.raises(ValueError, match="feed-forward"):
        scratch.encoder_block(x, p, without="mask")
    with pytest.raises(ValueError, match="gelu"):
        scratch.encoder_block(x, p, activation="tanh")
    with pytest.raises(KeyError, match=r"cross\.w_q"):
        scratch.decoder_block(x, x, p)
    with pytest.raises(KeyError, match=r"self\.b_q"):
        scratch.encoder_block(x, {n: a for n, a in p.items() if n != "self.b_q"})


def test_mask_for_all_equals_mask_for_each():
    q, k, v = (np.random.default_rng(i).standard_normal((3, 4, 2)) for i in range(3))
    mask = scratch.causal_mask(4)
    each = np.repeat(mask, 3, axis=0)
    np.testing.assert_array_equal(
        scratch.attention(q, k, v, mask), scratch.attention(q, k, v, each)
    )


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("without", [None, "residual", "norm"])
def test_sublayer_around_a_square(norm, without):
    """Around F(x) = x * x: the value by its definition, the gradients by central differences."""
    rng = np.random.default_rng(7)
    x, gamma, bias = rng.standard_normal((2, 3, 4)), rng.uniform(0.5, 2, 4), rng.standard_normal(4)

    def square(z):
        return z * z

    def forward(x, gamma, bias):
        return scratch.sublayer(x, square, gamma, bias, norm, without)

    def backward(d_output, x, gamma, bias):
        d_x, d_gamma, d_bias, others = scratch.sublayer_backward(
            d_output, x, square, lambda d, z: (2 * d * z,), gamma, bias, norm, without
        )
        assert others == []
        return d_x, d_gamma, d_bias

    def normed(z):
        return z if without == "norm" else scratch.layer_norm(z, gamma, bias)

    kept = 0 if without == "residual" else x
    right = kept + square(normed(x)) if norm == "pre" else normed(kept + square(x))
    np.testing.assert_allclose(forward(x, gamma, bias), right)
    assert_numerical_gradient(forward, backward, [x, gamma, bias], {})


@pytest.mark.parametrize(
    ("norm", "without", "right"),
    [
        ("pre", None, [5, 3]),
        ("pre", "residual", [4, 4]),
        ("pre", "norm", [2, 0]),
        ("post", None, [2, 2]),
        ("post", "residual", [0, 3]),
        ("post", "norm", [2, 0]),
    ],
)
def test_sublayer_by_hand(norm, without, right):
    # Mean 0 and variance 1, so LN(x) is x / sqrt(1.001); gamma takes that root back. Around a
    # square: LN(1, -1) = (2 + 0, -1 + 3), and x + x * x = (2, 0) is (1, -1) about its mean.
    gamma, bias = np.sqrt(1.001) * np.array([2.0, 1.0]), np.array([0.0, 3.0])
    x = np.array([[[1.0, -1.0]]])
    found = scratch.sublayer(x, lambda z: z * z, gamma, bias, norm, without)
    np.testing.assert_allclose(found, [[right]], atol=1e-12)


@pytest.mark.parametrize(("option", "value"), [("norm", "middle"), ("without", "attention")])
def test_sublayer_refuses_unknown_options(option, value):
    x, one = np.zeros((1, 1, 2)), np.ones(2)
    with pytest.raises(ValueError, match=value):
        scratch.sublayer(x, lambda z: z, one, one, **{option: value})
