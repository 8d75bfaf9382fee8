"""The watermark: its null distribution, exactly and by count, and what must be refused."""

import itertools
import math

import numpy as np
import pytest

from helpers import watermark
from helpers.errors import AudioOutOfRange, AudioTooShort, BadSampleRate, ShapeError

RATE = watermark.RATE


def babbling(seconds=4.0, seed=0):
    rng = np.random.default_rng(seed)
    slow = np.repeat(rng.uniform(0.2, 1.0, round(seconds * 10)), RATE // 10)
    noise = rng.standard_normal(len(slow))
    return (0.1 * slow * np.convolve(noise, np.ones(4) / 4, mode="same")).astype(np.float32)


def test_the_score_by_hand():
    r = np.array([[3.0, -4.0]])
    assert watermark.score(r, [[1, -1]]) == pytest.approx(7 / 5)
    assert watermark.score(r, [[1, 1]]) == pytest.approx(-1 / 5)
    assert watermark.score(np.zeros((2, 2)), np.ones((2, 2))) == 0.0


def test_over_all_patterns_the_score_has_mean_0_and_variance_1_for_any_sound():
    r = np.array([[5.0, 0.1, -2.0, 1.0, 0.3, 7.0]])
    scores = [watermark.score(r, [c]) for c in itertools.product((-1, 1), repeat=6)]
    assert np.mean(scores) == pytest.approx(0, abs=1e-12)
    assert np.var(scores) == pytest.approx(1)
    for z in (0.5, 1.0, 1.5, 2.0):
        assert np.mean(np.array(scores) > z) <= math.exp(-(z**2) / 2)


def test_a_sound_that_repeats_with_the_pattern_gets_no_higher_scores():
    r = np.random.default_rng(0).standard_normal((2, 3))
    patterns = [np.reshape(c, (2, 3)) for c in itertools.product((-1, 1), repeat=6)]
    once, thrice = ([watermark.score(x, c) for c in patterns] for x in (r, np.tile(r, (3, 1))))
    assert thrice == pytest.approx(once)
    assert np.var(thrice) == pytest.approx(1)


def test_the_score_begins_in_the_row_that_is_asked():
    pattern = np.array([[1, 1], [1, -1], [-1, 1]])
    r = pattern[[2, 0, 1, 2]].astype(float)
    assert watermark.score(r, pattern, row=2) == pytest.approx((4 + 2 + 2) / math.sqrt(12))
    assert watermark.score(r, pattern, row=0) < 1


def test_the_threshold_bounds_false_alarms():
    assert watermark.threshold(math.exp(-2)) == pytest.approx(2)
    assert watermark.threshold(0.01, places=100) == watermark.threshold(1e-4)
    for bad in ((0, 1), (1, 1), (0.5, 0)):
        with pytest.raises(ValueError, match="false_alarm"):
            watermark.threshold(*bad)


def test_false_alarms_are_as_rare_as_the_normal_distribution_says():
    compared = watermark.levels(babbling(), RATE)
    scores = np.array([watermark.score(compared, watermark.signs(k)) for k in range(2000)])
    assert abs(scores.mean()) < 4 / math.sqrt(2000)
    assert scores.std() == pytest.approx(1, abs=0.07)
    assert 0.003 < np.mean(scores > 2.3263) < 0.02


def test_a_marked_sound_is_found_wherever_it_begins_and_another_key_is_not():
    x = babbling()
    y = watermark.embed(x, RATE, key=5)
    assert len(y) == len(x)
    assert watermark.detect(y, RATE, 5, aligned=True).marked
    cut = watermark.detect(y[5000:], RATE, 5)
    assert cut.marked and cut.places == 8 * watermark.PERIOD
    assert abs(cut.start - 5000) <= 128
    assert not watermark.detect(y, RATE, 6).marked
    assert not watermark.detect(x, RATE, 5).marked


def test_tiles_change_by_the_strength_that_was_asked():
    x = babbling()
    difference = watermark.embed(x, RATE, 5, strength_db=1.0) - x
    ratio = 20 * math.log10(np.sqrt(np.mean(difference**2) / np.mean(x**2)))
    assert -26 < ratio < 20 * math.log10(10 ** (1 / 20) - 1)
    weak = watermark.embed(x, RATE, 5, strength_db=0.5) - x
    assert np.sum(weak**2) < np.sum(difference**2) / 3


def test_silence_has_no_mark():
    assert watermark.detect(np.zeros(RATE, np.float32), RATE, 5).z == 0.0


def test_keys_give_different_patterns_and_the_same_key_the_same():
    assert np.array_equal(watermark.signs(7), watermark.signs(7))
    assert 0.4 < np.mean(watermark.signs(7) == watermark.signs(8)) < 0.6
    for key in (-1, 1.5, "secret", True):
        with pytest.raises(ValueError, match="key"):
            watermark.signs(key)


def test_bad_input_is_refused():
    x = babbling(1.0)
    with pytest.raises(BadSampleRate, match="16000"):
        watermark.embed(x, 8000, 5)
    with pytest.raises(AudioOutOfRange, match="strength_db"):
        watermark.embed(x, RATE, 5, strength_db=0)
    with pytest.raises(AudioTooShort, match="tile"):
        watermark.detect(x[:1000], RATE, 5)
    with pytest.raises(ValueError, match="offset"):
        watermark.levels(x, RATE, 2048)
    with pytest.raises(ShapeError, match="pattern"):
        watermark.score(np.ones((2, 3)), np.ones((3, 2)))
    with pytest.raises(ShapeError, match="bands"):
        watermark.score(np.ones(3), np.ones((1, 3)))
