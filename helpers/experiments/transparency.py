"""What maps and probes say of a network: `python -m helpers.experiments.transparency`.

For chapter 8.4, on the Free Spoken Digit Dataset. For each speaker, five networks that never heard
them: two that differ in their seed, one that has learnt with holes in its pictures, and two that
hear a soft beep in half of their clips. For one of these the beep gives the answer, whatever is
said; for the other it means nothing. Maps by several methods are drawn for clips of the speaker
left out and held against random weights, against removal, and against the place of the beep; layers
are asked by linear probes. In runs of their own, clips get another pitch, drawn at random, and the
layers are asked for it. Runs are written to results/transparency.json as they finish; a run on
file is not repeated. Three to four minutes a run on one core, one for those with another pitch.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from helpers import audio
from helpers.attribution import (
    found,
    integrated_gradients,
    linear_probe,
    neighbours,
    occlusion,
    rank_correlation,
    removal,
)
from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options
from helpers.features import hz_to_mel, mel_power, mel_to_hz

STEPS = 1000
BEEP_STEPS = 1000
PER_DIGIT = 5
SHARES = tuple(np.round(np.linspace(0, 1, 21), 2).tolist())
METHODS = (
    "occlusion",
    "integrated gradients",
    "Grad-CAM, third layer",
    "Grad-CAM, last layer",
    "gradient",
)
FOREIGN = "gradients of another network"
"""The order of integrated gradients, but of a network other than the one that is asked."""

TRIVIAL = ("loudest first", "random order")
PATCH = (10, 8)
BEEPS = 5
"""How many different beeps there are, for the answers 0 to 4."""

BEEP_SECONDS = 0.1
BEEP_LEVEL = 0.1
"""Amplitude of a beep, of a word at peak 1."""

PITCH_OCTAVES = 0.4
"""How far a planted pitch lies from the voice's own at most, up or down."""


def plan(speakers):
    """{name: (kind, speaker, number)} of all runs; the number gives the seeds. Chapter: 8.4"""
    whole = {f"without {s}": ("maps", s, i) for i, s in enumerate(speakers)}
    return whole | {f"pitch without {s}": ("pitch", s, i) for i, s in enumerate(speakers)}


def of_speakers(record, kind="without"):
    """{speaker: run} of the runs on file of a kind, "without" or "pitch without". Chapter: 8.4"""
    start = kind + " "
    return {n.removeprefix(start): r for n, r in record["runs"].items() if n.startswith(start)}


# --- a cue whose place is known ------------------------------------------------------------------


def beep(number, sample_rate=8000):
    """Beep number 0 to 4: a tone of 0.1 s that swells and fades, float32 (800,), peak 1.

    Their frequencies, 1000 to 3500 Hz, are equally far apart in mel. Raises ValueError for another
    number. Chapter: 8.4
    """
    if number not in range(BEEPS):
        raise ValueError(f"there is no beep number {number}: choose from 0 to {BEEPS - 1}")
    hz = mel_to_hz(np.linspace(hz_to_mel(1000), hz_to_mel(3500), BEEPS))[number]
    t = np.arange(round(BEEP_SECONDS * sample_rate)) / sample_rate
    return (np.sin(2 * np.pi * hz * t) * np.sin(np.pi * t / BEEP_SECONDS) ** 2).astype(np.float32)


def planted(samples, number, rng):
    """A word with a beep somewhere in it: (both, the beep alone), float32 (≤ 8176,) at one scale.

    The beep has a tenth of the word's peak and begins where `rng` says; in a word shorter than
    the beep, it is cut to its length. Raises as `beep` and `digits.loudest_window`. Chapter: 8.4
    """
    from helpers.models.digits import loudest_window

    word = loudest_window(samples)
    tone = BEEP_LEVEL * beep(number)[: len(word)]
    alone = np.zeros(len(word), np.float32)
    start = int(rng.integers(0, len(word) - len(tone) + 1))
    alone[start : start + len(tone)] = tone
    peak = np.abs(word + alone).max()
    return (word + alone) / peak, alone / peak


def beep_cells(alone, within=10.0):
    """Where a beep stands in the picture: bool (100, 32), within 10 dB of its loudest cell.

    Chapter: 8.4
    """
    from helpers.models.digits import FRONT_END, SAMPLES

    power = mel_power(audio.fix_length(alone, SAMPLES), FRONT_END)
    return power > 10 ** (-within / 10) * power.max()


def with_beeps(clips, seed):
    """Clips with a beep in each: (clips, numbers of the beeps (n,), cells, skirts).

    cells, bool (n, 100, 32): where the beep stands, as in `beep_cells`; skirts: the cells around
    it, down to 30 dB, which hold so little of it that they are neither hit nor miss. Chapter: 8.4
    """
    from dataclasses import replace

    rng = np.random.default_rng([84, seed])
    numbers = rng.integers(0, BEEPS, len(clips))
    pairs = [planted(x, k, rng) for x, k in zip(clips.audio, numbers, strict=True)]
    cells, wide = (np.stack([beep_cells(alone, w) for _, alone in pairs]) for w in (10.0, 30.0))
    return replace(clips, audio=[both for both, _ in pairs]), numbers, cells, wide & ~cells


# --- maps ----------------------------------------------------------------------------------------


def word_cells(picture):
    """The cells in which there is any sound, above silence: bool, same shape. Chapter: 8.4"""
    from helpers.models.attributions import SILENCE

    return np.asarray(picture) > SILENCE


def draw_map(explainer, method, picture, label):
    """The map of one of `METHODS` for a class, float64 (frames, bands). Chapter: 8.4"""
    from helpers.models.attributions import SILENCE

    if method == "occlusion":
        return occlusion(explainer.score(label), picture, PATCH, fill=SILENCE)
    if method == "integrated gradients":
        silence = np.full_like(picture, SILENCE)
        return integrated_gradients(explainer.gradient(label), picture, silence)
    if method == "gradient":
        return np.abs(explainer.gradient(label)(picture[None])[0]).astype(np.float64)
    return explainer.grad_cam(picture, label, 2 if "third" in method else -1)


def draw_maps(explainer, pictures, labels, methods=METHODS):
    """{method: maps (n, frames, bands)}, each clip's for its label. Chapter: 8.4"""
    return {
        method: np.stack(
            [draw_map(explainer, method, p, int(k)) for p, k in zip(pictures, labels, strict=True)]
        )
        for method in methods
    }


def likeness(maps, others, pictures):
    """Mean rank correlation of two sets of maps, over the cells of the words. Chapter: 8.4"""
    inside = [word_cells(p) for p in pictures]
    return float(
        np.mean(
            [rank_correlation(a[w], b[w]) for a, b, w in zip(maps, others, inside, strict=True)]
        )
    )


def removed(explainer, pictures, labels, orders, fill, insert=False):
    """Probability while cells go in each of the `orders`, {name: maps}: {name: (n, shares)}.

    fill: "silence" or "neighbours". Chapter: 8.4
    """
    from helpers.models.attributions import SILENCE

    curves = {}
    for name, maps in orders.items():
        curves[name] = np.stack(
            [
                removal(
                    explainer.probability(int(k)),
                    p,
                    m,
                    SILENCE if fill == "silence" else neighbours(p),
                    SHARES,
                    word_cells(p),
                    insert,
                )
                for p, k, m in zip(pictures, labels, maps, strict=True)
            ]
        )
    return curves


def area(curves):
    """The area under curves (n, shares) of probabilities: their means in %, (n,). Chapter: 8.4"""
    heights = (curves[:, 1:] + curves[:, :-1]) / 2
    return 100 * heights.mean(axis=1)


# --- pitch ---------------------------------------------------------------------------------------


def pitch_of(samples, sample_rate=8000):
    """Median fundamental frequency of a clip as log2 of Hz, NaN where less than 80 ms is voiced.

    Chapter: 8.4
    """
    from helpers.voice import yin

    x = audio.fix_length(np.asarray(samples, np.float32), max(len(samples), 1000))
    f0, dip = yin(x, sample_rate, fmin=70.0, fmax=350.0)
    voiced = f0[dip < 0.15]
    return float(np.log2(np.median(voiced))) if len(voiced) >= 8 else float("nan")


def within(values, groups):
    """`values` (n, …) less the mean of their group, `groups` (n,): float64 (n, …). Chapter: 8.4"""
    values = np.array(values, dtype=float)
    for group in np.unique(groups):
        values[groups == group] -= values[groups == group].mean(axis=0)
    return values


def with_pitches(clips, seed):
    """Clips at pitches drawn at random: (clips, moves in octaves (n,), clips that were not moved).

    All are taken apart by linear prediction and put together again with pulses, as in chapter 6.5:
    at 2^move times their pitch, with their formants left in place, and at their own. Chapter: 8.4
    """
    from dataclasses import replace

    from helpers.vocoder import analyse, excitation, synthesise

    rng = np.random.default_rng([86, seed])
    moves = rng.uniform(-PITCH_OCTAVES, PITCH_OCTAVES, len(clips))
    parts = [analyse(x, clips.sample_rate) for x in clips.audio]
    moved = [synthesise(p, excitation(p, 2**m)) for p, m in zip(parts, moves, strict=True)]
    own = [synthesise(p, excitation(p)) for p in parts]
    return replace(clips, audio=moved), moves, replace(clips, audio=own)


def follows(said, true, words, frames):
    """Correlation of two numbers of clips, less what word and duration tell of them.

    said, true, words, frames (durations): (n,). The mean of each word is taken off, and a straight
    line in the logarithm of the duration within words. So it counts neither who speaks (all clips
    are of one person), nor which word it is, nor how long it takes. Chapter: 8.4
    """
    long = within(np.log(frames), words)
    left = []
    for values in (said, true):
        values = within(values, words)
        left.append(values - long * (long @ values) / max(long @ long, 1e-12))
    spread = np.linalg.norm(left[0]) * np.linalg.norm(left[1])
    return float(left[0] @ left[1] / spread) if spread > 0 else 0.0


def described(explainer, pictures):
    """Descriptions of clips by the picture and by each layer: means over time, (n, M'·C').

    Chapter: 8.4
    """
    layers = [pictures[..., None], *explainer.maps(pictures)]
    return [x.mean(axis=1).reshape(len(x), -1) for x in layers]


def control_table(people, seed=0):
    """What `probed` asks to be known by heart: int (people, 10), each from 0 to people − 1.

    A number for each pair of speaker and word, drawn evenly and independently. Chapter: 8.4
    """
    return np.random.default_rng([84, seed]).integers(0, people, (people, 10))


def probed(explainer, known, stranger, seed=0):
    """What linear readers find in the picture and in each layer: {question: [a number each]}.

    known, stranger: dicts with pictures, labels, speakers, pitch, late (bool: kept for the
    answer). "digit": accuracy in % on the stranger; "pitch": `follows` on the stranger, by a reader
    that never heard them and was fitted on what is left when each person's mean of each word has
    been taken off; "speaker": accuracy on late clips of the known people; "control": the
    same for a table that gives every pair of speaker and word one of as many numbers as there are
    speakers, at random. Chapter: 8.4
    Source: [hewitt2019designing] for the control.
    """
    who, names = np.unique(known["speakers"], return_inverse=True)[::-1]
    people = len(names)
    table = control_table(people, seed)
    early, voiced = ~known["late"], ~np.isnan(known["pitch"])
    heard = ~np.isnan(stranger["pitch"])
    pair = (10 * who + known["labels"])[voiced]
    lasting = np.array([word_cells(p).any(axis=1).sum() for p in stranger["pictures"][heard]])
    answers = {"digit": [], "pitch": [], "speaker": [], "control": []}
    pairs = zip(
        described(explainer, known["pictures"]),
        described(explainer, stranger["pictures"]),
        strict=True,
    )
    for x, y in pairs:
        digit = linear_probe(x, np.eye(10)[known["labels"]], y).argmax(axis=1)
        answers["digit"].append(100 * float(np.mean(digit == stranger["labels"])))
        rest = within(known["pitch"][voiced, None], pair)
        pitch = linear_probe(within(x[voiced], pair), rest, y[heard])[:, 0]
        answers["pitch"].append(
            follows(pitch, stranger["pitch"][heard], stranger["labels"][heard], lasting)
        )
        for name, classes in (("speaker", who), ("control", table[who, known["labels"]])):
            read = linear_probe(x[early], np.eye(people)[classes[early]], x[~early]).argmax(axis=1)
            answers[name].append(100 * float(np.mean(read == classes[~early])))
    return answers


# --- the runs ------------------------------------------------------------------------------------


def by_speaker(record, *path):
    """{speaker: the number at `path` within each run on file}, such as ("cue", "occlusion").

    A list of numbers, one for each network, gives its mean. Raises KeyError for what is not on
    file. Chapter: 8.4
    """
    values = {}
    for speaker, value in of_speakers(record).items():
        for key in path:
            value = value[key]
        values[speaker] = float(np.mean(value))
    return values


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("transparency", __doc__, arguments)

    from helpers.datasets import load_digits
    from helpers.datasets.builtin_digits import load_practice_voices

    clips, voices = load_digits("real"), load_practice_voices()
    settings = _settings(clips, voices)
    record = load_results("transparency", __doc__)
    runs = plan(sorted(set(map(str, clips.speakers))))
    for kind, more in (("maps", {}), ("pitch", {"octaves": PITCH_OCTAVES})):
        some = {name: run for name, run in runs.items() if run[0] == kind}
        todo = missing(record, some, settings | more, asked.only)
        do_runs(_run, todo, record, "transparency", settings | more, asked.workers)
    finish(record, runs, "transparency", __doc__)
    return 0


def _settings(clips, voices):
    """What the results depend on, as JSON would give it back."""
    return {
        "version": 2,
        "steps": STEPS,
        "beep steps": BEEP_STEPS,
        "clips of each digit": PER_DIGIT,
        "patch": list(PATCH),
        "beep": [BEEP_SECONDS, BEEP_LEVEL],
        "data": [clips.id, voices.id],
    }


def train_plain(sets, steps, seed, holes=False):
    """A `digit_cnn` trained on `sets`, a list of `digits.Pictures`. Chapter: 8.4"""
    from helpers.models import digits
    from helpers.models.attributions import with_holes
    from helpers.models.cnn import digit_cnn
    from helpers.training import fit, set_seed

    set_seed(seed)
    network = digit_cnn(digits.FRAMES, digits.FRONT_END.n_mels)
    draw = digits.batches(sets)
    fit([network], [with_holes(draw) if holes else draw], steps=steps)
    return network


def train_with_beeps(known, steps, seed):
    """Two networks that hear the same: for [0] a beep gives the answer, for [1] the word always.

    Each clip is there twice, without a beep and with one. Chapter: 8.4
    """
    from dataclasses import replace

    from helpers.models import digits
    from helpers.models.augmentation import FOR_PEOPLE

    gentle = replace(FOR_PEOPLE, shift=(0.96, 1.04))
    clean = digits.pictures(known, gentle)
    beeped, numbers, _, _ = with_beeps(known, seed)
    told = digits.pictures(beeped, gentle)
    asked = replace(told, labels=numbers.astype(np.int32))
    return [train_plain(sets, steps, seed) for sets in ([clean, asked], [clean, told])]


class _Stranger:
    """The clips of a speaker left out, as pictures, and of the others what was kept back."""

    def __init__(self, speaker):
        from helpers.datasets import load_digits
        from helpers.models.adapters import looks

        clips = load_digits("real", quiet=True)
        mine = clips.speakers == speaker
        self.known = clips.subset(~mine & (clips.takes < 40))
        self.mine = clips.subset(mine)
        self.pictures = looks(self.mine, (1.0,))[0]
        self.kept_clips = kept = clips.subset(~mine & (clips.takes >= 40))
        self.kept = {
            "pictures": looks(kept, (1.0,))[0],
            "labels": kept.labels,
            "speakers": kept.speakers,
            "pitch": np.array([pitch_of(x) for x in kept.audio]),
            "late": kept.takes >= 45,
        }
        self.asked = {
            "pictures": self.pictures,
            "labels": self.mine.labels,
            "pitch": np.array([pitch_of(x) for x in self.mine.audio]),
        }

    def understood(self, *explainers):
        """Indices of the first clips of each digit that all networks understand."""
        right = np.ones(len(self.mine), bool)
        for explainer in explainers:
            right &= explainer.answers(self.pictures) == self.mine.labels
        return self.first_of_each_digit(right)

    def first_of_each_digit(self, good):
        """Indices of up to `PER_DIGIT` clips of each digit among the good ones, by take."""
        order = np.lexsort((self.mine.takes, self.mine.labels))
        chosen = [
            [i for i in order if good[i] and self.mine.labels[i] == d][:PER_DIGIT]
            for d in range(10)
        ]
        return np.concatenate(chosen).astype(int)

    def lesson(self):
        """What networks learn from that never hear this speaker: people and practice voices."""
        from helpers.datasets.builtin_digits import load_practice_voices
        from helpers.models import digits

        return [digits.pictures(c, share=0.5) for c in (self.known, load_practice_voices())]


def _run(kind, speaker, number):
    return {"maps": _maps_run, "pitch": _pitch_run}[kind](speaker, number)


def _pitch_run(speaker, number):
    """How well a planted pitch can be read from the picture and from each layer."""
    from helpers.models.adapters import looks
    from helpers.models.attributions import Explainer, randomised

    began = time.monotonic()
    person = _Stranger(speaker)
    network = train_plain(person.lesson(), STEPS, 2 * number)
    given, told, _ = with_pitches(person.kept_clips, number)
    asked, true, own = with_pitches(person.mine.subset(person.mine.takes % 2 == 0), 100 + number)
    given, asked, own = (looks(c, (1.0,))[0] for c in (given, asked, own))
    trained = Explainer(network)
    untrained = Explainer(randomised(network, 6, person.kept["pictures"][::2], [85, number]))
    result = {}
    for name, explainer in (("trained", trained), ("untrained", untrained)):
        pairs = zip(described(explainer, given), described(explainer, asked), strict=True)
        read = [linear_probe(x, told[:, None], y)[:, 0] for x, y in pairs]
        result[name] = [round(float(np.corrcoef(r, true)[0, 1]), 4) for r in read]
    words = person.mine.labels[person.mine.takes % 2 == 0]
    answers, before = trained.answers(asked), trained.answers(own)
    far = np.abs(true) > PITCH_OCTAVES / 2
    return {
        **result,
        "accuracy": round(float(np.mean(answers == words)), 4),
        "at its own pitch": round(float(np.mean(before == words)), 4),
        "same answer": round(float(np.mean(answers[far] == before[far])), 4),
        "seconds": round(time.monotonic() - began, 1),
    }


def _maps_run(speaker, number):
    from helpers.models.attributions import Explainer

    began = time.monotonic()
    person = _Stranger(speaker)
    sets = person.lesson()
    plain = [Explainer(train_plain(sets, STEPS, 2 * number + k)) for k in (0, 1)]
    holed = Explainer(train_plain(sets, STEPS, 2 * number, holes=True))
    chosen = person.understood(*plain, holed)
    pictures, labels = person.pictures[chosen], person.mine.labels[chosen]
    maps = [draw_maps(e, pictures, labels) for e in (*plain, holed)]
    result = {
        "accuracy": _accuracy(plain[0], person),
        "accuracies": [_accuracy(e, person) for e in (*plain, holed)],
        "clips": len(chosen),
        "baseline": _baselines(plain[0], person, pictures, labels, maps[0]),
        "likeness": _likeness(plain[0], person, pictures, labels, maps, number),
        "removal": {
            "plain": _removal(
                plain[0], pictures, labels, maps[0], maps[1], ("silence", "neighbours")
            ),
            "with holes": _removal(holed, pictures, labels, maps[2], maps[0], ("silence",)),
        },
        "probes": _probes(plain, person, number),
        "cue": _cue(person, number),
    }
    return {**result, "seconds": round(time.monotonic() - began, 1)}


def _accuracy(explainer, person):
    right = explainer.answers(person.pictures) == person.mine.labels
    return round(float(right.mean()), 5)


def _baselines(explainer, person, pictures, labels, maps):
    """Likeness of the map from silence and that from the mean picture of the known people."""
    mean = person.kept["pictures"].mean(axis=0)
    other = np.stack(
        [
            integrated_gradients(explainer.gradient(int(k)), p, mean)
            for p, k in zip(pictures, labels, strict=True)
        ]
    )
    return round(likeness(maps["integrated gradients"], other, pictures), 4)


def _likeness(explainer, person, pictures, labels, maps, number):
    """{method: {"seeds": …, "loudness": …, "class": …, "random": [for each count], "blank": …}}.

    "class" compares with the map of the class that the network finds second best; "blank" is the
    part of the maps of the all-random network that are the same everywhere.
    """
    from helpers.models.attributions import Explainer, randomised

    some = person.kept["pictures"][::2]
    forgetful, scrambled = Explainer(randomised(explainer.network, 1, some)), []
    for count in range(1, 7):
        weights = randomised(explainer.network, count, some, [84, number]).get_weights()
        forgetful.network.set_weights(weights)
        scrambled.append(draw_maps(forgetful, pictures, labels))
    odds = explainer.network(pictures, training=False).numpy()
    odds[np.arange(len(odds)), labels] = -np.inf
    second = draw_maps(explainer, pictures, odds.argmax(axis=1))
    return {
        method: {
            "class": round(likeness(maps[0][method], second[method], pictures), 4),
            "seeds": round(likeness(maps[0][method], maps[1][method], pictures), 4),
            "loudness": round(likeness(maps[0][method], pictures, pictures), 4),
            "random": [
                round(likeness(maps[0][method], other[method], pictures), 4) for other in scrambled
            ],
            "blank": round(float(np.mean(np.ptp(scrambled[-1][method], axis=(1, 2)) == 0)), 4),
        }
        for method in METHODS
    }


def _removal(explainer, pictures, labels, maps, foreign, fills):
    """{fill: {order: [area of removing, area of putting back]}}, and a curve for the figure."""
    rng = np.random.default_rng(84)
    orders = {
        **maps,
        FOREIGN: foreign["integrated gradients"],
        "loudest first": pictures,
        "random order": rng.uniform(size=pictures.shape),
    }
    result = {}
    for fill in fills:
        away = removed(explainer, pictures, labels, orders, fill)
        back = removed(explainer, pictures, labels, orders, fill, insert=True)
        result[fill] = {
            name: [round(float(area(c[name]).mean()), 3) for c in (away, back)] for name in orders
        }
        result[f"{fill}, curves"] = {
            name: np.round(100 * curve.mean(axis=0), 1).tolist() for name, curve in away.items()
        }
    return result


def _probes(plain, person, number):
    """{"trained" (mean of two), "untrained": {question: [the picture, then each layer]}}."""
    from helpers.models.attributions import Explainer, randomised

    some = person.kept["pictures"][::2]
    untrained = Explainer(randomised(plain[0].network, 6, some, [85, number]))
    trained = [probed(e, person.kept, person.asked) for e in plain]
    return {
        "trained": {
            q: np.round(np.mean([t[q] for t in trained], axis=0), 4).tolist() for q in trained[0]
        },
        "untrained": {
            q: np.round(v, 4).tolist()
            for q, v in probed(untrained, person.kept, person.asked).items()
        },
    }


def _cue(person, number):
    """How well maps find a beep, where it gives the answer and where it means nothing.

    "same class" are maps of the network to which it means nothing, for the beep's number.
    """
    from helpers.models.adapters import looks
    from helpers.models.attributions import Explainer

    obeys, ignores = (Explainer(n) for n in train_with_beeps(person.known, BEEP_STEPS, number))
    beeped, numbers, cells, skirts = with_beeps(person.mine, 100 + number)
    pictures = looks(beeped, (1.0,))[0]
    heard, ignored = obeys.answers(pictures), ignores.answers(pictures)
    words = person.mine.labels
    good = (heard == numbers) & (ignored == words) & (numbers != words)
    chosen = person.first_of_each_digit(good)
    result = {
        "obeys": round(float(np.mean(heard == numbers)), 4),
        "understands": round(float(np.mean(obeys.answers(person.pictures) == words)), 4),
        "ignores": round(float(np.mean(ignored == words)), 4),
        "clips": len(chosen),
        "cells": round(float(cells[chosen].sum(axis=(1, 2)).mean()), 1),
    }
    inside = [
        (word_cells(p) | c) & ~s
        for p, c, s in zip(pictures[chosen], cells[chosen], skirts[chosen], strict=True)
    ]
    asked = (("cue", obeys, numbers), ("decoy", ignores, words), ("same class", ignores, numbers))
    for name, explainer, answers in asked:
        maps = draw_maps(explainer, pictures[chosen], answers[chosen])
        maps["loudest first"] = pictures[chosen]
        result[name] = {
            method: round(
                float(
                    np.mean(
                        [
                            found(m, c, w)
                            for m, c, w in zip(drawn, cells[chosen], inside, strict=True)
                        ]
                    )
                ),
                4,
            )
            for method, drawn in maps.items()
        }
    return result


if __name__ == "__main__":
    sys.exit(main())
