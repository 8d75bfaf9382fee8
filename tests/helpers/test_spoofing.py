"""The detector of synthetic speech, what it looks at, and the copies that test it."""

import numpy as np
import pytest

from helpers import metrics, spoofing
from helpers.errors import AudioSilent, ShapeError
from helpers.voice import vowel


def sound(f0=120.0, seconds=0.5):
    return 0.5 * vowel((700, 1200, 2500), f0, 8000, seconds=seconds).astype(np.float32)


def test_the_detector_finds_the_direction_in_which_the_kinds_differ():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((400, 3)), rng.standard_normal((400, 3))
    a[:, 1] += 3
    detector = spoofing.train(a, b, ridge=1e-3)
    share = np.abs(detector.weights) / np.abs(detector.weights).sum()
    assert share[1] > 0.85
    assert metrics.auc(detector.scores(np.concatenate([a, b])), np.arange(800) < 400) > 0.97
    means = detector.scores(a).mean(), detector.scores(b).mean()
    assert means[0] == pytest.approx(-means[1]) and means[0] > 0


def test_the_detector_refuses_too_little_and_other_shapes():
    with pytest.raises(ValueError, match="two or more"):
        spoofing.train(np.ones((1, 3)), np.ones((5, 3)))
    with pytest.raises(ShapeError):
        spoofing.train(np.ones((5, 3)), np.ones((5, 4)))


def test_statistics_ignore_level():
    x = sound()
    assert spoofing.statistics(x).shape == (96,)
    assert spoofing.statistics(x / 50) == pytest.approx(spoofing.statistics(x), abs=1e-3)
    with pytest.raises(AudioSilent):
        spoofing.statistics(np.zeros(4000, np.float32))


def test_matched_cuts_silence_and_hides_the_noise_floor():
    x = np.concatenate([np.zeros(4000, np.float32), sound(), np.zeros(4000, np.float32)])
    y = spoofing.matched(x, np.random.default_rng(0))
    assert len(y) < 6000
    assert np.abs(y).max() == pytest.approx(1)
    spectrum = np.abs(np.fft.rfft(y)) ** 2
    hz = np.fft.rfftfreq(len(y), 1 / 8000)
    assert 1e-5 < spectrum[hz > 3700].sum() / spectrum.sum() < 0.1
    assert spectrum[hz < 150].sum() / spectrum.sum() < 0.1
    assert np.array_equal(y, spoofing.matched(x, np.random.default_rng(0)))


def test_copies_say_the_same_with_another_waveform():
    x = sound()
    for copy in (spoofing.copy_by_phases(x), spoofing.copy_by_pulses(x)):
        assert len(copy) == len(x)
        assert abs(np.corrcoef(copy, x)[0, 1]) < 0.98
        ours, theirs = (np.abs(np.fft.rfft(s, 8000)) for s in (copy, x))
        assert (
            np.corrcoef(np.log(ours[100:3000] + 1e-3), np.log(theirs[100:3000] + 1e-3))[0, 1] > 0.5
        )
