"""Other conditions: what each does to a clip, and that all recognisers hear the same."""

import numpy as np
import pytest

from helpers import audio, shifts
from helpers.datasets._clips import Clips
from helpers.errors import AudioSilent

RATE = 8000


def tone(hz, seconds=0.5):
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def clips(*sounds):
    n = len(sounds)
    return Clips(
        audio=list(sounds),
        labels=np.arange(n),
        speakers=["a"] * n,
        names=[str(i) for i in range(n)],
        sample_rate=RATE,
        source="builtin",
        origin="built-in",
        licence="CC0",
        citation="x",
        credit="x",
    )


@pytest.mark.parametrize("condition", [c for c in shifts.CONDITIONS if c not in ("room", "codec")])
def test_a_condition_is_the_same_each_time_and_changes_each_clip_in_its_own_way(condition):
    both = clips(tone(500), tone(500))
    once, again = (shifts.shifted(both, condition).audio for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    assert all(x.dtype == np.float32 for x in once)
    drawn = condition.startswith("noise") or condition in ("strange noise", "holes")
    assert np.array_equal(once[0], once[1]) != drawn
    assert np.array_equal(once[0], both.audio[0]) == (condition == "as recorded")


def test_another_seed_is_another_noise():
    one = clips(tone(500))
    first, second = (shifts.shifted(one, "noise 10 dB", seed=s).audio[0] for s in (0, 1))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("snr", [20, 10, 0])
def test_noise_is_as_far_below_as_its_name_says(snr):
    x = tone(500)
    noisy = shifts.shifted(clips(x), f"noise {snr} dB").audio[0]
    assert len(noisy) == round(shifts.SECONDS * RATE)
    noise = noisy - audio.fix_length(x, len(noisy))
    assert 20 * np.log10(audio.rms(x) / audio.rms(noise)) == pytest.approx(snr, abs=0.05)
    assert audio.rms(noise[:500]) > 0.3 * audio.rms(noise)


def test_a_long_clip_keeps_its_length_in_noise_and_silence_is_refused():
    x = tone(500, 1.5)
    assert len(shifts.shifted(clips(x), "strange noise").audio[0]) == len(x)
    with pytest.raises(AudioSilent):
        shifts.amid(np.zeros(4000, np.float32), np.ones, 10.0, RATE)


def test_a_room_keeps_its_tail():
    x = tone(500)
    wet = shifts.shifted(clips(x), "room").audio[0]
    assert len(wet) > len(x) + RATE // 3
    assert np.abs(wet).max() == pytest.approx(np.abs(x).max(), rel=1e-5)


def test_a_telephone_lets_the_middle_pass_and_nothing_else():
    inside, below, above = (
        audio.rms(shifts.telephone(tone(hz), RATE)[800:]) / audio.rms(tone(hz))
        for hz in (1000, 100, 3600)
    )
    assert inside == pytest.approx(1.0, abs=0.02)
    assert below < 0.02 and above < 0.02
    with pytest.raises(ValueError, match="must rise"):
        shifts.telephone(tone(500), RATE, 3000, 300)


def test_a_codec_gives_back_as_many_samples():
    for seconds in (0.07, 0.5):
        x = tone(500, seconds)
        coded = shifts.coded(x, RATE)
        assert coded.shape == x.shape
        assert not np.array_equal(coded, x)


def test_fading_ends_as_low_as_asked():
    x = np.ones(1000, np.float32)
    faded = shifts.fading(x, 20.0)
    assert faded[0] == pytest.approx(1.0)
    assert faded[-1] == pytest.approx(0.1)
    assert np.all(np.diff(faded) < 0)


def test_holes_are_as_long_as_asked():
    x = np.ones(4000, np.float32)
    lost = shifts.holes(x, RATE, np.random.default_rng(0), count=1, seconds=0.05)
    assert np.sum(lost == 0) == 400
    assert np.sum(np.diff((lost == 0).astype(int)) == 1) <= 1
    assert np.all(x == 1)
    with pytest.raises(ValueError, match="swallow"):
        shifts.holes(np.ones(900, np.float32), RATE, np.random.default_rng(0))


def test_fast_speech_is_shorter_and_higher():
    fast = shifts.shifted(clips(tone(400)), "fast").audio[0]
    assert len(fast) == pytest.approx(0.4 * RATE, abs=2)
    peak = np.argmax(np.abs(np.fft.rfft(fast))) * RATE / len(fast)
    assert peak == pytest.approx(500, abs=5)


def test_an_unknown_condition_is_refused():
    with pytest.raises(ValueError, match="must be one of"):
        shifts.shifted(clips(tone(500)), "thunder")


def test_what_was_not_foreseen_are_conditions():
    assert set(shifts.UNFORESEEN) < set(shifts.CONDITIONS)
