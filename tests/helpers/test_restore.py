"""Repairs: known answers, what must not change, and what is refused."""

import numpy as np
import pytest
from scipy.signal import lfilter

from helpers import audio, restore, rooms
from helpers.errors import AudioSilent, AudioTooShort, ShapeError
from helpers.features import FrontEnd
from helpers.metrics import log_spectral_distance, si_sdr

RATE = 8000
T = np.arange(RATE) / RATE
CHORD = sum(0.2 * np.sin(2 * np.pi * f * T + f) for f in (220, 330, 550)).astype(np.float32)
RNG = np.random.default_rng(0)


def bursts(seconds=3):
    rng = np.random.default_rng(3)
    on = np.repeat(rng.random(10 * seconds) < 0.4, RATE // 10)
    return (0.1 * on * rng.standard_normal(len(on))).astype(np.float32)


def test_prediction_takes_late_reverberation_away():
    dry = bursts()
    (room,) = rooms.impulse_responses(1, RATE, 1, (0.6, 0.6), 30)
    wet = np.convolve(dry, room)[: len(dry)].astype(np.float32)
    out = restore.wpe(wet, RATE)
    assert out.shape == wet.shape and out.dtype == np.float32
    assert si_sdr(out, dry) > si_sdr(wet, dry) + 0.5


def test_what_wpe_refuses():
    with pytest.raises(AudioTooShort, match="taps"):
        restore.wpe(CHORD[:1500], RATE, taps=40)
    with pytest.raises(ValueError, match="at least 1"):
        restore.wpe(CHORD, RATE, delay=0)


def test_clipping_by_hand():
    cut, known = restore.clip(np.array([0.1, -0.6, 0.5, 0.4]), 0.5)
    assert cut == pytest.approx([0.1, -0.5, 0.5, 0.4])
    assert known.tolist() == [True, False, False, True]
    with pytest.raises(ValueError, match="level"):
        restore.clip(CHORD, 0)


@pytest.mark.parametrize("sdr", [3, 10, 20])
def test_the_level_gives_the_ratio_that_is_asked(sdr):
    cut, _ = restore.clip(CHORD, restore.level_for(CHORD, sdr))
    assert audio.snr(CHORD, CHORD - cut) == pytest.approx(sdr, abs=0.01)
    with pytest.raises(AudioSilent):
        restore.level_for(np.zeros(100), sdr)
    with pytest.raises(ValueError, match="sdr"):
        restore.level_for(CHORD, 0)


def test_sparse_sounds_are_declipped_and_known_samples_kept():
    cut, known = restore.clip(CHORD, restore.level_for(CHORD, 7))
    out = restore.declip(cut, known)
    assert np.array_equal(out[known], cut[known])
    assert np.all(np.abs(out[~known]) >= np.abs(cut[~known]) - 1e-6)
    assert audio.snr(CHORD, CHORD - out) > 20
    assert np.array_equal(restore.declip(CHORD, np.ones(RATE, bool)), CHORD)


def test_what_declipping_refuses():
    known = np.ones(RATE, bool)
    with pytest.raises(ShapeError):
        restore.declip(CHORD, known[:-1])
    with pytest.raises(ShapeError):
        restore.declip(CHORD, known.astype(float))
    for wrong in ({"frame": 9}, {"iterations": 0}, {"tolerance": 0}):
        with pytest.raises(ValueError, match="frame"):
            restore.declip(CHORD, known, **wrong)


def test_an_autoregressive_process_gives_its_coefficients_back():
    a = [1, -1.6, 0.9]
    x = lfilter([1], a, 0.01 * np.random.default_rng(5).standard_normal(40000))
    assert restore.ar_coefficients(x, 2) == pytest.approx(a, abs=0.02)
    assert restore.ar_coefficients(np.zeros(50), 2).tolist() == [1, 0, 0]
    with pytest.raises(ValueError, match="order"):
        restore.ar_coefficients(x, 0)


def test_a_gap_in_a_chord_is_filled_whatever_stood_there():
    broken = CHORD.copy()
    broken[4000:4080] = 0.9
    out = restore.fill_gap(broken, 4000, 4080, order=32)
    assert np.array_equal(out[:4000], CHORD[:4000]) and np.array_equal(out[4080:], CHORD[4080:])
    assert audio.snr(CHORD[4000:4080], (out - CHORD)[4000:4080]) > 25
    again = restore.fill_gap(CHORD, 4000, 4080, order=32)
    assert again == pytest.approx(out)


def test_what_filling_refuses():
    for start, stop in ((-1, 10), (20, 20), (7990, 8001), (10, 60), (7900, 7990)):
        with pytest.raises(ValueError, match="gap"):
            restore.fill_gap(CHORD, start, stop, order=32)
    with pytest.raises(ValueError, match="gap"):
        restore.fill_gap(CHORD, 4000, 4010, iterations=0)


def test_the_mains_are_found_and_notched_out():
    hum = rooms.hum(2 * RATE, RATE, 49.9)
    wanted = 0.3 * np.sin(2 * np.pi * 475 * np.arange(2 * RATE) / RATE)
    x = (hum + wanted).astype(np.float32)
    mains = restore.mains_frequency(x, RATE)
    assert mains == pytest.approx(49.9, abs=0.05)
    out = restore.notch_hum(x, RATE, mains, harmonics=24)
    inside = slice(RATE // 2, -RATE // 2)
    assert si_sdr(out[inside], wanted[inside]) > 25 > 15 > si_sdr(x[inside], wanted[inside])
    with pytest.raises(ValueError, match="around"):
        restore.mains_frequency(x, RATE, (60, 50))
    with pytest.raises(ValueError, match="width"):
        restore.notch_hum(x, RATE, width=0)


def test_hum_wanders_by_what_is_asked():
    for drift in (0.0, 1.0):
        hum = rooms.wandering_hum(8 * RATE, RATE, 60.0, drift, np.random.default_rng(0))
        assert np.sqrt(np.mean(hum**2)) == pytest.approx(0.1, rel=1e-3)
        power = np.abs(np.fft.rfft(hum * np.hanning(len(hum)))) ** 2
        f = np.fft.rfftfreq(len(hum), 1 / RATE)
        near = (f > 50) & (f < 70)
        mean = np.average(f[near], weights=power[near])
        width = np.sqrt(np.average((f[near] - mean) ** 2, weights=power[near]))
        assert mean == pytest.approx(60, abs=0.3)
        assert (width > 0.3) == (drift > 0)
    for wrong in ({"n": 0}, {"mains": 5.0}, {"drift": 20.0}):
        with pytest.raises(ValueError, match="give at least"):
            rooms.wandering_hum(
                **{"n": 9, "sample_rate": RATE, "mains": 50.0, "drift": 0.0, "rng": RNG, **wrong}
            )


def test_rooms_are_as_they_were_and_as_long_as_asked():
    default, longer = (
        rooms.impulse_responses(1, RATE, 5)[0],
        rooms.impulse_responses(1, RATE, 5, (0.8, 0.8), 30)[0],
    )
    assert len(longer) > 1.5 * len(default) and longer[0] == default[0] == 1
    for wrong in ({"reverberation": (0.5, 0.2)}, {"reverberation": (0, 1)}, {"max_order": -1}):
        with pytest.raises(ValueError, match="reverberation"):
            rooms.impulse_responses(1, RATE, 0, **wrong)


def test_the_spectral_distance_by_hand():
    frames = FrontEnd(sample_rate=RATE, n_fft=256, hop=64)
    noise = 0.1 * RNG.standard_normal(RATE).astype(np.float32)
    assert log_spectral_distance(noise, noise, frames) == 0
    assert log_spectral_distance(0.5 * noise, noise, frames, 90) == pytest.approx(6.02, abs=0.05)
    assert log_spectral_distance(-noise, noise, frames) == 0
    assert log_spectral_distance(0 * noise, noise, frames, 30) < 30
    with pytest.raises(ShapeError):
        log_spectral_distance(noise[1:], noise, frames)
    with pytest.raises(AudioSilent):
        log_spectral_distance(noise, 0 * noise, frames)
    with pytest.raises(ValueError, match="range_db"):
        log_spectral_distance(noise, noise, frames, 0)
