"""The vocoder by linear prediction, on vowels whose pitch and formants are known."""

import numpy as np
import pytest

from helpers import vocoder, voice
from helpers.errors import ShapeError

RATE = 16000
FORMANTS = (500.0, 1500.0, 2500.0)


@pytest.fixture(scope="module")
def sound():
    return voice.vowel(FORMANTS, 120.0, RATE, seconds=0.4)


@pytest.fixture(scope="module")
def parts(sound):
    return vocoder.analyse(sound, RATE)


def test_its_own_residual_gives_the_sound_back(sound, parts):
    assert np.max(np.abs(vocoder.synthesise(parts) - sound)) < 1e-6


def test_what_is_analysed_has_a_pitch_and_silence_has_none(parts):
    inner = parts.f0[5:-6]
    assert np.median(inner) == pytest.approx(120, rel=0.02)
    quiet = vocoder.analyse(np.zeros(4000, np.float32), RATE)
    assert not quiet.f0.any() and not quiet.gains.any()
    assert not vocoder.synthesise(quiet, vocoder.excitation(quiet)).any()


def test_formants_of_the_filters(parts):
    found = voice.formants(parts.filters[20], RATE)
    for wanted in FORMANTS:
        assert np.min(np.abs(found - wanted)) < 60


def test_pulses_stand_a_period_apart_with_power_one(parts):
    source = vocoder.excitation(parts)
    voiced = source[2000:4000]
    gaps = np.diff(np.flatnonzero(voiced))
    assert np.all(np.abs(gaps - RATE / 120) < 3)
    assert np.mean(voiced**2) == pytest.approx(1, rel=0.1)


def test_resynthesis_has_the_level_of_the_sound(sound, parts):
    for kind in ("pulses", "noise"):
        made = vocoder.synthesise(parts, vocoder.excitation(parts, kind=kind))
        ratio = np.mean(made[1000:-1000] ** 2) / np.mean(sound[1000:-1000] ** 2)
        assert 0.4 < ratio < 2.5, kind


def test_pitch_moves_and_formants_stay(sound):
    higher = vocoder.with_pitch(sound, RATE, 1.3)
    found = vocoder.analyse(higher, RATE).f0[6:-6]
    assert np.median(found) == pytest.approx(156, rel=0.02)
    assert abs(vocoder.formant_shift(higher, sound, RATE)) <= 60
    assert abs(vocoder.formant_shift(higher, sound, RATE, by="cepstrum")) <= 60


def test_resampling_moves_formants(sound):
    places = np.arange(0, len(sound) - 1, 1.3)
    faster = np.interp(places, np.arange(len(sound)), sound).astype(np.float32)
    wanted = 1200 * np.log2(1.3)
    for by in ("lpc", "cepstrum"):
        found = vocoder.formant_shift(faster, sound, RATE, by=by)
        assert found == pytest.approx(wanted, abs=60)
    with pytest.raises(ValueError, match="'lpc' or 'cepstrum'"):
        vocoder.formant_shift(faster, sound, RATE, by="ear")


def test_formant_shift_needs_a_voice():
    noise = np.random.default_rng(0).standard_normal(6000).astype(np.float32)
    with pytest.raises(ValueError, match="no voiced frame"):
        vocoder.formant_shift(noise, noise, RATE)


def test_moved_formants(parts):
    moved = vocoder.moved_formants(parts, 1.2)
    found = voice.formants(moved.filters[20], RATE)
    assert np.min(np.abs(found - 600)) < 75
    assert np.min(np.abs(found - 1800)) < 75
    same = vocoder.moved_formants(parts, 1.0)
    assert np.allclose(same.filters, parts.filters, atol=1e-5)
    with pytest.raises(ValueError, match=r"0\.5 to 2"):
        vocoder.moved_formants(parts, 3.0)


def test_envelope_of_one_pole_by_hand():
    curve = vocoder.envelope([1.0, -0.5], 1.0, 8)
    assert curve[0] == pytest.approx(20 * np.log10(2))
    assert curve[-1] == pytest.approx(-20 * np.log10(1.5))


def test_bad_input_is_refused(parts):
    with pytest.raises(ValueError, match="order"):
        vocoder.analyse(np.ones(4000, np.float32), RATE, order=0)
    with pytest.raises(ValueError, match="kind"):
        vocoder.excitation(parts, kind="saw")
    with pytest.raises(ValueError, match="pitch"):
        vocoder.excitation(parts, pitch=0)
    with pytest.raises(ShapeError, match="source"):
        vocoder.synthesise(parts, np.zeros(3))
