"""Adaptive filters: they find the path they are given, and nothing where there is none."""

import numpy as np
import pytest

from helpers import adaptive, rooms
from helpers.errors import ShapeError
from helpers.metrics import si_sdr

RATE = 8000
RNG = np.random.default_rng(0)
NOISE = 0.1 * RNG.standard_normal(RATE).astype(np.float32)
PATH = np.array([0.5, -0.3, 0.0, 0.2])
HEARD = np.convolve(NOISE, PATH)[:RATE].astype(np.float32)


def test_a_known_path_is_found_to_the_third_digit():
    found = adaptive.nlms(HEARD, NOISE, taps=6, step=0.5)
    assert found.cleaned.shape == HEARD.shape and found.cleaned.dtype == np.float32
    assert found.weights == pytest.approx([*PATH, 0, 0], abs=1e-3)
    assert np.abs(found.cleaned[-1000:]).max() < 1e-3


def test_one_step_by_hand():
    found = adaptive.nlms(np.array([1.0, 1.0]), np.array([2.0, 0.0]), taps=2, step=1.0)
    assert found.cleaned == pytest.approx([1.0, 1.0], abs=1e-4)
    assert found.weights == pytest.approx([0.5, 0.5], abs=1e-4)


def test_clips_side_by_side_learn_apart():
    other = 0.1 * np.random.default_rng(1).standard_normal(RATE).astype(np.float32)
    both = adaptive.nlms(np.stack([HEARD, other]), np.stack([NOISE, NOISE]), 6, 0.5)
    alone = adaptive.nlms(HEARD, NOISE, 6, 0.5)
    assert both.cleaned[0] == pytest.approx(alone.cleaned, abs=1e-6)
    assert both.weights.shape == (2, 6)
    assert np.mean(both.cleaned[1] ** 2) > np.mean(other**2)


def test_a_silent_reference_takes_nothing_away():
    found = adaptive.nlms(HEARD, np.zeros_like(HEARD), 6)
    assert np.array_equal(found.cleaned, HEARD)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"step": 0.0}, ValueError),
        ({"step": 2.0}, ValueError),
        ({"taps": 0}, ValueError),
        ({"epsilon": 0.0}, ValueError),
        ({"reference": NOISE[:-1]}, ShapeError),
    ],
)
def test_what_nlms_refuses(change, error):
    with pytest.raises(error):
        adaptive.nlms(**{"heard": HEARD, "reference": NOISE, "taps": 4, **change})


def test_hum_goes_once_it_has_been_followed():
    hum = rooms.hum(3 * RATE, RATE, 50.0)
    left = adaptive.cancel_hum(hum, RATE, 50.0, harmonics=24)
    assert np.mean(left[-RATE:] ** 2) < 1e-3 * np.mean(hum[-RATE:] ** 2)
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE)).astype(np.float32)
    kept = adaptive.cancel_hum(tone, RATE, 50.0)
    assert si_sdr(kept[RATE:], tone[RATE:]) > 15
    for wrong in ({"mains": 0.0}, {"mains": RATE}, {"harmonics": 0}, {"width": 0.0}):
        with pytest.raises(ValueError, match=r"mains|harmonics"):
            adaptive.cancel_hum(**{"samples": hum, "sample_rate": RATE, "mains": 50.0, **wrong})
