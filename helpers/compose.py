"""Writing chorales with a model, and measuring what came out: rules, copies, repetition.

A *model* here is anything with `writer(n)`, which gives an object with two methods:
`probabilities(context, voice)` → (n, MOVES), asked for each cell in the order in which cells are
written, and `wrote(moves, voice)`, told what became of it. `helpers.counting.Counter` and
`helpers.models.composer.Composer` are such models. Chapter: 6.2
"""

import numpy as np

from helpers import parts
from helpers.errors import ShapeError
from helpers.metrics import softmax

FREE = -9
"""In what is given to `compose`: a cell that the model is to write. Chapter: 6.2"""

RANGES = ((60, 81), (53, 76), (48, 69), (36, 64))
"""Lowest and highest pitch of soprano, alto, tenor and bass. Chapter: 6.2"""


# --- drawing -------------------------------------------------------------------------------------


def temper(p, temperature):
    """Probabilities (…, classes) at a temperature: p to the power 1/temperature, normalised.

    Raises ValueError unless the temperature is above 0. Chapter: 6.2; derived in 3.4
    """
    with np.errstate(divide="ignore"):
        return softmax(np.log(np.asarray(p, float)), temperature)


def top_k(p, k):
    """Keep the k most probable classes of p (…, classes) and share out the rest among them.

    Where several are as probable as the last that is kept, they are all kept. Raises ValueError
    unless k is at least 1.

    Chapter: 6.2
    Source: [fan2018hierarchical]
    """
    if not k >= 1:
        raise ValueError(f"k is {k}; keep at least one class")
    p = np.asarray(p, float)
    k = min(int(k), p.shape[-1])
    least = np.partition(p, -k, axis=-1)[..., -k, None]
    q = np.where(p >= least, p, 0)
    return q / q.sum(axis=-1, keepdims=True)


def top_p(p, mass):
    """Keep the fewest most probable classes of p (…, classes) that reach `mass` together.

    Raises ValueError unless 0 < mass ≤ 1.

    Chapter: 6.2
    Source: [holtzman2019curious]
    """
    if not 0 < mass <= 1:
        raise ValueError(f"mass is {mass}; give a share above 0, at most 1")
    p = np.asarray(p, float)
    order = np.argsort(-p, axis=-1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=-1)
    needed = np.cumsum(ranked, axis=-1) - ranked < mass - 1e-12
    q = np.zeros_like(p)
    np.put_along_axis(q, order, np.where(needed, ranked, 0), axis=-1)
    return q / q.sum(axis=-1, keepdims=True)


def draw(p, rng):
    """One class for each row of probabilities: (n, classes) → int (n,). Chapter: 6.2"""
    p = np.asarray(p, float)
    edges = np.cumsum(p, axis=1)
    u = rng.random(len(p))[:, None] * edges[:, -1:]
    return np.minimum((edges <= u).sum(axis=1), p.shape[1] - 1)


def singable(past, now, voice, ranges=RANGES):
    """Which moves of a voice are allowed: bool (n, MOVES).

    Allowed are silence if the voice is silent already, and pitches within the range of the voice
    that do not cross the voices of this step that have been written, `now` int (n, 4). Where that
    leaves nothing, the range alone counts, and where that leaves nothing either, all moves do.

    Chapter: 6.2
    """
    pitch = past.last[:, voice, None] + np.arange(parts.MOVES - 1) - parts.REACH
    inside = (pitch >= ranges[voice][0]) & (pitch <= ranges[voice][1])
    ordered = inside.copy()
    for u in parts.WRITTEN[: parts.WRITTEN.index(voice)]:
        other = now[:, u, None]
        right = pitch <= other if u < voice else pitch >= other
        ordered &= right | (other < 0)
    fits = np.where(ordered.any(axis=1, keepdims=True), ordered, inside)
    fits |= ~fits.any(axis=1, keepdims=True)
    return np.concatenate([fits, past.quiet[:, voice, None]], axis=1)


def compose(model, given, rng, reshape=None, allowed=singable):
    """Let a model write what is FREE: given int (n, T, 4) → pieces int64 (n, T, 4), ln p (n, T, 4).

    given: pitches, −1 for silence, FREE for what the model is to write; an opening, a melody, or
    nothing at all. The model is asked for all cells, in the order in which they are written, and
    told what each became, so it knows of a given cell only once it has been reached.
    reshape: a function of probabilities (n, MOVES), such as `top_p`, before one is drawn. allowed:
    as `singable`, or None; probabilities of what is not allowed are set to 0 before `reshape`.
    ln p are those of the model itself, before either.

    Raises ShapeError for another shape, ValueError for pitches without a token, and for a model
    whose answers are not finite.

    Chapter: 6.2
    """
    given = np.asarray(given)
    if given.ndim != 3 or given.shape[2] != 4 or 0 in given.shape:
        raise ShapeError(f"given has shape {given.shape}; it must be (n, steps, 4)")
    fixed = given[given != FREE]
    if np.any((fixed != -1) & ((fixed < parts.LOWEST) | (fixed > parts.HIGHEST))):
        raise ValueError(f"pitches must lie from {parts.LOWEST} to {parts.HIGHEST}, be −1 or FREE")
    n, steps = given.shape[:2]
    board = np.full((n, parts.MEMORY + steps, 4), parts.BEFORE, np.int16)
    log_p, writer, rows = np.zeros(given.shape), model.writer(n), np.arange(n)
    for t in range(steps):
        window = board[:, t : t + parts.MEMORY + 1]
        past, now = parts.Past(window), window[:, -1]
        for voice in parts.WRITTEN:
            context = parts.contexts(window, np.full(n, t), voice, past)
            p = writer.probabilities(context, voice)
            if not np.isfinite(p).all():
                raise ValueError(f"what the model answers at step {t} is not finite")
            came = _moves_of(given[:, t, voice], past, voice)
            if np.any(came < 0):
                q = p if allowed is None else p * allowed(past, now, voice)
                q = np.where(q.sum(axis=1, keepdims=True) > 0, q, p)
                q = q / q.sum(axis=1, keepdims=True)
                drawn = draw(q if reshape is None else reshape(q), rng)
                came = np.where(came < 0, drawn, came)
            log_p[:, t, voice] = np.log(np.maximum(p[rows, came], 1e-300))
            pitch = past.last[:, voice] + came - parts.REACH
            now[:, voice] = np.where(came == parts.SILENCE, -1, pitch)
            writer.wrote(came, voice)
    return board[:, parts.MEMORY :].astype(np.int64), log_p


def _moves_of(pitch, past, voice):
    """Classes of given pitches (n,), −1 where they are FREE."""
    move = np.clip(pitch - past.last[:, voice] + parts.REACH, 0, parts.MOVES - 2)
    return np.where(pitch == FREE, -1, np.where(pitch < 0, parts.SILENCE, move))


# --- rules ---------------------------------------------------------------------------------------

RULES = ("parallel fifths", "parallel octaves", "crossings", "wide gaps", "awkward leaps")
"""What `rule_breaks` counts. Chapter: 6.2"""


def rule_breaks(piece):
    """Count breaks of five rules of voice leading: int (T, 4) → {rule: int, "changes": int}.

    - "parallel fifths", "parallel octaves": two voices move, and are a fifth (an octave or
      unison), octaves apart, before and after;
    - "crossings": a voice begins a note above the next higher voice, or is left above it;
    - "wide gaps": a chord in which soprano and alto, or alto and tenor, are further apart than an
      octave, counted once when it comes about;
    - "awkward leaps": a voice leaps by a tritone, a seventh or more than an octave.

    "changes": the steps at which at least one voice begins another note; rates are per change.

    Chapter: 6.2
    """
    piece = np.asarray(piece)
    before, after = piece[:-1], piece[1:]
    sung = (before >= 0) & (after >= 0)
    moved = sung & (before != after)
    changed = (before != after).any(axis=1)
    found = dict.fromkeys(RULES, 0)
    for high in range(4):
        for low in range(high + 1, 4):
            both = moved[:, high] & moved[:, low]
            gaps = before[:, high] - before[:, low], after[:, high] - after[:, low]
            for rule, size in (("parallel fifths", 7), ("parallel octaves", 0)):
                alike = (gaps[0] % 12 == size) & (gaps[1] % 12 == size)
                found[rule] += int((both & alike).sum())
    full = (after >= 0).all(axis=1)
    found["crossings"] = int(((np.diff(after, axis=1) > 0).any(axis=1) & changed & full).sum())
    wide = (after[:, :2] - after[:, 1:3] > 12).any(axis=1)
    found["wide gaps"] = int((wide & changed & full).sum())
    leap = np.abs(after - before)
    awkward = (leap == 6) | (leap == 10) | (leap == 11) | (leap > 12)
    found["awkward leaps"] = int((moved & awkward).sum())
    return {**found, "changes": int(changed.sum())}


def break_rate(pieces):
    """Breaks of all rules per 100 chord changes, over a list of pieces; a float. Chapter: 6.2"""
    counts = [rule_breaks(piece) for piece in pieces]
    changes = sum(c["changes"] for c in counts)
    return 100 * sum(c[rule] for c in counts for rule in RULES) / max(1, changes)


# --- copies and repetition -----------------------------------------------------------------------


def chords(piece):
    """The chords of a piece: int (T, 4) → int (E, 6), a row for each time that a voice changes.

    Columns: soprano, alto and tenor above the bass, the bass's move from the chord before, the
    chord's length in steps, the step at which it begins. The first five are the same in every key;
    where a voice is silent they are 99 (for all, if it is the bass).

    Chapter: 6.2
    """
    piece = np.asarray(piece)
    begins = np.flatnonzero(np.r_[True, (piece[1:] != piece[:-1]).any(axis=1)])
    chord, lengths = piece[begins], np.diff(np.r_[begins, len(piece)])
    bass, silent = chord[:, 3:], chord < 0
    above = np.where(silent[:, :3] | silent[:, 3:], 99, chord[:, :3] - bass)
    move = np.diff(bass[:, 0], prepend=bass[0, 0])
    move = np.where(silent[:, 3] | np.r_[False, silent[:-1, 3]], 99, move)
    return np.column_stack([above, move, lengths, begins])


def passages(piece, n=8):
    """All passages of n chords in a row, as keys that are equal when the music is, in any key.

    A key holds n chords, n − 1 moves of the bass and the lengths of all chords but the last.
    Returns a list of bytes; empty if the piece has fewer chords.

    Chapter: 6.2
    """
    rows = chords(piece)[:, :5].astype(np.int16)
    found = []
    for i in range(len(rows) - n + 1):
        passage = rows[i : i + n].copy()
        passage[0, 3] = passage[-1, 4] = 0
        found.append(passage.tobytes())
    return found


def copy_rate(piece, sources, n=8):
    """Share of the passages of n chords that occur in any source, in any key; a float.

    sources: a list of pieces, or a set of keys that `passages` gave. 0 for a piece without
    passages.

    Chapter: 6.2
    """
    if not isinstance(sources, set):
        sources = {key for source in sources for key in passages(source, n)}
    own = passages(piece, n)
    return float(np.mean([key in sources for key in own])) if own else 0.0


def longest_copy(piece, sources):
    """The longest passage that a piece shares with a source, in any key.

    Chords, moves of the bass and lengths must agree, the length of the last chord excepted.
    Returns (number of chords, its first step, index of the source, first step there); number 0
    where nothing agrees.

    Chapter: 6.2
    """
    mine, theirs = chords(piece), [chords(source) for source in sources]
    other = np.concatenate(theirs)
    which = np.repeat(np.arange(len(theirs)), [len(rows) for rows in theirs])
    first = np.r_[True, which[1:] != which[:-1]]
    shape = (mine[:, None, :3] == other[None, :, :3]).all(axis=2)
    moved = mine[:, None, 3] == other[None, :, 3]
    lasted = mine[:, None, 4] == other[None, :, 4]
    best, run, before = (0, 0, 0, 0), np.zeros(len(other), int), np.zeros(len(other), bool)
    for i in range(len(mine)):
        # run counts chords that agree up to the one before, whose length must agree as well
        longer = np.r_[0, np.where(before, run, 0)[:-1]]
        extends = moved[i] & ~first if i else np.zeros(len(other), bool)
        run = np.where(shape[i], np.where(extends, longer, 0) + 1, 0)
        before = lasted[i] & shape[i]
        j = int(run.argmax())
        if run[j] > best[0]:
            n = int(run[j])
            best = (n, int(mine[i - n + 1, 5]), int(which[j]), int(other[j - n + 1, 5]))
    return best


def repetition(piece, n=4):
    """Share of the passages of n chords that have occurred before in the same piece, in any key.

    Chapter: 6.2
    """
    own, seen, again = passages(piece, n), set(), 0
    for key in own:
        again += key in seen
        seen.add(key)
    return again / max(1, len(own))


def variety(pieces, n=4):
    """Different passages of n chords per passage, over all pieces: 1 if none occurs twice.

    Chapter: 6.2
    Source: [li2015diversity]
    """
    keys = [key for piece in pieces for key in passages(piece, n)]
    return len(set(keys)) / max(1, len(keys))


def self_similarity(piece, unit=4):
    """How alike any two units of a piece are: int (T, 4) → float (T // unit, T // unit).

    The share of cells, of 4 · unit, in which both have the same pitch. Chapter: 6.2
    Source: [foote1999visualizing]
    """
    piece = np.asarray(piece)
    cut = piece[: len(piece) // unit * unit].reshape(-1, unit * piece.shape[1])
    return (cut[:, None] == cut[None]).mean(axis=2)


def known_melody(piece, sources, steps=64):
    """Whether `steps` steps of the soprano occur, in any key, in the soprano of a source.

    A boolean; melodies are compared as moves from step to step, rhythm included. Chapter: 6.2
    """

    def stretches(p):
        rises = np.diff(np.asarray(p)[:, 0]).astype(np.int16)
        return {rises[i : i + steps - 1].tobytes() for i in range(len(rises) - steps + 2)}

    own = stretches(piece)
    return any(own & stretches(source) for source in sources)
