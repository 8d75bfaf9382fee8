"""Scores, gradients and Grad-CAM of networks small enough to be checked by hand."""

import numpy as np
import pytest

from helpers.attribution import integrated_gradients
from helpers.errors import ShapeError
from helpers.models import keras, tf
from helpers.models.attributions import SILENCE, Explainer, randomised, with_holes
from helpers.models.cnn import digit_cnn


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return digit_cnn(16, 8, channels=(4, 6, 8), classes=3)


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).normal(size=(12, 16, 8)).astype(np.float32)


def test_score_probability_and_answers(network, pictures):
    explainer, logits = Explainer(network), network(pictures, training=False).numpy()
    for k in range(3):
        margin = logits[:, k] - logits.mean(axis=1)
        assert np.allclose(explainer.score(k)(pictures), margin, atol=1e-5)
        probability = tf.nn.softmax(logits).numpy()[:, k]
        assert np.allclose(explainer.probability(k)(pictures), probability, atol=1e-5)
    assert np.array_equal(explainer.answers(pictures, batch=5), logits.argmax(axis=1))


def test_the_gradient_is_the_slope_of_the_score(network, pictures):
    explainer, small = Explainer(network), 1e-2
    slope = explainer.gradient(1)(pictures[:1])[0]
    t, m = np.unravel_index(np.abs(slope).argmax(), slope.shape)
    two = np.repeat(pictures[:1], 2, axis=0)
    two[:, t, m] += [small, -small]
    up, down = explainer.score(1)(two)
    assert (up - down) / (2 * small) == pytest.approx(slope[t, m], rel=0.1)


def test_attributions_of_a_network_add_up(network, pictures):
    explainer = Explainer(network)
    silence = np.full((16, 8), SILENCE, np.float32)
    got = integrated_gradients(explainer.gradient(2), pictures[0], silence, 256)
    ends = explainer.score(2)(np.stack([pictures[0], silence]))
    assert got.sum() == pytest.approx(ends[0] - ends[1], rel=0.02, abs=0.01)


def test_grad_cam_by_hand():
    inputs = keras.Input((8, 4))
    x = keras.layers.Reshape((8, 4, 1))(inputs)
    x = keras.layers.Conv2D(2, 1, strides=2, padding="same", use_bias=False)(x)
    x = keras.layers.ReLU()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    net = keras.Model(inputs, keras.layers.Dense(2)(x))
    net.set_weights([np.array([[[[1.0, -1.0]]]]), np.eye(2), np.zeros(2)])
    picture = np.zeros((8, 4), np.float32)
    picture[4, 2] = 3.0
    explainer = Explainer(net)
    assert [m.shape for m in explainer.maps(picture[None])] == [(1, 4, 2, 2)]
    cam = explainer.grad_cam(picture, 0)
    assert cam.shape == (8, 4)
    assert cam.max() > 0
    assert cam[4:6, 2:].min() >= 0.5 * cam.max()
    assert cam[4, 2] == cam.max()
    assert cam[:2].max() == 0
    assert explainer.grad_cam(picture, 1).max() == 0
    assert np.array_equal(cam, explainer.grad_cam(picture, 0, layer=0))
    with pytest.raises(ShapeError, match="must be"):
        explainer.grad_cam(picture[:5], 0)
    with pytest.raises(IndexError):
        explainer.grad_cam(picture, 0, layer=3)


def test_maps_of_deeper_layers_are_drawn_on_the_picture(network, pictures):
    explainer = Explainer(network)
    for layer in (0, 1, 2, -1):
        cam = explainer.grad_cam(pictures[0], 0, layer)
        assert cam.shape == (16, 8)
        assert cam.min() >= 0


def test_places_are_drawn_where_they_look():
    keras.utils.set_random_seed(2)
    net = digit_cnn(100, 32)
    explainer = Explainer(net)
    assert explainer.centres(2, 1).tolist() == [7, 15, 23, 31]
    assert explainer.centres(4, 0).tolist() == [3, 35, 67, 99]
    relus = [x.output for x in net.layers if isinstance(x, keras.layers.ReLU)]
    inside = keras.Model(net.input, relus[2])
    picture = tf.constant(np.random.default_rng(3).normal(size=(64, 100, 32)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(picture)
        one = tf.reduce_sum(inside(picture, training=False)[:, 6, 2])
    weight = np.square(tape.gradient(one, picture).numpy()).sum(axis=0)
    frame = (weight.sum(axis=1) @ np.arange(100)) / weight.sum()
    band = (weight.sum(axis=0) @ np.arange(32)) / weight.sum()
    assert frame == pytest.approx(explainer.centres(2, 0)[6], abs=1.5)
    assert band == pytest.approx(explainer.centres(2, 1)[2], abs=1.5)


def test_an_explainer_refuses():
    inputs = keras.Input((4,))
    with pytest.raises(ShapeError, match="must lead"):
        Explainer(keras.Model(inputs, keras.layers.Dense(2)(inputs)))


def test_random_weights_from_the_top(network, pictures):
    before = [w.copy() for w in network.get_weights()]
    same = randomised(network, 0, pictures)
    assert all(np.array_equal(a, b) for a, b in zip(before, same.get_weights(), strict=True))
    top, every = randomised(network, 1, pictures), randomised(network, 4, pictures)
    assert np.array_equal(top.layers[2].get_weights()[0], network.layers[2].get_weights()[0])
    assert not np.array_equal(top.layers[-1].get_weights()[0], network.layers[-1].get_weights()[0])
    for old, new in zip(network.layers, every.layers, strict=True):
        if isinstance(old, keras.layers.Conv2D):
            a, b = old.get_weights()[0], new.get_weights()[0]
            assert not np.array_equal(a, b)
            assert np.array_equal(np.sort(a.ravel()), np.sort(b.ravel()))
    normed = keras.Model(every.input, every.layers[3].output)(pictures, training=False).numpy()
    assert np.allclose(normed.mean((0, 1, 2)), 0, atol=1e-3)
    assert np.allclose(normed.std((0, 1, 2)), 1, atol=0.05)
    assert all(np.array_equal(a, b) for a, b in zip(before, network.get_weights(), strict=True))
    again = randomised(network, 4, pictures)
    assert all(
        np.array_equal(a, b) for a, b in zip(every.get_weights(), again.get_weights(), strict=True)
    )
    with pytest.raises(ValueError, match="count"):
        randomised(network, 5, pictures)


def test_holes_are_silence_and_labels_stay():
    keras.utils.set_random_seed(1)
    whole = tf.ones([200, 16, 8])
    holed, labels = with_holes(lambda: (whole, tf.range(200)))()
    holed = holed.numpy()
    assert set(np.unique(holed).tolist()) == {SILENCE, 1.0}
    assert np.array_equal(labels, np.arange(200))
    parts = (holed == SILENCE).mean(axis=(1, 2))
    assert 0.2 < (parts == 0).mean() < 0.5
    assert 0.4 < parts[parts > 0].mean() < 0.6
    assert parts.max() > 0.9
