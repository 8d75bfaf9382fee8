"""Made-up machines, and the classical ways to hear a damaged bearing."""

import numpy as np
import pytest

from helpers import machines
from helpers.errors import AudioSilent

RATE = machines.SAMPLE_RATE


def knocking(rate, seconds=1.25, noise=0.05, seed=0):
    """Ringing at 1900 Hz that is struck `rate` times a second."""
    t = np.arange(int(seconds * RATE)) / RATE
    since = t % (1 / rate)
    sound = np.exp(-since / 0.002) * np.cos(2 * np.pi * 1900 * since)
    return (sound + noise * np.random.default_rng(seed).standard_normal(len(t))).astype(np.float32)


def test_the_same_seed_gives_the_same_machines():
    one, again, other = machines.make(2, 2), machines.make(2, 2), machines.make(2, 2, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(one.audio, again.audio, strict=True))
    assert not np.array_equal(one.audio[0], other.audio[0])
    assert one.labels.tolist() == [0, 1, 0, 1]
    assert one.machines.tolist() == [0, 0, 1, 1]
    assert one.takes.tolist() == [0, 1, 0, 1]
    assert all(x.shape == (10000,) and x.dtype == np.float32 for x in one.audio)


def test_a_larger_set_begins_with_the_smaller_one():
    small, large = machines.make(1, 2), machines.make(2, 3)
    assert np.array_equal(small.audio[1], large.audio[1])


def test_orders_are_not_whole_numbers():
    orders = [machines.machine(i).order for i in range(200)]
    assert min(abs(k * o - round(k * o)) for o in orders for k in (1, 2)) >= 0.15
    assert min(orders) > 2.5 and max(orders) < 6.4


def test_the_tachometer_is_near_the_machines_speed():
    one = machines.machine(3)
    for seed in range(5):
        _, shaft = machines.clip(one, False, np.random.default_rng(seed))
        assert 0.93 * one.shaft < shaft < 1.07 * one.shaft


def test_subsets_keep_columns_together():
    clips = machines.make(2, 2)
    some = clips.subset(clips.labels == 1)
    assert len(some) == 2
    assert some.machines.tolist() == [0, 1]
    assert some.audio[1] is clips.audio[3]


def test_columns_must_be_as_long_as_the_clips():
    with pytest.raises(ValueError, match="2 clips"):
        machines.MachineClips([np.zeros(4)] * 2, *([np.zeros(3)] * 5))
    with pytest.raises(ValueError, match="one or more"):
        machines.make(0)
    with pytest.raises(ValueError, match="count from 0"):
        machines.machine(-1)


@pytest.mark.parametrize("rate", [47.0, 83.0, 140.0])
def test_the_envelopes_spectrum_peaks_at_the_rate_of_the_impacts(rate):
    rates, amplitudes = machines.envelope_spectrum(knocking(rate), RATE)
    low = (rates > 20) & (rates < 300)
    assert rates[low][np.argmax(amplitudes[low])] == pytest.approx(rate, abs=1.0)


def test_a_steady_tone_has_no_envelope_to_speak_of():
    t = np.arange(10000) / RATE
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(t))
    x = (np.cos(2 * np.pi * 1000 * t) + noise).astype(np.float32)
    rates, amplitudes = machines.envelope_spectrum(x, RATE)
    assert amplitudes[(rates > 20) & (rates < 300)].max() < 6


def test_the_score_is_high_at_the_right_rate_only():
    x = knocking(100.0)
    right = machines.bearing_score(x, RATE, 25.0, 4.0)
    wrong = machines.bearing_score(x, RATE, 25.0, 3.3)
    assert right > 5 * wrong
    with pytest.raises(ValueError, match="above 0"):
        machines.bearing_score(x, RATE, 0.0, 4.0)


def test_kurtosis_of_what_is_known():
    rng = np.random.default_rng(0)
    assert machines.kurtosis(rng.standard_normal(200000).astype(np.float32)) == pytest.approx(
        3.0, abs=0.05
    )
    square = np.tile(np.array([1, -1], np.float32), 500)
    assert machines.kurtosis(square) == pytest.approx(1.0)
    assert machines.kurtosis(knocking(20.0, noise=0.0)) > 10


def test_silence_and_bad_bands_are_refused():
    for f in (lambda x: machines.envelope_spectrum(x, RATE), machines.kurtosis):
        with pytest.raises(AudioSilent):
            f(np.zeros(4000, np.float32))
    with pytest.raises(ValueError, match="band"):
        machines.envelope_spectrum(knocking(50.0), RATE, (3000.0, 1000.0))


def test_damage_is_heard_at_the_bearings_rate():
    clips = machines.make(6, 2)
    scores = np.array(
        [
            machines.bearing_score(x, RATE, f, o)
            for x, f, o in zip(clips.audio, clips.shafts, clips.orders, strict=True)
        ]
    )
    assert np.median(scores[clips.labels == 1]) > np.median(scores[clips.labels == 0])
