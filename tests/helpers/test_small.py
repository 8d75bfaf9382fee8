"""Smaller networks: losses, masks, files, counts; and the listener."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from helpers.datasets import load_digits
from helpers.experiments import small as lab
from helpers.features import log_mel
from helpers.models import listener, small
from helpers.models.cnn import parameter_count
from helpers.models.digits import FRONT_END, window
from helpers.models.frontend import RelativeLevel
from helpers.streaming import StreamingNetwork


def tiny(seed=0):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((6, 4))
    x = keras.layers.Reshape((6, 4, 1))(inputs)
    x = keras.layers.Conv2D(3, 3, strides=2, padding="same", use_bias=False)(x)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(5, name="logits")(x))


def pictures(n=40, seed=0):
    return np.random.default_rng(seed).uniform(-1.75, 1, (n, 6, 4)).astype(np.float32)


def test_sizes_are_as_stated():
    assert parameter_count(small.LARGE) == 61708
    assert parameter_count(small.SMALL) == 16194


def test_what_is_seen_is_what_the_keras_layer_gives():
    x = np.random.default_rng(0).normal(0, 0.1, 5000).astype(np.float32)
    expected = RelativeLevel()(log_mel(window(x), FRONT_END)[None]).numpy()
    np.testing.assert_allclose(small.seen([x]), expected, atol=1e-5)


# --- distillation


def logits_model(row):
    return lambda inputs, training=False: tf.constant([row], tf.float32)


def test_distillation_by_hand():
    z, v, y = np.array([0.0, np.log(3.0)]), np.array([np.log(4.0), 0.0]), tf.constant([0])
    loss = small.distillation_loss(logits_model(v), temperature=1.0, share=0.5)
    p, q = np.array([0.8, 0.2]), np.array([0.25, 0.75])
    expected = 0.5 * (p * np.log(p / q)).sum() + 0.5 * -np.log(0.25)
    assert float(loss(logits_model(z), None, y)) == pytest.approx(expected, rel=1e-5)


def test_a_student_that_answers_alike_has_no_soft_loss():
    loss = small.distillation_loss(logits_model([1.0, 2.0]), temperature=4.0, share=1.0)
    assert float(loss(logits_model([1.0, 2.0]), None, tf.constant([0]))) == pytest.approx(
        0, abs=1e-5
    )
    assert float(loss(logits_model([2.0, 1.0]), None, tf.constant([0]))) > 0.1


@pytest.mark.parametrize(("temperature", "share"), [(0.0, 0.5), (2.0, 1.5)])
def test_distillation_refuses(temperature, share):
    with pytest.raises(ValueError, match="needed"):
        small.distillation_loss(logits_model([0.0]), temperature, share)


# --- pruning


def test_pruning_takes_the_smallest_of_all():
    network = tiny()
    before = np.concatenate([np.abs(k.numpy()).ravel() for k in small.kernels(network)])
    masks = small.prune(network, 0.5)
    after = np.concatenate([k.numpy().ravel() for k in small.kernels(network)])
    gone = after == 0
    assert gone.sum() == round(0.5 * len(before))
    assert before[gone].max() < before[~gone].min()
    assert sum(int(m.sum()) for m in masks) == (~gone).sum()
    with pytest.raises(ValueError, match="share"):
        small.prune(network, 1.0)


def test_tuning_keeps_zeros_and_moves_the_rest():
    network = tiny()
    masks = small.prune(network, 0.5)
    kept = [k.numpy() for k in small.kernels(network)]
    x, y = tf.constant(pictures()), tf.constant(np.arange(40) % 5)
    small.fine_tune(network, masks, lambda: (x, y), steps=3)
    for before, kernel, mask in zip(kept, small.kernels(network), masks, strict=True):
        assert np.all(kernel.numpy()[mask == 0] == 0)
        assert np.any(kernel.numpy()[mask == 1] != before[mask == 1])
    with pytest.raises(ValueError, match="at least one"):
        small.fine_tune(network, masks, lambda: (x, y), steps=0)


# --- files


@pytest.mark.slow
def test_files_answer_as_the_network(capfd):
    network, x = tiny(), pictures()
    expected = small.answers(network, x)
    sizes = {}
    for kind, within in (("float32", 1e-5), ("float16", 5e-3), ("int8", 0.05)):
        content = small.convert(network, kind, x)
        model = small.LiteModel(content)
        sizes[kind] = len(content)
        got = small.answers(model, x, batch=16)
        assert got.shape == expected.shape
        assert np.abs(got - expected).max() < within * max(1, np.abs(expected).max())
        assert model.seconds(x[:1], 3) > 0
    assert capfd.readouterr() == ("", "")
    blank = small.answers(small.LiteModel(small.convert(network, "int8", 0 * x - 1.75)), x)
    assert np.abs(blank - expected).max() > 0.05 * np.abs(expected).max()


def test_convert_refuses():
    with pytest.raises(ValueError, match="kind"):
        small.convert(None, "int4")
    with pytest.raises(ValueError, match="examples"):
        small.convert(None, "int8")


def test_quantise_by_hand():
    place = {"dtype": np.int8, "quantization": (0.5, -10)}
    assert small.quantise(np.array([0.0, 1.0, 0.6, 500.0]), place).tolist() == [-10, -8, -9, 127]
    assert small.quantise(np.array([0.1]), {"dtype": np.float32}).dtype == np.float32


def test_zeros_zip_away():
    noise = np.random.default_rng(0).bytes(10_000)
    assert small.zipped(noise) > 9_000
    assert small.zipped(bytes(10_000)) < 100


def test_products_by_hand():
    counts = list(small.multiply_adds(tiny()).values())
    assert counts == [3 * 2 * 9 * 1 * 3, 3 * 5]
    first, *_, last = small.multiply_adds(small.network_of(small.SMALL)).values()
    assert (first, last) == (50 * 16 * 25 * 8, 32 * 10)
    with pytest.raises(ValueError, match="fixed length"):
        small.multiply_adds(listener.listener(4, (1,)))


# --- the listener


def test_listener_streams_as_it_hears():
    keras.utils.set_random_seed(1)
    network = listener.listener(6, (1, 2))
    assert network.count_params() == 33 * 6 + 2 * (3 * 6 + 1) * 6 + 11 * 7
    x = np.random.default_rng(0).normal(0, 0.1, 5000).astype(np.float32)
    whole = network(listener.heard(x)[None]).numpy()[0]
    stream = StreamingNetwork(listener.FRONT_END, listener.weights_of(network))
    parts = [stream.push(x[i : i + 123]) for i in range(0, len(x), 123)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-4)
    assert stream.kept < 300
    with pytest.raises(ValueError, match="at least one"):
        listener.listener(0)


def test_digit_strings_and_their_targets(clips):
    string = listener.digit_string(clips, 3, np.random.default_rng(0))
    assert len(string.digits) == len(string.ends) == 3
    assert string.ends[-1] + 4000 <= len(string.samples)
    rows = listener.FRONT_END.frames(len(string.samples))
    wanted = listener.targets_of(string, rows)
    for digit, end in zip(string.digits, string.ends, strict=True):
        first = np.flatnonzero(np.arange(rows) * 160 + 256 >= end)[0]
        assert wanted[first + listener.DELAY] == digit
    assert (wanted != listener.QUIET).sum() == 3 * listener.HOLD
    with pytest.raises(ValueError, match="at least one"):
        listener.digit_string(clips, 0, np.random.default_rng(0))


def test_string_batches_and_loss(clips):
    string = listener.digit_string(clips, 3, np.random.default_rng(0))
    inputs, targets = listener.string_batches([string], size=2, rows=30)()
    assert inputs.shape == (2, 30, 32)
    assert targets.shape == (2, 30)
    flat = lambda x, training: tf.zeros((*x.shape[:2], 11))  # noqa: E731
    assert float(listener.string_loss(flat, inputs, targets)) == pytest.approx(np.log(11), rel=1e-4)
    with pytest.raises(ValueError, match="rows"):
        listener.string_batches([string], rows=10_000)


@pytest.fixture(scope="module")
def clips():
    return load_digits("builtin", quiet=True).subset(np.arange(0, 40))


# --- the record


def run(speaker, seed, large, other):
    variants = {"large": {"known": large}, "other": {"known": other}}
    if seed == 1:
        del variants["other"]
    made = {"date": "2026-01-01", "commit": "c", "machine": "m", "versions": "v"}
    return {
        "speaker": speaker, "seed": seed, "clips": {"known": 200}, "variants": variants,
        "bytes": {"large": [3000, 2000]}, **made,
    }  # fmt: skip


def test_differences_pair_runs():
    runs = {"a": run("a", 0, 100, 90), "a1": run("a", 1, 200, 0), "b": run("b", 0, 180, 190)}
    record = {"runs": runs}
    assert lab.by_speaker(record, "large", "known") == {"a": 75.0, "b": 90.0}
    assert lab.less(record, "other", "large", "known") == {"a": -5.0, "b": 5.0}
    assert lab.kilobytes(record, "large", True) == 2.0
    table = lab.comparison(record, {"large": "L", "other": "O"}, "large", ("known",))
    assert table.splitlines()[1] == "|---|---:|---:|"
    assert "| L | 3 | 82.5 |" in table
    assert "+0.0<br>[" in table
    assert lab.provenance(record).startswith("3 runs: 2 speakers left out, seeds for each: 1 to 2.")
    with pytest.raises(KeyError):
        lab.by_speaker(record, "none", "known")


def test_plan_has_every_speaker_with_every_seed():
    assert list(lab.plan(["a", "b"]).values()) == [(s, k) for k in lab.SEEDS for s in "ab"]
