"""Augmentation of waveforms and metrics: known answers."""

import sys

import numpy as np
import pytest

from helpers import audio, augment, metrics
from helpers.errors import AudioSilent, AudioTooShort, BadSampleRate, ShapeError

X = np.sin(np.arange(4000) / 5).astype(np.float32) * 0.3


def test_twice_as_fast_is_half_as_long_and_an_octave_up():
    y = augment.speed(X, 2.0)
    assert len(y) == 2000
    assert np.abs(np.fft.rfft(y)).argmax() / len(y) == pytest.approx(
        2 * np.abs(np.fft.rfft(X)).argmax() / len(X), abs=1e-3
    )


def test_a_shift_moves_and_brings_silence():
    assert np.array_equal(augment.shift(X, 100)[100:], X[:-100])
    assert not augment.shift(X, 100)[:100].any()
    assert np.array_equal(augment.shift(X, -100)[:-100], X[100:])
    assert not augment.shift(X, -100)[-100:].any()
    assert np.array_equal(augment.shift(X, 0), X)


def test_gain_noise_room():
    assert audio.rms(augment.gain(X, -20)) == pytest.approx(audio.rms(X) / 10, rel=1e-5)
    noisy = augment.add_noise(X, 10.0, np.random.default_rng(0))
    assert audio.snr(X, noisy - X) == pytest.approx(10.0, abs=0.01)
    assert augment.place_in_room(X, np.array([1.0], np.float32)) == pytest.approx(X, abs=1e-6)
    assert len(augment.place_in_room(X, np.ones(500, np.float32))) == len(X)


@pytest.mark.parametrize(
    "call",
    [
        lambda: augment.speed(X, 3.0),
        lambda: augment.shift(X, 4000),
        lambda: augment.shift(X, -4000),
    ],
)
def test_too_far_is_refused(call):
    with pytest.raises(ValueError, match=r"0\.5 to 2|moves all"):
        call()


def test_accuracy_and_confusion_by_hand():
    said, heard = [0, 1, 2, 2], [0, 2, 2, 2]
    assert metrics.accuracy(heard, said) == 0.75
    assert metrics.accuracy_by_group(heard, said, ["b", "a", "a", "b"]) == {"a": 0.5, "b": 1.0}
    matrix = metrics.confusion_matrix(heard, said, 3)
    assert matrix.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 2]]
    with pytest.raises(ValueError, match="within 0"):
        metrics.confusion_matrix([0, 3], [0, 1], 3)
    with pytest.raises(ValueError, match="n > 0"):
        metrics.accuracy([], [])
    with pytest.raises(ValueError, match="n > 0"):
        metrics.accuracy([1, 2], [1])


def test_softmax_and_temperature():
    assert metrics.softmax(np.array([[0.0, np.log(3)]])) == pytest.approx(np.array([[0.25, 0.75]]))
    assert metrics.softmax(np.array([[1e4, 0.0]]))[0, 0] == 1
    assert metrics.softmax(np.array([[0.0, 2.0]]), 1e9) == pytest.approx(np.array([[0.5, 0.5]]))
    with pytest.raises(ValueError, match="above 0"):
        metrics.softmax(np.zeros((1, 2)), 0)


def test_calibration_by_hand():
    p = np.array([[0.8, 0.2], [0.8, 0.2], [0.6, 0.4], [0.6, 0.4]])
    # confidence 0.8 is right half the time, 0.6 always: (2 · 0.3 + 2 · 0.4) / 4
    assert metrics.expected_calibration_error(p, [0, 1, 0, 0]) == pytest.approx(0.35)
    assert metrics.expected_calibration_error(np.array([[1.0, 0.0]]), [0]) == 0


def test_temperature_is_found_again():
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((20000, 5)) * 2
    p = metrics.softmax(logits)
    labels = (p.cumsum(axis=1) > rng.random((20000, 1))).argmax(axis=1)
    assert metrics.fit_temperature(logits * 3, labels) == pytest.approx(3, rel=0.05)


def test_si_sdr_by_hand():
    s, error = np.array([3.0, 4.0]), np.array([-0.4, 0.3])  # at right angles: 25 against 0.25
    assert metrics.si_sdr(s + error, s) == pytest.approx(20.0, abs=1e-4)
    assert metrics.si_sdr(-7 * (s + error), s) == pytest.approx(20.0, abs=1e-4)
    assert metrics.si_sdr(s + error, 0.01 * s) == pytest.approx(20.0, abs=1e-4)
    assert metrics.si_sdr(s, s) == np.inf
    assert metrics.si_sdr(error, np.array([3.0, 4.0])) < -100


def test_si_sdr_of_noise_that_is_not_correlated_is_the_snr():
    rng = np.random.default_rng(0)
    speech, noise = rng.standard_normal((2, 100_000)).astype(np.float32)
    for wanted in (-10.0, 0.0, 20.0):
        mixed = audio.mix_at_snr(speech, noise, wanted)
        assert metrics.si_sdr(mixed, speech) == pytest.approx(wanted, abs=0.3)


def test_si_sdr_refuses_what_has_no_ratio():
    with pytest.raises(audio.ShapeError):
        metrics.si_sdr(X, X[:-1])
    for estimate, reference in ((0 * X, X), (X, 0 * X)):
        with pytest.raises(audio.AudioSilent):
            metrics.si_sdr(estimate, reference)


@pytest.mark.parametrize("seed", range(8))
def test_strange_noise_is_noise(seed):
    for n in (1, 300, 24000):
        x = augment.strange_noise(n, 16000, np.random.default_rng(seed))
        again = augment.strange_noise(n, 16000, np.random.default_rng(seed))
        assert x.dtype == np.float32 and x.shape == (n,) and np.array_equal(x, again)
        if n > 1:
            assert audio.rms(x) == pytest.approx(0.1, rel=1e-3)
    with pytest.raises(ValueError, match="one sample"):
        augment.strange_noise(0, 16000, np.random.default_rng(seed))


def test_strange_noises_differ():
    rng = np.random.default_rng(0)
    crest = [np.abs(augment.strange_noise(16000, 16000, rng)).max() for _ in range(30)]
    assert max(crest) > 3 * min(crest)


def _syllables(n, rate=16000):
    t = np.arange(n) / rate
    carrier = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 25))
    return (0.1 * carrier * np.maximum(0, np.sin(2 * np.pi * 3 * t))).astype(np.float32)


def test_stoi_falls_with_noise():
    voice = _syllables(32000)
    noise = np.random.default_rng(0).standard_normal(32000)
    scores = [
        metrics.stoi(audio.mix_at_snr(voice, noise, snr), voice, 16000) for snr in (20, 5, -5)
    ]
    assert metrics.stoi(voice, voice, 16000) == pytest.approx(1.0, abs=1e-6)
    assert 1 > scores[0] > scores[1] + 0.05 > scores[2] + 0.1
    assert metrics.stoi(0.01 * voice, voice, 16000) == pytest.approx(1.0, abs=1e-3)
    with pytest.raises(AudioTooShort):
        metrics.stoi(voice[:4000], voice[:4000], 16000)
    with pytest.raises(ShapeError):
        metrics.stoi(voice, voice[:-1], 16000)
    with pytest.raises(AudioSilent):
        metrics.stoi(0 * voice, voice, 16000)


def test_pesq_says_what_it_needs(monkeypatch):
    voice = _syllables(32000)
    with pytest.raises(BadSampleRate):
        metrics.pesq(voice, voice, 44100)
    monkeypatch.setitem(sys.modules, "pesq", None)
    with pytest.raises(ImportError, match="pip install pesq"):
        metrics.pesq(voice, voice, 16000)


def test_pesq_falls_with_noise():
    pytest.importorskip("pesq")
    voice = _syllables(32000)
    noise = np.random.default_rng(0).standard_normal(32000)
    assert metrics.pesq(voice, voice, 16000) > 4.5
    assert metrics.pesq(audio.mix_at_snr(voice, noise, 5), voice, 16000) < 3
