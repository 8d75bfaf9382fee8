"""How well an assistant wakes, listens and understands: `python -m helpers.experiments.assistant`.

One run a seed. (1) A wake word, trained on its training recordings, the other words, noises and the
speech of training orders and built-in voices, is asked about hours of speech and sounds without it,
and about its test recordings in noise; beside it one that hears no such speech in training. (2) A
speller of order words is trained on built-in voices, then on recorded orders whose phrases come in
an order that it guesses itself; tested on test orders in noise, beside the commonest values, and
beside what the same steps give without recordings and with phrases in the order of the label file.
(3) The voice activity detector of chapter 6.4. (4) All of it as a loop over a stream of dialogues
with sounds and speech between them, with that detector and with one that looks at the level alone.

The word is the one with the most recordings. Noises of folds 1 to 3 train, fold 4 chooses, fold 5
and the kitchen test. The wake word's threshold, the cost of a phrase, the pause that ends an
utterance and the settings of the detector that looks at the level are chosen on validation
recordings in each run, by rules that stand with `choose_*`; both wake words have the same sounds
for their thresholds, validation orders among them. Sizes and augmentation were chosen on validation
orders; steps are what two minutes of one core allow. Nobody says who speaks in the recordings, so
test speakers may have been heard in training. The first version trained the wake word without the
speech of orders only; that it wakes to orders was seen on test recordings, and what was done about
it was tried on validation orders. Results of earlier versions on the test recordings had been seen
when this one was written; claims and their limits were left as they were. Runs are written to
results/assistant.json as they finish; a run on file is not repeated. About ten minutes a run on one
core.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from itertools import chain, product

import numpy as np

from helpers import audio, segment
from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options, provenance_of

SEEDS = (0, 1, 2)
RATE = 16000
WAKE_STEPS, WAKE_BATCH, WAKE_SMOOTHING = 1500, 64, 0.01
STAGES = ((220, 240), (220, 440))
"""Steps and frames: short utterances of built-in voices, then whole orders of theirs."""
MIXED_STAGES = (220, 380)
"""Steps on recorded and built-in orders; before each, the order of phrases is guessed."""
FRAMES, ORDER_BATCH = 560, 16
VOICES_SHARE = 0.35
"""How much of a batch of `MIXED_STAGES` is built-in voices."""
LEARNING_RATE = 3e-3
VAD_MIXTURES, VAD_STEPS = 600, 400

SNRS = (40, 20, 10, 5, 0)
"""Decibels by which speech lies above the noise; at 40 it is hardly heard."""
FEW_SNRS, STREAM_SNRS = (40, 10), (40, 20, 10, 5)
"""At which of them the other ways to train are tested, and the streams."""
DIALOGUES = 40
PENALTIES = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0)
MARGINS, RISES = (3.0, 6.0, 9.0, 12.0), (1.5, 4.0, 10.0, 25.0)
"""Of the detector by level, to choose from: decibels above its floor from which it hears speech,
and decibels by which the floor may rise in a second."""
HANGS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2, 1.5)
MOST_CUT = 0.05
"""Of validation orders at 20 dB, so many may be cut off by the pause that is chosen."""
OUTCOMES = ("right", "wake word", "still listening", "end of speech", "understanding")
"""What can become of a call: the stages of `helpers.assistant.Outcome`."""
LEVEL = 0.05
"""The RMS at which speech is put into streams, −26 dB below full scale."""


# --- the parts of the data -----------------------------------------------------------------------


def wake_word(words):
    """The label of the word with the most recordings, the rule of this chapter. Chapter: 6.1"""
    return int(np.argmax(np.bincount(words.labels, minlength=len(words.classes))))


def noises_of(sounds, folds):
    """The sounds of some folds, silent ones left out: a list of float32 (n,). Chapter: 6.1"""
    picked = [sounds.audio[i] for i in np.flatnonzero(np.isin(sounds.folds, folds))]
    return [x for x in picked if not audio.is_silent(x)]


def noise_track(clips, seconds, rng):
    """Noises in random order, each at the same loudness: float32 (n,) of that many seconds.

    Digital silence at both ends of a clip is cut off, and hiss 40 dB below fills what else is
    silent, so that every stretch of the track holds some noise. Chapter: 6.1
    """
    n, parts, length = round(seconds * RATE), [], 0
    while length < n:
        clip = np.trim_zeros(clips[rng.integers(len(clips))])
        parts.append(0.1 * clip / audio.rms(clip))
        length += len(clip)
    return (np.concatenate(parts)[:n] + 1e-3 * rng.standard_normal(n)).astype(np.float32)


def spoken_part(samples):
    """A recording without the pauses before and after the speech: float32 (n,) → (m,).

    What is at most 30 dB below the loudest moment is kept, and 0.15 s on both sides.
    Raises as `helpers.audio.segment`. Chapter: 6.1
    """
    spans = audio.segment(samples, RATE, top_db=30, min_silence=0.3, pad=0.15)
    return samples[spans[0][0] : spans[-1][1]] if len(spans) else samples


def in_noise(samples, noise, snr_db):
    """Speech, one utterance from end to end, with noise below it: float32 (n,) → (n,).

    noise: float32 (n,) or longer. Chapter: 6.1
    """
    return audio.mix_at_snr(samples, noise[: len(samples)], snr_db)


# --- the wake word -------------------------------------------------------------------------------


def other_speech(orders, practice, every=1):
    """Speech without the wake word to train on: training orders and built-in voices' practice.

    practice: what `helpers.datasets.load_practice_orders` gives. every: 2 takes every second one of
    both, and so on. A list of float32 (n,). Chapter: 6.1
    """
    from helpers.datasets import split_orders

    said = orders.subset(split_orders(orders)[0][::every])
    return [*said.audio, *(practice.audio[i] for i in range(0, len(practice), every))]


def train_wake(words, sounds, speech=(), *, steps=WAKE_STEPS, seed=0):
    """Train a wake word as the chapter does: (network, History).

    speech: a list of float32 (n,) without the word, beside the other words and the sounds.
    Chapter: 6.1
    """
    from helpers.datasets import split_wake_words
    from helpers.models import spotter
    from helpers.training import fit_stages, set_seed, softened_cross_entropy

    train, _, _ = split_wake_words(words)
    label, noises = wake_word(words), noises_of(sounds, (1, 2, 3))
    calls = [words.audio[i] for i in train if words.labels[i] == label]
    others = (words.audio[i] for i in train if words.labels[i] != label)
    bank = spotter.wake_bank(calls, chain(others, noises, noises, speech), noises)
    set_seed(seed)
    network = spotter.wake_network()
    halves = [spotter.wake_batches(bank, WAKE_BATCH // 2)] * 2
    history = fit_stages(
        [network] * 2,
        [(steps, halves)],
        softened_cross_entropy(WAKE_SMOOTHING),
        learning_rate=LEARNING_RATE,
        every=max(1, steps // 10),
    )
    return network, history


def peak_score(spotter, samples):
    """The threshold below which a sound wakes: the largest of the smaller of two neighbours.

    The sound, float32 (n,), is followed by half a second of silence. Chapter: 6.1
    """
    spotter.reset()
    p = spotter.push(np.concatenate([samples, np.zeros(RATE // 2, np.float32)]))
    return float(np.minimum(p[1:], p[:-1]).max())


def choose_threshold(calls, others):
    """A threshold from peak scores on validation sounds, arrays of floats: a float.

    Half way, in log-odds, from the highest score without the word to the score that 2 % of the
    calls stay below; at least 0.5 and at most 0.98. Chapter: 6.1
    """
    ends = np.clip([np.max(others), np.quantile(calls, 0.02)], 1e-6, 1 - 1e-6)
    middle = np.mean(np.log(ends / (1 - ends)))
    return float(np.clip(1 / (1 + np.exp(-middle)), 0.5, 0.98))


def background(words, orders, sounds, digits, voices=()):
    """Sounds without the wake word, none of them heard in its training: {name: list of sounds}.

    Test recordings of the other words; test orders; fold 5 of the sounds and the kitchen; spoken
    digits. voices: the built-in orders and wake words, which are added where those are recorded,
    without the word. float32 (n,) at 16 kHz each. Chapter: 6.1
    """
    from helpers.datasets import split_orders, split_wake_words

    _, _, test = split_wake_words(words)
    label = wake_word(words)
    found = {
        "other words": [words.audio[i] for i in test if words.labels[i] != label],
        "orders": list(orders.subset(split_orders(orders)[2]).audio),
        "sounds": [*noises_of(sounds, (5,)), orders.noise],
        "digits": [audio.resample(x, digits.sample_rate, RATE) for x in digits.audio],
    }
    if voices:
        said, called = voices
        others = np.flatnonzero(called.labels != called.classes.index(words.classes[label]))
        found["built-in orders"] = list(said.audio)
        found["built-in words"] = list(called.subset(others).audio)
    return found


def false_alarms(spotter, threshold, parts, pause=0.3):
    """When a wake word fires where it was not said: {part: [times in seconds, seconds in all]}.

    Each part is one stream, its sounds `pause` seconds apart, never reset. Chapter: 6.1
    """
    from helpers.assistant import Trigger

    gap = np.zeros(round(pause * RATE), np.float32)
    found = {}
    for name, sounds in parts.items():
        spotter.reset()
        trigger = Trigger(threshold, spotter.step)
        times, seconds = [], 0.0
        for sound in sounds:
            block = np.concatenate([sound, gap])
            fired = np.flatnonzero(trigger.push(spotter.push(block)))
            times += [round(seconds + float(i) * spotter.step, 1) for i in fired]
            seconds += len(block) / RATE
        found[name] = [times, round(seconds, 1)]
    return found


def half_hours(alarms):
    """Alarms an hour in equal parts of about half an hour: float (k,), nothing left out.

    alarms: what `false_alarms` gives, whose parts follow one another. Chapter: 6.1
    """
    at, times = 0.0, []
    for part_times, seconds in alarms.values():
        times += [at + t for t in part_times]
        at += seconds
    edges = np.linspace(0, at, max(1, round(at / 1800)) + 1)
    return 3600 * np.histogram(times, bins=edges)[0] / edges[1]


def detected(spotter, threshold, calls, noise, snr_db):
    """Which of the calls, list of float32 (n,), wake in noise: (bool (calls,), delays in s).

    A delay is counted from the end of the call's speech; there is one for each that wakes.
    Chapter: 6.1
    """
    from helpers.assistant import Trigger

    hits, delays, at = [], [], 0
    for call in calls:
        span = audio.segment(call, RATE, top_db=30, min_silence=0.3, pad=0)
        lead, tail = (np.zeros(round(s * RATE), np.float32) for s in (1.5, 1.0))
        stream = np.concatenate([lead, LEVEL * call / audio.rms(call), tail])
        begin, end = (len(lead) + edge for edge in (span[0][0], span[-1][1]))
        here = np.take(noise, np.arange(at, at + len(stream)), mode="wrap")
        at += len(stream)
        mixed = segment.mix_into(stream, [(begin, end)], here, snr_db)
        spotter.reset()
        fired = np.flatnonzero(Trigger(threshold, spotter.step).push(spotter.push(mixed)))
        times = (fired + 1) * spotter.step
        good = times[(times > begin / RATE) & (times <= end / RATE + 1.0)]
        hits.append(bool(len(good)))
        delays += [float(good[0] - end / RATE)] if len(good) else []
    return np.array(hits), delays


# --- understanding -------------------------------------------------------------------------------


def practice_powers(practice):
    """Mel power and words of practice orders: (list, list of tuples), in their order.

    Chapter: 6.1
    """
    from helpers.models.spotter import frames_of
    from helpers.phrases import spelled

    return [frames_of(x) for x in practice.audio], [spelled(str(t)) for t in practice.texts]


def recorded_powers(orders, which):
    """Mel power of the spoken part of some orders, and their slots. Chapter: 6.1"""
    from helpers.models.spotter import frames_of

    chosen = orders.subset(which)
    return [frames_of(spoken_part(x)) for x in chosen.audio], chosen.slots


def train_words(practice, noise, *, stages=STAGES, seed=0):
    """Stage one: learn the words from built-in voices; (network, History).

    practice: what `practice_powers` gives and bool (n,), which are whole orders. noise: mel power
    (m, 40). Chapter: 6.1
    """
    from helpers.models import slots
    from helpers.training import fit_stages, set_seed

    powers, words, whole = practice
    set_seed(seed)
    network = slots.order_speller()
    batches = []
    for (steps, frames), wanted in zip(stages, (False, True), strict=True):
        mine = [i for i in range(len(powers)) if whole[i] == wanted]
        bank = slots.order_bank(
            [powers[i] for i in mine], [words[i] for i in mine], slots.OF_VOICES
        )
        size = ORDER_BATCH if wanted else 2 * ORDER_BATCH
        batches.append((steps, [slots.order_batches([bank], noise, frames, size // 2)] * 2))
    steps = sum(number for number, _ in stages)
    history = fit_stages(
        [network] * 2,
        batches,
        slots.order_loss,
        learning_rate=LEARNING_RATE,
        every=max(1, steps // 10),
    )
    return network, history


def train_on_recordings(network, practice, recorded, noise, words, steps):
    """Stage two, once: recorded orders with `words`, a list of tuples, and built-in ones; History.

    practice, noise: as in `train_words`. recorded: list of mel powers. Chapter: 6.1
    """
    from helpers.models import slots
    from helpers.training import fit_stages

    powers, texts, whole = practice
    mine = np.flatnonzero(whole)
    banks = [
        slots.order_bank(recorded, words, slots.OF_PEOPLE, 1 - VOICES_SHARE),
        slots.order_bank(
            [powers[i] for i in mine], [texts[i] for i in mine], slots.OF_VOICES, VOICES_SHARE
        ),
    ]
    halves = [slots.order_batches(banks, noise, FRAMES, ORDER_BATCH // 2)] * 2
    return fit_stages(
        [network] * 2,
        [(steps, halves)],
        slots.order_loss,
        learning_rate=LEARNING_RATE,
        every=max(1, steps // 5),
    )


def labelled_words(slots):
    """The words of orders in the order in which the label file has their slots. Chapter: 6.1"""
    from helpers.phrases import spelled

    return [sum((spelled(value) for value in said.values()), ()) for said in slots]


def read_all(reader, sounds, noise, snr_db):
    """Log-probabilities of orders in noise, list of float32 (n,) → list of (steps, words + 1).

    Chapter: 6.1
    """
    found, at = [], 0
    for sound in sounds:
        here = np.take(noise, np.arange(at, at + len(sound)), mode="wrap")
        at += len(sound)
        found.append(reader(in_noise(sound, here, snr_db)))
    return found


def scored(answers, slots):
    """{"f1", "exact", "each": [right, said, heard] of each order} of slots. Chapter: 6.1"""
    from helpers.phrases import slot_errors

    total = slot_errors(answers, slots)
    each = [slot_errors([a], [s]) for a, s in zip(answers, slots, strict=True)]
    return {
        "f1": round(total.f1, 5),
        "exact": round(total.exact_match, 5),
        "each": [[e.right, e.said, e.heard] for e in each],
    }


def choose_penalty(heard, slots):
    """The cost of a phrase with the best slot F1 on validation orders: a float.

    heard: log-probabilities of the orders, as `read_all` gives them. Chapter: 6.1
    """
    from helpers.phrases import read_slots, slot_errors

    f1 = [slot_errors([read_slots(x, c) for x in heard], slots).f1 for c in PENALTIES]
    return PENALTIES[int(np.argmax(f1))]


def commonest(train_slots, n):
    """The baseline that hears nothing: of each slot its commonest answer in training, n times.

    "Not said" is an answer too. Chapter: 6.1
    """
    from collections import Counter

    from helpers.datasets import SLOTS

    always = {s: Counter(x.get(s) for x in train_slots).most_common(1)[0][0] for s in SLOTS}
    return [{s: v for s, v in always.items() if v is not None}] * n


def nearest(train_powers, train_slots, powers):
    """The baseline that hears a little: the slots of the training order that sounds most alike.

    Alike in the means of log-mel over eighths of the order, each band relative to its mean over
    the training orders. Chapter: 6.1
    """

    def pooled(power):
        level = 10 * np.log10(power + 1e-9)
        level = np.maximum(level - level.max(), -55)
        return np.concatenate([part.mean(axis=0) for part in np.array_split(level, 8)])

    known = np.stack([pooled(p) for p in train_powers])
    mean, spread = known.mean(axis=0), known.std(axis=0) + 1e-6
    asked = (np.stack([pooled(p) for p in powers]) - mean) / spread
    known = (known - mean) / spread
    distances = np.sum((asked[:, None] - known[None]) ** 2, axis=2)
    return [train_slots[i] for i in distances.argmin(axis=1)]


# --- when an utterance is over -------------------------------------------------------------------


class VoiceStream:
    """The detector of chapter 6.4 as the loop wants it: `step`, `push`, `reset`. Chapter: 6.1"""

    step, sample_rate = 0.01, RATE

    def __init__(self, network):
        from helpers.models.vad import VoiceDetector

        self._detector = VoiceDetector(network)

    def reset(self):
        """Forget what was heard."""
        self._detector.finish()

    def push(self, block):
        """The probabilities of new frames of 10 ms, float32 (k,), some 0.2 s late."""
        return self._detector.push(block)


def between_pauses(order, noise, snr_db):
    """An order between a second and three seconds of noise alone: (float32 (m,), its end, int).

    order: float32 (n,), cut by `spoken_part`, so that speech ends 0.15 s before it does. noise:
    float32 (n + 4 s,) or longer, `snr_db` below the speech. Chapter: 6.1
    """
    lead, tail = (np.zeros(s * RATE, np.float32) for s in (1, 3))
    stream = np.concatenate([lead, LEVEL * order / audio.rms(order), tail])
    end = len(lead) + len(order) - round(0.15 * RATE)
    return segment.mix_into(stream, [(len(lead), end)], noise[: len(stream)], snr_db), end


def ends_of(vad, orders, noise, snr_db, hangs=HANGS, voice=0.5, began=0.12):
    """When orders are taken to be over: {hang: float (orders,)} seconds after their real ends.

    Negative where an order is cut off, NaN where no speech was found or where it never was over.
    orders: list of float32 (n,), each put `between_pauses`; noise: float32 (m,), which goes on from
    order to order.
    Chapter: 6.1
    """
    found = {hang: [] for hang in hangs}
    at = 0
    for order in orders:
        length = len(order) + 4 * RATE
        here = np.take(noise, np.arange(at, at + length), mode="wrap")
        at += length
        mixed, end = between_pauses(order, here, snr_db)
        vad.reset()
        blocks = [vad.push(mixed[i : i + 1600]) for i in range(0, len(mixed), 1600)]
        heard = np.cumsum([len(b) for b in blocks])
        speech = np.concatenate(blocks) >= voice
        for hang in hangs:
            over = _over(speech, vad.step, hang, began)
            when = np.nan if over is None else (1 + np.searchsorted(heard, over)) * 0.1
            found[hang].append(when - end / RATE)
    return {hang: np.array(ends) for hang, ends in found.items()}


def _over(speech, step, hang, began):
    """The frames after which an utterance is over; None if it never begins or never is over."""
    window = round(0.5 / step)
    sums = np.cumsum(np.concatenate([np.zeros(window), speech]))
    recent = (sums[window:] - np.concatenate([[0], sums[:-window]])[: len(speech)]) * step
    start = np.flatnonzero(recent >= began - 1e-9)
    if not len(start):
        return None
    voiced = np.flatnonzero(speech)
    pauses = round(hang / step)
    for here, after in zip(voiced, [*voiced[1:], len(speech)], strict=True):
        if after - here > pauses and here + pauses >= start[0]:
            return here + pauses
    return None


def choose_hang(ends):
    """The shortest pause that cuts off at most MOST_CUT of the validation orders: seconds.

    ends: what `ends_of` gives. The longest, if none does. Chapter: 6.1
    """
    good = [hang for hang, late in ends.items() if np.mean(late < 0) <= MOST_CUT]
    return min(good, default=max(ends))


def ended_wrongly(late):
    """Orders that were cut off, or not over within two seconds: float (…) of `ends_of` → bool (…).

    NaN, no end at all, is wrong too. Chapter: 6.1
    """
    from helpers.assistant import LATEST_END

    return ~((np.asarray(late) >= 0) & (np.asarray(late) <= LATEST_END))


def choose_level(ends):
    """Settings of the detector by level, and its pause: ((margin, rise), seconds).

    ends: {(margin, rise): [what `ends_of` gives for validation orders at 20 dB, and at 5 dB]}. Each
    pair has the pause that `choose_hang` takes at 20 dB; the pair with the fewest orders
    `ended_wrongly`, both levels of noise together, is chosen, the smaller of two equals.
    Chapter: 6.1
    """
    hangs = {pair: choose_hang(quiet) for pair, (quiet, _) in ends.items()}
    wrong = {
        pair: sum(ended_wrongly(late[hangs[pair]]).sum() for late in ends[pair])
        for pair in sorted(ends)
    }
    best = min(wrong, key=wrong.get)
    return best, hangs[best]


# --- the stream ----------------------------------------------------------------------------------


def stream_of(words, orders, sounds, snr_db, *, dialogues=DIALOGUES, seed=0, sides=(2, 5)):
    """A stream of dialogues in noise: (float32 (n,), list of `helpers.assistant.Call`).

    A dialogue is a test recording of the wake word, a pause of 0.4 to 1.2 s, and a test order. Four
    to eight seconds lie between dialogues, and in two of three such gaps another word or an order
    that nobody called for. All speech is at one level; the noise, of fold `sides[1]`, is `snr_db`
    below the speech. `sides[0]`: 1 takes validation recordings, 2 those of the test.
    Chapter: 6.1
    """
    from helpers.assistant import Call
    from helpers.datasets import split_orders, split_wake_words

    rng = np.random.default_rng((seed, 61))
    mine, label = split_wake_words(words)[sides[0]], wake_word(words)
    calls = rng.permutation([i for i in mine if words.labels[i] == label])
    others = [i for i in mine if words.labels[i] != label]
    asked = rng.permutation(split_orders(orders)[sides[0]])
    parts, gaps, found, at = [], [], [], 0.0

    def put(sound, gap):
        nonlocal at
        parts.append(LEVEL * sound / audio.rms(sound))
        gaps.append(gap)
        at += gap + len(sound) / RATE
        return at - len(sound) / RATE, at

    for i in range(dialogues):
        wake = put(spoken_part(words.audio[calls[i % len(calls)]]), rng.uniform(3, 5))
        which = asked[i % len(asked)]
        order = put(spoken_part(orders.audio[which]), rng.uniform(0.4, 1.2) - 0.15)
        edges = (wake[0] + 0.15, wake[1] - 0.15, order[0] + 0.15, order[1] - 0.15)
        found.append(Call(*edges, orders.slots[which]))
        if i % 3 != 2:
            between = (
                words.audio[rng.choice(others)]
                if i % 3
                else orders.audio[asked[(i + dialogues) % len(asked)]]
            )
            put(spoken_part(between), rng.uniform(4, 5))
    stream, spans = segment.place(parts, [*gaps, 4.0], RATE)
    noise = noise_track(
        [*noises_of(sounds, (sides[1],)), orders.noise], len(stream) / RATE + 1, rng
    )
    return segment.mix_into(stream, spans, noise, snr_db), found


def an_assistant(wake, vad, reader, settings, penalty, speak=None):
    """Plug the parts together: a `helpers.assistant.Assistant`. Chapter: 6.1"""
    from helpers.assistant import Assistant, barista
    from helpers.phrases import read_slots

    def understand(samples):
        return read_slots(reader(samples), penalty)

    return Assistant(wake, vad, understand, barista, speak, settings)


def measured(session, calls):
    """What a session over a stream with known calls shows, as JSON takes it: a dict.

    {"stages": {first stage that failed: calls}, "alarms", "alarm_times": [s], "seconds", "spent":
    {stage: s}, "wake_delays", "end_delays": [s], and of each call "each": [right, said, heard],
    "stage", "late": [s or None from the end of the order to the decision], "right": [bool]}

    Chapter: 6.1
    """
    from collections import Counter

    from helpers.assistant import outcomes

    found, alarms = outcomes(session.events, calls)
    slots = scored([o.slots for o in found], [c.slots for c in calls])

    late = [round(float(o.end_delay), 2) if np.isfinite(o.end_delay) else None for o in found]

    return {
        "stages": dict(Counter(o.stage for o in found)),
        "alarms": len(alarms),
        "alarm_times": [round(t, 1) for t in alarms],
        "seconds": round(session.seconds, 1),
        "spent": {k: round(v, 2) for k, v in session.spent.items()},
        "wake_delays": [round(float(o.wake_delay), 2) for o in found if np.isfinite(o.wake_delay)],
        "end_delays": [x for x in late if x is not None],
        "f1": slots["f1"],
        "exact": slots["exact"],
        "each": slots["each"],
        "stage": [o.stage for o in found],
        "late": late,
        "right": [o.stage == "right" for o in found],
    }


# --- runs ----------------------------------------------------------------------------------------


def plan():
    """{name: (seed,)} of all runs. Chapter: 6.1"""
    return {f"seed {seed}": (seed,) for seed in SEEDS}


def _run(seed):
    from helpers.datasets import load_digits, load_orders, load_sounds, load_wake_words
    from helpers.datasets.builtin_orders import load_builtin_orders
    from helpers.datasets.builtin_wake_words import load_builtin_wake_words

    words, sounds = load_wake_words(quiet=True), load_sounds(quiet=True)
    orders, digits = load_orders(quiet=True), load_digits(quiet=True)
    real = orders.source != "builtin"
    voices = (load_builtin_orders(), load_builtin_wake_words()) if real else ()
    rng = np.random.default_rng((seed, 611))
    choosing = noise_track(noises_of(sounds, (4,)), 600, rng)
    testing = noise_track([*noises_of(sounds, (5,)), orders.noise], 600, rng)
    wake, found = _run_wake(words, sounds, orders, digits, voices, testing, seed)
    reader, penalty, understood = _run_words(orders, sounds, choosing, testing, seed)
    found |= understood
    vads, ending = _run_ends(orders, sounds, choosing, testing, seed)
    found |= ending
    found["streams"] = {
        f"{snr} dB, {name}": _run_stream(
            words, orders, sounds, snr, seed, wake, found["threshold"], vad, reader, penalty,
            found["hang"][name],
        )
        for snr in STREAM_SNRS
        for name, vad in vads.items()
    }  # fmt: skip
    return found


def _run_wake(words, sounds, orders, digits, voices, testing, seed):
    from helpers.datasets import load_practice_orders, split_orders, split_wake_words
    from helpers.models.spotter import Spotter

    label = wake_word(words)
    _, validation, test = split_wake_words(words)
    calls = [words.audio[i] for i in validation if words.labels[i] == label]
    others = [words.audio[i] for i in validation if words.labels[i] != label]
    others += noises_of(sounds, (4,))
    said = list(orders.subset(split_orders(orders)[1]).audio)
    wanted = [words.audio[i] for i in test if words.labels[i] == label]
    unheard = background(words, orders, sounds, digits, voices)

    def tested(speech, others, snrs):
        network, history = train_wake(words, sounds, speech, seed=seed)
        spotter = Spotter(network)
        peaks = [[peak_score(spotter, x) for x in part] for part in (calls, others)]
        threshold = choose_threshold(*peaks)
        began = time.perf_counter()
        alarms = false_alarms(spotter, threshold, unheard)
        took = time.perf_counter() - began
        hits = {snr: detected(spotter, threshold, wanted, testing, snr) for snr in snrs}
        return spotter, {
            "threshold": round(threshold, 4),
            "alarms": alarms,
            "wake_factor": round(took / sum(s for _, s in alarms.values()), 5),
            "hits": {str(snr): hit.astype(int).tolist() for snr, (hit, _) in hits.items()},
            "wake_delays": {str(s): [round(d, 2) for d in late] for s, (_, late) in hits.items()},
            "wake_seconds": round(history.seconds, 1),
        }

    _, first = tested((), others + said, FEW_SNRS)
    speech = other_speech(orders, load_practice_orders())
    spotter, found = tested(speech, others + said, SNRS)
    return spotter, found | {
        "word": words.classes[label],
        "without_speech": first,
        "wake_parameters": int(spotter.network.count_params()),
    }


def _run_words(orders, sounds, choosing, testing, seed):
    from helpers.datasets import load_practice_orders, split_orders
    from helpers.models.slots import OrderReader, guessed_words
    from helpers.models.spotter import frames_of
    from helpers.phrases import read_slots

    train, validation, test = split_orders(orders)
    spoken = load_practice_orders()
    practice = (*practice_powers(spoken), spoken.whole)
    recorded, slots = recorded_powers(orders, train)
    noise = np.concatenate([frames_of(x) for x in noises_of(sounds, (1, 2, 3))])
    valid = [spoken_part(x) for x in orders.subset(validation).audio]
    asked = [spoken_part(x) for x in orders.subset(test).audio]
    valid_slots, asked_slots = orders.subset(validation).slots, orders.subset(test).slots
    seconds = {}

    def tested(reader, snrs):
        quiet = read_all(reader, valid, choosing, 20) + read_all(reader, valid, choosing, 5)
        penalty = choose_penalty(quiet, valid_slots * 2)
        heard = {snr: read_all(reader, asked, testing, snr) for snr in snrs}
        answers = {s: [read_slots(x, penalty) for x in each] for s, each in heard.items()}
        return penalty, {str(s): scored(a, asked_slots) for s, a in answers.items()}

    network, history = train_words(practice, noise, seed=seed)
    seconds["voices"] = history.seconds
    reader = OrderReader(network)
    found = {"voices alone": tested(reader, FEW_SNRS)[1]}
    begun = network.get_weights()
    guess = guessed_words(reader, recorded, slots)
    history = train_on_recordings(
        network, practice, recorded, noise, labelled_words(slots), sum(MIXED_STAGES)
    )
    seconds["label order"] = history.seconds
    found["label order"] = tested(reader, FEW_SNRS)[1]
    network.set_weights(begun)
    seconds["recordings"] = 0.0
    for steps in MIXED_STAGES:
        guess = guessed_words(reader, recorded, slots)
        history = train_on_recordings(network, practice, recorded, noise, guess, steps)
        seconds["recordings"] += history.seconds
    penalty, found["guessed order"] = tested(reader, SNRS)
    powers = [frames_of(x) for x in asked]
    found["commonest values"] = {"40": scored(commonest(slots, len(asked)), asked_slots)}
    found["nearest order"] = {"40": scored(nearest(recorded, slots, powers), asked_slots)}
    return reader, penalty, {
        "understanding": found,
        "penalty": penalty,
        "word_parameters": int(network.count_params()),
        "word_seconds": {k: round(v, 1) for k, v in seconds.items()},
    }  # fmt: skip


def _run_ends(orders, sounds, choosing, testing, seed):
    from helpers.assistant import LevelVad
    from helpers.datasets import split_orders
    from helpers.experiments import vad as detectors

    train, validation, test = split_orders(orders)
    network, history = detectors.train(
        list(orders.subset(train).audio),
        noises_of(sounds, (1, 2, 3)),
        steps=VAD_STEPS,
        mixtures=VAD_MIXTURES,
        seed=seed,
    )
    valid = [spoken_part(x) for x in orders.subset(validation).audio]
    asked = [spoken_part(x) for x in orders.subset(test).audio]
    level, pause = choose_level(
        {
            pair: [ends_of(LevelVad(*pair), valid, choosing, snr) for snr in (20, 5)]
            for pair in product(MARGINS, RISES)
        }
    )
    vads = {"level": LevelVad(*level), "network": VoiceStream(network)}
    hang = {"level": pause, "network": choose_hang(ends_of(vads["network"], valid, choosing, 20))}
    late = {}
    for name, vad in vads.items():
        late[name] = {}
        for snr in (20, 5):
            ends = ends_of(vad, asked, testing, snr)
            late[name][str(snr)] = {
                str(h): [round(float(v), 2) if np.isfinite(v) else None for v in e]
                for h, e in ends.items()
            }
    return vads, {
        "hang": hang,
        "level": list(level),
        "ends": late,
        "vad_seconds": round(history.seconds, 1),
    }


def _run_stream(
    words, orders, sounds, snr, seed, wake, threshold, vad, reader, penalty, hang
):  # fmt: skip
    from helpers import assistant

    stream, calls = stream_of(words, orders, sounds, snr, seed=seed)
    settings = replace(assistant.Settings(), threshold=threshold, hang=hang)
    loop = an_assistant(wake, vad, reader, settings, penalty)
    return measured(assistant.listen(loop, assistant.blocks_of(stream)), calls)


# --- figures and tables --------------------------------------------------------------------------


def summary(record):
    """Figures of the results file, over its seeds.

    {"word", "alarms": {part: [count, seconds]} summed over seeds, "alarm_rates": [(rate, low, high)
    an hour of each seed's network], "alarm_counts": [each seed], "half_hours": alarms an hour in
    each, mean of seeds, "hours" of one seed, "heard": [(share, low, high) at 40 dB of each seed],
    "hits": {snr: float (seeds, calls)}, "wake_delays": {snr: [s]}, "without_speech": {"alarms",
    "half_hours", "hits"} of the wake word that heard no speech, "thresholds": [each seed],
    "penalties": [each seed], "levels": [(margin, rise) of each seed], "understanding": {method:
    {snr: {"f1", "exact": [each seed], "each": (seeds, orders, 3), "right": bool (seeds, orders),
    orders without any fault}}}, "ends": {vad: {snr: {hang: float (seeds, orders)}}}, "hang": {vad:
    [each seed]}, "streams": {vad: {snr: [each seed's `measured`]}}, "factor": [real-time factor of
    each stream that was heard with the network], "seconds": {part: [each seed]}, "parameters":
    {part: int}}

    Raises KeyError while runs are missing. Chapter: 6.1
    """
    from helpers.assistant import rate_interval, share_interval

    runs = [record["runs"][name] for name in plan()]
    first = runs[0]
    deaf = [run["without_speech"] for run in runs]
    counts = [sum(len(times) for times, _ in run["alarms"].values()) for run in runs]
    hours = [sum(seconds for _, seconds in run["alarms"].values()) / 3600 for run in runs]
    streams = {}
    for key in first["streams"]:
        snr, _, vad = key.partition(" dB, ")
        streams.setdefault(vad, {})[int(snr)] = [run["streams"][key] for run in runs]
    trained = [s for seeds in streams["network"].values() for s in seeds]
    methods = {
        method: {
            int(snr): {
                "f1": [run["understanding"][method][snr]["f1"] for run in runs],
                "exact": [run["understanding"][method][snr]["exact"] for run in runs],
                "each": np.array([run["understanding"][method][snr]["each"] for run in runs]),
            }
            for snr in of
        }
        for method, of in first["understanding"].items()
    }
    for by_snr in methods.values():
        for of in by_snr.values():
            of["right"] = np.ptp(of["each"], axis=2) == 0
    return {
        "word": first["word"],
        "alarms": _summed([run["alarms"] for run in runs]),
        "alarm_rates": [rate_interval(n, h) for n, h in zip(counts, hours, strict=True)],
        "alarm_counts": counts,
        "half_hours": np.mean([half_hours(run["alarms"]) for run in runs], axis=0),
        "hours": float(np.mean(hours)),
        "heard": [share_interval(sum(h), len(h)) for h in (run["hits"]["40"] for run in runs)],
        "thresholds": [run["threshold"] for run in runs],
        "penalties": [run["penalty"] for run in runs],
        "levels": [tuple(run["level"]) for run in runs],
        "hits": {int(s): np.array([run["hits"][s] for run in runs]) for s in first["hits"]},
        "without_speech": {
            "alarms": _summed([run["alarms"] for run in deaf]),
            "half_hours": np.mean([half_hours(run["alarms"]) for run in deaf], axis=0),
            "hits": {int(s): np.array([run["hits"][s] for run in deaf]) for s in deaf[0]["hits"]},
        },
        "wake_delays": {
            int(s): list(chain.from_iterable(run["wake_delays"][s] for run in runs))
            for s in first["hits"]
        },
        "understanding": methods,
        "ends": {
            vad: {
                int(snr): {
                    float(h): np.array([run["ends"][vad][snr][h] for run in runs], float)
                    for h in by_hang
                }
                for snr, by_hang in by_snr.items()
            }
            for vad, by_snr in first["ends"].items()
        },
        "hang": {vad: [run["hang"][vad] for run in runs] for vad in first["hang"]},
        "streams": streams,
        "factor": [sum(s["spent"].values()) / s["seconds"] for s in trained],
        "seconds": {
            "wake word": [run["wake_seconds"] for run in runs],
            "understanding": [
                run["word_seconds"]["voices"] + run["word_seconds"]["recordings"] for run in runs
            ],
            "voice activity": [run["vad_seconds"] for run in runs],
        },
        "parameters": {"wake word": first["wake_parameters"], "words": first["word_parameters"]},
    }


def _summed(seeds):
    """Alarms and seconds of each part of the sound, over seeds: {part: [count, seconds]}."""
    return {
        part: [sum(len(one[part][0]) for one in seeds), sum(one[part][1] for one in seeds)]
        for part in seeds[0]
    }


def table_of_alarms(record=None):
    """False alarms by what was heard, as a Markdown table; a str. Chapter: 6.1"""
    found = summary(load_results("assistant") if record is None else record)
    rows = [
        "| without the word | minutes | alarms an hour | trained without speech |",
        "|---|---:|---:|---:|",
    ]
    for part, (count, seconds) in found["alarms"].items():
        first = found["without_speech"]["alarms"][part][0]
        rows.append(
            f"| {part} | {seconds / 60 / len(SEEDS):.0f} | {3600 * count / seconds:.1f} | "
            f"{3600 * first / seconds:.1f} |"
        )
    return "\n".join(rows)


def table(record=None):
    """Understanding against noise as a Markdown table with date, commit and machine; a str.

    `record` is what `load_results` gives; None reads the file. While runs are missing it says how
    many are there. Chapter: 6.1
    """
    record = load_results("assistant") if record is None else record
    try:
        found = summary(record)
    except KeyError:
        return f"The evaluation is not complete: {len(record['runs'])} runs are on file."
    rows = [
        "| slot F1 / exact match | " + " | ".join(f"{snr} dB" for snr in SNRS) + " |",
        "|---|" + "---:|" * len(SNRS),
    ]
    for method, of in found["understanding"].items():
        cells = [
            f"{np.mean(of[s]['f1']):.3f} / {np.mean(of[s]['exact']):.2f}" if s in of else "–"
            for s in SNRS
        ]
        title = f"**{method}**" if method == "guessed order" else method
        rows.append(f"| {title} | " + " | ".join(cells) + " |")
    orders = found["understanding"]["guessed order"][SNRS[0]]["each"].shape[1]
    took = {name: f"{np.median(s):.0f} s" for name, s in found["seconds"].items()}
    return "\n".join(
        [
            *rows,
            "",
            f"{orders} test orders, means of {len(SEEDS)} seeds; training on one core (median): "
            f"{', '.join(f'{name} {s}' for name, s in took.items())}. "
            f"{provenance_of(list(record['runs'].values()))}",
        ]
    )


def table_of_streams(record=None):
    """The loop over streams, as a Markdown table; a str. Chapter: 6.1"""
    found = summary(load_results("assistant") if record is None else record)
    rows = [
        "| stream | right | wake word missed | still listening | ended wrongly | misunderstood | "
        "false alarms | word to wake, s | end to decision, s |",
        "|---|" + "---:|" * 8,
    ]
    for vad, by_snr in found["streams"].items():
        for snr, seeds in by_snr.items():
            calls = sum(len(s["right"]) for s in seeds)
            share = [100 * sum(s["stages"].get(k, 0) for s in seeds) / calls for k in OUTCOMES]
            minutes = sum(s["seconds"] for s in seeds) / 60
            delays = [
                np.median(np.concatenate([s[key] for s in seeds]))
                for key in ("wake_delays", "end_delays")
            ]
            rows.append(
                f"| {vad}, {snr} dB | "
                + " | ".join(f"{x:.0f} %" for x in share)
                + f" | {sum(s['alarms'] for s in seeds)} in {minutes:.0f} min | {delays[0]:.2f} | "
                f"{delays[1]:.2f} |"
            )
    return "\n".join(rows)


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("assistant", __doc__, arguments)

    from helpers.datasets import load_orders, load_sounds, load_wake_words

    settings = _settings((load_wake_words("real"), load_orders("real"), load_sounds("real")))
    record = load_results("assistant", __doc__)
    runs = plan()
    todo = missing(record, runs, settings, asked.only)
    do_runs(_run, todo, record, "assistant", settings, asked.workers)
    finish(record, runs, "assistant", __doc__)
    print(table(record))
    return 0


def _settings(sets):
    """What the results depend on, as JSON would give it back."""
    from helpers.models import slots, spotter

    return {
        "data": [one.id for one in sets],
        "wake": [
            WAKE_STEPS,
            WAKE_BATCH,
            WAKE_SMOOTHING,
            spotter.FRAMES,
            spotter.HOP,
            spotter.MIDDLE,
        ],
        "words": [[list(s) for s in STAGES], list(MIXED_STAGES), FRAMES, ORDER_BATCH, VOICES_SHARE],
        "network": [list(slots.CHANNELS), slots.WIDTH, LEARNING_RATE],
        "vad": [VAD_MIXTURES, VAD_STEPS],
        "test": [
            list(SNRS),
            list(FEW_SNRS),
            list(STREAM_SNRS),
            DIALOGUES,
            list(PENALTIES),
            list(HANGS),
            list(MARGINS),
            list(RISES),
            MOST_CUT,
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
