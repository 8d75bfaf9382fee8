"""The way back from features to sound, and the other spectra: known answers and libraries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import features
from helpers.audio import snr
from helpers.errors import AudioTooShort, ShapeError
from helpers.features import FrontEnd, griffin_lim, istft, log_mel, mel_power, mfcc, pad_ends, stft

FE = FrontEnd(n_fft=256, hop=64)


def noise(n, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def tone(hz, n=8000, rate=8000):
    return np.sin(2 * np.pi * hz * np.arange(n) / rate).astype(np.float32)


# --- the inverse transform -----------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(n=st.integers(1, 3000), hop=st.integers(1, 128), seed=st.integers(0, 99))
def test_the_inverse_gives_the_sound_back(n, hop, seed):
    fe, x = FrontEnd(hop=hop), noise(n, seed)
    padded = pad_ends(x, fe)
    assert (len(padded) - fe.n_fft) % hop == 0
    back = istft(stft(padded, fe), fe, length=n)
    assert back.shape == (n,)
    assert back.dtype == np.float32
    assert back == pytest.approx(x, abs=1e-5)


def test_the_inverse_is_exact_to_float_precision():
    x = noise(5000)
    assert snr(x, x - istft(stft(pad_ends(x, FE), FE), FE, length=5000)) > 130


def test_the_inverse_agrees_with_librosa():
    import librosa

    x = noise(4096)
    spectrum = stft(x, FE)
    theirs = librosa.istft(spectrum.T, hop_length=64, n_fft=256, window="hann", center=False)
    middle = slice(256, -256)
    assert istft(spectrum, FE)[middle] == pytest.approx(theirs[middle], abs=1e-5)


def test_the_inverse_is_the_nearest_sound():
    rng = np.random.default_rng(1)
    wild = rng.standard_normal((20, 129)) + 1j * rng.standard_normal((20, 129))
    wild[:, [0, -1]] = wild[:, [0, -1]].real
    y = istft(wild, FE)
    best = _distance(stft(y, FE), wild)
    for _ in range(5):
        near = y.copy()
        near[256:-256] += noise(len(y) - 512, int(rng.integers(99)))
        assert _distance(stft(near, FE), wild) > best


def _distance(a, b):
    return np.linalg.norm(np.fft.irfft(a, axis=1) - np.fft.irfft(b, axis=1))


def test_what_the_inverse_refuses():
    with pytest.raises(ShapeError, match="129"):
        istft(np.zeros((3, 100), complex), FE)
    with pytest.raises(ShapeError, match="pad_ends"):
        istft(np.zeros((3, 129), complex), FE, length=5000)
    with pytest.raises(ValueError, match="gaps"):
        istft(np.zeros((9, 129), complex), FrontEnd(hop=256))


# --- magnitudes ----------------------------------------------------------------------------------


def test_griffin_lim_comes_near_the_magnitude():
    magnitude = np.abs(stft(pad_ends(tone(440) * 0.3, FE), FE))
    y, errors = griffin_lim(magnitude, FE, 60, length=8000)
    assert y.shape == (8000,)
    assert errors.shape == (60,)
    assert errors[-1] < 0.1 < errors[0]
    made = np.abs(stft(pad_ends(y, FE), FE))
    assert features.spectral_convergence(made, magnitude) < 0.1


def test_without_momentum_the_error_never_rises():
    magnitude = np.abs(stft(pad_ends(noise(4000), FE), FE))
    _, errors = griffin_lim(magnitude, FE, 40, momentum=0.0)
    assert np.all(np.diff(errors) < 1e-6)


def test_griffin_lim_of_silence_is_silence():
    y, errors = griffin_lim(np.zeros((10, 129)), FE, 3)
    assert not y.any()
    assert not errors.any()


def test_griffin_lim_is_repeatable_and_its_start_can_be_chosen():
    magnitude = np.abs(stft(noise(2000), FE))
    one, other = (griffin_lim(magnitude, FE, 3)[0] for _ in range(2))
    assert np.array_equal(one, other)
    third = griffin_lim(magnitude, FE, 3, rng=np.random.default_rng(1))[0]
    assert not np.array_equal(one, third)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [((-np.ones((3, 129)), FE), "at least 0"), ((np.ones((3, 129)), FE, 0), "iteration")],
)
def test_what_griffin_lim_refuses(arguments, says):
    with pytest.raises(ValueError, match=says):
        griffin_lim(*arguments)


def test_spectral_convergence_by_hand():
    assert features.spectral_convergence([[3.0, 5.0]], [[3.0, 4.0]]) == pytest.approx(0.2)
    with pytest.raises(ValueError, match="differ"):
        features.spectral_convergence(np.ones((2, 2)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="zero"):
        features.spectral_convergence(np.ones((2, 2)), np.zeros((2, 2)))


def test_a_spectrum_with_the_wanted_mel_power():
    x = noise(4000)
    power = mel_power(x, FE)
    magnitude = features.mel_to_magnitude(power, FE, 200)
    again = (magnitude * 2 / features.hann(256).sum()) ** 2 @ features.mel_matrix(FE)
    assert magnitude.min() >= 0
    assert magnitude.dtype == np.float32
    assert again == pytest.approx(power, rel=0.2, abs=1e-6)
    with pytest.raises(ValueError, match="40"):
        features.mel_to_magnitude(power[:, :20], FE)
    with pytest.raises(ValueError, match="at least"):
        features.mel_to_magnitude(-power, FE)


def test_all_mfccs_give_the_log_mel_back_and_fewer_smooth_it():
    x = noise(3000)
    bands = log_mel(x, FE)
    whole = features.mfcc_to_log_mel(mfcc(x, FE, 40), FE)
    assert whole == pytest.approx(bands, abs=1e-3)
    level = features.mfcc_to_log_mel(mfcc(x, FE, 1), FE)
    assert level == pytest.approx(np.tile(bands.mean(axis=1, keepdims=True), 40), abs=1e-3)
    with pytest.raises(ValueError, match="1 … 40"):
        features.mfcc_to_log_mel(np.ones((3, 41)), FE)


# --- cepstrum, constant Q, chroma ----------------------------------------------------------------


def test_the_cepstrum_of_a_pulse_train_peaks_at_its_period():
    x = np.zeros(4000, np.float32)
    x[::50] = 1.0
    c = features.cepstrum(x, FrontEnd(n_fft=512, hop=64))
    assert c.shape[1] == 512
    assert np.all(20 + c[:, 20:200].argmax(axis=1) == 50)
    assert c[:, 1:] == pytest.approx(c[:, :0:-1], abs=1e-5)


def test_an_echo_shows_in_the_cepstrum():
    x = np.zeros(512, np.float32)
    x[256] = 1.0
    x[256 + 40] = 0.5
    c = features.cepstrum(x, FrontEnd(n_fft=512, hop=64))[0]
    assert c[20:100].argmax() + 20 == 40


@pytest.mark.parametrize("key", [0, 12, 30, 60])
def test_a_sine_in_the_middle_of_a_bin_gives_one(key):
    bins = np.abs(features.constant_q(tone(55 * 2 ** (key / 12)), 8000))
    assert bins.shape == (1 + 8000 // 256, 72)
    assert bins[15].argmax() == key
    assert bins[15, key] == pytest.approx(1.0, abs=0.01)


def test_constant_q_agrees_with_librosa():
    import librosa

    x = (tone(110) + 0.5 * tone(330) + 0.3 * tone(1244.5)).astype(np.float32)
    ours = np.abs(features.constant_q(x, 8000))[15]
    theirs = np.abs(librosa.cqt(x, sr=8000, hop_length=256, fmin=55.0, n_bins=72))[:, 15]
    lengths = 8000 / (55 * 2 ** (np.arange(72) / 12))
    assert np.corrcoef(ours * np.sqrt(lengths), theirs)[0, 1] > 0.99


def test_chroma_forgets_the_octave():
    for octave in (110, 220, 880):
        notes = features.chroma(tone(octave), 8000)[10]
        assert notes.argmax() == 0
        assert notes.max() == 1
    assert features.chroma(tone(130.81), 8000)[10].argmax() == 3
    assert not features.chroma(np.zeros(4000, np.float32), 8000).any()


def test_what_constant_q_refuses():
    with pytest.raises(ValueError, match="half the sample rate"):
        features.constant_q(tone(100), 8000, octaves=7)
    with pytest.raises(ValueError, match="lie between"):
        features.constant_q(tone(100), 8000, fmin=0.0)
    with pytest.raises(AudioTooShort):
        features.cepstrum(np.ones(10, np.float32), FE)
