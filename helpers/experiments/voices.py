"""How well machines' voices are understood: `python -m helpers.experiments.voices`.

Ten digits in carrier sentences, spoken by the built-in voice, by the same voice taken apart and put
together again, by pieces of it, and by small acoustic models that learned from it. None of the
practice material contains a digit, or a word that sounds like one. The listener is the recogniser
of chapter 5.2, trained on the six people of the Free Spoken Digit Dataset alone; it has never heard
a synthesiser. Each word is cut out of its sentence where the voice says it begins and ends.

Three seeds, each with a recogniser and two talkers (L1 and L2 loss) of its own. Settings were tried
on the validation carriers, where sharpening the predicted spectrograms gained nothing and was left
out; the test carriers are scored once per seed. Runs are written to results/voices.json as they
finish; a run on file is not repeated. Six to eight minutes a run on one core.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options, provenance_of

SEEDS = (0, 1, 2)
VALIDATION = ("{}.", "the answer is {}.", "they gave me {} apples.", "I said {}, my friend.")
"""Carriers on which settings were chosen."""

TEST = (
    "please open door number {}.",
    "their house is number {}.",
    "take {}.",
    "the bus leaves at {}.",
    "it was {}, not more.",
    "page {}, please.",
    "she wrote {}, and went home.",
    "{}, said the teacher.",
)
"""Carriers of the test. A pause follows the word: on the validation carriers, words cut out of the
middle of a phrase were often misheard even from the built-in voice, since the listener knows only
words that stand alone."""

RECOGNISER_STEPS = 1500
ORDERS = (2, 4, 8, 12, 20, 32)
"""Of linear prediction, for the words that pulses and noise make."""

ITERATIONS = (1, 4, 16)
"""Of Griffin–Lim on true spectrograms, beside the usual number."""

NATURAL, COPY, TALKER = "built-in voice", "true mel, Griffin–Lim", "talker"
TIMED, SQUARED = "talker, true durations", "talker, L2 loss"
SPLICED, BLIND = "pieces, joins chosen", "pieces, joins left to chance"
RANDOM = "talker, random phonemes"
LPC = {order: f"LPC, order {order}" for order in ORDERS}
STEPS_OF_PHASE = {n: f"true mel, Griffin–Lim, {n} iterations" for n in ITERATIONS}
WHISPER = "LPC, order 20, noise only"
SYSTEMS = (NATURAL, LPC[20], WHISPER, COPY, SPLICED, BLIND, TIMED, TALKER, SQUARED, RANDOM)

RECORDING, TIMING, WORDS_ONLY = "test recording", "text and its timing", "text"
MADE_FROM = {
    **dict.fromkeys((NATURAL, WHISPER, COPY, *LPC.values(), *STEPS_OF_PHASE.values()), RECORDING),
    TIMED: TIMING,
    **dict.fromkeys((SPLICED, BLIND, TALKER, SQUARED, RANDOM), WORDS_ONLY),
}
"""What of a test sentence each system is given. Chapter: 6.5"""

SHOWN = {BLIND: "pieces, joins ignored"}
"""How systems are named in the table, where that is not their name in the file."""

MARGIN = 0.01
"""Seconds that are kept on both sides of a word that is cut out."""


def carried(carriers, sample_rate=16000):
    """Every digit in every carrier by the built-in voice: [(digit, Spoken)], digit by digit.

    Chapter: 6.5
    """
    from helpers.datasets.builtin_digits import WORDS
    from helpers.phones import speak_timed
    from helpers.speech import Utterance

    texts = [(d, carrier.format(word)) for d, word in enumerate(WORDS) for carrier in carriers]
    spoken = speak_timed([Utterance(text) for _, text in texts], sample_rate)
    return [(digit, one) for (digit, _), one in zip(texts, spoken, strict=True)]


def word_of(samples, starts, span, sample_rate=16000):
    """A word cut out of a sentence: float32 (m,) at 8 kHz, faded at its ends.

    starts: samples (P + 1,) at which phonemes begin. span: (first, end), as `Spoken.find` gives.
    Raises ValueError if nothing is left. Chapter: 6.5
    """
    from helpers.audio import resample

    margin = round(MARGIN * sample_rate)
    first = max(0, int(starts[span[0]]) - margin)
    end = min(len(samples), int(starts[span[1]]) + margin)
    if end - first < 2 * margin:
        raise ValueError(f"the word lasts {end - first} samples: nothing is left of it")
    word = np.array(samples[first:end], dtype=np.float32)
    ramp = np.linspace(0, 1, margin, dtype=np.float32)
    word[:margin] *= ramp
    word[-margin:] *= ramp[::-1]
    return resample(word, sample_rate, 8000)


def heard(recogniser, words):
    """The digits that a recogniser hears in words, float32 (m,) at 8 kHz each: int (n,).

    Chapter: 6.5
    """
    from helpers.models.digits import window

    sound = np.stack([window(word) for word in words])
    return np.asarray(recogniser(sound, training=False)).argmax(axis=1)


def random_phones(spoken, span, names, rng):
    """Phonemes of an utterance, those of one word replaced by others at random: a tuple.

    Chapter: 6.5
    """
    first, end = span
    others = [name for name in names if name != "_"]
    drawn = rng.choice(others, end - first)
    return spoken.phones[:first] + tuple(map(str, drawn)) + spoken.phones[end:]


def mel_distance(mel, reference):
    """Mean absolute distance of two log-mel spectrograms over their common frames, in dB.

    Chapter: 6.5
    """
    n = min(len(mel), len(reference))
    return float(np.mean(np.abs(np.asarray(mel)[:n] - np.asarray(reference)[:n])))


def contrast(mel, reference):
    """Variance over time of one spectrogram's bands by that of another's: the mean ratio, a float.

    Chapter: 6.5
    """
    n = min(len(mel), len(reference))
    return float(np.mean(np.var(mel[:n], axis=0)) / np.mean(np.var(reference[:n], axis=0)))


def spoken_by(system, spoken, span, kit):
    """One utterance by one system: (samples at 16 kHz, starts of its phonemes).

    kit: {"talker", "squared": Talkers, "inventory", "rng"}. Raises KeyError for an unknown system.

    Chapter: 6.5
    """
    from helpers import tts, vocoder
    from helpers.models.talker import FRONT_END, mel_of
    from helpers.splice import splice

    phones, stress = spoken.phones, spoken.stress
    orders = {name: order for order, name in LPC.items()}
    phases = {name: n for n, name in STEPS_OF_PHASE.items()} | {COPY: tts.ITERATIONS}
    if system == NATURAL:
        return spoken.samples, spoken.starts
    if system in orders:
        parts = vocoder.analyse(spoken.samples, spoken.sample_rate, orders[system])
        return vocoder.synthesise(parts, vocoder.excitation(parts)), spoken.starts
    if system == WHISPER:
        parts = vocoder.analyse(spoken.samples, spoken.sample_rate, 20)
        return vocoder.synthesise(parts, vocoder.excitation(parts, kind="noise")), spoken.starts
    if system in phases:
        return tts.sound_of(mel_of(spoken.samples), phases[system]), spoken.starts
    if system in (SPLICED, BLIND):
        made = splice(kit["inventory"], phones, stress, system == SPLICED, kit["rng"])
        return made.samples, made.starts
    if system == TIMED:
        return tts.say(kit["talker"], phones, stress, np.diff(spoken.starts) / FRONT_END.hop)
    if system == RANDOM:
        return tts.say(
            kit["talker"], random_phones(spoken, span, kit["talker"].names, kit["rng"]), stress
        )
    if system not in (TALKER, SQUARED):
        raise KeyError(f"there is no system {system!r}: give one of {', '.join(SYSTEMS)}")
    return tts.say(kit["talker" if system == TALKER else "squared"], phones, stress)


def judge(recogniser, items, systems, kit):
    """What a recogniser hears of items, [(digit, Spoken)]: {system: {"heard": digits as a text,
    "seconds": core-seconds to make them, "sound": seconds of sound made}}.

    Chapter: 6.5
    """
    from helpers.datasets.builtin_digits import WORDS

    found = {}
    for system in systems:
        words, length, began = [], 0.0, time.process_time()
        for digit, spoken in items:
            span = spoken.find(WORDS[digit])
            samples, starts = spoken_by(system, spoken, span, kit)
            words.append((samples, starts, span))
            length += len(samples) / 16000
        taken = time.process_time() - began
        digits = heard(recogniser, [word_of(*word) for word in words])
        found[system] = {
            "heard": "".join(map(str, digits)),
            "seconds": round(taken, 3),
            "sound": round(length, 2),
        }
    return found


def right(text, carriers=TEST):
    """Which words were heard right: bool (10, carriers) of the digits that `judge` wrote down.

    Chapter: 6.5
    """
    digits = np.array([int(c) for c in text]).reshape(10, len(carriers))
    return digits == np.arange(10)[:, None]


def plan():
    """{name: (seed,)} of all runs. Chapter: 6.5"""
    return {f"seed {seed}": (seed,) for seed in SEEDS}


def summary(record):
    """Figures of the results file.

    {"words": {system: float (10,), share of each word that is understood, over carriers and
    seeds}, "seeds": {system: float (seeds,)}, "seed_words": {system: float (seeds, 10)}, "heard":
    {system: the digits that `judge` wrote down, a text per seed},
    "carriers": {system: float (carriers,)}, "speed":
    {system: core-seconds per second of sound}, "distance": {system: dB (seeds,)}, "contrast":
    {"L1", "L2": (seeds, utterances)}, "duration_error": median in ms (seeds,), "training":
    core-seconds, "parameters"}

    Raises KeyError while runs are missing. Chapter: 6.5
    """
    runs = [record["runs"][f"seed {seed}"] for seed in SEEDS]
    made = [run["systems"] for run in runs]
    rights = {s: np.array([right(of[s]["heard"]) for of in made]) for s in made[0]}
    return {
        "words": {s: of.mean(axis=(0, 2)) for s, of in rights.items()},
        "seeds": {s: of.mean(axis=(1, 2)) for s, of in rights.items()},
        "seed_words": {s: of.mean(axis=2) for s, of in rights.items()},
        "heard": {s: [of[s]["heard"] for of in made] for s in rights},
        "carriers": {s: of.mean(axis=(0, 1)) for s, of in rights.items()},
        "speed": {
            s: float(np.median([of[s]["seconds"] / of[s]["sound"] for of in made])) for s in rights
        },
        "distance": {
            s: np.array([run["distance"][s] for run in runs]) for s in runs[0]["distance"]
        },
        "contrast": {k: np.array([run["contrast"][k] for run in runs]) for k in ("L1", "L2")},
        "duration_error": np.array([run["duration_error"] for run in runs]),
        "training": [run["core_seconds"] for run in runs if "core_seconds" in run],
        "parameters": runs[0]["parameters"],
    }


def table(record=None):
    """The results file as a Markdown table with its date, commit and machine; a str.

    `record` is what `load_results` gives; None reads the file. While runs are missing it says how
    many are there. Chapter: 6.5
    """
    from helpers.datasets.builtin_digits import WORDS

    record = load_results("voices") if record is None else record
    try:
        found = summary(record)
    except KeyError:
        return f"The evaluation is not complete: {len(record['runs'])} runs are on file."
    rows = [
        "| voice | is given | words understood (%) | over seeds | words below 100 % | worst word | "
        "core-seconds for a second of sound |",
        "|---|---|---:|---:|---:|---|---:|",
    ]
    for system in SYSTEMS:
        seeds, words = 100 * found["seeds"][system], 100 * found["words"][system]
        worst = int(words.argmin())
        note = f"{WORDS[worst]}, {words[worst]:.0f} %" if words[worst] < 100 else "–"
        work = "–" if system == NATURAL else f"{found['speed'][system]:.2f}"
        title = f"**{system}**" if system == TALKER else SHOWN.get(system, system)
        rows.append(
            f"| {title} | {MADE_FROM[system]} | {seeds.mean():.1f} | {seeds.min():.1f} to "
            f"{seeds.max():.1f} | {np.sum(words < 100)} | {note} | {work} |"
        )
    least, most = (f"{end(found['training']):.0f}" for end in (min, max))
    return "\n".join(
        [
            *rows,
            "",
            f"Ten words in {len(TEST)} carrier sentences, {len(SEEDS)} seeds. The recogniser is "
            "trained on the six people of FSDD and knows nothing of synthesisers. Talkers have "
            f"{found['parameters']:,} parameters and are trained for "
            f"{least if least == most else f'{least} to {most}'} core-seconds. "
            f"{provenance_of(list(record['runs'].values()))}",
        ]
    )


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("voices", __doc__, arguments)
    record = load_results("voices", __doc__)
    settings = _settings()
    todo = missing(record, plan(), settings, asked.only)
    do_runs(_run, todo, record, "voices", settings, asked.workers)
    finish(record, plan(), "voices", __doc__)
    print(table(record))
    return 0


def _settings():
    """What the results depend on, as JSON would give it back."""
    from helpers import phones, splice, tts
    from helpers.datasets import load_digits
    from helpers.models import talker

    return {
        "people": load_digits("real", quiet=True).id,
        "voice": phones.VOICE,
        "practice": [len(phones.WORDS), phones.practice_speech.__defaults__[0]],
        "carriers": [len(VALIDATION), list(TEST)],
        "steps": [RECOGNISER_STEPS, tts.STEPS, tts.ITERATIONS, tts.SHARPEN],
        "talker": [talker.WIDTH, talker.CONTEXT, list(talker.DILATIONS), talker.CROP, talker.BATCH],
        "orders": list(ORDERS),
        "phases": list(ITERATIONS),
        "pieces": [splice.NEIGHBOUR_COST, splice.STRESS_COST, splice.JOIN_COST, splice.BORDER_COST],
    }


def _run(seed):
    from helpers import tts
    from helpers.datasets import load_digits
    from helpers.datasets.builtin_digits import WORDS
    from helpers.models.talker import FRONT_END, mel_of
    from helpers.phones import practice_speech
    from helpers.splice import Inventory
    from helpers.training import train_recogniser

    people, practice = load_digits("real", quiet=True), practice_speech()
    recogniser, listened = train_recogniser(people, steps=RECOGNISER_STEPS, seed=seed)
    began = time.process_time()
    talker, history = tts.train_talker(practice, seed=seed)
    used = time.process_time() - began
    squared, _ = tts.train_talker(practice, seed=seed, kind="L2")
    kit = {
        "talker": talker,
        "squared": squared,
        "inventory": Inventory(practice),
        "rng": np.random.default_rng(seed),
    }
    items = carried(TEST)
    systems = dict.fromkeys((*SYSTEMS, *LPC.values(), *STEPS_OF_PHASE.values()))
    found = judge(recogniser, items, systems, kit)
    every = items[:: len(TEST)] + items[3 :: len(TEST)]
    distances = {COPY: [], TIMED: [], SQUARED: []}
    ratios, errors = {"L1": [], "L2": []}, []
    for digit, spoken in every:
        true, lengths = mel_of(spoken.samples), np.diff(spoken.starts) / FRONT_END.hop
        copied = mel_of(spoken_by(COPY, spoken, spoken.find(WORDS[digit]), kit)[0])
        distances[COPY].append(mel_distance(copied, true))
        for name, kind, one in ((TIMED, "L1", talker), (SQUARED, "L2", squared)):
            mel = one.mel(spoken.phones, spoken.stress, lengths)
            distances[name].append(mel_distance(mel, true))
            ratios[kind].append(round(contrast(mel, true), 4))
        errors += list(np.abs(talker.durations(spoken.phones, spoken.stress) - lengths)[1:-1])
    talked = right(found[TALKER]["heard"])
    return {
        "accuracy": round(float(talked.mean()), 5),
        "systems": found,
        "distance": {name: round(float(np.mean(of)), 3) for name, of in distances.items()},
        "contrast": ratios,
        "duration_error": round(float(np.median(errors)) * FRONT_END.hop / 16, 2),
        "parameters": int(talker.network.count_params()),
        "loss": [round(x, 4) for x in history.loss],
        "talker_seconds": round(history.seconds, 1),
        "core_seconds": round(used, 1),
        "recogniser_seconds": round(listened.seconds, 1),
        "seconds": round(history.seconds, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
