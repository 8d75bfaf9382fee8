"""Accents, detectors and watermarks, measured: `python -m helpers.experiments.ethics`.

Three parts of chapter 8.7. **Accents**: the digit recogniser learns from built-in voices in one
accent, or with a quarter of them in the accent that it understood worst, or in all eight, always
from as many voices and clips; other voices test it in every accent. Which accent is the neglected
one is decided on validation voices by the networks of the first seed; those of the other seeds are
tested, on voices that no trial had tested. **Detector**: recordings of people against built-in
voices and against two kinds of copies of the recordings, each speaker held out once, as found and
in rooms. There are no more than six, and first trials had met them all: the ridge of the detector,
the noise that all clips are given and the limits of the claims were set when their results were
known. **Mark**: what a watermark in built-in voices withstands, and what wrong keys score; its
tiles and its strength were set on other voices, sentences and keys. Runs are written to
results/ethics.json as they finish; a run on file is not repeated. Ten minutes on one core.
"""

from __future__ import annotations

import sys
from functools import lru_cache

import numpy as np

from helpers import audio, codecs, features, metrics, rooms, speech, spoofing, watermark
from helpers.assistant import share_interval
from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options, provenance_of

SEEDS = (0, 1, 2)
CHOOSING, TESTED = SEEDS[0], SEEDS[1:]
"""The seed whose network chooses the neglected accent, and those whose networks are tested."""

STEPS = 600
HOME = "en-us"
CONDITIONS = ("one accent", "a share", "all eight")
CLIPS = 60
"""Clips a speaker in the detector's part."""

MARKED = 16
KEY = 20261127
NULL_KEYS, SOUGHT_KEYS = 1000, 100
"""Wrong keys that are tried at one place, and those that are looked for at all places."""


# --- accents -------------------------------------------------------------------------------------


def accents_of(clips):
    """The accent of each built-in clip, from its name: array of str (n,). Chapter: 8.7"""
    return np.array([name.split("_")[1].partition("+")[0] for name in clips.names])


def english_voices():
    """The practice voices in the eight English accents, without the foreign ones. Chapter: 8.7"""
    from helpers.datasets.builtin_digits import load_practice_voices

    clips = load_practice_voices()
    return clips.subset(np.flatnonzero(np.isin(accents_of(clips), speech.ACCENTS)))


def divided(clips):
    """(training, validation, test) voices of a built-in set, three lists of names.

    In alphabetical order every third voice, from the first, is for the test; of the rest every
    fourth validates. Chapter: 8.7
    """
    voices = sorted(set(map(str, clips.speakers)))
    test, rest = voices[::3], [v for i, v in enumerate(voices) if i % 3]
    return [v for i, v in enumerate(rest) if i % 4 != 3], rest[3::4], test


def training_clips(clips, condition, neglected=None):
    """Indices of what is learnt from: ten words from each training voice, each in one accent.

    condition: one of `CONDITIONS`: all voices speak General American; or every fourth speaks the
    `neglected` accent instead; or the eight accents take turns. The number of clips is the same.

    Raises ValueError for another condition, or "a share" without an accent. Chapter: 8.7
    """
    if condition not in CONDITIONS or (condition == "a share" and neglected not in speech.ACCENTS):
        raise ValueError(f"condition {condition!r}, neglected accent {neglected!r}: see CONDITIONS")
    accent, chosen = accents_of(clips), []
    for i, voice in enumerate(divided(clips)[0]):
        spoken = HOME
        if condition == "a share" and i % 4 == 3:
            spoken = neglected
        elif condition == "all eight":
            spoken = speech.ACCENTS[i % len(speech.ACCENTS)]
        chosen.append(np.flatnonzero((clips.speakers == voice) & (accent == spoken)))
    return np.concatenate(chosen)


def wrong_by_accent(model, clips, voices):
    """{voice: {accent: errors in %}} of a recogniser, over the English accents. Chapter: 8.7"""
    from helpers.models.digits import logits_of

    accent = accents_of(clips)
    kept = np.flatnonzero(np.isin(clips.speakers, voices))
    wrong = logits_of(model, clips.subset(kept)).argmax(axis=1) != clips.labels[kept]
    return {
        v: {
            a: round(
                100 * float(wrong[(clips.speakers[kept] == v) & (accent[kept] == a)].mean()), 1
            )
            for a in speech.ACCENTS
        }
        for v in voices
    }


def mean_over_voices(table):
    """{accent: mean error} of what `wrong_by_accent` gives. Chapter: 8.7"""
    return {a: float(np.mean([row[a] for row in table.values()])) for a in speech.ACCENTS}


def worst_accent(tables):
    """The accent with the highest mean error over tables of validation voices. Chapter: 8.7"""
    means = {a: np.mean([mean_over_voices(t)[a] for t in tables]) for a in speech.ACCENTS}
    return max(means, key=means.get)


def _accents(condition, seed, neglected):
    from helpers.training import train_recogniser

    clips = english_voices()
    _, validation, test = divided(clips)
    heard = clips.subset(training_clips(clips, condition, neglected))
    model, history = train_recogniser(heard, steps=STEPS, seed=seed, jury=1)
    return {
        "clips": len(heard),
        "neglected": neglected,
        "validation": wrong_by_accent(model, clips, validation),
        "test": wrong_by_accent(model, clips, test),
        "seconds": round(history.seconds, 1),
    }


# --- detector ------------------------------------------------------------------------------------


def groups_of(clips, count=6):
    """The speakers of Clips dealt into `count` groups in alphabetical order. Chapter: 8.7"""
    names = sorted(set(map(str, clips.speakers)))
    return [names[k::count] for k in range(count)]


def drawn(clips, n, seed=0, count=6):
    """n clips of each group of speakers: a list of `count` lists of float32. Chapter: 8.7"""
    rng = np.random.default_rng(seed)
    found = []
    for group in groups_of(clips, count):
        at = np.flatnonzero(np.isin(clips.speakers, group))
        found.append([clips.audio[i] for i in rng.choice(at, min(n, len(at)), replace=False)])
    return found


@lru_cache(maxsize=2)
def _rooms(seed):
    return rooms.impulse_responses(20, spoofing.RATE, seed=seed)


def in_rooms(groups, seed=0):
    """The same clips in another channel: a list of lists of float32, as `drawn` gives.

    Two of three clips stand in a room, all have coloured noise 15 to 45 dB below the speech: as the
    built-in digits are made. Nothing about how they were spoken changes. Chapter: 8.7
    """
    rng = np.random.default_rng(seed)
    bank = _rooms(seed)

    def changed(x):
        if rng.random() < 2 / 3:
            x = rooms.reverberate(x, bank[rng.integers(len(bank))])
        noise = rooms.coloured_noise(len(x), slope_db=rng.uniform(-6, 0), rng=rng)
        return audio.peak_normalise(audio.mix_at_snr(x, noise, rng.uniform(15, 45)), 0.9)

    return [[changed(x) for x in group] for group in groups]


def described(groups):
    """`spoofing.statistics` of each clip: a list of float64 (n, 96), one per group. Chapter: 8.7"""
    return [np.stack([spoofing.statistics(x) for x in group]) for group in groups]


def made_alike(groups, room=False, seed=0):
    """Every clip with the band and the noise of `spoofing.matched`, its noise drawn anew.

    room: first each clip is put into one of twenty rooms, none of which `in_rooms` has. Returns a
    list of lists of float32, as `drawn` gives. Chapter: 8.7
    """
    bank = _rooms(seed + 1) if room else None

    def changed(x, rng):
        if room:
            x = rooms.reverberate(x, bank[rng.integers(len(bank))])
        return spoofing.matched(x, rng)

    return [
        [changed(x, np.random.default_rng([seed, k, i])) for i, x in enumerate(group)]
        for k, group in enumerate(groups)
    ]


def held_out(genuine, synthetic, *tests, against=None):
    """Each group held out once: lists, for each of `tests`, of (auc, equal error rate) by group.

    genuine, synthetic: lists of features by group, on which a detector is trained without group k;
    tests: lists of features, of which group k is judged against the genuine clips of group k, or
    against those of `against`, a list of features as well. Returns a float array (tests, groups,
    2): the area is the chance that a clip of `against` scores above one of the test.

    Chapter: 8.7
    """
    against = genuine if against is None else against
    measured = np.zeros((len(tests), len(genuine), 2))
    for k in range(len(genuine)):
        others = [i for i in range(len(genuine)) if i != k]
        detector = spoofing.train(
            *(np.concatenate([s[i] for i in others]) for s in (genuine, synthetic))
        )
        for t, test in enumerate(tests):
            scores = detector.scores(np.concatenate([against[k], test[k]]))
            real = np.arange(len(scores)) < len(against[k])
            measured[t, k] = metrics.auc(scores, real), metrics.equal_error_rate(scores, real)
    return measured


ROOMS, MOVED = ("clean voices", "the same in rooms"), "the same people in rooms"
TREATMENTS = {"band and noise for all": False, "room, band and noise for all": True}
"""What is done to every clip in order to make channels alike: {name: whether with a room}."""


def _detector():
    from helpers.datasets import load_digits

    recorded = load_digits("real", quiet=True)
    people, clean = drawn(recorded, CLIPS), drawn(english_voices(), CLIPS)
    dirty = in_rooms(clean)
    phases = [[spoofing.copy_by_phases(x) for x in group] for group in people]
    pulses = [[spoofing.copy_by_pulses(x) for x in group] for group in people]
    a, c, d, e, p, q = map(described, (people, clean, dirty, in_rooms(people), phases, pulses))
    results = {
        "clean voices": {
            **_named(held_out(a, c, c, d, e), *ROOMS, MOVED),
            **_named(held_out(a, c, d, against=e), "voices in rooms, people in rooms too"),
        },
        "phases": _named(held_out(a, p, p, q, c), "phases", "pulses", "clean voices"),
        "pulses": _named(held_out(a, q, p, q, c), "phases", "pulses", "clean voices"),
    }
    for name, room in TREATMENTS.items():
        x, y, z = (described(made_alike(groups, room)) for groups in (people, clean, dirty))
        results[f"clean voices, {name}"] = _named(held_out(x, y, y, z), *ROOMS)
    return {
        "speakers": sorted(set(map(str, recorded.speakers))),
        "measured": {
            trained: {name: m.round(4).tolist() for name, m in tests.items()}
            for trained, tests in results.items()
        },
    }


def _named(measured, *names):
    return dict(zip(names, measured, strict=True))


# --- mark ----------------------------------------------------------------------------------------


def marked_voices(count=MARKED, sentences=3):
    """What is marked: built-in voices that each say some sentences, at 16 kHz: {name: float32}.

    None of `speech.TALKERS`, on which tiles and strength of the mark were tried, and not the first
    half of the sentences, which were spoken then. Chapter: 8.7
    """
    from helpers.datasets.builtin_digits import voices

    others = [v for v in voices() if v not in speech.TALKERS]
    chosen = others[:: len(others) // MARKED][:count]
    later = speech.SENTENCES[len(speech.SENTENCES) // 2 :]
    said = []
    for i, voice in enumerate(chosen):
        words = " ".join(later[(i + 3 * j) % len(later)] for j in range(sentences))
        accent = speech.ACCENTS[i % len(speech.ACCENTS)]
        said.append(speech.Utterance(words, f"{accent}+{voice}", 150 + 5 * (i % 6)))
    sounds, rate = speech.synthesise(said)
    return {
        u.voice: audio.resample(x, rate, watermark.RATE) for u, x in zip(said, sounds, strict=True)
    }


def _with_noise(x, rng):
    return audio.mix_at_snr(x, rooms.coloured_noise(len(x), -3.0, rng), 20.0)


def _from_bands(x, rng):
    front_end = features.FrontEnd(16000, 1024, 256, 80, 60.0, 8000.0)
    return spoofing.copy_by_phases(x, front_end=front_end, rng=rng)


ATTACKS = {
    "nothing": lambda x, rng: x,
    "MP3, 32 kbit/s": lambda x, rng: codecs.codec_round_trip(x, 16000, "mp3", 32).samples,
    "Opus, 16 kbit/s": lambda x, rng: codecs.codec_round_trip(x, 16000, "opus", 16).samples,
    "through 8 kHz": lambda x, rng: audio.resample(audio.resample(x, 16000, 8000), 8000, 16000),
    "noise 20 dB below": _with_noise,
    "first 0.3 s cut off": lambda x, rng: x[4800:],
    "1 % faster": lambda x, rng: audio.resample(x, 16160, 16000),
    "spoken anew from 80 bands": _from_bands,
}
"""What is done to a marked sound: {name: function of (samples at 16 kHz, generator)}."""


def _highest(shifted, pattern):
    return max(watermark.score(c, pattern, row) for c in shifted for row in range(len(pattern)))


def _mark():
    rows = {}
    for i, (voice, x) in enumerate(marked_voices().items()):
        y = watermark.embed(x, watermark.RATE, KEY)
        rng = np.random.default_rng([KEY, i])
        compared = watermark.levels(x, watermark.RATE)
        chance = [watermark.score(compared, watermark.signs(k)) for k in range(NULL_KEYS)]
        coded = codecs.codec_round_trip(x, watermark.RATE, "mp3", 64).samples
        error = codecs.noise_to_mask(x, y, watermark.RATE)
        shifted = [watermark.levels(x, watermark.RATE, offset) for offset in watermark.OFFSETS]
        sought = [_highest(shifted, watermark.signs(k)) for k in range(SOUGHT_KEYS)]
        rows[f"{i + 1}: {voice}"] = {
            "seconds": round(len(x) / watermark.RATE, 2),
            "not marked": round(watermark.detect(x, watermark.RATE, KEY).z, 2),
            "mask": round(error.db, 2),
            "above the mask": round(error.audible, 4),
            "mask of MP3": round(codecs.noise_to_mask(x, coded, watermark.RATE).db, 2),
            "alarms": round(float(np.mean(np.array(chance) > 2.3263)), 4),
            "deviation": round(float(np.std(chance)), 4),
            "highest of wrong keys": round(max(sought), 2),
            "z": {
                name: round(watermark.detect(attack(y, rng), watermark.RATE, KEY).z, 2)
                for name, attack in ATTACKS.items()
            },
        }
    return {"voices": rows, "threshold": watermark.threshold(places=watermark.PLACES)}


# --- the runs ------------------------------------------------------------------------------------


def plan():
    """{name: arguments of a run} of all runs, in the order of the results file. Chapter: 8.7"""
    runs = {f"{c}, seed {s}": ("accents", c, s) for c in CONDITIONS for s in SEEDS}
    return {**runs, "detector": ("detector", None, 0), "mark": ("mark", None, 0)}


def neglected_accent(record):
    """The accent that "one accent" of the choosing seed understood worst on validation voices;
    None while that run is missing. Chapter: 8.7
    """
    run = record["runs"].get(f"one accent, seed {CHOOSING}")
    return run and worst_accent([run["validation"]])


def errors_on(record, condition, accent, seeds=TESTED):
    """{test voice: error in %, mean of the seeds} on an accent. Raises KeyError while runs are
    missing. Chapter: 8.7
    """
    tables = [record["runs"][f"{condition}, seed {s}"]["test"] for s in seeds]
    return {v: float(np.mean([t[v][accent] for t in tables])) for v in tables[0]}


def mean_errors(record, condition, seeds=TESTED):
    """{accent: error in %, mean of the test voices and of the seeds}. Chapter: 8.7"""
    return {
        a: float(np.mean(list(errors_on(record, condition, a, seeds).values())))
        for a in speech.ACCENTS
    }


def complete(record):
    """Whether all runs are on file. Chapter: 8.7"""
    return all(name in record["runs"] for name in plan())


def accent_table(record):
    """Errors by accent and condition as a Markdown table; a text while runs are missing.

    Chapter: 8.7
    """
    if not complete(record):
        return f"The evaluation is not complete: {len(record['runs'])} of {len(plan())} runs."
    low = neglected_accent(record)
    rows = [f"| accent | {' | '.join(CONDITIONS)} |", "|---|" + "---:|" * len(CONDITIONS)]
    means = [mean_errors(record, c) for c in CONDITIONS]
    for accent in speech.ACCENTS:
        name = {low: f"**{accent}** (neglected)", HOME: f"{accent} (home)"}.get(accent, accent)
        rows.append(f"| {name} | " + " | ".join(f"{m[accent]:.1f}" for m in means) + " |")
    runs = [record["runs"][name] for name in plan() if name in record["runs"]]
    return "\n".join(
        [*rows, "", f"Errors in %, means of {len(TESTED)} networks. {provenance_of(runs)}"]
    )


def detector_table(record):
    """AUC by what was learnt and what is judged as a Markdown table. Chapter: 8.7"""
    if "detector" not in record["runs"]:
        return "The detector's run is not on file."
    run = record["runs"]["detector"]
    rows = [
        "| learnt from people and … | judged: people and … | AUC | equal error rate (%) |",
        "|---|---|---:|---:|",
    ]
    copies = ("phases", "pulses")
    pairs = [
        (trained, name)
        for trained, tests in run["measured"].items()
        if trained not in copies
        for name in tests
    ]
    pairs += [(learnt, judged) for judged in (*copies, "clean voices") for learnt in copies]
    for trained, name in pairs:
        area, eer = np.mean(run["measured"][trained][name], axis=0)
        rows.append(f"| {trained} | {name} | {area:.2f} | {100 * eer:.0f} |")
    said = f"{CLIPS} clips of each of {len(run['speakers'])} people. {provenance_of([run])}"
    return "\n".join([*rows, "", said])


def lost_in_rooms(record, treatment="clean voices"):
    """{speaker: how much lower the AUC is on the same synthetic clips in rooms}.

    treatment: what was learnt, a key of the run's "measured". Raises KeyError while the run is
    missing. Chapter: 8.7
    """
    run = record["runs"]["detector"]
    found, roomy = (np.array(run["measured"][treatment][name])[:, 0] for name in ROOMS)
    return dict(zip(run["speakers"], (found - roomy).tolist(), strict=True))


def lost_on_the_unseen(record):
    """{speaker: how much lower the AUC is on a copy of the kind that the detector did not learn}.

    The mean of both directions, phases to pulses and pulses to phases. Raises KeyError while the
    run is missing. Chapter: 8.7
    """
    run, kinds = record["runs"]["detector"], ("phases", "pulses")
    areas = {
        (learnt, judged): np.array(run["measured"][learnt][judged])[:, 0]
        for learnt in kinds
        for judged in kinds
    }
    lost = [areas[k, k] - areas[k, other] for k, other in (kinds, kinds[::-1])]
    return dict(zip(run["speakers"], np.mean(lost, axis=0).tolist(), strict=True))


def mark_scores(record, attack):
    """{voice: the detector's score after one of `ATTACKS`}. Raises KeyError while the run is
    missing, and for another attack. Chapter: 8.7
    """
    return {v: row["z"][attack] for v, row in record["runs"]["mark"]["voices"].items()}


def marks_found(record, attack, line=None):
    """In how many voices the score is above the threshold, or above `line`: (voices, of all).

    Raises as `mark_scores`. Chapter: 8.7
    """
    scores = list(mark_scores(record, attack).values())
    line = record["runs"]["mark"]["threshold"] if line is None else line
    return sum(z > line for z in scores), len(scores)


def mark_table(record):
    """What the mark withstands as a Markdown table. Chapter: 8.7"""
    if "mark" not in record["runs"]:
        return "The watermark's run is not on file."
    run = record["runs"]["mark"]
    rows = [
        "| done to the marked sound | score, mean (lowest) | found in | of all, 95 % interval |",
        "|---|---:|---:|---:|",
    ]

    def share(count, trials):
        _, low, high = share_interval(count, trials)
        return f"{count} of {trials} | {100 * low:.0f} to {100 * high:.0f} %"

    for name in ATTACKS:
        z = list(mark_scores(record, name).values())
        found = share(*marks_found(record, name))
        rows.append(f"| {name} | {np.mean(z):.1f} ({min(z):.1f}) | {found} |")
    voices = run["voices"].values()
    plain = np.array([row["not marked"] for row in voices])
    found = share(int((plain > run["threshold"]).sum()), len(plain))
    rows.append(f"| *no mark put in* | {plain.mean():.1f} (highest {plain.max():.1f}) | {found} |")
    seconds = [row["seconds"] for row in voices]
    said = (
        f"{len(plain)} voices, {min(seconds):.0f} to {max(seconds):.0f} s each; found: above "
        f"{run['threshold']:.2f}. {provenance_of([run])}"
    )
    return "\n".join([*rows, "", said])


def model_card(record=None):
    """A model card of chapter 5.2's recogniser, in Markdown, its numbers from recogniser.json.

    record: as `load_results("recogniser")` gives; None reads the file. Raises KeyError while its
    runs are missing.

    Chapter: 8.7
    Source: [mitchell2018model] for the headings
    """
    from helpers.experiments import recogniser

    record = load_results("recogniser") if record is None else record
    found, runs = recogniser.summary(record), list(record["runs"].values())
    held, alone, official = found["held out"], found["built-in only"], found["official"]
    low, high = (f(held["by_speaker"], key=held["by_speaker"].get) for f in (min, max))
    people = len(held["by_speaker"])
    interval = f"95 % interval of this mean, over speakers: {held['low']:.1f} to {held['high']:.1f}"
    rows = {
        "Model": f"Two convolutional networks asked together, {runs[-1]['parameters']:,} "
        f"parameters; chapter 5.2. {provenance_of(runs)}",
        "Intended use": "Teaching: one of ten English digits, spoken alone, one second at 8 kHz.",
        "Out of scope": "Telephone numbers, passwords, or any decision about a person. Whatever is "
        "not silence gets a digit; there is no answer “none of these”.",
        "Factors": f"The speaker: {people} people. The data set's own list calls all of them male "
        "and names four kinds of accent, of at most two men each: too few for an error rate by "
        "accent. No recording of a woman or a child was in training or test.",
        "Metrics": f"Accuracy for each speaker, held out in turn; means of "
        f"{len(recogniser.SEEDS)} seeds.",
        "Evaluation data": "Free Spoken Digit Dataset, CC BY-SA 4.0.",
        "Training data": "The same set without the speaker who is tested, and built-in voices.",
        "Result": f"{held['mean']:.1f} % ({interval}). By speaker, for want of groups: from "
        f"{held['by_speaker'][low]:.1f} % ({low}) to {held['by_speaker'][high]:.1f} % ({high}). "
        f"Official split, with known speakers: {official['mean']:.1f} %. From built-in voices "
        f"alone: {alone['mean']:.1f} %.",
        "Ethical considerations": "A recording from which somebody can be recognised is personal "
        f"data. {people} speakers cannot stand for everybody who might use it.",
        "Caveats": f"An interval over {people} people says how those {people} differ, not "
        "how groups of people do.",
    }
    return "\n".join(["| | |", "|---|---|", *[f"| **{k}** | {v} |" for k, v in rows.items()]])


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("ethics", __doc__, arguments)
    record = load_results("ethics", __doc__)
    runs, settings = plan(), _settings()
    for late in (False, True):
        low = neglected_accent(record)
        jobs = {
            name: (*run, low if run[1] == "a share" else None)
            for name, run in missing(record, runs, settings, asked.only).items()
            if (run[1] == "a share") == late and not (late and low is None)
        }
        do_runs(_run, jobs, record, "ethics", settings, asked.workers)
    finish(record, runs, "ethics", __doc__)
    print(accent_table(record), detector_table(record), mark_table(record), sep="\n\n")
    return 0


def _settings():
    """What the results depend on, as JSON would give it back."""
    return {
        "steps": STEPS,
        "home": HOME,
        "clips": CLIPS,
        "mark": [watermark.STRENGTH_DB, watermark.TILE_FRAMES, watermark.TILE_BINS, KEY],
        "channel": [list(spoofing.SNR_DB), list(spoofing.BAND)],
    }


def _run(part, condition, seed, neglected):
    if part == "accents":
        return _accents(condition, seed, neglected)
    return _detector() if part == "detector" else _mark()


if __name__ == "__main__":
    sys.exit(main())
