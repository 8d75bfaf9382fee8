"""Four voices as numbers that a model can count or learn: tokens, moves, contexts.

A piece is int (T, 4), soprano first, one row per sixteenth, −1 where a voice is silent, as
`helpers.datasets.load_chorales` gives it. A *cell* is one voice at one step. Models write the cells
step by step, within a step in the order WRITTEN. Chapter: 6.2
"""

import numpy as np

from helpers.errors import ShapeError

WRITTEN = (0, 3, 1, 2)
"""The order in which the voices of a step are written: soprano, bass, alto, tenor. Chapter: 6.2"""

LOWEST, HIGHEST = 28, 92
"""The pitches that have a token, with room for transposition. Chapter: 6.2"""

TOKENS = HIGHEST - LOWEST + 2
"""Number of tokens: 0 is silence, 1 the lowest pitch. Chapter: 6.2"""

REACH = 32
"""The widest move in semitones that has a class. Chapter: 6.2"""

HOLD, SILENCE, MOVES = REACH, 2 * REACH + 1, 2 * REACH + 2
"""Classes of moves: class m is a move of m − 32 semitones, HOLD stays, SILENCE is −1."""

BEFORE = -2
"""What stands for steps before the first one. Chapter: 6.2"""

MEMORY = 64
"""How many steps back a context looks: four bars of four quarters. Chapter: 6.2"""

START = (69, 64, 57, 50)
"""The pitch that a voice moves from as long as it has sung nothing. Chapter: 6.2"""


# --- tokens and moves ----------------------------------------------------------------------------


def tokens(piece):
    """A piece int (T, 4) as one line of tokens int64 (4T,), in the order in which it is written.

    Raises ShapeError for another shape, ValueError for pitches that have no token.

    Chapter: 6.2
    """
    piece = _piece(piece)
    return np.where(piece < 0, 0, piece - LOWEST + 1)[:, WRITTEN].reshape(-1)


def from_tokens(line):
    """The piece int64 (T, 4) of a line of tokens (4T,): the inverse of `tokens`.

    Raises ShapeError unless it is whole steps, ValueError for numbers that are no tokens.

    Chapter: 6.2
    """
    line = np.asarray(line)
    if line.ndim != 1 or len(line) == 0 or len(line) % 4:
        raise ShapeError(f"tokens have shape {line.shape}; give (4·steps,)")
    if line.min() < 0 or line.max() >= TOKENS:
        raise ValueError(f"a token lies from 0 to {TOKENS - 1}")
    piece = np.empty((len(line) // 4, 4), np.int64)
    piece[:, WRITTEN] = np.where(line == 0, -1, line + LOWEST - 1).reshape(-1, 4)
    return piece


def references(piece):
    """The pitch that each cell moves from: int64 (T, 4), the last one its voice has sung before.

    Where there is none, START. Raises as `tokens`. Chapter: 6.2
    """
    piece = _piece(piece)
    sung = np.vstack([START, piece[:-1]])
    at = np.maximum.accumulate(np.where(sung >= 0, np.arange(len(piece))[:, None], 0))
    return np.take_along_axis(sung, at, axis=0)


def moves(piece):
    """A piece int (T, 4) as moves int64 (T, 4): classes, see HOLD and SILENCE.

    A move is the same in every key. Raises as `tokens`, and ValueError for a leap beyond REACH.

    Chapter: 6.2
    """
    piece = _piece(piece)
    leap = piece - references(piece)
    if np.any((np.abs(leap) > REACH) & (piece >= 0)):
        raise ValueError(f"a voice leaps by more than {REACH} semitones")
    return np.where(piece < 0, SILENCE, leap + REACH)


def from_moves(classes):
    """The piece int64 (T, 4) of moves (T, 4): the inverse of `moves`.

    Raises ShapeError for another shape, ValueError for numbers that are no classes.

    Chapter: 6.2
    """
    classes = np.asarray(classes)
    if classes.ndim != 2 or classes.shape[1] != 4 or len(classes) == 0:
        raise ShapeError(f"moves have shape {classes.shape}; give (steps, 4)")
    if classes.min() < 0 or classes.max() >= MOVES:
        raise ValueError(f"a move lies from 0 to {MOVES - 1}")
    sung = classes != SILENCE
    pitch = START + np.cumsum(np.where(sung, classes - REACH, 0), axis=0)
    return np.where(sung, pitch, -1)


def _piece(piece):
    piece = np.asarray(piece)
    if piece.ndim != 2 or piece.shape[1] != 4 or len(piece) == 0:
        raise ShapeError(f"a piece has shape {piece.shape}; give (steps, 4), soprano first")
    if not np.issubdtype(piece.dtype, np.integer):
        raise ValueError("pitches must be whole numbers, with −1 where a voice is silent")
    sung = piece[piece >= 0]
    if piece.min() < -1 or (len(sung) and not LOWEST <= sung.min() <= sung.max() <= HIGHEST):
        raise ValueError(f"pitches must lie from {LOWEST} to {HIGHEST}, or be −1")
    return piece.astype(np.int64)


# --- what a cell may know ------------------------------------------------------------------------


def windows(piece):
    """What lies around each step: int16 (T, MEMORY + 1, 4), the present step last.

    Steps before the first are BEFORE. Raises as `tokens`. Chapter: 6.2
    """
    piece = _piece(piece).astype(np.int16)
    padded = np.vstack([np.full((MEMORY, 4), BEFORE, np.int16), piece])
    view = np.lib.stride_tricks.sliding_window_view(padded, MEMORY + 1, axis=0)
    return view.transpose(0, 2, 1)


class Past:
    """What the steps before the present one hold, for all four voices: read off windows once.

    windows: int (n, MEMORY + 1, 4), present step last (it is not read here). Arrays (n, 4):

    - `last`: pitch sung last, `quiet`: whether the voice is silent now, `held`: for how many steps
      its note (or silence) has lasted, 0 at the beginning of the piece;
    - `note[k]`, `length[k]` for k = 1, 2, 3: the notes before that one, −1 for silence and −2 for
      none, and their lengths;

    and (n,): `still`, the steps since any voice moved, `rested`, the steps since the last chord of
    at least six steps ended (MEMORY if there is none).

    Chapter: 6.2
    """

    def __init__(self, windows):
        back = np.asarray(windows)[:, -2::-1]
        sung = back >= 0
        first = sung.argmax(axis=1)[:, None]
        any_sung = sung.any(axis=1)
        self.last = np.where(any_sung, np.take_along_axis(back, first, axis=1)[:, 0], START)
        self.quiet = back[:, 0] == -1
        moved = back[:, 1:] != back[:, :-1]
        run = np.zeros(back.shape, np.int8)
        np.cumsum(moved, axis=1, out=run[:, 1:])
        self.held = np.where(back[:, 0] == BEFORE, 0, (run == 0).sum(axis=1))
        self.note, self.length = {}, {}
        for k in (1, 2, 3):
            mine = run == k
            at = mine.argmax(axis=1)[:, None]
            found = np.take_along_axis(back, at, axis=1)[:, 0]
            self.note[k] = np.where(mine.any(axis=1), found, BEFORE)
            self.length[k] = np.where(self.note[k] == BEFORE, 0, mine.sum(axis=1))
        self.still = self.held.min(axis=1)
        self.rested = _rested(moved.any(axis=2), self.still)
        self.back = back


def _rested(moved, still):
    """Steps since the last chord of six steps or more ended: bool (n, MEMORY − 1), backwards."""
    n, depth = moved.shape
    quiet = np.zeros((n, depth + 1), np.int16)
    for i in range(depth - 1, -1, -1):
        quiet[:, i] = np.where(moved[:, i], 0, quiet[:, i + 1] + 1)
    long = np.zeros((n, depth), bool)
    long[:, 1:] = moved[:, :-1] & (quiet[:, 1:-1] >= 5)
    long[:, 0] |= still >= 6
    return np.where(long.any(axis=1), long.argmax(axis=1), MEMORY)


def contexts(windows, steps, voice, past=None):
    """What the cells of one voice may know, by name: {name: int (n,) or (n, …)}.

    windows: int (n, MEMORY + 1, 4); of the present step, its last row, only the voices are read
    that are written before `voice`. steps: int (n,), when the step is, counted from 0. past: what
    `Past(windows)` gives, if it is there already.

    Pitches are semitones above the pitch that the voice moves from, so a context is the same in
    every key, "register" excepted. u stands for the other voices in the order of columns:

    - "beat" (0–15), "begun" (0–16), "held", "still", "rested", "register" (± 14 about START);
    - "note1" … "note3" (n,) and "length1" …: earlier notes of this voice, 99 where there is none;
    - "at": (n, 3) pitch of u: the one just written, else its last; "quiet", "state" (0 held,
      1 moved, 2 not yet written), "lasted", "move" (its move now, or 99), "came" (its move before),
      "earlier" (its note before that one);
    - "lags": (n, len(LAGS), 4) pitch of every voice so many steps ago, 99 where there is none;
    - "classes": (n, 2, 12) shares of pitch classes in the last 16 and 64 steps, the pitch that the
      voice moves from being 0, float32.

    Raises ShapeError for other shapes. Chapter: 6.2
    """
    windows = np.asarray(windows)
    if windows.ndim != 3 or windows.shape[1:] != (MEMORY + 1, 4):
        raise ShapeError(f"windows have shape {windows.shape}; give (n, {MEMORY + 1}, 4)")
    past = Past(windows) if past is None else past
    now, steps = windows[:, -1], np.asarray(steps)
    r = past.last[:, voice]
    known = WRITTEN[: WRITTEN.index(voice)]
    found = {
        "beat": steps % 16,
        "begun": np.minimum(steps, 16),
        "held": past.held[:, voice],
        "quiet": past.quiet[:, voice].astype(int),
        "still": past.still,
        "rested": past.rested,
        "register": np.clip(r - START[voice], -14, 14),
    }
    for k in (1, 2, 3):
        found[f"note{k}"] = _above(past.note[k][:, voice], r)
        found[f"length{k}"] = past.length[k][:, voice]
    columns = {name: [] for name in ("at", "rests", "state", "lasted", "move", "came", "earlier")}
    for u in range(4):
        if u == voice:
            continue
        was, before = past.last[:, u], past.note[1][:, u]
        pitch, silent, state, move = was, past.quiet[:, u], np.full(len(now), 2), 99
        if u in known:
            pitch, silent = np.where(now[:, u] < 0, was, now[:, u]), now[:, u] < 0
            state = (now[:, u] != past.back[:, 0, u]).astype(int)
            move = np.where(silent, 99, pitch - was)
        columns["at"].append(pitch - r)
        columns["rests"].append(silent.astype(int))
        columns["state"].append(state)
        columns["lasted"].append(past.held[:, u])
        columns["move"].append(np.broadcast_to(move, len(now)))
        columns["came"].append(np.where(before < 0, 99, was - before))
        columns["earlier"].append(_above(before, r))
    found |= {name: np.stack(column, axis=1) for name, column in columns.items()}
    lagged = past.back[:, np.array(LAGS) - 1]
    found["lags"] = _above(lagged, r[:, None, None])
    found["classes"] = _classes(past, r)
    return found


LAGS = (2, 4, 6, 8, 12, 16)
"""How many steps ago "lags" looks. Chapter: 6.2"""


def _above(pitch, r):
    return np.where(pitch < 0, 99, pitch - r)


def _classes(past, r):
    if not hasattr(past, "shares"):
        past.shares = np.empty((len(r), 2, 12), np.float32)
        for i, depth in enumerate((16, MEMORY)):
            sung = past.back[:, :depth].reshape(len(r), -1)
            counts = np.stack([((sung >= 0) & (sung % 12 == c)).sum(axis=1) for c in range(12)], 1)
            past.shares[:, i] = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    turn = (np.arange(12) + r[:, None]) % 12
    return np.take_along_axis(past.shares, turn[:, None].repeat(2, axis=1), axis=2)


def cells(pieces):
    """The contexts of all cells of pieces, and what they hold.

    pieces: list of int (T, 4). Returns ([contexts of the first written voice, …], moves): four
    dicts as `contexts` gives them, over all N steps of all pieces, in the order WRITTEN, and int64
    (N, 4), columns in that order. Raises as `moves`.

    Chapter: 6.2
    """
    seen = np.concatenate([windows(piece) for piece in pieces])
    steps = np.concatenate([np.arange(len(piece)) for piece in pieces])
    held = np.concatenate([moves(piece) for piece in pieces])[:, WRITTEN]
    past = Past(seen)
    return [contexts(seen, steps, voice, past) for voice in WRITTEN], held


# --- a long row of zeros and ones ----------------------------------------------------------------

_NEAR = 12  # semitones for which a pitch has a place of its own
_STEPS = np.array([1, 2, 3, 4, 5, 7, 9, 13, 17])  # lengths fall in ten bins
_SHARES = (0.02, 0.08, 0.16)


def _bins(length):
    return np.digitize(length, _STEPS), len(_STEPS) + 1


def _near(pitch, reach=_NEAR):
    """Class of an interval: itself up to `reach`, one class each for further down, up, none."""
    beyond = np.clip(pitch, -reach - 1, reach + 1) + reach + 1
    return np.where(pitch == 99, 2 * reach + 3, beyond), 2 * reach + 4


def _wrapped(pitch):
    return np.where(pitch == 99, 12, pitch % 12), 13


def one_hot(context):
    """Contexts of n cells as a matrix of zeros and ones, uint8 (n, FEATURES), for a network.

    context: what `contexts` gives. Lengths fall in ten bins; intervals up to an octave have a
    column each, wider ones share; pitches of other voices are given as interval and as pitch class;
    shares of pitch classes are three columns, one for each of three marks that they reach.

    Chapter: 6.2
    """
    n = len(context["beat"])
    parts = [
        (context["beat"], 16),
        (context["begun"], 17),
        (np.minimum(context["held"], 16), 17),
        (context["quiet"], 2),
        (np.minimum(context["still"], 16), 17),
        (np.minimum(context["rested"] // 2, 32), 33),
        (context["register"] + 14, 29),
        *(_near(context[f"note{k}"]) for k in (1, 2, 3)),
        *(_bins(context[f"length{k}"]) for k in (1, 2, 3)),
    ]
    for u in range(3):
        parts += [
            _near(context["at"][:, u]),
            _wrapped(context["at"][:, u]),
            (context["rests"][:, u], 2),
            (context["state"][:, u], 3),
            _bins(context["lasted"][:, u]),
            _near(context["move"][:, u], 7),
            _near(context["came"][:, u], 7),
            _wrapped(context["earlier"][:, u]),
        ]
    parts += [_wrapped(context["lags"][:, i, u]) for i in range(len(LAGS)) for u in range(4)]
    sizes = [size for _, size in parts]
    wide = sum(sizes)
    rows = np.zeros((n, wide + 2 * 12 * len(_SHARES)), np.uint8)
    offsets = np.cumsum([0, *sizes[:-1]])
    for (values, _), offset in zip(parts, offsets, strict=True):
        rows[np.arange(n), offset + values] = 1
    marks = context["classes"][..., None] >= np.array(_SHARES, np.float32)
    rows[:, wide:] = marks.reshape(n, -1)
    return rows


def _features():
    nothing = np.full((1, MEMORY + 1, 4), BEFORE, np.int16)
    return one_hot(contexts(nothing, np.zeros(1, int), 0)).shape[1]


FEATURES = _features()
"""The number of columns of `one_hot`. Chapter: 6.2"""
