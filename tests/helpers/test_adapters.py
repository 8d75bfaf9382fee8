"""Changes of a network for one person."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from helpers.models import adapters, tf
from helpers.models.augmentation import NONE
from helpers.models.digits import Pictures


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((100, 32))
    x = keras.layers.Reshape((100, 32, 1))(inputs)
    x = keras.layers.Conv2D(12, (4, 32), strides=(4, 1), use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.ReLU()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.5)(x)
    return keras.Model(inputs, keras.layers.Dense(10)(x))


@pytest.fixture(scope="module")
def seen():
    return np.random.default_rng(0).normal(size=(8, 100, 32)).astype(np.float32)


def test_sizes_by_hand(network):
    """Kernel 4·32·1 → 12, normalisation 12 + 12, dense 12 → 10 with a bias."""
    sizes = {kind: adapters.Change(network, kind, 2).size for kind in adapters.KINDS}
    assert sizes == {
        "full": 4 * 32 * 12 + 24 + 120 + 10,
        "low rank": 2 * (4 * 32 + 12) + 2 * (12 + 10),
        "last layer": 130,
        "norms": 24,
    }


@pytest.mark.parametrize("kind", adapters.KINDS)
def test_a_change_starts_as_nothing_and_leaves_the_network_alone(network, seen, kind):
    change, old = adapters.Change(network, kind, 2), [w.copy() for w in network.get_weights()]
    change.reset(1)
    before = network(seen, training=False).numpy()
    assert np.array_equal(change(seen), before)
    for v in change.variables:
        v.assign(v + 0.3)
    assert not np.allclose(change(seen), before)
    assert np.allclose(change.merged()(seen, training=False), change(seen), atol=1e-5)
    assert all(np.array_equal(a, b) for a, b in zip(old, network.get_weights(), strict=True))
    assert np.array_equal(network(seen, training=False), before)


def test_batch_statistics_of_a_lesson_are_not_kept(network, seen):
    change, old = adapters.Change(network, "full"), [w.copy() for w in network.get_weights()]
    change(10 * seen, training=True)
    assert all(np.array_equal(a, b) for a, b in zip(old, network.get_weights(), strict=True))


def test_low_rank_equals_keras(network, seen):
    """Keras's own low-rank convolution, with its factors set to ours."""
    change = adapters.Change(network, "low rank", 2)
    change.reset(5)
    rng = np.random.default_rng(1)
    for v in change.variables:
        v.assign(rng.normal(size=v.shape))
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    factors = iter(change.variables)
    for layer in copy.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            layer.enable_lora(2, lora_alpha=2)
            layer.lora_kernel_a.assign(next(factors))
            layer.lora_kernel_b.assign(next(factors))
    assert np.allclose(copy(seen, training=False), change(seen), rtol=1e-4, atol=1e-4)


def test_ranks_and_kinds_that_are_none(network):
    with pytest.raises(ValueError, match="rank 0"):
        adapters.low_rank_shapes((3, 3, 4, 5), 0)
    with pytest.raises(ValueError, match="a matrix or a kernel"):
        adapters.low_rank_shapes((5,), 1)
    with pytest.raises(ValueError, match="choose from full"):
        adapters.Change(network, "half")
    assert adapters.low_rank_shapes((3, 3, 4, 5), 2) == ((3, 3, 4, 2), (2, 5))


def some_pictures(n, height, seed=0):
    """Clips of ten kinds: energy in one of ten groups of bands, shifted by `height`."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 10
    power = np.full((n, 100, 32), 1e-6, np.float32)
    for i, d in enumerate(labels):
        power[i, 20:60, (3 * d + height) % 32] = rng.uniform(0.5, 1.0, 40)
    return Pictures(power, np.full(n, 100, np.int32), labels.astype(np.int32), NONE)


def test_a_tutor_teaches_and_repeats_itself(network):
    change = adapters.Change(network, "full")
    tutor = adapters.Tutor(change, augmentation=NONE, rehearsal=0.5, training=True)
    mine, theirs = some_pictures(20, 1), some_pictures(40, 0)
    start = tutor.teach(mine, theirs, steps=1, learning_rate=1e-6)
    end = tutor.teach(mine, theirs, steps=60, learning_rate=0.03)
    assert end < start - 0.8
    learnt = [v.numpy() for v in change.variables]
    tutor.teach(some_pictures(10, 2), theirs, steps=3)
    assert np.isclose(tutor.teach(mine, theirs, steps=60, learning_rate=0.03), end, rtol=1e-3)
    for old, v in zip(learnt, change.variables, strict=True):
        assert np.allclose(old, v, atol=1e-2)


def test_what_a_tutor_refuses(network):
    change = adapters.Change(network, "norms")
    with pytest.raises(ValueError, match="rehearsal is 1"):
        adapters.Tutor(change, rehearsal=1.0)
    mine = some_pictures(4, 0)
    with pytest.raises(ValueError, match="give it `theirs`"):
        adapters.Tutor(change, rehearsal=0.5).teach(mine, steps=1)
    empty = replace(mine, power=mine.power[:0], lengths=mine.lengths[:0], labels=mine.labels[:0])
    with pytest.raises(ValueError, match="0 clips"):
        adapters.Tutor(change).teach(empty)


def test_opinions_are_the_mean_of_the_looks(network, seen):
    looks = np.stack([seen, 2 * seen])
    logs = [tf.nn.log_softmax(network(x, training=False)).numpy() for x in looks]
    assert np.allclose(adapters.opinions(network, looks, batch=3), np.mean(logs, 0), atol=1e-5)


def test_class_means_move_by_their_share(network):
    from helpers.datasets import load_digits

    clips = load_digits("builtin", quiet=True)
    one = np.concatenate([np.flatnonzero(clips.labels == d)[:2] for d in range(10)])
    means = adapters.ClassMeans(network, clips.subset(one))
    other = clips.subset(np.flatnonzero(clips.labels == 3)[5:8])
    inside = means._of(other)
    means.adapt(other, 2)
    assert np.allclose(means.means[3], (2 * means.old[3] + inside.sum(0)) / 5, atol=1e-5)
    assert np.allclose(np.delete(means.means, 3, 0), np.delete(means.old, 3, 0))
    assert means.answers(other).shape == (3,)
    with pytest.raises(ValueError, match="must be above 0"):
        means.adapt(other, 0)
    with pytest.raises(ValueError, match="have no clip"):
        adapters.ClassMeans(network, clips.subset(one[:4]))
