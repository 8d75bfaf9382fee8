"""Pieces of four voices that nobody composed."""

import numpy as np

from helpers import parts


def any_piece(steps=90, seed=0):
    """Four voices that wander about, int (steps, 4), with a rest in the tenor."""
    rng = np.random.default_rng(seed)
    moved = rng.random((steps, 4)) < 0.3
    piece = np.array(parts.START) + np.cumsum(moved * rng.integers(-3, 4, (steps, 4)), axis=0)
    piece = np.clip(piece, parts.LOWEST, parts.HIGHEST)
    piece[10:20, 2] = -1
    return piece
