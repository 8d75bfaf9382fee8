"""Adaptive filters: learn, while listening, what to take away.

Chapter: 6.3
"""

from typing import NamedTuple

import numpy as np

from helpers.audio import check_rate, check_samples
from helpers.errors import ShapeError


class Adapted(NamedTuple):
    """What an adaptive filter leaves, float32 as the sound, and its last weights, float64.

    Chapter: 6.3
    """

    cleaned: np.ndarray
    weights: np.ndarray


def nlms(heard, reference, taps, step=0.1, epsilon=1e-6):
    """Take from `heard` what a filter can foretell of it from `reference`, by NLMS.

    At every sample t the filter w, (taps,), says w·x with x = the last `taps` samples of the
    reference; what it misses, e = heard − w·x, is the output; and w moves by step · e x / (‖x‖² +
    taps · epsilon). Nothing is known of the path between the two microphones: it is learned.

    heard, reference: float (n,), or (clips, n) for clips that learn apart, side by side. step:
    between 0 and 2; small is slow and exact. Returns an `Adapted` of shapes (n,) and (taps,), or
    (clips, n) and (clips, taps).

    Raises ShapeError for sounds of different shapes, ValueError for a step outside (0, 2), fewer
    than one tap or an epsilon that is not above 0, and AudioError for samples that are not sound.

    Chapter: 6.3
    Source: [widrow1975adaptive]; [haykin2014adaptive] for the normalised step
    """
    heard, reference = np.asarray(heard), np.asarray(reference)
    if heard.shape != reference.shape or heard.ndim not in (1, 2):
        raise ShapeError(
            f"heard has shape {heard.shape}, reference {reference.shape}: give two (n,) or two "
            "(clips, n)"
        )
    if not 0 < step < 2:
        raise ValueError(f"step is {step}; NLMS is stable between 0 and 2, such as 0.1")
    if taps < 1 or not epsilon > 0:
        raise ValueError(f"taps is {taps} and epsilon {epsilon}; give at least 1 and above 0")
    d = np.stack([check_samples(x, "heard") for x in np.atleast_2d(heard)]).astype(np.float64)
    x = np.stack([check_samples(x, "reference") for x in np.atleast_2d(reference)])
    x = np.pad(x.astype(np.float64), ((0, 0), (taps - 1, 0)))
    latest = np.lib.stride_tricks.sliding_window_view(x, taps, axis=1)[:, :, ::-1]
    energy = np.cumsum(np.pad(x**2, ((0, 0), (1, 0))), axis=1)
    energy = np.maximum(energy[:, taps:] - energy[:, :-taps], 0)
    rates = step / (energy + taps * epsilon)
    weights, left = np.zeros((len(d), taps)), np.empty_like(d)
    for t in range(d.shape[1]):
        now = latest[:, t]
        error = d[:, t] - np.einsum("ck,ck->c", weights, now)
        weights += (rates[:, t] * error)[:, None] * now
        left[:, t] = error
    left = left.astype(np.float32)
    return Adapted(left, weights) if heard.ndim == 2 else Adapted(left[0], weights[0])


def cancel_hum(samples, sample_rate, mains, harmonics=20, width=2.0):
    """Take hum away by following its harmonics: float32 (n,) → (n,).

    The reference is made up: a cosine and a sine at each of `harmonics` multiples of `mains` (Hz),
    with one weight each, adapted by LMS. That is a notch at each harmonic, some `width` Hz wide,
    which sits where the weights have to turn. Multiples above half the sample rate are left out.

    Raises ValueError unless mains, harmonics and width are above 0 and mains below half the sample
    rate, BadSampleRate, and AudioError for samples that are not sound.

    Chapter: 6.3
    Source: [widrow1975adaptive]
    """
    samples, rate = check_samples(samples), check_rate(sample_rate)
    check_mains(mains, rate, harmonics, width)
    orders = np.arange(1, 1 + min(harmonics, int(np.ceil(rate / 2 / mains)) - 1))
    turn = 2j * np.pi * mains / rate
    reference = np.exp(turn * np.outer(np.arange(len(samples)), orders))
    step = np.pi * width / rate
    weights, left = np.zeros(len(orders), complex), np.empty(len(samples))
    for t, x in enumerate(samples.astype(np.float64)):
        now = reference[t]
        left[t] = x - np.vdot(weights, now).real
        weights += 2 * step * left[t] * now
    return left.astype(np.float32)


def check_mains(mains, rate, harmonics, width):
    """Raise ValueError where a filter against hum makes no sense. Chapter: 6.3"""
    if not 0 < mains < rate / 2:
        raise ValueError(f"mains is {mains} Hz; give a frequency below {rate / 2:g} Hz, such as 50")
    if harmonics < 1 or not width > 0:
        raise ValueError(f"harmonics is {harmonics} and width {width} Hz; both must be above 0")
