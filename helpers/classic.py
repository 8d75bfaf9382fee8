"""What recognised words before networks did: templates under time warping, and Markov models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.features import FrontEnd, mfcc
from helpers.scratch.sequences import dtw_table, hmm_viterbi

CEPSTRA = FrontEnd(hop=160, n_mels=32)
"""Frames for the classic recognisers: one every 20 ms at 8 kHz."""


def cepstra(samples, front_end=CEPSTRA, n_mfcc=13):
    """Cepstra of a word and how they change: float32 (n,) → float32 (frames, 2·n_mfcc).

    The first n_mfcc columns are MFCCs minus their mean over the word, so that a microphone's
    colour, which adds a constant to each, is gone; the others are their slopes over five frames.
    Raises as `helpers.features.mfcc`.

    Chapter: 4.4
    Source: [davis1980comparison] for MFCCs, [furui1981cepstral] for the mean and the slopes
    """
    c = mfcc(samples, front_end, n_mfcc)
    c = c - c.mean(axis=0)
    reach = np.pad(c, ((2, 2), (0, 0)), mode="edge")
    n = len(c)
    slope = sum(k * (reach[2 + k : 2 + k + n] - reach[2 - k : 2 - k + n]) for k in (1, 2)) / 10
    return np.concatenate([c, slope], axis=1).astype(np.float32)


def dtw_distances(words, templates, batch=4096):
    """Warped distance of each word from each template, per frame: float64 (words, templates).

    `words` and `templates` are lists of arrays (frames, features) with the same number of features.
    The cost of the cheapest alignment (Euclidean distance of frames) is divided by the sum of the
    two lengths. All pairs of a batch share one table: they are padded at their ends, which changes
    nothing at the places where they are read.

    Raises ValueError for an empty list or features that differ in number.

    Chapter: 4.4
    Source: [sakoe1978dynamic]
    """
    if not words or not templates:
        raise ValueError(f"{len(words)} words and {len(templates)} templates: give one or more")
    widths = {x.shape[1] for x in (*words, *templates)}
    if len(widths) > 1:
        raise ValueError(f"the numbers of features differ: {sorted(widths)}")
    (a, length_a), (b, length_b) = _padded(words), _padded(templates)
    found = np.empty(len(words) * len(templates))
    pairs = np.indices((len(words), len(templates))).reshape(2, -1)
    for start in range(0, pairs.shape[1], batch):
        i, j = pairs[:, start : start + batch]
        inside = np.einsum("ntd,nsd->nts", a[i], b[j])
        squares = (a[i] ** 2).sum(-1)[:, :, None] + (b[j] ** 2).sum(-1)[:, None, :]
        table = dtw_table(np.sqrt(np.maximum(squares - 2 * inside, 0)))
        total = table[np.arange(len(i)), length_a[i] - 1, length_b[j] - 1]
        found[start : start + batch] = total / (length_a[i] + length_b[j])
    return found.reshape(len(words), len(templates))


def nearest_template(distances, labels):
    """The label of each word's nearest template: (words, templates), (templates,) → (words,).

    Raises ValueError if there is not one label per template. Chapter: 4.4
    """
    labels = np.asarray(labels)
    if labels.shape != (distances.shape[1],):
        raise ValueError(f"{distances.shape[1]} templates need as many labels, not {labels.shape}")
    return labels[distances.argmin(axis=1)]


def _padded(sequences):
    """Sequences in one array (n, longest, features), and their lengths (n,)."""
    lengths = np.array([len(x) for x in sequences])
    block = np.zeros((len(sequences), lengths.max(), sequences[0].shape[1]), np.float32)
    for row, x in zip(block, sequences, strict=True):
        row[: len(x)] = x
    return block, lengths


@dataclass
class WordModel:
    """A hidden Markov model that goes through its states from left to right.

    means, variances (states, features): of a Gaussian with independent features in each state.
    stay (states,): the probability to remain; the rest goes on to the next state, and the last
    state remains for good.

    Chapter: 4.4
    Source: [rabiner1989tutorial]
    """

    means: np.ndarray
    variances: np.ndarray
    stay: np.ndarray

    def score(self, x):
        """Log-likelihood of the best path through all states, a float; and that path (frames,).

        x (frames, features). -inf and no path if there are fewer frames than states. Chapter: 4.4
        """
        states = len(self.stay)
        if len(x) < states:
            return -np.inf, np.zeros(0, int)
        initial = np.eye(states)[0]
        transition = np.diag(self.stay) + np.diag(1 - self.stay[:-1], 1)
        away = x[:, None, :] - self.means
        log_emission = -0.5 * np.sum(
            away**2 / self.variances + np.log(2 * np.pi * self.variances), axis=2
        )
        log_emission[-1, :-1] = -1e300  # the last frame belongs to the last state
        path, log_likelihood = hmm_viterbi(initial, transition, log_emission)
        return log_likelihood, path


def fit_word_model(words, states=6, rounds=6, floor=0.05):
    """Train a WordModel on recordings of one word, a list of (frames, features).

    Each recording is cut into `states` equal parts; then means and variances are computed, the best
    path found, and the recordings cut along it, `rounds` times (training along the best path, or
    segmental k-means). A variance is at least `floor` times that of all frames together.

    Raises ValueError for an empty list or a recording with fewer frames than states.

    Chapter: 4.4
    Source: [juang1990segmental]
    """
    if not words or min(map(len, words)) < states:
        raise ValueError(f"give one recording or more, each of {states} frames at least")
    paths = [np.arange(len(x)) * states // len(x) for x in words]
    frames = np.concatenate(words).astype(np.float64)
    least = floor * frames.var(axis=0) + 1e-8
    for _ in range(rounds):
        at = np.concatenate(paths)
        means = np.stack([frames[at == s].mean(axis=0) for s in range(states)])
        variances = np.stack([frames[at == s].var(axis=0) for s in range(states)])
        per_visit = np.bincount(at, minlength=states) / len(words)
        stay = np.append(1 - 1 / per_visit[:-1], 1.0)
        model = WordModel(means, np.maximum(variances, least), stay)
        paths = [model.score(x)[1] for x in words]
    return model
