"""Speech by concatenation: halves of phonemes cut from recordings and put together anew.

A phoneme is steadiest in its middle, so pieces are best joined there; two halves that were
neighbours in a recording need no join at all. Of many recorded halves, those are chosen that fit
what is wanted and fit each other. Chapter: 6.5
"""

from dataclasses import dataclass

import numpy as np

from helpers.features import FrontEnd, mfcc
from helpers.phones import PAUSE

EDGES = FrontEnd(16000, 512, 128, 40, 60.0, 7600.0)
"""How the ends of pieces are looked at: 13 MFCCs of 32 ms."""

CANDIDATES = 24
"""At most so many recorded halves are compared for each place."""

FADE = 0.004
"""Seconds over which two pieces are cross-faded."""

NEIGHBOUR_COST, STRESS_COST, JOIN_COST, BORDER_COST = 40.0, 20.0, 10.0, 30.0
"""What it costs if the neighbour or the stress is another than wanted, if there is a join, and if
the join lies between two phonemes; in the units of the distance between edges."""


@dataclass(frozen=True)
class Half:
    """Half a phoneme of a recording: samples from `start` to `stop`.

    place: (recording, number of the half in it), so that neighbours are known. neighbour: the
    phoneme on its outer side. left, right: MFCCs (13,) at its ends. Chapter: 6.5
    """

    place: tuple
    start: int
    stop: int
    neighbour: str
    stress: int
    left: np.ndarray
    right: np.ndarray


@dataclass(frozen=True)
class Spliced:
    """What `splice` made: samples float32 (n,), starts int64 (P + 1,) of its phonemes, joins:
    samples at which pieces meet that were no neighbours, distances: of the MFCCs there.

    Chapter: 6.5
    """

    samples: np.ndarray
    starts: np.ndarray
    joins: np.ndarray
    distances: np.ndarray


class Inventory:
    """All half phonemes of a list of Spoken at 16 kHz. Chapter: 6.5

    Raises ValueError for no recordings, or at another sample rate.
    """

    def __init__(self, recordings):
        self.recordings = list(recordings)
        self.halves = {}
        if not self.recordings:
            raise ValueError("an inventory is cut from one recording or more")
        for number, spoken in enumerate(self.recordings):
            if spoken.sample_rate != EDGES.sample_rate:
                raise ValueError(
                    f"recording {number} has {spoken.sample_rate} Hz; pieces are cut at "
                    f"{EDGES.sample_rate} Hz"
                )
            self._cut(number, spoken)

    def _cut(self, number, spoken):
        places = _cuts(spoken)
        looks = _looks(spoken.samples, places)
        phones = spoken.phones
        for h in range(len(places) - 1):
            i, second = divmod(h, 2)
            outer = i + 1 if second else i - 1
            half = Half(
                (number, h),
                int(places[h]),
                int(places[h + 1]),
                phones[outer] if 0 <= outer < len(phones) else PAUSE,
                int(spoken.stress[i]),
                looks[h],
                looks[h + 1],
            )
            self.halves.setdefault((phones[i], second), []).append(half)

    def candidates(self, phone, second, neighbour, stress):
        """([Half], costs): the recorded halves that suit best, by neighbour and stress.

        Raises ValueError for a phoneme that was never recorded. Chapter: 6.5
        """
        found = self.halves.get((phone, second))
        if not found:
            raise ValueError(f"the phoneme {phone!r} is in none of the recordings")
        costs = np.array(
            [
                NEIGHBOUR_COST * (half.neighbour != neighbour)
                + STRESS_COST * (half.stress != stress)
                for half in found
            ]
        )
        best = np.argsort(costs, kind="stable")[:CANDIDATES]
        return [found[i] for i in best], costs[best]


def _cuts(spoken):
    """Ends of the halves, 2·P + 1 samples: borders and middles."""
    starts = spoken.starts
    places = np.empty(2 * len(spoken.phones) + 1, np.int64)
    places[0::2] = starts
    places[1::2] = (starts[:-1] + starts[1:]) // 2
    return places


def _looks(samples, places):
    """MFCCs around places in a sound: (len(places), 13)."""
    half = EDGES.n_fft // 2
    padded = np.pad(samples, (half, half))
    windows = np.stack([padded[p : p + EDGES.n_fft] for p in places])
    flat = FrontEnd(16000, 512, 512, 40, 60.0, 7600.0)
    return mfcc(windows.reshape(-1), flat, 13)


def splice(inventory, phones, stress, joined=True, rng=None):
    """Say phonemes with recorded halves: (P,) names and (P,) stresses → Spliced.

    The cheapest row of halves is found by dynamic programming: each costs what it lacks, each join
    the distance of the MFCCs at its two sides. joined: False leaves joins out of the choice, and
    `rng` then draws among the halves that suit best. Neighbours in a recording follow without a
    join; elsewhere pieces are cross-faded, shifted to where they agree best.

    Raises ValueError if nothing is to be said, or a phoneme was never recorded.

    Chapter: 6.5
    Source: [hunt1996unit]
    """
    if not len(phones) or len(phones) != len(stress):
        raise ValueError(f"{len(phones)} phonemes with {len(stress)} stresses: nothing to say")
    table = []
    for i, phone in enumerate(phones):
        before = phones[i - 1] if i else PAUSE
        after = phones[i + 1] if i + 1 < len(phones) else PAUSE
        table.append(inventory.candidates(phone, 0, before, int(stress[i])))
        table.append(inventory.candidates(phone, 1, after, int(stress[i])))
    if joined:
        chosen = _cheapest(table)
    else:
        rng = np.random.default_rng(0) if rng is None else rng
        chosen = [
            halves[int(rng.choice(np.flatnonzero(costs == costs.min())))] for halves, costs in table
        ]
    return _together(inventory, chosen)


def _cheapest(table):
    halves, total = table[0][0], table[0][1]
    back = []
    for h in range(1, len(table)):
        after, costs = table[h]
        right = np.stack([x.right for x in halves])
        left = np.stack([x.left for x in after])
        join = np.linalg.norm(right[:, None] - left[None], axis=2) + JOIN_COST
        join += BORDER_COST * (h % 2 == 0)
        places = np.array([x.place for x in halves])
        wanted = np.array([x.place for x in after]) - (0, 1)
        join[(places[:, None] == wanted[None]).all(axis=2)] = 0.0
        sums = total[:, None] + join
        back.append(sums.argmin(axis=0))
        halves, total = after, sums.min(axis=0) + costs
    at = int(total.argmin())
    chosen = [table[-1][0][at]]
    for h in range(len(table) - 1, 0, -1):
        at = int(back[h - 1][at])
        chosen.append(table[h - 1][0][at])
    return chosen[::-1]


def _together(inventory, chosen):
    rate = EDGES.sample_rate
    fade, slack = round(FADE * rate), round(0.005 * rate)
    sound, ends, joins, distances, before = np.zeros(0), [], [], [], None
    for half in chosen:
        source = inventory.recordings[half.place[0]].samples
        if before is not None and before.place == (half.place[0], half.place[1] - 1):
            sound = np.append(sound, source[half.start : half.stop])
        else:
            lead = min(fade, half.start, len(sound))
            begin = half.start
            if before is not None and lead:
                begin = _agreeing(sound[-lead:], source, half, lead, slack)
                weight = np.linspace(0, 1, lead)
                sound[-lead:] *= 1 - weight
                sound[-lead:] += weight * source[begin - lead : begin]
                joins.append(len(sound))
                distances.append(float(np.linalg.norm(before.right - half.left)))
            sound = np.append(sound, source[begin : max(half.stop, begin)])
        before = half
        ends.append(len(sound))
    starts = np.array([0, *ends[1::2]])
    return Spliced(sound.astype(np.float32), starts, np.array(joins, int), np.array(distances))


def _agreeing(tail, source, half, lead, slack):
    """Where to begin in a recording, near `half.start`, so that it continues `tail` best."""
    first = max(lead, half.start - slack)
    last = max(first, min(half.start + slack, half.stop - 1))
    scores = []
    for begin in range(first, last + 1):
        part = source[begin - lead : begin]
        scores.append(part @ tail / np.sqrt((part @ part) * (tail @ tail) + 1e-9))
    return first + int(np.argmax(scores))
