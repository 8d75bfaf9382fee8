"""Events in long streams: mixtures with known times, scores, and a monitor that raises alarms.

A curve is float (k, classes), the presence of each class in steps of equal length; an event has an
onset and an offset in seconds and the number of its class. What runs along a stream takes blocks
of any size, gives the same answers whatever the size, and keeps a fixed number of bytes.
Chapter: 6.4
"""

from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from helpers import audio
from helpers.features import log_mel

STEP_FRAMES = 8
"""Frames of the front end to a step of a curve."""
BACKGROUND_RMS = 0.01


class Event(NamedTuple):
    """A sound with its times: onset and offset in seconds, label the number of its class.

    Chapter: 6.4
    """

    onset: float
    offset: float
    label: int


class Alarm(NamedTuple):
    """What a monitor raises: `at`, where in the stream it hears the class begin, in seconds;
    `heard`, how much of the stream it had heard when it said so; label; presence in [0, 1].

    Chapter: 6.4
    """

    at: float
    heard: float
    label: int
    presence: float


# --- streams with known times ---------------------------------------------------------------------


def loud_part(samples, sample_rate, top_db=25.0, gap=1.0, longest=4.0):
    """Cut out the part of a clip in which its sound is: float32 (n,) → float32 (m,), faded.

    Steps at most `top_db` below the loudest are sound, pauses below `gap` seconds belong to it; of
    several parts the one with the most energy is taken, and of that at most the first `longest`
    seconds. Its ends are faded over 10 ms.

    Raises AudioSilent where there is no sound, and as `helpers.audio.segment`. Chapter: 6.4
    """
    from helpers.errors import AudioSilent

    x = audio.check_samples(samples)
    spans = audio.segment(x, sample_rate, top_db=top_db, min_silence=gap, min_sound=0.0)
    if not len(spans):
        raise AudioSilent("the clip is silent: there is no event in it")
    start, end = max(spans, key=lambda span: float(np.sum(x[span[0] : span[1]] ** 2)))
    part = x[start : min(end, start + round(longest * sample_rate))].copy()
    edge = min(len(part) // 2, round(0.01 * sample_rate))
    ramp = np.linspace(0, 1, edge, endpoint=False, dtype=np.float32)
    part[:edge] *= ramp
    part[len(part) - edge :] *= ramp[::-1]
    return part


class MixedStream:
    """A stream of background noise in which events happen, with their times; never held as a whole.

    sounds: list of float (n_i,), the events, each taken as often as the others, give or take one;
    labels: as many class numbers. Between the end of an event and the onset of the next lie `gaps`
    seconds, drawn evenly, so that negative ones overlap; an event's RMS lies `snr_db` above that of
    the background, drawn evenly. The background is noise, more of it low than high by an amount
    that is drawn for the stream; its level drifts slowly by some dB. `events` is the list of all
    events, by onset.

    Raises ValueError for a stream below a second, no sounds or another number of labels, and as
    `check_samples`, AudioSilent for a sound that is silent.

    Chapter: 6.4
    """

    def __init__(
        self, sounds, labels, sample_rate, seconds, seed=0, gaps=(-1.0, 20.0), snr_db=(5.0, 25.0)
    ):
        from helpers.errors import AudioSilent

        self.sample_rate = audio.check_rate(sample_rate)
        self.seconds = int(seconds)
        if self.seconds < 1 or not len(sounds) or len(sounds) != len(labels):
            raise ValueError(
                f"{seconds} s, {len(sounds)} sounds and {len(labels)} labels: a stream needs a "
                "second, a sound and as many labels"
            )
        self.seed = int(seed)
        self._sounds = [audio.check_samples(x, f"sounds[{i}]") for i, x in enumerate(sounds)]
        for i, x in enumerate(self._sounds):
            if audio.is_silent(x):
                raise AudioSilent(f"sounds[{i}] is silent: it has no level to mix it at")
        rng = np.random.default_rng(self.seed)
        self._knots = np.clip(rng.normal(0, 2.0, self.seconds // 20 + 2), -5, 5)
        self._pole, self._share = rng.uniform(0.8, 0.97), rng.uniform(0.3, 0.8)
        self._longest = max(map(len, self._sounds))
        self._plan, self.events = [], []
        at = float(rng.uniform(0, 3.0))
        order = []
        while True:
            order = order or list(rng.permutation(len(sounds)))
            which = int(order.pop())
            length = len(self._sounds[which]) / self.sample_rate
            if at + length > self.seconds:
                break
            onset = max(0, round(at * self.sample_rate))
            level = BACKGROUND_RMS * 10 ** (self._drift(at) / 20)
            gain = level * 10 ** (rng.uniform(*snr_db) / 20) / audio.rms(self._sounds[which])
            self._plan.append((onset, which, np.float32(gain)))
            self.events.append(
                Event(
                    onset / self.sample_rate, onset / self.sample_rate + length, int(labels[which])
                )
            )
            at = max(0.0, at + length + float(rng.uniform(*gaps)))
        order = np.argsort([onset for onset, *_ in self._plan], kind="stable")
        self._plan = [self._plan[i] for i in order]
        self.events = [self.events[i] for i in order]
        self._onsets = [onset for onset, *_ in self._plan]

    def _drift(self, seconds):
        return np.interp(np.asarray(seconds) / 20, np.arange(len(self._knots)), self._knots)

    def blocks(self, seconds=1):
        """Go through the stream in blocks of a whole number of seconds: float32 (n,) each.

        Every call begins anew and gives the same samples. Raises ValueError below a second.
        """
        if int(seconds) != seconds or seconds < 1:
            raise ValueError(f"blocks of {seconds} s: take a whole number of seconds from 1")
        state, parts = np.zeros(1), []
        for second in range(self.seconds):
            block, state = self._second(second, state)
            parts.append(block)
            if len(parts) == seconds or second == self.seconds - 1:
                yield np.concatenate(parts)
                parts = []

    def _second(self, second, state):
        from scipy.signal import lfilter

        rate = self.sample_rate
        white = np.random.default_rng([self.seed, second]).standard_normal(rate)
        pole, white_part = self._pole, self._share
        gain = np.sqrt(1 - pole**2)
        low, state = lfilter([gain], [1, -pole], white, zi=state)
        power = 1 + white_part**2 + 2 * white_part * gain
        noise = (low + white_part * white) / np.sqrt(power)
        level = BACKGROUND_RMS * 10 ** (self._drift(second + np.arange(rate) / rate) / 20)
        block = (level * noise).astype(np.float32)
        start, end = second * rate, (second + 1) * rate
        for i in range(bisect_left(self._onsets, start - self._longest), len(self._plan)):
            onset, which, gain = self._plan[i]
            if onset >= end:
                break
            first, last = max(onset, start), min(onset + len(self._sounds[which]), end)
            if first < last:
                sound = self._sounds[which][first - onset : last - onset]
                block[first - start : last - start] += gain * sound
        return block, state

    def whole(self):
        """The stream as one array, float32 (n,): for short ones. Chapter: 6.4"""
        return np.concatenate(list(self.blocks(min(60, self.seconds))))


# --- from curves to events ------------------------------------------------------------------------


def hysteresis(curve, on, off):
    """Switch on at `on`, off below `off`: float (k,) or (k, classes) → bool of the same shape.

    Raises ValueError unless off ≤ on. Chapter: 6.4
    """
    if not off <= on:
        raise ValueError(f"off is {off}, above on = {on}: it would switch to and fro at once")
    curve = np.asarray(curve, float)
    decided = (curve >= on) | (curve < off)
    steps = np.arange(len(curve)).reshape(-1, *[1] * (curve.ndim - 1))
    last = np.maximum.accumulate(np.where(decided, steps, -1), axis=0)
    states = np.take_along_axis(curve >= on, np.maximum(last, 0), axis=0)
    return states & (last >= 0)


def smoothed(curve, width):
    """The mean of the last `width` rows, of fewer at the beginning: float (k, classes) → the same.

    Raises ValueError for a width below 1. Chapter: 6.4
    """
    if width < 1:
        raise ValueError(f"width is {width}; it must be at least 1")
    curve = np.asarray(curve, np.float64)
    total = np.concatenate([np.zeros((1, *curve.shape[1:])), np.cumsum(curve, axis=0)])
    ends = np.arange(1, len(curve) + 1)
    starts = np.maximum(0, ends - width)
    return (total[ends] - total[starts]) / (ends - starts).reshape(-1, *[1] * (curve.ndim - 1))


def centred(curve, width):
    """The mean of the `width` rows around each: float (k, classes) → float64 (k, classes).

    At the ends the first and the last row are repeated. Raises ValueError for a width that is not
    odd. Chapter: 6.4
    """
    if width < 1 or width % 2 == 0:
        raise ValueError(f"width is {width}; it must be odd, so that there is a middle")
    curve = np.asarray(curve, np.float64)
    if not len(curve):
        return curve
    padded = np.pad(curve, ((width // 2, width // 2), (0, 0)), mode="edge")
    total = np.cumsum(np.concatenate([np.zeros((1, curve.shape[1])), padded]), axis=0)
    return (total[width:] - total[:-width]) / width


def events_from(curve, step, on=0.5, off=None, bridge=0.5, shortest=0.1, start=0.0):
    """Events of a curve, float (k, classes) in steps of `step` seconds: a list of `Event` by onset.

    A class is there from where it reaches `on` until it falls below `off` (half of `on` unless it
    is given). Pauses below `bridge` seconds are filled, then events below `shortest` seconds left
    out; one that is there at the last step ends with it. start: time of the first step.

    Raises ValueError as `hysteresis`, or for a curve that is not (k, classes). Chapter: 6.4
    """
    curve = np.asarray(curve)
    if curve.ndim != 2:
        raise ValueError(f"the curve has shape {curve.shape}; it must be (steps, classes)")
    active = hysteresis(curve, on, on / 2 if off is None else off)
    found = []
    for label in range(curve.shape[1]):
        edges = np.flatnonzero(np.diff(active[:, label], prepend=False, append=False))
        if not len(edges):
            continue
        edges = edges.reshape(-1, 2)
        apart = (edges[1:, 0] - edges[:-1, 1]) * step >= bridge - 1e-9
        starts = edges[np.concatenate(([True], apart)), 0]
        ends = edges[np.concatenate((apart, [True])), 1]
        found += [
            Event(start + float(a) * step, start + float(b) * step, label)
            for a, b in zip(starts, ends, strict=True)
            if (b - a) * step >= shortest - 1e-9
        ]
    return sorted(found)


# --- scores ---------------------------------------------------------------------------------------


class EventScore(NamedTuple):
    """hits, found and true: numbers of events, int (classes,) each; and what follows from them.

    Chapter: 6.4
    """

    hits: np.ndarray
    found: np.ndarray
    true: np.ndarray

    @property
    def f(self):
        """2 · hits / (found + true) over all classes, NaN where there are no events at all."""
        return f_score(self.hits, self.found, self.true)


def f_score(hits, found, true):
    """The harmonic mean of precision and recall, over all events: a float. Chapter: 6.4"""
    total = np.sum(found) + np.sum(true)
    return float(2 * np.sum(hits) / total) if total else float("nan")


def score_events(found, true, classes, collar=0.5, share=0.5):
    """Event-based scores: lists of `Event` → `EventScore`.

    A found event may stand for a true one of its class if their onsets lie at most `collar` seconds
    apart, and their offsets at most `collar` or `share` of the true one's length, whichever is
    more. Each stands for one at most, and as many pairs are made as possible.

    Raises ValueError for a class that is not below `classes`. Chapter: 6.4
    Source: [mesaros2016metrics]
    """
    from scipy.optimize import linear_sum_assignment

    for event in (*found, *true):
        if not 0 <= event.label < classes:
            raise ValueError(f"an event has class {event.label}, but there are {classes} classes")
    hits = np.zeros(classes, int)
    counts = [np.bincount([e.label for e in of], minlength=classes) for of in (found, true)]
    for label in range(classes):
        a = np.array([e[:2] for e in found if e.label == label]).reshape(-1, 2)
        b = np.array([e[:2] for e in true if e.label == label]).reshape(-1, 2)
        late = np.maximum(collar, share * (b[:, 1] - b[:, 0]))
        fits = np.abs(a[:, None, 0] - b[:, 0]) <= collar + 1e-9
        fits &= np.abs(a[:, None, 1] - b[:, 1]) <= late + 1e-9
        rows, columns = linear_sum_assignment(~fits)
        hits[label] = fits[rows, columns].sum()
    return EventScore(hits, *counts)


class AlarmScore(NamedTuple):
    """hits: events with an alarm, int (classes,); false: alarms without an event, int (classes,);
    repeats: further alarms in an event, int (classes,); true: events, int (classes,);
    delays: seconds from the onset to when the first alarm was raised, one for each hit.

    Chapter: 6.4
    """

    hits: np.ndarray
    false: np.ndarray
    repeats: np.ndarray
    true: np.ndarray
    delays: np.ndarray


def score_alarms(alarms, events, classes, early=0.5, late=1.0):
    """Which alarms were justified: lists of `Alarm` and `Event` → `AlarmScore`.

    An alarm belongs to an event of its class if its `at` lies between `early` seconds before the
    onset and `late` seconds after the offset; the first in an event is a hit, further ones repeats,
    all others are false. Chapter: 6.4
    """
    hits, false, repeats, true = np.zeros((4, classes), int)
    delays = []
    for label in range(classes):
        mine = sorted(e for e in events if e.label == label)
        onsets = np.array([e.onset for e in mine]) - early
        offsets = np.array([e.offset for e in mine]) + late
        true[label], taken = len(mine), np.zeros(len(mine), bool)
        for alarm in sorted(a for a in alarms if a.label == label):
            inside = np.flatnonzero((onsets <= alarm.at) & (alarm.at <= offsets))
            if not len(inside):
                false[label] += 1
                continue
            free = inside[~taken[inside]]
            if not len(free):
                repeats[label] += 1
                continue
            hits[label] += 1
            taken[free[0]] = True
            delays.append(alarm.heard - mine[free[0]].onset)
    return AlarmScore(hits, false, repeats, true, np.array(delays))


# --- along a stream -------------------------------------------------------------------------------


class StreamClosed(ValueError):
    """The stream has been closed; begin another. Chapter: 6.4"""


class PresenceStream:
    """Presence curves along a stream, in bounded memory.

    ask: pictures float32 (n, window, n_mels) in dB → (n, window / 8, classes), such as
    `SoundModel.presence`. Every `every` steps (of eight frames) the last `window` frames are shown
    to it, and of its answer the `every` steps are kept that lie `look_ahead` steps before the end:
    so much of the future each row has seen. Before the stream lies silence. A step in which nothing
    exceeds `quiet_db`, digital silence, has a presence of 0, whatever `ask` says.

    `clipped` counts samples at or beyond ±1, `samples` all of them.

    Raises ValueError for a window that does not hold what is kept.

    Chapter: 6.4
    """

    PIECE = 160_000

    def __init__(
        self,
        ask: Callable,
        classes,
        front_end,
        *,
        window=128,
        every=3,
        look_ahead=2,
        quiet_db=-85.0,
    ):
        if window % STEP_FRAMES or every < 1 or look_ahead < 0:
            raise ValueError("window must be a multiple of 8, every at least 1, look_ahead 0")
        if window // STEP_FRAMES < every + look_ahead:
            raise ValueError(
                f"a window of {window // STEP_FRAMES} steps does not hold {every} that are kept "
                f"and {look_ahead} after them"
            )
        self.ask, self.classes, self.front_end = ask, int(classes), front_end
        self.window, self.every, self.look_ahead = window, every, look_ahead
        self.quiet_db = quiet_db
        self.samples = self.clipped = self.rows = 0
        self._frames, self._closed = 0, False
        self._tail = np.zeros(0, np.float32)
        floor_db = 10 * np.log10(front_end.floor)
        self._picture = np.full((window, front_end.n_mels), floor_db, np.float32)
        self._floor_db = np.float32(floor_db)

    @property
    def step(self):
        """Seconds from row to row."""
        return STEP_FRAMES * self.front_end.hop / self.front_end.sample_rate

    @property
    def start(self):
        """Seconds: where the first row begins, in the middle of its first frame."""
        return (self.front_end.n_fft - self.front_end.hop) / 2 / self.front_end.sample_rate

    def heard(self, row):
        """Seconds of the stream that had been heard when a row was given."""
        windows = (np.asarray(row) + self.look_ahead) // self.every + 1
        frames = windows * self.every * STEP_FRAMES
        fe = self.front_end
        return ((frames - 1) * fe.hop + fe.n_fft) / fe.sample_rate

    @property
    def bytes(self):
        """Bytes that are kept from block to block: at most a window, its new frames, a frame."""
        return self._picture.nbytes + self._tail.nbytes

    def push(self, samples):
        """Hear on: float (n,), n ≥ 0, → rows that have become known, float32 (k, classes).

        Raises StreamClosed after `close`, and as `helpers.audio.check_samples` for what is no
        sound, in which case nothing has been heard.
        """
        if self._closed:
            raise StreamClosed("the stream has been closed: make a new PresenceStream")
        if np.size(samples) == 0:
            return np.zeros((0, self.classes), np.float32)
        x = audio.check_samples(samples)
        rows = [self._piece(x[i : i + self.PIECE]) for i in range(0, len(x), self.PIECE)]
        self.samples += len(x)
        self.clipped += int(np.count_nonzero(np.abs(x) >= 1.0))
        return np.concatenate(rows)

    def close(self):
        """The stream ends here: the rows that were waiting for what comes, float32 (k, classes)."""
        if self._closed:
            return np.zeros((0, self.classes), np.float32)
        rows = [np.zeros((0, self.classes), np.float32)]
        if self.samples:
            hop, n_fft = self.front_end.hop, self.front_end.n_fft
            rest = len(self._tail) - (n_fft - hop) if self._frames else len(self._tail)
            if rest > 0:
                rows.append(self._piece(np.zeros(n_fft - len(self._tail), np.float32)))
            wanted = -(-self._frames // STEP_FRAMES)
            last = (wanted - 1 + self.look_ahead) // self.every + 1
            missing = last * self.every * STEP_FRAMES - self._frames
            silence = np.full((max(0, missing), self.front_end.n_mels), self._floor_db, np.float32)
            ahead = self._see(silence)
            surplus = self.rows - wanted
            rows.append(ahead[: len(ahead) - surplus] if surplus > 0 else ahead)
            self.rows = wanted
        self._closed = True
        return np.concatenate(rows)

    def _piece(self, x):
        x = np.concatenate([self._tail, x])
        count = self.front_end.frames(len(x))
        self._tail = x[count * self.front_end.hop :].copy()
        if not count:
            return np.zeros((0, self.classes), np.float32)
        return self._see(log_mel(x, self.front_end).astype(np.float32))

    def _see(self, frames):
        """Take in frames (m, n_mels) and ask about the windows that are complete."""
        unit = self.every * STEP_FRAMES
        before = self._frames
        self._frames += len(frames)
        seen = np.concatenate([self._picture, frames])  # ends at frame self._frames
        first = before // unit + 1
        ends = np.arange(first, self._frames // unit + 1) * unit - self._frames + len(seen)
        self._picture = seen[len(seen) - self.window - self._frames % unit :].copy()
        if not len(ends):
            return np.zeros((0, self.classes), np.float32)
        pictures = seen[ends[:, None] + np.arange(-self.window, 0)]
        given = np.asarray(self.ask(pictures), np.float32)
        last = self.window // STEP_FRAMES - self.look_ahead
        kept = given[:, last - self.every : last]
        shown = pictures.reshape(len(ends), -1, STEP_FRAMES * self.front_end.n_mels).max(axis=2)
        kept = np.where(shown[:, last - self.every : last, None] > self.quiet_db, kept, 0.0)
        rows = kept.reshape(-1, self.classes).astype(np.float32)
        early = min(len(rows), max(0, self.look_ahead - (first - 1) * self.every))
        self.rows += len(rows) - early
        return rows[early:]


class Alarms:
    """Alarms of a curve, row by row, in bounded memory.

    An alarm is raised where the mean of the last `smooth` rows of a class reaches `on`, unless the
    class is still on (it goes off below `off`, by default half of `on`) or has raised an alarm
    less than `refractory` rows ago.

    Raises ValueError as `hysteresis`, or for a `smooth` below 1. Chapter: 6.4
    """

    def __init__(self, classes, on=0.5, off=None, smooth=1, refractory=0):
        self.classes, self.on, self.off = int(classes), on, on / 2 if off is None else off
        if smooth < 1 or self.off > self.on:
            raise ValueError(f"smooth is {smooth}, on {on}, off {self.off}: see Alarms")
        self.smooth, self.refractory, self.row = smooth, refractory, 0
        self._past = np.zeros((0, self.classes))
        self._active = np.zeros(self.classes, bool)
        self._last = np.full(self.classes, -(10**9))

    def push(self, rows):
        """Rows (k, classes) → [(row, label, smoothed presence)], rows counted from the first."""
        raised = []
        for row in np.asarray(rows, np.float64):
            self._past = np.concatenate([self._past, row[None]])[-self.smooth :]
            value = self._past.mean(axis=0)
            reached = value >= self.on
            due = reached & ~self._active & (self.row - self._last >= self.refractory)
            for label in np.flatnonzero(due):
                raised.append((self.row, int(label), float(value[label])))
            self._last[due] = self.row
            self._active = reached | (self._active & (value >= self.off))
            self.row += 1
        return raised


def alarms_of(curve, on=0.5, off=None, smooth=1, refractory=0):
    """What `Alarms` gives for a whole curve, faster: [(row, label, smoothed presence)].

    Chapter: 6.4
    """
    values = smoothed(curve, smooth)
    active = hysteresis(values, on, on / 2 if off is None else off)
    raised = []
    for label in range(values.shape[1]):
        last = -(10**9)
        rising = np.flatnonzero(np.diff(active[:, label].astype(np.int8), prepend=0) == 1)
        for row in rising:
            if row - last >= refractory:
                raised.append((int(row), label, float(values[row, label])))
                last = row
    return sorted(raised)


class Monitor:
    """A live monitor: sound in blocks of any size goes in, alarms come out, memory stays as it is.

    presence: a `PresenceStream`; watch: numbers of the classes that raise alarms, by default all;
    on, off, smooth as in `Alarms`; refractory in seconds.

    Raises ValueError for a class that does not exist, and as `Alarms`. Chapter: 6.4
    """

    def __init__(self, presence, watch=None, *, on=0.5, off=None, smooth=1, refractory=2.0):
        self.presence = presence
        self.watch = list(range(presence.classes)) if watch is None else list(watch)
        if not all(0 <= label < presence.classes for label in self.watch):
            raise ValueError(f"watch is {self.watch}, but there are {presence.classes} classes")
        self._alarms = Alarms(presence.classes, on, off, smooth, round(refractory / presence.step))

    @property
    def bytes(self):
        """Bytes that are kept from block to block."""
        logic = self._alarms
        return self.presence.bytes + sum(
            part.nbytes for part in (logic._past, logic._active, logic._last)
        )

    def push(self, samples):
        """Hear on: float (n,) → the `Alarm`s that were raised. Raises as `PresenceStream.push`."""
        return self._raised(self.presence.push(samples))

    def close(self):
        """The stream ends here: the last `Alarm`s."""
        return self._raised(self.presence.close())

    def _raised(self, rows):
        return [
            as_alarm(self.presence, *one) for one in self._alarms.push(rows) if one[1] in self.watch
        ]


def as_alarm(presence, row, label, value):
    """The `Alarm` of a row of a `PresenceStream`. Chapter: 6.4"""
    return Alarm(presence.start + row * presence.step, float(presence.heard(row)), label, value)
