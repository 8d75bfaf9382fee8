"""Fingerprints of recordings: which one is this, and where in it are we?

The loudest places of the spectrogram, joined in pairs, are looked up in an index; the right
recording is the one in which many pairs lie at the same distance in time. Chapter: 6.4
"""

from typing import NamedTuple

import numpy as np

from helpers.audio import check_samples
from helpers.errors import AudioTooShort
from helpers.features import FrontEnd, stft

SAMPLE_RATE = 8000
FRONT_END = FrontEnd(SAMPLE_RATE, n_fft=1024, hop=256)
STEP = FRONT_END.hop / SAMPLE_RATE
"""Seconds from one frame to the next."""
PER_SECOND = 30
"""How many peaks of a second are kept at most."""
AROUND = (4, 8)
"""A peak is the largest value within so many frames and bins to each side."""
FAN, AHEAD, APART = 10, 63, 127
"""A peak is joined to the next FAN peaks at most AHEAD frames later and APART bins away."""


class Match(NamedTuple):
    """What `Index.query` returns.

    name: the recording. offset: where in it the query begins, in seconds. votes: pairs that agree
    on both. others: the votes of the best other recording.
    """

    name: str
    offset: float
    votes: int
    others: int


def peaks(samples, per_second=PER_SECOND):
    """The constellation: float (n,) at 8 kHz → int64 (p, 2), frame and bin, in order of time.

    A place of the magnitude spectrogram that is larger than all AROUND it, and among the
    `per_second` largest of its second. Silence has none.

    Raises AudioTooShort below one frame (1024 samples), AudioError for samples that are not sound,
    ValueError for less than one peak per second.

    Chapter: 6.4
    Source: [wang2003industrial]
    """
    from scipy.ndimage import maximum_filter

    if per_second < 1:
        raise ValueError(f"per_second is {per_second}; keep at least one peak a second")
    x = check_samples(samples)
    if len(x) < FRONT_END.n_fft:
        raise AudioTooShort(f"{len(x)} samples are no fingerprint: give {FRONT_END.n_fft} or more")
    size = np.abs(stft(x, FRONT_END))
    size[:, :4] = 0  # below 30 Hz there is no tune
    highest = size == maximum_filter(size, (2 * AROUND[0] + 1, 2 * AROUND[1] + 1))
    frames, bins = np.nonzero(highest & (size > 1e-6 * max(float(size.max()), 1e-3)))
    second = (frames * STEP).astype(int)
    order = np.lexsort((-size[frames, bins], second))
    first = np.searchsorted(second[order], second[order])
    kept = np.sort(order[np.arange(len(order)) - first < per_second])
    return np.stack([frames[kept], bins[kept]], axis=1).astype(np.int64)


def pairs(constellation):
    """Join peaks: int (p, 2) → (keys int64 (m,), frames int64 (m,)).

    A key holds the bins of both peaks and the frames between them, all that is looked up, and
    nothing about when; `frames` says when the first peak was. Raises ValueError unless (p, 2).

    Chapter: 6.4
    Source: [wang2003industrial]
    """
    points = np.asarray(constellation, np.int64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"the constellation has shape {points.shape}; give (p, 2), frame and bin")
    points = points[np.lexsort((points[:, 1], points[:, 0]))]
    time, bin = points.T
    keys, when = [], []
    for i in range(len(points)):
        last = np.searchsorted(time, time[i] + AHEAD, side="right")
        later = np.arange(np.searchsorted(time, time[i], side="right"), last)
        later = later[np.abs(bin[later] - bin[i]) <= APART][:FAN]
        keys.append((bin[i] << 16) + (bin[later] << 6) + time[later] - time[i])
        when.append(np.full(len(later), time[i]))
    nothing = np.zeros(0, np.int64)
    return np.concatenate([nothing, *keys]), np.concatenate([nothing, *when])


def votes(found, asked):
    """The histogram of offsets: frames in a recording − frames in the query → (offsets, counts).

    found, asked: int (m,), when each pair that both have in common begins in the one and in the
    other. counts: of each offset together with the one after it, because a query rarely begins
    where a frame does. Both int (k,), offsets rising; nothing in common gives none.

    Chapter: 6.4
    """
    offsets, counts = np.unique(np.asarray(found) - np.asarray(asked), return_counts=True)
    follows = np.append(np.diff(offsets) == 1, False)
    return offsets, counts + np.where(follows, np.append(counts[1:], 0), 0)


class Index:
    """Recordings by their pairs: `add` them, then `query` with a part of one.

    Raises ValueError for a name that is there already, or a query when nothing is. Chapter: 6.4
    """

    def __init__(self):
        self.names, self._keys, self._frames, self._which = [], [], [], []
        self._sorted = None

    def __len__(self):
        return sum(map(len, self._keys))

    def add(self, name, samples):
        """Put a recording, float (n,) at 8 kHz, into the index under a name."""
        if name in self.names:
            raise ValueError(f"{name!r} is in the index already: give another name")
        keys, frames = pairs(peaks(samples))
        self._keys.append(keys)
        self._frames.append(frames)
        self._which.append(np.full(len(keys), len(self.names)))
        self.names.append(name)
        self._sorted = None

    def hits(self, samples):
        """What index and query share: int64 (m,) each, which recording, frame there, frame here."""
        if not self.names:
            raise ValueError("the index is empty: add recordings first")
        if self._sorted is None:
            keys = np.concatenate(self._keys)
            order = np.argsort(keys, kind="stable")
            tables = (np.concatenate(self._which), np.concatenate(self._frames))
            self._sorted = keys[order], *(table[order] for table in tables)
        keys, which, frames = self._sorted
        asked, when = pairs(peaks(samples))
        first = np.searchsorted(keys, asked)
        count = np.searchsorted(keys, asked, side="right") - first
        ends = np.cumsum(count)
        place = np.arange(count.sum()) + np.repeat(first - (ends - count), count)
        return which[place], frames[place], np.repeat(when, count)

    def query(self, samples):
        """The recording that most pairs agree on, a `Match`, or None if none is in the index."""
        which, there, here = self.hits(samples)
        ranked = []
        for song in np.unique(which):
            offsets, counts = votes(there[which == song], here[which == song])
            best = int(np.argmax(counts))
            ranked.append((int(counts[best]), int(song), offsets[best] * STEP))
        if not ranked:
            return None
        ranked.sort(key=lambda row: (-row[0], row[1]))
        count, song, offset = ranked[0]
        others = ranked[1][0] if len(ranked) > 1 else 0
        return Match(self.names[song], float(offset), count, others)
