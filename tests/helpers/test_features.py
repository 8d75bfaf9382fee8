"""The front end: known answers, properties, and bad settings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import AudioError, AudioTooShort
from helpers.features import (
    FrontEnd,
    hann,
    hz_to_mel,
    log_mel,
    mel_matrix,
    mel_power,
    mel_to_hz,
    mfcc,
    stft,
)

FE = FrontEnd()


def sine(hz, n=8000, amplitude=1.0):
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(n) / 8000)).astype(np.float32)


def test_a_thousand_hertz_is_about_a_thousand_mel():
    assert hz_to_mel(1000) == pytest.approx(1000, abs=0.1)
    assert mel_to_hz(hz_to_mel(437.0)) == pytest.approx(437.0)


def test_the_window_adds_up_to_half_its_length():
    assert hann(256).sum() == pytest.approx(128)
    assert hann(256)[0] == 0


def test_a_full_scale_sine_is_near_zero_decibels_in_its_own_band():
    edges = np.linspace(hz_to_mel(FE.fmin), hz_to_mel(FE.fmax), FE.n_mels + 2)
    for band in (10, 20, 30):
        loudest = log_mel(sine(float(mel_to_hz(edges[band + 1]))), FE).mean(axis=0)
        assert loudest.argmax() == band
        assert -3 < loudest[band] < 3


def test_twice_the_amplitude_is_six_decibels():
    quiet, loud = log_mel(sine(500, amplitude=0.2), FE), log_mel(sine(500, amplitude=0.4), FE)
    loudest = quiet.argmax(axis=1)
    rows = np.arange(len(quiet))
    assert (loud - quiet)[rows, loudest] == pytest.approx(6.0206, abs=1e-3)


def test_silence_is_the_floor():
    assert np.all(mel_power(np.zeros(1000, np.float32), FE) == np.float32(FE.floor))


def test_the_triangles_touch_and_none_is_empty():
    matrix = mel_matrix(FE)
    assert matrix.shape == (129, 40)
    assert np.all((matrix > 0).sum(axis=1) <= 2)
    assert np.all(matrix.max(axis=0) > 0)


def test_stft_agrees_with_librosa():
    import librosa

    x = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    theirs = librosa.stft(x, n_fft=256, hop_length=80, window="hann", center=False)
    assert stft(x, FE) == pytest.approx(theirs.T, abs=1e-4)


def test_mfcc_is_the_cosine_transform():
    x = np.random.default_rng(0).standard_normal(2000).astype(np.float32)
    whole = mfcc(x, FE, n_mfcc=40)
    assert whole[:, 0] == pytest.approx(log_mel(x, FE).sum(axis=1) / np.sqrt(40), rel=1e-4)
    assert np.sum(whole**2) == pytest.approx(np.sum(log_mel(x, FE) ** 2), rel=1e-4)


@settings(deadline=None, max_examples=40)
@given(n=st.integers(256, 9000), hop=st.integers(1, 256))
def test_frames_are_as_many_as_the_formula_says(n, hop):
    fe = FrontEnd(hop=hop)
    assert len(log_mel(np.ones(n, np.float32), fe)) == fe.frames(n) == 1 + (n - 256) // hop


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_a_later_sample_never_changes_an_earlier_frame(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(2000).astype(np.float32)
    y = x.copy()
    at = int(rng.integers(256, 2000))
    y[at:] = 0
    whole = FE.frames(at)
    assert np.array_equal(log_mel(x, FE)[:whole], log_mel(y, FE)[:whole])


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"hop": 0}, "hop"),
        ({"hop": 300}, "hop"),
        ({"fmax": 5000.0}, "half the sample rate"),
        ({"fmin": 4000.0}, "bands run from"),
        ({"n_mels": 0}, "n_mels"),
        ({"floor": 0.0}, "floor"),
    ],
)
def test_settings_that_make_no_sense(bad, says):
    with pytest.raises(ValueError, match=says):
        FrontEnd(**bad)


def test_too_many_bands_are_refused():
    with pytest.raises(ValueError, match="holds no bin"):
        mel_matrix(FrontEnd(n_mels=120))


def test_bad_sound():
    with pytest.raises(AudioTooShort, match="fix_length"):
        log_mel(np.ones(255, np.float32), FE)
    with pytest.raises(AudioError):
        log_mel(np.array([np.nan] * 300, np.float32), FE)
    with pytest.raises(AudioError):
        log_mel(np.ones((300, 2), np.float32), FE)
    with pytest.raises(ValueError, match="n_mfcc"):
        mfcc(np.ones(300, np.float32), FE, 41)
