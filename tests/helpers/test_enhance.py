"""Enhancement: known answers, and what a denoiser must not do."""

import numpy as np
import pytest

from helpers import audio, enhance, rooms
from helpers.errors import AudioError, AudioTooShort
from helpers.features import pad_ends, stft
from helpers.metrics import si_sdr

RATE = 8000
RNG = np.random.default_rng(0)
TONE = 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
BURST = np.where((np.arange(RATE) // 1000) % 4 == 1, TONE, 0).astype(np.float32)
NOISE = rooms.coloured_noise(RATE, 0, RNG)
NOISY = audio.mix_at_snr(BURST, NOISE, 5)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 48000])
def test_frames_last_32_milliseconds_at_every_rate(rate):
    frames = enhance.front_end(rate)
    assert frames.n_fft == 4 * frames.hop
    assert frames.n_fft / rate == pytest.approx(0.032, rel=0.005)


def test_the_mean_power_of_noise_is_found_from_a_quantile():
    frames = enhance.front_end(RATE)
    noise = 0.1 * np.random.default_rng(1).standard_normal(60 * RATE)
    power = np.abs(stft(noise.astype(np.float32), frames)) ** 2
    for quantile in (0.1, 0.3, 0.5, 0.9):
        found = enhance.noise_power(power, quantile)[2:-2]
        assert found.shape == (frames.n_fft // 2 + 1 - 4,)
        assert np.mean(found / power.mean(axis=0)[2:-2]) == pytest.approx(1, abs=0.03)


def test_a_few_loud_frames_hardly_move_the_noise_estimate():
    power = np.random.default_rng(2).exponential(1.0, (1000, 20))
    power[:150] *= 1000
    assert enhance.noise_power(power).mean() < 1.5
    with pytest.raises(ValueError, match="between 0 and 1"):
        enhance.noise_power(power, 1.0)


@pytest.mark.parametrize("method", [enhance.spectral_subtraction, enhance.wiener])
def test_a_floor_of_one_changes_nothing(method):
    out = method(NOISY, RATE, floor=1.0)
    assert out.dtype == np.float32
    assert out == pytest.approx(NOISY, abs=1e-5)


@pytest.mark.parametrize("method", [enhance.spectral_subtraction, enhance.wiener])
@pytest.mark.parametrize("known", [True, False])
def test_noise_goes_and_the_sound_stays(method, known):
    out = method(NOISY, RATE, noise=NOISE if known else None)
    if known:
        out = method(NOISY, RATE, noise=NOISY - BURST)
    assert out.shape == NOISY.shape
    assert si_sdr(out, BURST) > si_sdr(NOISY, BURST) + 3
    assert audio.rms(out[:800]) < 0.5 * audio.rms(NOISY[:800])


@pytest.mark.parametrize("method", [enhance.spectral_subtraction, enhance.wiener])
def test_the_level_does_not_matter(method):
    assert method(0.01 * NOISY, RATE) == pytest.approx(0.01 * method(NOISY, RATE), abs=1e-6)


@pytest.mark.parametrize("method", [enhance.spectral_subtraction, enhance.wiener])
def test_silence_and_very_short_sounds(method):
    assert not method(np.zeros(4000, np.float32), RATE).any()
    for n in (1, 10, 255, 300):
        out = method(NOISY[:n], RATE)
        assert out.shape == (n,)
        assert np.all(np.isfinite(out))


def test_the_wiener_gain_is_steadier_in_noise_than_that_of_subtraction():
    frames = enhance.front_end(RATE)
    before = np.abs(stft(pad_ends(NOISE, frames), frames))[10:-10, 5:-5]
    moves = []
    for method in (enhance.spectral_subtraction, enhance.wiener):
        after = np.abs(stft(pad_ends(method(NOISE, RATE), frames), frames))[10:-10, 5:-5]
        moves.append(np.std(after / np.maximum(before, 1e-6)))
    assert moves[1] < 0.5 * moves[0]


@pytest.mark.parametrize("method", [enhance.spectral_subtraction, enhance.wiener])
def test_bad_input_is_refused(method):
    with pytest.raises(ValueError, match="floor"):
        method(NOISY, RATE, floor=1.5)
    with pytest.raises(AudioError):
        method(np.full(100, np.nan, np.float32), RATE)
    with pytest.raises(AudioError):
        method(NOISY, 12.5)
    with pytest.raises(AudioTooShort):
        method(NOISY, RATE, noise=NOISE[:100])
    with pytest.raises(ValueError, match="smoothing"):
        enhance.wiener(NOISY, RATE, smoothing=2)


def test_the_ideal_mask_is_hard_to_beat():
    ideal = enhance.ideal_ratio_mask(NOISY, BURST, RATE)
    nearest = enhance.ideal_ratio_mask(NOISY, BURST, RATE, phase=True)
    for out in (ideal, nearest):
        assert out.dtype == np.float32 and out.shape == NOISY.shape
    best = max(
        si_sdr(m(NOISY, RATE), BURST) for m in (enhance.wiener, enhance.spectral_subtraction)
    )
    assert si_sdr(nearest, BURST) > si_sdr(ideal, BURST) > best + 2


def test_the_ideal_mask_at_its_ends():
    assert enhance.ideal_ratio_mask(BURST, BURST, RATE) == pytest.approx(BURST, abs=1e-5)
    nothing = enhance.ideal_ratio_mask(NOISE, np.zeros_like(NOISE), RATE)
    assert np.abs(nothing).max() < 1e-6
    equal = enhance.ideal_ratio_mask(2 * BURST, BURST, RATE)  # noise as strong as the speech
    assert equal == pytest.approx(2 * BURST * np.sqrt(0.5), abs=1e-5)
    with pytest.raises(AudioError):
        enhance.ideal_ratio_mask(BURST[:-1], BURST, RATE)
