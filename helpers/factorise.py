"""Factorise a spectrogram into a few spectra and when they sound. Chapter: 6.3"""

import numpy as np

from helpers.enhance import front_end
from helpers.errors import ShapeError
from helpers.features import istft, pad_ends, stft

SMALL = 1e-10


def kl_divergence(values, model):
    """Generalised Kullback–Leibler divergence Σ v ln(v / m) − v + m of arrays ≥ 0; a float.

    Chapter: 6.3
    Source: [lee2000algorithms]
    """
    v, m = np.asarray(values, np.float64), np.asarray(model, np.float64)
    ratio = np.maximum(v, SMALL) / np.maximum(m, SMALL)
    return float(np.sum(v * np.log(ratio) - v + m))


def nmf(values, rank, iterations=100, rng=None, spectra=None):
    """values (frames, bins) ≈ activations (frames, rank) @ spectra (rank, bins), nothing below 0.

    Multiplicative updates that never raise the Kullback–Leibler divergence. `spectra` (known,
    bins): the first rows, which stay as they are while the others are learned; with rank = known
    only the activations are. Learned spectra add up to 1. `rng`: a numpy Generator for the start,
    by default seeded with 0. Returns (activations, spectra), float64.

    Raises ShapeError for arrays that do not fit, ValueError for negative or infinite values, a
    rank below the number of known spectra or below 1, or no iteration.

    Chapter: 6.3
    Source: [lee2000algorithms]
    """
    v = np.asarray(values, np.float64)
    if v.ndim != 2:
        raise ShapeError(f"values has shape {v.shape}; give (frames, bins)")
    known = np.zeros((0, v.shape[1])) if spectra is None else np.asarray(spectra, np.float64)
    if known.ndim != 2 or known.shape[1] != v.shape[1]:
        raise ShapeError(f"spectra has shape {known.shape}; give (known, {v.shape[1]})")
    for name, array in (("values", v), ("spectra", known)):
        if not np.all(np.isfinite(array)) or array.min(initial=0) < 0:
            raise ValueError(f"{name} must be finite and not negative, such as magnitudes")
    if rank < max(1, len(known)) or iterations < 1:
        raise ValueError(
            f"rank is {rank} with {len(known)} known spectra, iterations {iterations}: rank must "
            "not be below the known ones, and both at least 1"
        )
    rng = np.random.default_rng(0) if rng is None else rng
    scale = max(v.mean(), SMALL)
    w = np.concatenate([known, rng.uniform(0.5, 1.5, (rank - len(known), v.shape[1]))])
    w[len(known) :] /= w[len(known) :].sum(axis=1, keepdims=True)
    h = rng.uniform(0.5, 1.5, (len(v), rank)) * scale * v.shape[1] / rank
    for _ in range(iterations):
        ratio = v / np.maximum(h @ w, SMALL)
        h *= (ratio @ w.T) / np.maximum(w.sum(axis=1), SMALL)
        if rank > len(known):
            new = slice(len(known), None)
            ratio = v / np.maximum(h @ w, SMALL)
            w[new] *= (h[:, new].T @ ratio) / np.maximum(h[:, new].sum(axis=0), SMALL)[:, None]
            total = np.maximum(w[new].sum(axis=1), SMALL)
            w[new] /= total[:, None]
            h[:, new] *= total
    return h, w


def magnitudes(samples, sample_rate):
    """The magnitudes that this module factorises: float (n,) → float64 (frames, bins).

    Frames of 32 ms as in `helpers.enhance`. Raises as `helpers.features.stft`. Chapter: 6.3
    """
    return np.abs(stft(samples, front_end(sample_rate))).astype(np.float64)


def separate(samples, sample_rate, wanted, unwanted, iterations=60):
    """Keep what the wanted spectra explain: float32 (n,) → float32 (n,), phase as it was.

    wanted, unwanted: spectra (k, bins) from `nmf` of `magnitudes` of examples. Activations of all
    of them are found for this sound; each bin is multiplied by the wanted share of the model's
    power.

    Raises ShapeError for spectra of another front end, and AudioError for samples that are not
    sound.

    Chapter: 6.3
    Source: [smaragdis2007supervised]
    """
    frames = front_end(sample_rate)
    spectrum = stft(pad_ends(samples, frames), frames)
    every = np.concatenate([wanted, unwanted])
    h, w = nmf(np.abs(spectrum), len(every), iterations, spectra=every)
    k = len(wanted)
    good, bad = (h[:, :k] @ w[:k]) ** 2, (h[:, k:] @ w[k:]) ** 2
    return istft(good / np.maximum(good + bad, SMALL) * spectrum, frames, len(samples))
