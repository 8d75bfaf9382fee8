"""Networks at work on a stream: the same numbers as offline, with bounded memory.

What looks back keeps what it will look back at: the front end the end of the last window, the level
its peak, each convolution its last inputs. Everything here maps a block to a block and can be
called with blocks of any length, also of none. Chapter: 8.1
"""

from __future__ import annotations

import numpy as np

from helpers.audio import check_samples
from helpers.features import log_mel


class FramesOf:
    """Log-mel of a stream: `push(samples)` float (n,) → float32 (rows, n_mels) in dB.

    What is kept between blocks: the samples that the next window still needs, fewer than n_fft.
    Raises AudioError for blocks that are not sound. Chapter: 8.1
    """

    def __init__(self, front_end):
        self.front_end = front_end
        self.kept = np.zeros(0, np.float32)

    def push(self, samples):
        fe = self.front_end
        new = check_samples(samples, "block") if np.size(samples) else np.zeros(0, np.float32)
        x = np.concatenate([self.kept, new])
        rows = fe.frames(len(x))
        self.kept = x[rows * fe.hop :].copy()
        if not rows:
            return np.zeros((0, fe.n_mels), np.float32)
        return log_mel(x[: fe.n_fft + (rows - 1) * fe.hop], fe).astype(np.float32)


class RunningLevel:
    """Level out of a stream of rows: dB below a peak that rises at once and falls slowly.

    `push(rows)` float32 (r, n_mels) → max(rows − peak, −range_db) / 20 + 1. The peak falls by
    `fall` dB a row and starts at `start` dB. What is kept is one number. Chapter: 8.1
    """

    def __init__(self, range_db=55.0, fall=0.05, start=-40.0):
        self.range_db, self.fall, self.kept = range_db, fall, start

    def push(self, rows):
        if not len(rows):
            return rows
        fallen = self.fall * np.arange(1, len(rows) + 1)
        highest = np.maximum.accumulate(rows.max(axis=1) + fallen)
        peak = np.maximum(highest, self.kept) - fallen
        self.kept = peak[-1]
        return (np.maximum(rows - peak[:, None], -self.range_db) / 20 + 1).astype(np.float32)


class CausalConvolution:
    """A causal convolution over rows: `push(rows)` (r, a) → (r, b), before any nonlinearity.

    kernel (k, a, b), bias (b,), gap: rows between its taps; y_t = bias + Σ_j x_{t−(k−1−j)·gap} K_j.
    What is kept are the last (k − 1)·gap rows, at first zeros. Raises ValueError for shapes that do
    not fit together. Chapter: 8.1
    Source: [oord2016wavenet]
    """

    def __init__(self, kernel, bias, gap=1):
        kernel = np.asarray(kernel, np.float32)
        if kernel.ndim != 3 or np.shape(bias) != kernel.shape[2:] or gap < 1:
            raise ValueError(
                f"kernel {kernel.shape}, bias {np.shape(bias)}, gap {gap}: needed are (k, a, b), "
                "(b,) and a gap of 1 or more"
            )
        self.kernel, self.bias, self.gap = kernel, np.asarray(bias, np.float32), gap
        self.kept = np.zeros(((len(kernel) - 1) * gap, kernel.shape[1]), np.float32)

    def push(self, rows):
        x = np.concatenate([self.kept, rows])
        self.kept = x[len(rows) :].copy()
        taps = [x[j * self.gap : j * self.gap + len(rows)] @ k for j, k in enumerate(self.kernel)]
        return sum(taps) + self.bias


class StreamingNetwork:
    """Sound in blocks to logits in rows, for weights of `helpers.models.listener.listener`.

    weights: (kernel, bias, gap) of each layer, the first and the last with one tap; the layers
    between are residual, x + ReLU(conv(x)). `push(samples)` → float32 (rows, classes).
    `kept` counts the numbers that are held between blocks. Chapter: 8.1
    Source: [rybakov2020streaming]
    """

    def __init__(self, front_end, weights):
        self.frames, self.level = FramesOf(front_end), RunningLevel()
        self.layers = [CausalConvolution(*one) for one in weights]

    def push(self, samples):
        x = self.level.push(self.frames.push(samples))
        first, *middle, last = self.layers
        x = np.maximum(first.push(x), 0)
        for layer in middle:
            x = x + np.maximum(layer.push(x), 0)
        return last.push(x)

    @property
    def kept(self):
        return self.frames.kept.size + 1 + sum(layer.kept.size for layer in self.layers)


def receptive_field(taps, gaps):
    """Rows that an answer depends on: R = 1 + (k − 1) Σ gaps, for layers of k taps. Chapter: 8.1

    Raises ValueError for less than one tap.
    """
    if taps < 1:
        raise ValueError(f"taps is {taps}; a layer has at least one")
    return 1 + (taps - 1) * sum(gaps)


def rounding_bound(terms):
    """How far two ways to add the same `terms` numbers may differ, relative to the sizes added.

    To first order each way errs by at most terms · u with the unit roundoff of 32-bit floats,
    u = 2⁻²⁴, so two differ by at most twice that. Raises ValueError for less than one term.

    Chapter: 8.1
    Source: [higham2002accuracy]
    """
    if terms < 1:
        raise ValueError(f"terms is {terms}; at least one is needed")
    return 2 * terms * 2.0**-24


def heard_digits(logits, quiet=10, least=0.4, rows=2):
    """Digits in a stream of logits (frames, 11): a list of (frame at which it is known, digit).

    A digit is known when its probability has been the largest and at least `least` for `rows` rows
    running; after that the class `quiet` must win a row before the next digit can be known.

    Raises ValueError for logits that are not (frames, classes). Chapter: 8.1
    """
    z = np.asarray(logits, np.float64)
    if z.ndim != 2 or z.shape[1] <= quiet:
        raise ValueError(f"logits have shape {z.shape}; needed is (frames, more than {quiet})")
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    found, run, last, open_ = [], 0, quiet, True
    for t, row in enumerate(p):
        best = int(row.argmax())
        run = run + 1 if best == last else 1
        last = best
        if best == quiet:
            open_ = True
        elif open_ and run >= rows and row[best] >= least:
            found.append((t, best))
            open_ = False
    return found
