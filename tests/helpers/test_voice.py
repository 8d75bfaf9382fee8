"""Source and filter: synthesis with known pitch and formants, and the analyses that find them."""

import numpy as np
import pytest

from helpers import voice
from helpers.errors import AudioError, AudioSilent, AudioTooShort
from helpers.features import hann

RATE = 8000


def test_cents_by_hand():
    assert voice.cents(440, 220) == pytest.approx(1200)
    assert voice.cents([100, 200], 200.0) == pytest.approx([-1200, 0])


# --- synthesis -----------------------------------------------------------------------------------


def test_a_buzz_has_harmonics_that_fall_by_six_decibels_per_octave():
    spectrum = np.abs(np.fft.rfft(voice.buzz(np.full(RATE, 200.0), RATE)))
    assert np.flatnonzero(spectrum > 0.01 * spectrum.max())[:3].tolist() == [200, 400, 600]
    assert spectrum[400] / spectrum[200] == pytest.approx(0.501, abs=0.01)
    assert spectrum[350] < 1e-3 * spectrum[200]


def test_no_harmonic_of_a_glide_folds_back():
    x = voice.buzz(np.linspace(900, 1500, RATE), RATE)
    frames = np.lib.stride_tricks.sliding_window_view(x, 512)[::256] * np.hanning(512)
    spectra = np.abs(np.fft.rfft(frames, axis=1))
    assert np.all(spectra[:, :40].max(axis=1) < 0.01 * spectra.max(axis=1))


def test_a_resonance_peaks_at_its_frequency():
    pulse = np.zeros(RATE, np.float32)
    pulse[0] = 1.0
    response = np.abs(np.fft.rfft(voice.resonate(pulse, [700.0], RATE, [50.0])))
    assert response.argmax() == pytest.approx(700, abs=3)
    assert response[0] == pytest.approx(1.0, abs=0.01)
    half = np.flatnonzero(response > response.max() / np.sqrt(2))
    assert np.ptp(half) == pytest.approx(50, abs=4)


def test_a_vowel_has_the_level_length_and_fades_it_should():
    x = voice.vowel(voice.VOWELS["hod"], 120.0, RATE, seconds=0.25)
    assert x.shape == (2000,)
    assert x.dtype == np.float32
    assert np.sqrt(np.mean(x**2)) == pytest.approx(0.1, rel=1e-3)
    assert x[0] == x[-1] == 0


def test_the_table_of_vowels_ascends():
    assert len(voice.VOWELS) == 10
    assert all(0 < f1 < f2 < f3 < 4000 for f1, f2, f3 in voice.VOWELS.values())


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: voice.buzz(np.zeros(5), RATE), "above 0"),
        (lambda: voice.buzz(np.full(5, 5000.0), RATE), "half the sample rate"),
        (lambda: voice.buzz(120.0, RATE), "one frequency per sample"),
        (lambda: voice.vowel((500,), 120.0, RATE), "seconds="),
        (lambda: voice.vowel((500,), 120.0, RATE, 0.1, breath=0.1), "rng="),
        (lambda: voice.vowel((5000,), 120.0, RATE, 0.1), "between 0"),
    ],
)
def test_what_synthesis_refuses(call, says):
    with pytest.raises(ValueError, match=says):
        call()


# --- linear prediction ---------------------------------------------------------------------------


def test_levinson_solves_the_equations():
    from scipy.linalg import solve_toeplitz

    x = np.random.default_rng(0).standard_normal(500)
    r = np.array([x[: 500 - k] @ x[k:] for k in range(9)])
    a, error = voice.levinson(r, 8)
    assert a[0] == 1
    assert a[1:] == pytest.approx(solve_toeplitz(r[:8], -r[1:9]), rel=1e-9)
    assert error == pytest.approx(r[0] + a[1:] @ r[1:9])


def test_levinson_by_hand():
    a, error = voice.levinson([1.0, 0.5], 1)
    assert a == pytest.approx([1, -0.5])
    assert error == pytest.approx(0.75)
    with pytest.raises(ValueError, match="3 lags"):
        voice.levinson([1.0, 0.5], 2)
    with pytest.raises(ValueError, match="silence"):
        voice.levinson([0.0, 0.0], 1)


def test_lpc_finds_the_filter_of_noise():
    from scipy.signal import lfilter

    poles = [1.0, -1.2, 0.8]
    x = lfilter([0.3], poles, np.random.default_rng(0).standard_normal(20000))
    a, gain = voice.lpc(x, 2)
    assert a == pytest.approx(poles, abs=0.02)
    assert gain == pytest.approx(0.3, rel=0.03)


def test_lpc_agrees_with_librosa_on_a_long_sound():
    import librosa

    x = voice.vowel(voice.VOWELS["hud"], 110.0, RATE, 1.0, breath=0.3, rng=np.random.default_rng(0))
    ours, _ = voice.lpc(x, 8)
    theirs = librosa.lpc(x.astype(np.float64), order=8)
    grid = np.exp(-1j * np.linspace(0.05, np.pi - 0.05, 200)[:, None] * np.arange(9))
    difference = 20 * np.log10(np.abs(grid @ ours) / np.abs(grid @ theirs))
    assert np.abs(difference).max() < 1.5


def test_the_filter_is_stable():
    rng = np.random.default_rng(2)
    for _ in range(20):
        a, _ = voice.lpc(rng.standard_normal(64) * hann(64), 12)
        assert np.all(np.abs(np.roots(a)) < 1)


@pytest.mark.parametrize("word", list(voice.VOWELS))
def test_formants_of_a_low_voice_are_found(word):
    x = voice.vowel(voice.VOWELS[word], 100.0, RATE, 0.3)[800:1200].astype(np.float64)
    lifted = np.append(x[0], x[1:] - 0.95 * x[:-1]) * hann(400)
    found = voice.formants(voice.lpc(lifted, 10)[0], RATE)
    assert found[:3] == pytest.approx(voice.VOWELS[word], rel=0.06)


def test_formants_by_hand():
    r, angle = np.exp(-np.pi * 100 / RATE), 2 * np.pi * 1000 / RATE
    a = np.poly([r * np.exp(1j * angle), r * np.exp(-1j * angle), 0.9]).real
    assert voice.formants(a, RATE) == pytest.approx([1000])
    assert len(voice.formants(a, RATE, widest=50)) == 0
    assert len(voice.formants(a, RATE, lowest=1100)) == 0


def test_what_lpc_refuses():
    with pytest.raises(AudioSilent):
        voice.lpc(np.zeros(100), 8)
    with pytest.raises(AudioTooShort):
        voice.lpc(np.ones(8), 8)
    with pytest.raises(AudioError):
        voice.lpc(np.array([np.nan] * 100), 8)


# --- pitch ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("hz", [70.0, 123.4, 250.0, 390.0])
def test_yin_finds_a_sine(hz):
    x = np.sin(2 * np.pi * hz * np.arange(4000) / RATE).astype(np.float32)
    f0, dip = voice.yin(x, RATE)
    assert np.abs(voice.cents(f0, hz)).max() < 10
    assert dip.max() < 0.05


def test_yin_follows_a_gliding_voice():
    true = np.linspace(100, 180, 8000)
    f0, _ = voice.yin(voice.vowel(voice.VOWELS["head"], true, RATE), RATE)
    at = 134 + 80 * np.arange(len(f0))
    assert np.median(np.abs(voice.cents(f0, true[np.minimum(at, 7999)]))) < 10


def test_yin_agrees_with_librosa():
    import librosa

    x = voice.vowel(voice.VOWELS["hud"], 143.0, RATE, 0.5)[400:-400]
    ours = np.median(voice.yin(x, RATE)[0])
    theirs = np.median(librosa.yin(x, fmin=60, fmax=400, sr=RATE, frame_length=512)[2:-2])
    assert abs(voice.cents(ours, theirs)) < 5


def test_noise_has_no_clear_dip_and_silence_none():
    noise = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    assert np.median(voice.yin(noise, RATE)[1]) > 0.3
    f0, dip = voice.yin(np.zeros(2000, np.float32), RATE)
    assert np.all(np.isfinite(f0))
    assert np.all(dip == 1)


def test_what_yin_refuses():
    x = np.ones(4000, np.float32)
    for bad in ({"fmin": 0.0}, {"fmin": 500.0}, {"fmax": 3000.0}):
        with pytest.raises(ValueError, match="ascend"):
            voice.yin(x, RATE, **bad)
    with pytest.raises(AudioTooShort):
        voice.yin(x[:200], RATE)
