"""Scores."""

import numpy as np
import pytest

from helpers import engrave, plots

CHORDS = np.repeat([[72, 67, 64, 48], [74, 67, 59, 55], [72, 67, 64, 48]], [4, 6, 6], axis=0)


def test_signatures_that_are_known():
    major = np.array([0, 0, 2, 4, 4, 5, 7, 7, 7, 9, 11, 0]) + 60
    for tonic, fifths in {0: 0, 7: 1, 2: 2, 5: -1, 10: -2, 3: -3, 9: 3}.items():
        assert engrave.signature(major + tonic) == fifths
    minor = np.array([0, 0, 2, 3, 3, 5, 7, 7, 7, 8, 11, 0]) + 57
    assert engrave.signature(minor) == 0


def test_spellings_that_are_known():
    assert engrave.spelled(60, 0) == ("C", 0, 4)
    assert engrave.spelled(61, 2) == ("C", 1, 4)  # D major
    assert engrave.spelled(70, -1) == ("B", -1, 4)  # F major
    assert engrave.spelled(68, 0) == ("G", 1, 4)  # leading note of A minor
    assert engrave.spelled(66, -2) == ("F", 1, 4)  # leading note of G minor
    assert engrave.spelled(71, -6) == ("C", -1, 5)
    for pitch in range(40, 90):
        for fifths in range(-6, 7):
            letter, sign, octave = engrave.spelled(pitch, fifths)
            natural = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))[letter]
            assert 12 * (octave + 1) + natural + sign == pitch
    with pytest.raises(ValueError, match="MIDI"):
        engrave.spelled(128, 0)


def test_lengths_are_tied_across_bar_lines():
    assert engrave.written_lengths(0, 4) == [(0, 4)]
    assert engrave.written_lengths(12, 20) == [(12, 4), (16, 4)]
    assert engrave.written_lengths(2, 7) == [(2, 4), (6, 1)]
    assert engrave.written_lengths(0, 48) == [(0, 16), (16, 16), (32, 16)]


def test_a_score_is_drawn():
    fig, ax = engrave.score(CHORDS, title="three chords")
    heads = [patch for patch in ax.patches if type(patch).__name__ == "Ellipse"]
    assert len(heads) >= 7 and ax.get_title(loc="left") == "three chords"
    plots.small_picture(fig)
    with pytest.raises(ValueError, match="shape"):
        engrave.score(CHORDS[:, :3])
    with pytest.raises(ValueError, match="not one note"):
        engrave.score(np.full((4, 4), -1))
