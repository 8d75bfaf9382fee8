"""The wake word: windows for training, the stream, and what it answers to silence."""

import numpy as np
import pytest

from helpers import features
from helpers.errors import AudioError
from helpers.models import keras, spotter, tf
from helpers.models.spotter import FRAMES, FRONT_END, HOP, SAMPLES, Spotter

RATE = FRONT_END.sample_rate


def hiss(seconds, level=0.05, seed=0):
    n = round(seconds * RATE)
    return (level * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def call(seconds=3.0, at=1.5, hertz=1000.0):
    """Faint hiss with a tone of 0.6 s whose middle lies `at` seconds."""
    x = hiss(seconds, 0.001)
    t = np.arange(round(0.6 * RATE)) / RATE
    start = round((at - 0.3) * RATE)
    x[start : start + len(t)] += (0.5 * np.sin(2 * np.pi * hertz * t)).astype(np.float32)
    return x


def a_bank(calls=2):
    return spotter.wake_bank([call(at=1 + 0.2 * i) for i in range(calls)], [hiss(4)], [hiss(4)])


class Loudest:
    """A network for tests: the logit of the word is 100 times how late the loudest frame is."""

    def __call__(self, picture, training):
        at = tf.cast(tf.argmax(tf.reduce_max(picture, axis=2), axis=1), tf.float32)
        return tf.stack([tf.zeros_like(at), 100.0 * (at - FRAMES / 2)], axis=1)


def test_the_middle_of_a_word_is_found():
    bank = a_bank()
    assert np.allclose(bank.middles - bank.starts, [100, 120], atol=12)
    assert bank.ends.tolist() == [len(bank.word) // 2, len(bank.word)]


def test_half_of_a_batch_ends_with_the_word():
    draw = spotter.wake_batches(a_bank(), 16)
    keras.utils.set_random_seed(0)
    pictures, labels = draw()
    assert pictures.shape == (16, FRAMES, 40)
    assert labels.numpy().tolist() == [1] * 6 + [0] * 10
    assert np.isfinite(pictures.numpy()).all()
    tilt = pictures.numpy().max(axis=2) - pictures.numpy().mean(axis=2)
    loud = tilt[:6].argmax(axis=1)
    assert np.all((loud > 10) & (loud < FRAMES - 1))
    assert not np.array_equal(pictures, draw()[0])


def test_what_cannot_be_drawn_from_is_refused():
    with pytest.raises(ValueError, match="one sound or more"):
        spotter.wake_bank([], [hiss(4)], [hiss(4)])
    with pytest.raises(ValueError, match="240 or more"):
        spotter.wake_bank([call()], [hiss(1)], [hiss(4)])
    with pytest.raises(ValueError, match="4 windows"):
        spotter.wake_batches(a_bank(), 3)


def test_the_network_has_two_answers():
    network = spotter.wake_network()
    assert network.output_shape == (None, 2)
    assert network(np.zeros((3, FRAMES, 40), np.float32)).shape == (3, 2)


def test_the_stream_answers_every_80_ms_whatever_the_blocks():
    x = call()
    whole = Spotter(Loudest())
    answers = whole.push(x)
    assert len(answers) == len(x) // (HOP * FRONT_END.hop)
    parts = Spotter(Loudest())
    blocks = [parts.push(x[i : i + 1000]) for i in range(0, len(x), 1000)]
    assert np.allclose(np.concatenate(blocks), answers, atol=1e-5)
    assert parts.held < SAMPLES * 2


def test_an_answer_is_about_the_last_window():
    """Against windows cut from the sound by hand."""
    x = call()
    got = []

    class Watch(Loudest):
        def __call__(self, picture, training):
            tf.py_function(lambda p: got.append(p.numpy()), [picture], [])
            return super().__call__(picture, training)

    Spotter(Watch()).push(x)
    pictures = np.concatenate(got)
    padded = np.concatenate([np.zeros(FRONT_END.n_fft - FRONT_END.hop, np.float32), x])
    for answer in (20, 36):
        end = (answer + 1) * HOP
        power = features.mel_power(padded, FRONT_END)[end - FRAMES : end]
        level = 10 * np.log10(power + spotter.SILENCE)
        by_hand = np.maximum(level - level.max(), -55) / 20 + 1
        assert np.allclose(pictures[answer], by_hand, atol=1e-3)


def test_silence_is_never_the_word():
    listening = Spotter(Loudest())
    answers = listening.push(np.zeros(3 * RATE, np.float32))
    assert len(answers) == 37
    assert not answers.any()
    assert not listening.push(1e-6 * hiss(1.0, level=1.0)).any()


def test_reset_forgets():
    listening = Spotter(Loudest())
    first = listening.push(call())
    listening.reset()
    assert np.array_equal(listening.push(call()), first)


def test_what_is_no_sound_is_refused():
    with pytest.raises(AudioError):
        Spotter(Loudest()).push(np.array([np.inf], np.float32))


@pytest.mark.slow
def test_a_network_learns_a_tone_from_hiss():
    from helpers.training import fit, set_seed

    set_seed(0)
    network = spotter.wake_network()
    bank = spotter.wake_bank([call(at=1 + 0.1 * i) for i in range(6)], [hiss(6)], [hiss(6, seed=1)])
    fit([network], [spotter.wake_batches(bank, 16)], steps=80)
    listening = Spotter(network)
    of_tone = listening.push(call()).max()
    listening.reset()
    of_hiss = listening.push(hiss(3.0, seed=2))
    full = FRAMES // HOP
    assert of_tone > 0.7
    assert of_hiss.max() < of_tone
    assert of_hiss[full:].max() < 0.3
