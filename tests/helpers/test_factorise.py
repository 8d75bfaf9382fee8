"""Factorisation: the divergence falls, what was multiplied is found, known spectra stay."""

import itertools

import numpy as np
import pytest

from helpers import factorise
from helpers.errors import ShapeError
from helpers.metrics import si_sdr

RNG = np.random.default_rng(0)
SPECTRA = np.array([[4.0, 2.0, 0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 3.0, 1.0, 0.0, 2.0]])
WHEN = RNG.gamma(0.5, 1.0, (40, 2))
VALUES = WHEN @ SPECTRA


def test_the_divergence_by_hand():
    assert factorise.kl_divergence([1.0, 2.0], [1.0, 2.0]) == pytest.approx(0)
    assert factorise.kl_divergence([1.0], [2.0]) == pytest.approx(1 - np.log(2))
    assert factorise.kl_divergence([0.0], [3.0]) == pytest.approx(3)


def test_no_iteration_raises_the_divergence():
    values = RNG.gamma(1.0, 1.0, (30, 20))
    found = [
        factorise.kl_divergence(values, np.matmul(*factorise.nmf(values, 4, n)))
        for n in (1, 2, 3, 5, 10, 30)
    ]
    assert all(b <= a + 1e-9 for a, b in itertools.pairwise(found))


def test_what_was_multiplied_is_found():
    h, w = factorise.nmf(VALUES, 2, 300)
    assert h @ w == pytest.approx(VALUES, abs=0.02)
    assert w.sum(axis=1) == pytest.approx(1)
    order = w[:, 0].argsort()[::-1]
    assert w[order] == pytest.approx(SPECTRA / SPECTRA.sum(axis=1, keepdims=True), abs=0.01)


def test_known_spectra_stay_and_others_are_learned():
    known = SPECTRA[:1]
    h, w = factorise.nmf(VALUES, 2, 300, spectra=known)
    assert np.array_equal(w[:1], known)
    assert h[:, 0] == pytest.approx(WHEN[:, 0], abs=0.05)


def test_what_nmf_refuses():
    with pytest.raises(ShapeError):
        factorise.nmf(VALUES[0], 2)
    with pytest.raises(ShapeError):
        factorise.nmf(VALUES, 2, spectra=np.ones((1, 3)))
    with pytest.raises(ValueError, match="not negative"):
        factorise.nmf(-VALUES, 2)
    with pytest.raises(ValueError, match="rank"):
        factorise.nmf(VALUES, 1, spectra=SPECTRA)
    with pytest.raises(ValueError, match="rank"):
        factorise.nmf(VALUES, 2, iterations=0)


def test_two_tones_are_told_apart():
    t = np.arange(8000) / 8000
    on = (np.sin(2 * np.pi * 3 * t) > 0).astype(float)
    low = (0.3 * on * np.sin(2 * np.pi * 400 * t)).astype(np.float32)
    high = (0.3 * (1 - on) * np.sin(2 * np.pi * 1500 * t)).astype(np.float32)
    spectra = [factorise.nmf(factorise.magnitudes(x, 8000), 2, 50)[1] for x in (low, high)]
    kept = factorise.separate(low + high, 8000, *spectra)
    assert kept.shape == low.shape
    assert si_sdr(kept, low) > 15
