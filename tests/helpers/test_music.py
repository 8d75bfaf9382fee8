"""Pitches, notes, and the instrument that plays them."""

import numpy as np
import pytest

from helpers import music
from helpers.errors import BadSampleRate

RATE = 16000


def spectrum(samples):
    """Magnitudes and their frequencies in Hz."""
    window = np.hanning(len(samples))
    return np.abs(np.fft.rfft(samples * window)), np.fft.rfftfreq(len(samples), 1 / RATE)


def test_frequencies_that_are_known():
    assert music.midi_to_hz(69) == 440
    assert music.midi_to_hz([57, 81]).tolist() == [220, 880]
    assert music.midi_to_hz(60) == pytest.approx(261.6256, abs=1e-4)
    assert music.midi_to_hz(69.5) == pytest.approx(440 * 2 ** (1 / 24))
    for wrong in (-1, 128, float("nan"), [60, -1]):
        with pytest.raises(ValueError, match="0 to 127"):
            music.midi_to_hz(wrong)


def test_names_that_are_known():
    names = {0: "C-1", 21: "A0", 60: "C4", 61: "C♯4", 69: "A4", 127: "G9"}
    assert {pitch: music.note_name(pitch) for pitch in names} == names
    for wrong in (-1, 128, 60.5):
        with pytest.raises(ValueError, match="whole number"):
            music.note_name(wrong)


def test_notes_worked_by_hand():
    pitches = [[72, 60], [72, -1], [-1, -1], [72, 60], [71, 60]]
    assert music.notes(pitches) == [
        (0, 0, 2, 72),
        (0, 3, 4, 72),
        (0, 4, 5, 71),
        (1, 0, 1, 60),
        (1, 3, 5, 60),
    ]
    assert music.notes([-1, -1]) == []
    assert music.notes(np.array([60.0, 60.0])) == [(0, 0, 2, 60)]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (np.zeros((2, 2, 2), int), "shape"),
        ([], "shape"),
        ([60.5], "whole"),
        ([128], "0 to 127"),
        ([-2], "silent"),
        (["C4"], "whole"),
    ],
)
def test_what_is_no_piece_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        music.notes(wrong)
    with pytest.raises(ValueError, match=says):
        music.render(wrong)


def test_a_tone_has_the_pitch_that_is_written():
    for pitch in (45, 57, 69, 81):
        sound = music.render([pitch] * 8)
        assert sound.dtype == np.float32 and sound.shape == (16000,)
        strength, hz = spectrum(sound)
        assert hz[strength.argmax()] == pytest.approx(music.midi_to_hz(pitch), abs=1.5)


def test_a_tone_keeps_below_half_the_sample_rate():
    strength, hz = spectrum(music.render([96] * 8))
    above = strength[hz > 0.46 * RATE].max()
    assert above < 1e-3 * strength.max()
    assert np.abs(music.render([127] * 4, sample_rate=8000)).max() == 0  # 12.5 kHz: not to be had


def test_a_held_note_is_struck_once():
    held = music.render([60] * 8)
    struck = music.render([60, 60, 60, 60, 62, 62, 62, 62])

    def level(samples, second):
        around = int(second * RATE)
        return np.sqrt(np.mean(samples[around - 80 : around + 240] ** 2))

    before, after = level(held, 0.45), level(held, 0.52)
    assert after < before
    assert level(struck, 0.56) > level(struck, 0.45)  # the new note begins


def test_silence_is_silent_and_ends_are_soft():
    sound = music.render([[60], [-1], [-1], [-1]], seconds_per_step=0.25)
    assert len(sound) == RATE
    assert np.abs(sound[: RATE // 4]).max() > 0.1
    assert np.abs(sound[int(0.25 * RATE + music.RELEASE * RATE) + 1 :]).max() == 0
    assert np.abs(music.render([60] * 4)[[0, -1]]).max() < 1e-3
    assert not music.render([-1, -1]).any()


def test_voices_add_up_and_nothing_clips():
    parts = np.array([[72, 67, 64, 48], [74, 67, 65, 50]] * 8)
    together = music.render(parts)
    alone = sum(
        music.render(np.where(np.arange(4) == voice, parts, -1)).astype(float) for voice in range(4)
    )
    np.testing.assert_allclose(together, alone, atol=1e-6)
    unison = music.render(np.full((64, 12), 40))
    assert np.abs(unison).max() <= 0.99
    assert np.array_equal(together, music.render(parts))


def test_lengths_do_not_drift():
    assert len(music.render([60] * 1000, sample_rate=8000, seconds_per_step=0.0333)) == 266400
    for wrong in (0, -1, float("nan"), 1e-9):
        with pytest.raises(ValueError, match="seconds_per_step"):
            music.render([60], seconds_per_step=wrong)
    with pytest.raises(BadSampleRate):
        music.render([60], sample_rate=10)
