"""The network of chapter 8.3: gradients of single examples, clipping, DP-SGD, averaging."""

import numpy as np
import pytest

from helpers import privacy
from helpers.models import private, tf


def data(n, seed=0):
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 3).astype(np.int32)
    pictures = rng.normal(0, 0.3, (n, 12, 8)).astype(np.float32)
    pictures[np.arange(n), :, 2 * labels] += 1.5
    return pictures, labels


def network(seed=0):
    return private.GroupNormNetwork((4, 8), classes=3, groups=2, seed=seed)


def test_the_number_of_weights():
    assert network().count_params() == 25 * 4 + 8 + 9 * 4 * 8 + 16 + 8 * 3 + 3
    with pytest.raises(ValueError, match="multiples"):
        private.GroupNormNetwork((5, 8), groups=2)


def test_groups_have_mean_zero_and_variance_one():
    x = np.random.default_rng(0).normal(3, 2, (2, 5, 4, 6)).astype(np.float32)
    y = private.normalise_groups(tf.constant(x), 3).numpy().reshape(2, 20, 3, 2)
    assert np.mean(y, axis=(1, 3)) == pytest.approx(np.zeros((2, 3)), abs=1e-5)
    assert np.var(y, axis=(1, 3)) == pytest.approx(np.ones((2, 3)), abs=1e-3)


def test_no_example_moves_the_logits_of_another():
    pictures, _ = data(4)
    changed = pictures.copy()
    changed[0] *= -2
    net = network()
    assert net(changed).numpy()[1:] == pytest.approx(net(pictures).numpy()[1:], abs=1e-6)


def test_each_gradient_is_that_of_the_example_alone():
    pictures, labels = data(5)
    net = network()
    found = private.example_gradients(net, pictures, labels)
    for i in range(5):
        with tf.GradientTape() as tape:
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels[i : i + 1], net(pictures[i : i + 1])
            )
        for own, expected in zip(found, tape.gradient(loss, net.weights), strict=True):
            assert own[i].numpy() == pytest.approx(expected.numpy(), abs=2e-6)


@pytest.mark.parametrize("side", [3, 5])
def test_both_ways_to_cut_patches_agree(side):
    x = np.random.default_rng(1).normal(size=(2, 9, 6, 1)).astype(np.float32)
    twice = private.patches_of(np.concatenate([x, x], axis=3), side).numpy()
    assert private.patches_of(x, side).numpy() == pytest.approx(twice[..., ::2], abs=1e-6)


def test_clipping_by_hand():
    gradients = [tf.constant([[3.0], [0.3], [9.0]]), tf.constant([[4.0], [0.4], [9.0]])]
    total = private.clipped_sum(gradients, 1.0, tf.constant([1.0, 1.0, 0.0]))
    assert [t.numpy()[0] for t in total] == pytest.approx([0.6 + 0.3, 0.8 + 0.4])


def test_one_example_moves_the_sum_by_the_clip_at_most():
    pictures, labels = data(6)
    found = private.example_gradients(network(), pictures, labels)
    with_it = private.clipped_sum(found, 0.05, tf.ones(6))
    without = private.clipped_sum(found, 0.05, tf.constant([0.0] + [1.0] * 5))
    moved = np.sqrt(
        sum(np.sum((a - b).numpy() ** 2) for a, b in zip(with_it, without, strict=True))
    )
    assert 0 < moved <= 0.05 + 1e-6


@pytest.mark.slow
def test_it_fits_its_own_data_with_and_without_clipping():
    pictures, labels = data(48)
    net = network()
    losses = private.train_plainly(
        net, private.drawer(pictures, labels, 16), steps=60, learning_rate=0.02, seed=0
    )
    assert losses[-1] < 0.2 * losses[0]
    net = network()
    drawn = private.train_privately(
        net,
        *data(48),
        steps=60,
        rate=0.5,
        clip=1.0,
        noise=0.0,
        learning_rate=0.02,
        seed=0,
    )
    logits = private.logits_on(net, pictures)
    assert np.mean(logits.argmax(axis=1) == labels) > 0.9
    assert np.mean(drawn) == pytest.approx(24, abs=3) and len(set(drawn)) > 1


def test_noise_moves_the_weights_as_far_as_it_says(monkeypatch):
    """With a rate of learning in place of Adam, one step from no clip is noise alone."""

    class Plain:
        def __init__(self, weights, learning_rate):
            self.weights, self.learning_rate = weights, learning_rate

        def step(self, gradients, number):
            for weight, gradient in zip(self.weights, gradients, strict=True):
                weight.assign_sub(self.learning_rate * gradient)

    monkeypatch.setattr(private, "Adam", Plain)
    pictures, labels = data(20)
    net = network()
    before = net.get_weights()
    private.train_privately(
        net,
        pictures,
        labels,
        steps=1,
        rate=0.5,
        clip=1e-3,
        noise=1e3,
        learning_rate=1.0,
        seed=0,
    )
    moved = np.concatenate(
        [np.ravel(a - b) for a, b in zip(net.get_weights(), before, strict=True)]
    )
    assert np.std(moved) == pytest.approx(1e3 * 1e-3 / 10, rel=0.15)


def test_only_the_last_weights_move_if_so_asked():
    net = network()
    before = net.get_weights()
    private.train_privately(
        net,
        *data(20),
        steps=1,
        rate=0.5,
        clip=1.0,
        noise=1.0,
        learning_rate=0.1,
        seed=0,
        trained=2,
    )
    same = [np.array_equal(a, b) for a, b in zip(before, net.get_weights(), strict=True)]
    assert same == [True] * 6 + [False] * 2


def test_training_refuses_what_bounds_nothing():
    with pytest.raises(ValueError, match="the clip above 0"):
        private.train_privately(
            network(), *data(4), steps=1, rate=0.5, clip=0, noise=1, learning_rate=1, seed=0
        )
    with pytest.raises(ValueError, match="cannot fill"):
        private.drawer(*data(4), 5)
    with pytest.raises(ValueError, match="another network"):
        network().set_weights([np.zeros(2)])


def test_the_mean_of_clients_counts_their_clips():
    weights = [[np.array([0.0, 4.0])], [np.array([8.0, 0.0])]]
    assert private.average_weights(weights, [3, 1])[0] == pytest.approx([2.0, 3.0])
    with pytest.raises(ValueError, match="one size"):
        private.average_weights(weights, [1, 0])


def test_one_client_is_ordinary_training():
    pictures, labels = data(24)
    settings = {"learning_rate": 0.05, "momentum": 0.0, "seed": 4}
    alone, federated = network(), network()
    private.train_federated(
        federated, {"a": (pictures, labels)}, rounds=3, local_steps=2, size=8, **settings
    )
    private.train_plainly(alone, private.drawer(pictures, labels, 8), steps=6, **settings)
    for a, b in zip(alone.get_weights(), federated.get_weights(), strict=True):
        assert a == pytest.approx(b, abs=1e-5)


def test_clients_that_agree_learn_together():
    net, seen = network(), []
    clients = {name: data(24, seed) for seed, name in enumerate("ab")}
    private.train_federated(
        net,
        clients,
        rounds=6,
        local_steps=5,
        size=12,
        learning_rate=0.05,
        momentum=0.9,
        seed=0,
        watch=lambda number, sent: seen.append((number, sorted(sent))),
    )
    assert seen == [(r, ["a", "b"]) for r in range(1, 7)]
    pictures, labels = data(30, 9)
    assert np.mean(private.logits_on(net, pictures).argmax(axis=1) == labels) > 0.9


def test_the_labels_of_a_batch_are_read_off_its_gradient():
    pictures, labels = data(10)
    net = network()
    gradient = private.example_gradients(net, pictures, labels)[-1].numpy().mean(axis=0)
    softmax = tf.nn.softmax(net(pictures)).numpy().mean(axis=0)
    found = privacy.labels_from_bias(gradient, 10, softmax)
    assert found.tolist() == np.bincount(labels, minlength=3).tolist()
