"""A voice assistant as a loop over a stream: wake word, end of speech, understanding, reply.

Sound comes in blocks, from an array, a file or a microphone; events come out, each with its time
in the stream. Whatever is heard, the loop keeps only the last seconds of it. The parts are plugged
in: anything with `step` (seconds) and `push(block)` → probabilities can be the wake word or the
voice activity detector, any function from samples to slots can understand. Chapter: 6.1
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from helpers import audio

SAMPLE_RATE = 16000
BLOCK = 0.1
"""Seconds: how much sound the loop looks at at a time."""
FULL_SCALE = 0.999
LATEST_END = 2.0
"""Seconds after an order within which it must be taken to be over."""
CLIPPED_AGAIN = 5.0
"""Seconds without a sample at full scale after which clipping is worth another event."""


class SourceLost(OSError):
    """The source of sound is gone: a device was unplugged, or does not deliver any more."""


class NoMicrophone(OSError):
    """There is no microphone, or nothing that can read it."""


# --- where the sound comes from ------------------------------------------------------------------


def blocks_of(samples, sample_rate=SAMPLE_RATE, seconds=BLOCK):
    """Cut an array into blocks: float32 (n,) → an iterator of (m,), the last one shorter.

    Raises AudioError for what is not sound, ValueError for another rate than 16 kHz (resample
    first) or blocks of less than a millisecond.

    Chapter: 6.1
    """
    x = audio.check_samples(samples)
    if audio.check_rate(sample_rate) != SAMPLE_RATE:
        raise ValueError(
            f"the rate is {sample_rate} Hz; the assistant listens at {SAMPLE_RATE}: use "
            "audio.resample"
        )
    size = _block_size(seconds)
    return (x[at : at + size] for at in range(0, len(x), size))


def file_blocks(path, seconds=BLOCK):
    """Read a sound file block by block: an iterator of float32 (m,) at 16 kHz.

    Any rate and any number of channels, whose mean is taken; a file of hours takes no more memory
    than a block. Raises AudioError if it cannot be opened, and SourceLost if reading fails on the
    way.

    Chapter: 6.1
    """
    import soundfile
    import soxr

    from helpers.errors import AudioError

    size = _block_size(seconds)
    try:
        file = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, OSError, TypeError) as error:
        raise AudioError(f"{path} cannot be read as sound: {error}") from error

    def read():
        with file:
            rate = file.samplerate
            same = rate == SAMPLE_RATE
            change = None if same else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
            each = max(1, round(size * rate / SAMPLE_RATE))
            while True:
                try:
                    block = file.read(each, dtype="float32", always_2d=True).mean(axis=1)
                except (soundfile.LibsndfileError, OSError) as error:
                    raise SourceLost(f"{path} could not be read to its end: {error}") from error
                over = len(block) < each
                if change is not None:
                    block = change.resample_chunk(block, last=over)
                if len(block):
                    yield block.astype(np.float32)
                if over:
                    return

    return read()


def microphone_blocks(seconds=BLOCK, patience=2.0, waiting=50, open_stream=None):
    """Listen to the microphone: an iterator of float32 (m,) at 16 kHz that ends only with it.

    Needs the package `sounddevice` and a microphone. Blocks that arrive while the loop is busy wait
    in a queue of `waiting` blocks; if it is full, the device counts as lost, because sound would be
    missing unnoticed. The same if nothing arrives for `patience` seconds. `open_stream(callback,
    size)` stands in for the device: a context manager that calls `callback(block)`, as tests do.

    Raises NoMicrophone if there is none, SourceLost when it goes away.

    Chapter: 6.1
    """
    size = _block_size(seconds)
    arrived: queue.Queue = queue.Queue(waiting)
    full = []

    def callback(block):
        try:
            arrived.put_nowait(np.array(block, np.float32))
        except queue.Full:
            full.append(True)

    stream = (open_stream or _sounddevice)(callback, size)

    def read():
        with stream:
            while True:
                if full:
                    raise SourceLost(
                        f"{waiting} blocks waited and another came: the loop is too slow for the "
                        "microphone, and sound was lost"
                    )
                try:
                    block = arrived.get(timeout=patience)
                except queue.Empty:
                    raise SourceLost(f"the microphone was silent for {patience:g} s") from None
                if block is None or not len(block):
                    raise SourceLost("the microphone ended its stream")
                yield block

    return read()


def _sounddevice(callback, size):
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise NoMicrophone(
            "the package sounddevice, with PortAudio, reads microphones and is not here: "
            "pip install sounddevice, or use file_blocks"
        ) from error
    try:
        return sounddevice.InputStream(
            samplerate=SAMPLE_RATE,
            blocksize=size,
            channels=1,
            dtype="float32",
            callback=lambda block, *_: callback(block[:, 0]),
        )
    except Exception as error:
        raise NoMicrophone(f"no microphone could be opened: {error}") from error


def _block_size(seconds):
    size = round(seconds * SAMPLE_RATE)
    if not 16 <= size <= 60 * SAMPLE_RATE:
        raise ValueError(f"seconds is {seconds}; a block lasts from 0.001 to 60")
    return size


# --- from probabilities to decisions -------------------------------------------------------------


class Trigger:
    """From probabilities to single detections, with hysteresis.

    It fires when `hold` probabilities in a row reach `threshold`, and not again before one has been
    below `release` times the threshold and `refractory` seconds have passed. `step` is the number
    of seconds between probabilities.

    Raises ValueError for settings outside their ranges. Chapter: 6.1
    """

    def __init__(self, threshold, step, hold=2, release=0.5, refractory=1.0):
        if not 0 < threshold <= 1 or not 0 < release <= 1:
            raise ValueError(
                f"threshold is {threshold} and release {release}; both must lie above 0 and at "
                "most at 1"
            )
        if hold < 1 or step <= 0 or refractory < 0:
            raise ValueError(
                f"hold is {hold}, step {step}, refractory {refractory}: give at least one step of "
                "some length, and no negative time"
            )
        self.threshold, self.hold, self.release = threshold, int(hold), release
        self.step, self.refractory = step, refractory
        self.reset()

    def reset(self):
        """Forget what came before."""
        self._high, self._armed, self._since = 0, True, np.inf

    def push(self, probabilities):
        """Take the next probabilities (k,); return bool (k,), True where it fires. Chapter: 6.1"""
        fired = np.zeros(len(probabilities), bool)
        for i, p in enumerate(probabilities):
            self._since += self.step
            self._high = self._high + 1 if p >= self.threshold else 0
            if p < self.release * self.threshold:
                self._armed = True
            if self._armed and self._high >= self.hold and self._since > self.refractory - 1e-9:
                fired[i] = True
                self._armed, self._since = False, 0.0
        return fired


class LevelVad:
    """Voice activity by level, sample for sample as it comes: probabilities for every 20 ms.

    The floor follows the quietest level of the last seconds: down at once, up by `rise` dB a
    second. A frame's probability is a logistic function of how far it rises above the floor: one
    half at `margin_db`. What is less loud than `least_db` is no speech. The simplest thing that
    works; chapter 6.4 trains better ones.

    Chapter: 6.1
    """

    step = 0.02
    sample_rate = SAMPLE_RATE

    def __init__(self, margin_db=9.0, rise=1.5, least_db=-65.0):
        self.margin_db, self.rise, self.least_db = margin_db, rise, least_db
        self.reset()

    def reset(self):
        """Forget the floor and the samples that do not fill a frame yet."""
        self._rest, self._floor, self._smooth = np.zeros(0, np.float32), None, None

    def push(self, block):
        """Take float32 (n,); return the probabilities of new frames, float32 (k,).

        Raises AudioError for what is not sound. Chapter: 6.1
        """
        x = np.concatenate([self._rest, audio.check_samples(block, "block")])
        size = round(self.step * self.sample_rate)
        count = len(x) // size
        self._rest = x[count * size :]
        frames = x[: count * size].reshape(count, size).astype(np.float64)
        levels = 10 * np.log10(np.maximum(np.mean(frames**2, axis=1), 1e-10))
        found = np.zeros(count, np.float32)
        for i, level in enumerate(levels):
            smooth = level if self._smooth is None else 0.6 * self._smooth + 0.4 * level
            self._smooth = smooth
            floor = smooth if self._floor is None else self._floor + self.rise * self.step
            self._floor = min(floor, max(smooth, self.least_db))
            above = smooth - self._floor - self.margin_db
            found[i] = 1 / (1 + np.exp(-above)) if smooth > self.least_db else 0.0
        return found


# --- the loop ------------------------------------------------------------------------------------


class Event(NamedTuple):
    """Something that happened.

    `time`: seconds of the stream that had been heard by then. `kind`: "wake", "speech began",
    "speech ended", "understood", "acted", "reply", "reply ended", "barge-in", "nothing said", "too
    long", "cut off", "clipped", "no signal", "signal", "source lost" or "stream ended". `detail`:
    what belongs to it. `seconds`: how long the loop took to work it out.

    Chapter: 6.1
    """

    time: float
    kind: str
    detail: object = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Settings:
    """When the loop does what, in seconds.

    `threshold`, `hold`, `refractory`: of the wake word, see `Trigger`. `voice`: the probability
    from which a frame is speech. `began`: so much speech within the last half second begins an
    utterance. `hang`: so long without speech ends it. `patience`: how long it waits for the first
    word. `longest`: an utterance is cut off there. `before`: how much sound before the first speech
    belongs to it. `deaf`: so long after the wake word nothing counts as speech: the word's own end.
    `dead`: digital silence of this length means that there is no signal.

    Raises ValueError for a time that is not positive, or a `longest` below `hang`. Chapter: 6.1
    """

    threshold: float = 0.5
    hold: int = 2
    refractory: float = 1.0
    voice: float = 0.5
    began: float = 0.12
    hang: float = 0.8
    patience: float = 5.0
    longest: float = 12.0
    before: float = 0.3
    deaf: float = 0.2
    dead: float = 5.0

    def __post_init__(self):
        for name in ("began", "hang", "patience", "longest", "dead"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0 s")
        if self.longest <= self.hang:
            raise ValueError(
                f"longest is {self.longest} s and hang {self.hang} s: an utterance must be able to "
                "last longer than the pause that ends it"
            )


class Assistant:
    """The state machine: "waiting" for the word, "listening" to an utterance, "replying".

    wake, vad: have `step`, `push(block)` → probabilities and `reset()`. understand(samples) → slots
    (anything); act(slots) → what to say, a str, or None for nothing; speak(text) → (samples, rate)
    or None for an assistant without a voice, which replies in no time.

    While it replies it listens for the wake word: that is a barge-in, ends the reply and begins
    anew. `held` says how many samples it keeps; `longest` and `before` bound them.

    Chapter: 6.1
    """

    def __init__(self, wake, vad, understand, act=None, speak=None, settings=None):
        self.wake, self.vad = wake, vad
        self.understand, self.act, self.speak = understand, act, speak
        self.settings = settings or Settings()
        self.spent = {"wake": 0.0, "voice": 0.0, "understanding": 0.0, "acting": 0.0}
        self.reset()

    def reset(self):
        """Be as new, at time 0."""
        s = self.settings
        self.wake.reset()
        self.vad.reset()
        self.trigger = Trigger(s.threshold, self.wake.step, s.hold, refractory=s.refractory)
        self.heard, self._pending = 0, np.zeros(0, np.float32)
        self.state = "waiting"
        self._quiet, self._dead, self._clipped = 0, False, -np.inf
        self._forget()

    def _forget(self):
        self._sound, self._kept = [], 0
        self._since, self._recent, self._silence, self._speaking = 0.0, [], 0.0, False
        self._voiced = 0.0

    @property
    def time(self):
        """Seconds heard."""
        return self.heard / SAMPLE_RATE

    @property
    def held(self):
        """Samples that are kept."""
        return self._kept + len(self._pending)

    def push(self, block):
        """Hear a block, float32 (n,) at 16 kHz, of any length; return the list of its `Event`s.

        The loop works on 0.1 s at a time, so that what happens does not depend on how a stream is
        cut into blocks; what does not fill that waits for the next block.

        Raises AudioError for what is not sound, such as NaN. Chapter: 6.1
        """
        x = np.concatenate([self._pending, audio.check_samples(block, "block")])
        size = _block_size(BLOCK)
        whole = len(x) // size * size
        self._pending = x[whole:].copy()
        events = []
        for at in range(0, whole, size):
            events += self._step(x[at : at + size])
        return events

    def finish(self, kind="stream ended", detail=None):
        """The stream is over: what was being said is cut off, and nothing is done about it.

        Chapter: 6.1
        """
        events = self._step(self._pending) if len(self._pending) else []
        self._pending = np.zeros(0, np.float32)
        if self.state == "listening":
            events.append(Event(self.time, "cut off", round(self._kept / SAMPLE_RATE, 2)))
        self.state = "waiting"
        self._forget()
        return [*events, Event(self.time, kind, detail)]

    def _step(self, x):
        self.heard += len(x)
        events = self._watch(x)
        began = time.perf_counter()
        fired = self.trigger.push(self.wake.push(x)).any()
        took = time.perf_counter() - began
        self.spent["wake"] += took
        if self.state == "replying":
            self._reply_left -= len(x) / SAMPLE_RATE
            if fired:
                events.append(Event(self.time, "barge-in", round(max(0.0, self._reply_left), 2)))
            elif self._reply_left <= 0:
                events.append(Event(self.time, "reply ended"))
                self.state = "waiting"
        if fired and self.state != "listening":
            self._forget()
            self.state = "listening"
            events.append(Event(self.time, "wake", None, took))
            self._voice(x)
            return events
        voice = self._voice(x)
        return events + self._listen(x, voice) if self.state == "listening" else events

    def _voice(self, x):
        """Probabilities of speech; the detector hears everything, so that it knows the noise."""
        began = time.perf_counter()
        p = self.vad.push(x)
        self.spent["voice"] += time.perf_counter() - began
        return p

    def _watch(self, x):
        """Events about the signal itself."""
        events = []
        if np.any(np.abs(x) >= FULL_SCALE):
            if self.time - self._clipped > CLIPPED_AGAIN:
                events.append(Event(self.time, "clipped", float(np.abs(x).max())))
            self._clipped = self.time
        self._quiet = 0 if np.any(x) else self._quiet + len(x)
        dead = self._quiet >= self.settings.dead * SAMPLE_RATE
        if dead != self._dead:
            events.append(Event(self.time, "no signal" if dead else "signal"))
        self._dead = dead
        return events

    def _listen(self, x, voice):
        s = self.settings
        self._sound.append(x)
        self._kept += len(x)
        self._since += len(x) / SAMPLE_RATE
        speech = np.asarray(voice) >= s.voice
        if self._since <= s.deaf:
            speech[:] = False
        if not self._speaking:
            return self._await(speech)
        for frame in speech:
            self._silence = 0.0 if frame else self._silence + self.vad.step
        self._voiced += speech.sum() * self.vad.step
        if self._silence >= s.hang - 1e-9:
            return self._ended("speech ended")
        if self._kept >= s.longest * SAMPLE_RATE:
            return self._ended("too long")
        return []

    def _await(self, speech):
        s = self.settings
        window = max(1, round(0.5 / self.vad.step))
        self._recent = [*self._recent, *speech][-window:]
        if sum(self._recent) * self.vad.step >= s.began - 1e-9:
            self._speaking, self._voiced = True, sum(self._recent) * self.vad.step
            self._keep_last(0.5 + s.before)
            return [Event(self.time, "speech began")]
        if self._since >= s.patience:
            self.state = "waiting"
            self._forget()
            return [Event(self.time, "nothing said")]
        self._keep_last(0.5 + s.before + BLOCK)
        return []

    def _keep_last(self, seconds):
        while self._sound and self._kept - len(self._sound[0]) >= seconds * SAMPLE_RATE:
            self._kept -= len(self._sound.pop(0))

    def _ended(self, kind):
        samples = np.concatenate(self._sound)
        events = [Event(self.time, kind, round(len(samples) / SAMPLE_RATE, 2))]
        began = time.perf_counter()
        slots = self.understand(samples)
        took = time.perf_counter() - began
        self.spent["understanding"] += took
        events.append(Event(self.time, "understood", slots, took))
        self.state = "waiting"
        self._forget()
        return events + self._acted(slots)

    def _acted(self, slots):
        if self.act is None:
            return []
        began = time.perf_counter()
        said = self.act(slots)
        spoken = self.speak(said) if said and self.speak else None
        took = time.perf_counter() - began
        self.spent["acting"] += took
        events = [Event(self.time, "acted", said, took)]
        if spoken is not None:
            samples, rate = spoken
            self.state, self._reply_left = "replying", len(samples) / rate
            events.append(Event(self.time, "reply", round(self._reply_left, 2)))
        return events


def run(assistant, source: Iterable, on_event: Callable | None = None) -> Iterator[Event]:
    """Let an assistant hear a source to its end: an iterator of `Event`s.

    A source that goes away gives the event "source lost" and its message; what was being said is
    cut off. The last event is always "source lost" or "stream ended". Nothing is kept.

    Chapter: 6.1
    """
    ending = ("stream ended", None)
    blocks = iter(source)
    while True:
        try:
            block = next(blocks)
        except StopIteration:
            break
        except SourceLost as error:
            ending = ("source lost", str(error))
            break
        yield from assistant.push(block)
    yield from assistant.finish(*ending)


@dataclass
class Session:
    """What `listen` gives: all events, the seconds of sound heard, and the seconds of computing
    by stage. `real_time_factor` is the one divided by the other. Chapter: 6.1"""

    events: list = field(default_factory=list)
    seconds: float = 0.0
    spent: dict = field(default_factory=dict)

    @property
    def real_time_factor(self):
        return sum(self.spent.values()) / self.seconds if self.seconds else 0.0


def listen(assistant, source):
    """Hear a source to its end from time 0: a `Session`. Chapter: 6.1"""
    assistant.reset()
    before = dict(assistant.spent)
    events = list(run(assistant, source))
    spent = {k: v - before[k] for k, v in assistant.spent.items()}
    return Session(events, assistant.time, spent)


# --- what it does --------------------------------------------------------------------------------

_AMONG = ("size", "roast", "numberOfShots", "coffeeDrink")
_ADDED = ("milkAmount", "sugarAmount")


def barista(slots):
    """What a coffee machine answers to an order {slot: value}: a str.

    It repeats what it has understood, so that a mistake is heard. Without a drink it asks for one.
    Chapter: 6.1
    """
    if "coffeeDrink" not in slots:
        return "Sorry, which drink would you like?"
    drink = " ".join(slots[name] for name in _AMONG if name in slots)
    added = " and ".join(slots[name] for name in _ADDED if name in slots)
    return f"One {drink}{' with ' + added if added else ''}, coming up."


def transcript(events):
    """A session to read: a Markdown table of `Event`s, a str. Chapter: 6.1"""
    rows = ["| time | event | |", "|---:|---|---|"]
    for event in events:
        detail = event.detail
        if isinstance(detail, dict):
            detail = ", ".join(f"{slot}: *{value}*" for slot, value in detail.items()) or "–"
        elif isinstance(detail, float):
            detail = f"{detail:.1f} s" if event.kind != "clipped" else f"peak {detail:.2f}"
        rows.append(f"| {event.time:.1f} s | {event.kind} | {'' if detail is None else detail} |")
    return "\n".join(rows)


# --- how well it does ----------------------------------------------------------------------------


class Call(NamedTuple):
    """A dialogue in a stream, as it was put there: when the wake word and the order begin and end,
    in seconds, and the order's slots. Chapter: 6.1"""

    wake_start: float
    wake_end: float
    order_start: float
    order_end: float
    slots: dict


class Outcome(NamedTuple):
    """What became of a `Call`.

    `stage`: "right", or the first that failed. "wake word": nobody answered. "still listening":
    nobody answered because the loop had not ended the utterance before. "end of speech": the order
    was cut off, or not over within `LATEST_END` seconds, and what was understood is wrong.
    "understanding": the order was delivered whole, and what was understood is wrong. `wake_delay`,
    `end_delay`: seconds from the end of the word to its detection, and from the end of the order to
    the decision that it is over (negative: cut off); NaN where there was none. `slots`: what was
    understood, {} for nothing.

    Chapter: 6.1
    """

    stage: str
    wake_delay: float
    end_delay: float
    slots: dict


def outcomes(events, calls, within=1.0):
    """What became of each call of a stream, and the false alarms: (list of Outcome, list of times).

    A call is answered by a wake event from the beginning of its wake word to `within` seconds after
    its end; one that interrupts a reply counts like any other. Every other wake event is a false
    alarm. A call without an answer is "still listening" if the loop was listening when the word
    ended.

    Chapter: 6.1
    """
    wakes = [i for i, event in enumerate(events) if event.kind == "wake"]
    free, found = list(wakes), []
    for call in calls:
        mine = [
            i for i in free if call.wake_start <= events[i].time <= call.wake_end + within + 1e-9
        ]
        if not mine:
            stage = "still listening" if _listening(events, call.wake_end) else "wake word"
            found.append(Outcome(stage, np.nan, np.nan, {}))
            continue
        free.remove(mine[0])
        following = next((i for i in wakes if i > mine[0]), len(events))
        found.append(_outcome(call, events[mine[0] : following]))
    return found, [events[i].time for i in free]


def _listening(events, time):
    """Whether a loop with these events listens to an utterance at some time."""
    ending = ("speech ended", "too long", "nothing said", "cut off")
    last = [e.kind for e in events if e.time <= time and e.kind in ("wake", *ending)]
    return bool(last) and last[-1] == "wake"


def _outcome(call, events):
    delay = events[0].time - call.wake_end
    ended = next((e for e in events if e.kind in ("speech ended", "too long")), None)
    if ended is None:
        return Outcome("end of speech", delay, np.nan, {})
    late = ended.time - call.order_end
    slots = next((e.detail for e in events if e.kind == "understood"), {})
    if slots == call.slots:
        return Outcome("right", delay, late, slots)
    whole = ended.kind == "speech ended" and 0 <= late <= LATEST_END + 1e-9
    return Outcome("understanding" if whole else "end of speech", delay, late, slots)


def share_interval(count, trials, confidence=0.95):
    """A share, and the exact interval of a binomial proportion: (share, low, high), floats.

    Of `count` successes in `trials`: the interval holds the shares under which neither so few nor
    so many would be surprising. Of 62 in 62, low is 0.942 at 95 % and high 1.

    Raises ValueError for a count outside 0 to `trials`, no trials, or a confidence that is not in
    (0, 1).

    Chapter: 6.1
    Source: [clopper1934use]
    """
    from scipy.stats import beta

    if trials < 1 or not 0 <= count <= trials or not 0 < confidence < 1:
        raise ValueError(
            f"count {count} of {trials}, confidence {confidence}: give at least one trial, a count "
            "from 0 to all of them and a confidence between 0 and 1"
        )
    tail = (1 - confidence) / 2
    low = beta.ppf(tail, count, trials - count + 1) if count else 0.0
    high = beta.ppf(1 - tail, count + 1, trials - count) if count < trials else 1.0
    return count / trials, float(low), float(high)


def rate_interval(count, hours, confidence=0.95):
    """Events per hour, and the exact interval of a Poisson rate: (rate, low, high), floats.

    Of `count` events in `hours`: the interval holds the rates under which neither so few nor so
    many would be surprising. Of 0 events, low is 0 and high 3.69 / hours at 95 %.

    Raises ValueError for a negative count, no time, or a confidence that is not in (0, 1).

    Chapter: 6.1
    Source: [garwood1936fiducial]
    """
    from scipy.stats import chi2

    if count < 0 or not hours > 0 or not 0 < confidence < 1:
        raise ValueError(
            f"count {count}, hours {hours}, confidence {confidence}: give a count of 0 or more, "
            "hours above 0 and a confidence between 0 and 1"
        )
    tail = (1 - confidence) / 2
    low = chi2.ppf(tail, 2 * count) / 2 if count else 0.0
    high = chi2.ppf(1 - tail, 2 * count + 2) / 2
    return count / hours, float(low / hours), float(high / hours)
