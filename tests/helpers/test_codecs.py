"""Rounding, codecs and the model of masking, against answers that are known."""

import numpy as np
import pytest

from helpers.audio import low_pass, low_pass_kernel
from helpers.codecs import (
    CRITICAL_BANDS,
    bark,
    codec_round_trip,
    find_delay,
    log_spectral_distance,
    masked_threshold,
    noise_to_mask,
    quantise,
    snr_db,
    threshold_in_quiet,
    triangular_dither,
)
from helpers.errors import AudioOutOfRange, AudioTooShort, BadSampleRate, ShapeError

RATE = 24000


def tone(hz, seconds=0.5, amplitude=0.5, rate=RATE):
    t = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def noise(seconds=0.5, level=0.1, seed=0, rate=RATE):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(round(seconds * rate))).astype(np.float32)


# --- rounding ------------------------------------------------------------------------------------


def test_quantise_by_hand():
    x = np.array([-1.0, -0.6, 0.1, 0.13, 0.74, 0.99, 2.0], np.float32)
    assert quantise(x, 3).tolist() == [-1.0, -0.5, 0.0, 0.25, 0.75, 0.75, 0.75]
    assert quantise(x, 3).dtype == np.float32


@pytest.mark.parametrize("bits", [2, 8, 16, 24])
def test_quantised_values_lie_on_the_grid(bits):
    y = quantise(noise(0.1), bits, np.random.default_rng(1)).astype(float)
    assert np.array_equal(y * 2 ** (bits - 1), np.rint(y * 2 ** (bits - 1)))


def test_full_scale_sine_has_the_formula_s_ratio():
    x = tone(997.3, 1.0, 0.99, 8000)
    assert abs(snr_db(x, quantise(x, 10)) - (6.02 * 10 + 1.76 + 20 * np.log10(0.99))) < 0.3


def test_dither_has_triangular_power_and_makes_the_mean_right():
    rng = np.random.default_rng(0)
    step = 2.0**-7
    d = triangular_dither(200_000, 8, rng)
    assert np.abs(d).max() < step
    assert np.mean(d**2) == pytest.approx(step**2 / 6, rel=0.02)
    low = np.full(100_000, 0.3 * step, np.float32)
    assert not quantise(low, 8).any()
    assert quantise(low, 8, rng).mean() == pytest.approx(0.3 * step, abs=0.02 * step)


@pytest.mark.parametrize("bits", [0, 25, 8.0, True, "8"])
def test_quantise_refuses_other_bits(bits):
    with pytest.raises(AudioOutOfRange, match="bits"):
        quantise(tone(440), bits)


# --- codecs --------------------------------------------------------------------------------------


def sentence():
    x = noise(1.0) * np.repeat(np.abs(np.sin(np.arange(24) * 1.7)), 1000).astype(np.float32)
    return low_pass(x + tone(500, 1.0, 0.2), RATE, 3000)


@pytest.mark.parametrize(
    ("codec", "setting"),
    [
        ("mp3", {"kbit_per_s": 24}),
        ("mp3", {"kbit_per_s": 96}),
        ("opus", {"kbit_per_s": 64}),
        ("vorbis", {"quality": 0.5}),
    ],
)
def test_round_trip_is_in_time(codec, setting):
    x = sentence()
    coded = codec_round_trip(x, RATE, codec, **setting)
    assert coded.samples.shape == x.shape
    assert coded.samples.dtype == np.float32
    assert snr_db(x, coded.samples) > 3
    assert abs(find_delay(x, coded.samples, 500)) <= 1
    assert coded.kbit_per_s == pytest.approx(8 * len(coded.content) / 1000, rel=1e-6)


def test_bit_rate_is_about_what_was_asked():
    x = np.tile(sentence(), 3)
    for codec, asked in (("mp3", 48), ("mp3", 128), ("opus", 48)):
        got = codec_round_trip(x, RATE, codec, kbit_per_s=asked).kbit_per_s
        assert got == pytest.approx(asked, rel=0.25)


def test_low_mp3_comes_late_and_is_put_right():
    assert codec_round_trip(sentence(), RATE, "mp3", 24).delay > 100


@pytest.mark.parametrize(
    ("codec", "rate", "setting", "error"),
    [
        ("aac", RATE, {"kbit_per_s": 64}, ValueError),
        ("mp3", RATE, {}, ValueError),
        ("mp3", RATE, {"kbit_per_s": 320}, AudioOutOfRange),
        ("opus", 22050, {"kbit_per_s": 64}, BadSampleRate),
        ("opus", RATE, {"kbit_per_s": 2}, AudioOutOfRange),
        ("vorbis", RATE, {"kbit_per_s": 64}, AudioOutOfRange),
        ("vorbis", RATE, {"quality": 2}, AudioOutOfRange),
    ],
)
def test_round_trip_refuses(codec, rate, setting, error):
    with pytest.raises(error):
        codec_round_trip(sentence(), rate, codec, **setting)


def test_round_trip_refuses_a_click():
    with pytest.raises(AudioTooShort):
        codec_round_trip(tone(440, 0.01), RATE, "mp3", 48)


@pytest.mark.parametrize("late", [-37, 0, 512])
def test_find_delay(late):
    x = noise(0.2)
    y = np.concatenate([np.zeros(late, np.float32), x]) if late >= 0 else x[-late:]
    assert find_delay(x, y, 1000) == late
    with pytest.raises(ShapeError):
        find_delay(x, y, -1)


# --- hearing -------------------------------------------------------------------------------------


def test_bark_follows_zwicker_s_table():
    edges = np.array(CRITICAL_BANDS)
    middle = (edges >= 200) & (edges <= 6700)
    assert np.allclose(bark(edges[middle]), np.flatnonzero(middle), atol=0.06)


def test_threshold_in_quiet_is_lowest_near_3_khz():
    grid = np.arange(100, 12000, 50.0)
    lowest = grid[threshold_in_quiet(grid).argmin()]
    assert 3000 < lowest < 4000
    assert threshold_in_quiet(1000.0) == pytest.approx(3.4, abs=0.1)


def test_powers_are_those_of_the_sound():
    masking = masked_threshold(tone(1000, amplitude=1.0), RATE)
    assert masking.power.shape == masking.threshold.shape
    assert masking.power.shape[1] == len(masking.edges) - 1
    assert masking.power.sum(axis=1) == pytest.approx(np.full(len(masking.power), 0.5), rel=0.02)


def test_tone_hides_less_than_noise_and_more_upwards_than_downwards():
    x = tone(1000)
    as_tone, as_noise = (masked_threshold(x, RATE, tonal=t).threshold.mean(axis=0) for t in (1, 0))
    own = int(np.searchsorted(CRITICAL_BANDS, 1000)) - 1
    assert 10 * np.log10(as_noise[own] / as_tone[own]) == pytest.approx(14.5 + own + 1 - 5.5)
    assert as_noise[own] > as_noise[own + 2] > as_noise[own - 2]
    with pytest.raises(AudioOutOfRange):
        masked_threshold(x, RATE, tonal=2)


def test_silence_hides_only_what_cannot_be_heard():
    masking = masked_threshold(np.zeros(RATE, np.float32), RATE)
    assert np.all(masking.threshold > 0)
    assert np.all(10 * np.log10(masking.threshold) < -60)


def test_noise_to_mask_rises_with_the_error_decibel_by_decibel():
    x, e = low_pass(noise(1.0), RATE, 9000), noise(1.0, seed=1)
    first, second = (noise_to_mask(x, x + np.float32(g) * e, RATE) for g in (0.01, 0.1))
    assert second.db - first.db == pytest.approx(20, abs=0.05)
    assert 0 <= first.audible <= second.audible <= 1
    assert noise_to_mask(x, x, RATE).audible == 0


def test_noise_in_the_sound_s_own_band_is_hidden_better():
    rng = np.random.default_rng(2)
    x = low_pass(noise(1.0), RATE, 2000)
    near = low_pass(rng.standard_normal(len(x)).astype(np.float32), RATE, 2000)
    far = rng.standard_normal(len(x)).astype(np.float32)
    near, far = (0.001 * e / np.sqrt(np.mean(e**2)) for e in (near, far))
    assert noise_to_mask(x, x + near, RATE).db < noise_to_mask(x, x + far, RATE).db - 10


def test_log_spectral_distance_of_a_gain():
    x = noise(1.0)
    assert log_spectral_distance(x, x, RATE) == 0
    assert log_spectral_distance(x, x / 2, RATE) == pytest.approx(6.02, abs=0.01)
    assert log_spectral_distance(x, -x, RATE) == pytest.approx(0, abs=1e-6)


def test_measures_want_equal_lengths():
    x = noise(0.2)
    for measure in (noise_to_mask, log_spectral_distance):
        with pytest.raises(ShapeError, match="in time"):
            measure(x, x[:-1], RATE)
    with pytest.raises(ShapeError, match="in time"):
        snr_db(x, x[:-1])


def test_snr_by_hand():
    assert snr_db(np.array([3.0, 4.0]), np.array([3.0, 4.5])) == pytest.approx(20)
    assert snr_db(np.ones(4), np.ones(4)) == np.inf


# --- filters -------------------------------------------------------------------------------------


def test_low_pass_keeps_and_removes():
    response = np.abs(np.fft.rfft(low_pass_kernel(3500, RATE), 24000))
    assert response[0] == pytest.approx(1)
    assert np.all(np.abs(response[:3200] - 1) < 0.01)
    assert response[3500] == pytest.approx(0.5, abs=0.01)
    assert np.all(20 * np.log10(response[3800:] + 1e-12) < -70)
    x = tone(1000)
    y = low_pass(x, RATE, 3500)
    assert np.allclose(y[300:-300], x[300:-300], atol=1e-4)


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ({"cutoff": 0}, AudioOutOfRange),
        ({"cutoff": 12000}, AudioOutOfRange),
        ({"cutoff": 100, "taps": 4}, ShapeError),
        ({"cutoff": 100, "taps": 1}, ShapeError),
    ],
)
def test_low_pass_kernel_refuses(setting, error):
    with pytest.raises(error):
        low_pass_kernel(sample_rate=RATE, **setting)
