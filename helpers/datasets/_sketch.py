"""Sketches of recordings: sixteen numbers by which a slightly different copy is still known.

A checksum tells only whether two files are the same to the last bit. Decoded and resampled anew,
perhaps by a later version of a library, a recording differs in its last bits and is as good. Its
sketch is made by giving every sample a fixed random sign and adding up every sixteenth. Since the
sketch of a difference is the difference of the sketches, and its energy is on average that of the
samples, two sketches say to about a fifth how far two recordings lie apart, without having both at
hand (the count sketch of Charikar, Chen and Farach-Colton [charikar2002finding]).
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np

SIZE = 16


def sketch(samples: np.ndarray) -> np.ndarray:
    """The sketch of int16 samples (n,): int64 (16,). Raises ValueError for anything else."""
    samples = np.asarray(samples)
    if samples.ndim != 1 or samples.dtype != np.int16:
        raise ValueError(f"a sketch is made of int16 (n,), not {samples.dtype} {samples.shape}")
    rows = -(-len(samples) // SIZE)
    signed = np.zeros(rows * SIZE, dtype=np.int32)
    signed[: len(samples)] = samples
    signed *= _signs(1 << (rows * SIZE).bit_length())[: len(signed)]
    return signed.reshape(rows, SIZE).sum(axis=0, dtype=np.int64)


def distance(a: np.ndarray, b: np.ndarray, n: int) -> float:
    """How far two recordings of n samples lie apart, by their sketches: RMS in units of int16."""
    return float(np.sqrt(np.sum((np.asarray(a, float) - np.asarray(b, float)) ** 2) / max(n, 1)))


@cache
def _signs(n: int) -> np.ndarray:
    """The first n of an endless row of +1 and −1, the same with every version of any library."""
    bits = hashlib.shake_128(b"sketch").digest(-(-n // 8))
    signs = 1 - 2 * np.unpackbits(np.frombuffer(bits, dtype=np.uint8))[:n].astype(np.int8)
    signs.setflags(write=False)
    return signs
