"""How far what was learnt reaches, and what augmentation buys (8.5):
`python -m helpers.experiments.generalisation`.

For each of the six speakers of FSDD, the network of chapter 5.2 learns from the other five (takes
10 to 49) without augmentation, with seven kinds of it, with all but each one, and with each one
alone; without and with all seven from three seeds, to show what chance does. All are asked about
takes 0 to 4 of the five ("home") and takes 0 to 24 of the sixth ("stranger"), as recorded and in
ten other conditions. Temperatures are fitted on takes 5 to 9 of the five.

Networks that hear only built-in voices are asked about people. And the recipe is carried to made-up
machines: four groups of six are left out in turn. One run measures how long it takes to change a
batch. Runs are written to results/generalisation.json as they finish; a run on file is not
repeated.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, replace

import numpy as np

from helpers import metrics
from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options

STEPS = 900
MACHINE_STEPS = 250
SEEDS = (0, 1)
FOLDS = 4
FLEET = 85
"""Seed of the made-up machines that decide; trials were made on those of seed 0."""

EVERY = 90
ROUNDS = 40
CHOSEN_IN = "noise 10 dB"
"""The condition in which the second temperature is fitted."""

ENDS, FURTHER = ("none", "all"), (1, 2)
"""The programmes that are trained from further seeds, since each comparison has one, and these."""

DETECTORS = ("one feature", "bearing's rate", "normal only")
"""What needs no network. Chapter: 8.5"""


def plan(speakers):
    """{name: job} of all runs, cheap ones first. Chapter: 8.5"""
    runs = {"machines, no network": ("detectors",), "batches": ("batches",)}
    runs |= {"machines, networks": ("machines",)}
    runs |= {f"voices only, seed {k}": ("voices", k) for k in SEEDS}
    return runs | {f"without {s}": ("speaker", s) for s in speakers}


def networks():
    """{name: (programme, seed)} of a speaker's networks; only `ENDS` have more than one seed.

    Chapter: 8.5
    """
    from helpers.models.ablation import VARIANTS

    first = {variant: (variant, 0) for variant in VARIANTS}
    return first | {f"{end}, seed {k}": (end, k) for k in FURTHER for end in ENDS}


def by_speaker(record):
    """{speaker left out: run}. Raises KeyError if there is none on file. Chapter: 8.5"""
    found = {
        name.removeprefix("without "): run
        for name, run in record["runs"].items()
        if name.startswith("without ")
    }
    if not found:
        raise KeyError("no speaker's run is on file")
    return found


def accuracy(record, variant, condition, who="stranger"):
    """{speaker: accuracy in %} of a variant in a condition; of `ENDS`, the mean of three networks.

    who: "stranger", by the network that never heard the speaker; "home", the mean over the five
    that did, on other clips of the same speaker. Raises KeyError for what no run has. Chapter: 8.5
    """
    names = [variant] + [f"{variant}, seed {k}" for k in FURTHER if variant in ENDS]
    return mean_over([accuracy_of(record, name, condition, who) for name in names])


def accuracy_of(record, network, condition, who="stranger"):
    """As `accuracy`, of one network, a name of `networks`. Chapter: 8.5"""
    runs = by_speaker(record)
    if who == "stranger":
        return {
            s: 100 * run["right"][network][who][condition] / run["clips"][who]
            for s, run in runs.items()
        }
    found = {s: [] for s in runs}
    for run in runs.values():
        each = run["clips"][who] / len(run["heard"])
        right = _numbers(run["right"][network][who][condition])
        for s, count in zip(run["heard"], right, strict=True):
            found[s].append(100 * count / each)
    return {s: float(np.mean(values)) for s, values in found.items()}


def chance(record, end, condition):
    """{speaker: points} between two networks that differ by seed only; end: "none" or "all".

    Raises KeyError for what no run has. Chapter: 8.5
    """
    one, two = (accuracy_of(record, n, condition) for n in (end, f"{end}, seed 1"))
    return {s: one[s] - two[s] for s in one}


def gains(record, part, condition, way="left out"):
    """{speaker: percentage points} that a part of the augmentation buys a stranger in a condition.

    way: "left out", all − all but this part; "alone", only this part − none. Raises ValueError for
    another way, and KeyError for what no run has. Chapter: 8.5
    """
    pairs = {"left out": ("all", f"all but {part}"), "alone": (f"only {part}", "none")}
    if way not in pairs:
        raise ValueError(f"way is {way!r}; it must be 'left out' or 'alone'")
    more, less = (accuracy(record, v, condition) for v in pairs[way])
    return {s: more[s] - less[s] for s in more}


def mean_over(tables):
    """{speaker: mean} of a list of {speaker: number}. Chapter: 8.5"""
    return {s: float(np.mean([t[s] for t in tables])) for s in tables[0]}


def fit_of_own(record, own, conditions, way="left out"):
    """{speaker: points} by which parts help their own condition more than can be told otherwise.

    own: {part: condition}; conditions: all that were changed. For each part its gain in its own
    condition minus its mean gain in the others; minus the same difference, in the mean, of the
    parts that belong elsewhere, so that a condition in which everything helps counts for none.
    Then the mean over parts. What belongs to a noise is not compared with other noises; but where
    a part for noise is what is taken off, it is compared with all, which favours the other parts.
    One number for each speaker, so that seven questions are one. Chapter: 8.5
    """
    return mean_over(list(fit_by_part(record, own, conditions, way).values()))


def fit_by_part(record, own, conditions, way="left out", strict=False):
    """{part: {speaker: points}}: the addends whose mean is `fit_of_own`.

    strict: a part for noise is compared with no other noise where it is taken off, either.

    Chapter: 8.5
    """
    table = {(p, c): gains(record, p, c, way) for p in own for c in conditions}

    def advantage(part, mine, s):
        apart = "noise" in mine or (strict and "noise" in own[part])
        others = [c for c in conditions if c != mine and not (apart and "noise" in c)]
        return table[part, mine][s] - np.mean([table[part, c][s] for c in others])

    found = {}
    for part, mine in own.items():
        elsewhere = [b for b, theirs in own.items() if theirs != mine]
        found[part] = {
            s: float(advantage(part, mine, s) - np.mean([advantage(b, mine, s) for b in elsewhere]))
            for s in by_speaker(record)
        }
    return found


MEASURES = (
    "boldness",
    "nats",
    "nats, home",
    "nats, noise",
    "nats, best",
    "error",
    "error, home",
    "error, noise",
)
"""What is measured of confidence: mean confidence − accuracy, in points; the mean negative
log-likelihood as it is and with the temperatures fitted on known speakers as recorded, on known
speakers in noise, and on the answers that are judged themselves; and expected calibration errors,
in points, with the first three."""


def calibration(record, variant, condition, what, who="stranger"):
    """{speaker: number} of a network's calibration; variant "none" or "all", first seed.

    what: one of `MEASURES`; at home only "boldness", the mean over the networks that heard the
    speaker. Raises KeyError for what no run has. Chapter: 8.5
    """
    runs = by_speaker(record)
    if who == "stranger":
        place = MEASURES.index(what)
        return {
            s: _numbers(r["calibration"][variant][who][condition])[place] for s, r in runs.items()
        }
    if what != "boldness":
        raise KeyError(f"at home there is boldness only, not {what!r}")
    found = {s: [] for s in runs}
    for run in runs.values():
        values = _numbers(run["calibration"][variant][who][condition])
        for s, bold in zip(run["heard"], values, strict=True):
            found[s].append(bold)
    return {s: float(np.mean(values)) for s, values in found.items()}


def gap(record, variant):
    """{speaker: points} between training clips and the stranger at the end; "none" or "all".

    Raises KeyError for what no run has. Chapter: 8.5
    """
    found = {}
    for speaker, run in by_speaker(record).items():
        curve = run["curves"][variant]
        last = dict(zip(curve["columns"], map(int, curve["rows"][-1].split()), strict=True))
        share = {who: 100 * last[who] / run["clips"][who] for who in ("training", "stranger")}
        found[speaker] = share["training"] - share["stranger"]
    return found


def areas(record, method):
    """Area under the curve of each made-up machine, float (machines,).

    method: a recipe of `models.machines.RECIPES` or one of `DETECTORS`. Chapter: 8.5
    """
    found = [
        run["areas"][method]
        for name, run in record["runs"].items()
        if name.startswith("machines") and method in run["areas"]
    ]
    if not found:
        raise KeyError(f"no run has the method {method!r}")
    return np.array(_numbers(found[0]))


def _text(numbers):
    """Numbers on one line of the record."""
    return " ".join(f"{x:g}" for x in numbers)


def _numbers(text):
    return [float(x) for x in text.split()]


def time_of(record, variant):
    """Time to draw and change a batch, with a gradient of the network on it as 1; a float.

    variant: "none", "all" or "only …". Raises KeyError for what was not timed. Chapter: 8.5
    """
    return record["runs"]["batches"]["time"][variant]


def from_voices(record, variant):
    """{speaker: accuracy in %} on people of networks that heard voices only. Chapter: 8.5"""
    runs = [run for name, run in record["runs"].items() if name.startswith("voices")]
    return mean_over([run["people"][variant] for run in runs])


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("generalisation", __doc__, arguments)

    from helpers.datasets import load_digits

    clips = load_digits("real")
    record = load_results("generalisation", __doc__)
    runs = plan(sorted(set(map(str, clips.speakers))))
    for settings, ours in (
        (_of_machines(), {n: job for n, job in runs.items() if n.startswith("machines")}),
        (_of_people(clips), {n: job for n, job in runs.items() if not n.startswith("machines")}),
    ):
        todo = missing(record, ours, settings, asked.only)
        do_runs(_run, todo, record, "generalisation", settings, asked.workers)
    finish(record, runs, "generalisation", __doc__)
    return 0


def detectors(clips, chosen):
    """{name: scores (n,)} of `DETECTORS` on clips of machines; higher: more likely damaged.

    chosen (n,) bool: the clips that will be tested; "normal only" knows the healthy ones among the
    others, of each machine. Chapter: 8.5
    """
    from helpers import machines
    from helpers.models.machines import FINE, powers, statistics, strangeness

    features = statistics(powers(clips, FINE))
    normal = (clips.labels == 0) & ~chosen
    numbers = np.unique(clips.machines)
    spread = np.sqrt(
        np.mean([features[normal & (clips.machines == m)].var(axis=0, ddof=1) for m in numbers], 0)
    )
    strange = np.zeros(len(clips))
    for m in numbers:
        mine = clips.machines == m
        strange[mine] = strangeness(features[mine], features[mine & normal], spread)
    known = zip(clips.audio, clips.shafts, clips.orders, strict=True)
    return {
        "one feature": np.array([machines.kurtosis(x) for x in clips.audio]),
        "bearing's rate": np.array(
            [machines.bearing_score(x, clips.sample_rate, f, o) for x, f, o in known]
        ),
        "normal only": strange,
    }


def areas_by_machine(scores, clips, chosen):
    """[area under the curve] of each machine in order, on the chosen clips. Chapter: 8.5"""
    return [
        round(metrics.auc(scores[at], clips.labels[at] == 1), 4)
        for at in (chosen & (clips.machines == m) for m in np.unique(clips.machines))
    ]


def train(pictures, steps, seed=0, observe=None, every=50):
    """Train one network of chapter 5.2 on `digits.Pictures`: (network, History).

    observe: a function of (network, steps done), called every `every` steps; it chooses nothing,
    the last weights are kept. Raises as `training.fit`. Chapter: 8.5
    """
    (network,), history = train_together([pictures], steps, seed, observe, every)
    return network, history


def train_together(sets, steps, seed=0, observe=None, every=50):
    """As `train`, for several Pictures: (a network for each, side by side, History).

    observe: a function of (network, …, steps done). Raises as `training.fit`. Chapter: 8.5
    """
    from helpers.models import digits
    from helpers.models.ablation import BATCH, LEARNING_RATE
    from helpers.models.cnn import digit_cnn
    from helpers.training import fit, set_seed

    set_seed(seed)
    made = [digit_cnn(digits.FRAMES, digits.FRONT_END.n_mels) for _ in sets]
    calls = []

    def watch():  # ever larger, so that the last weights count as the best
        calls.append(min((len(calls) + 1) * every, steps))
        observe(*made, calls[-1])
        return calls[-1]

    history = fit(
        made,
        [digits.batches([one], size=BATCH) for one in sets],
        steps=steps,
        learning_rate=LEARNING_RATE,
        validate=watch if observe else None,
        every=every,
    )
    return made, history


def train_on_machines(power, labels, recipe, steps, seed=0):
    """Train a network to tell damaged from healthy: (network, History). Raises as `training.fit`.

    power (n, frames, n_mels), labels (n,) of 0 and 1; recipe as in `models.machines.RECIPES`.

    Chapter: 8.5
    """
    from helpers.models.cnn import digit_cnn
    from helpers.models.machines import machine_batches
    from helpers.training import fit, set_seed

    set_seed(seed)
    network = digit_cnn(power.shape[1], power.shape[2], classes=2)
    history = fit([network], [machine_batches(power, labels, recipe)], steps=steps)
    return network, history


def _of_people(clips):
    """What the results on people depend on, as JSON would give it back."""
    from helpers import shifts
    from helpers.models.ablation import BATCH, FULL, LEARNING_RATE
    from helpers.models.augmentation import FOR_VOICES

    return {
        "steps": STEPS,
        "batch, learning rate": [BATCH, LEARNING_RATE],
        "conditions": list(shifts.CONDITIONS),
        "noise lasts, rooms": [shifts.SECONDS, shifts.ROOMS],
        "temperature in": CHOSEN_IN,
        "augmentation": _plain(FULL),
        "for voices": _plain(FOR_VOICES),
        "data": clips.id,
    }


def _of_machines():
    """What the results on machines depend on, as JSON would give it back."""
    from helpers import machines
    from helpers.models.machines import RECIPES

    return {
        "steps": MACHINE_STEPS,
        "machines, clips, folds": [machines.MACHINES, machines.CLIPS, FOLDS],
        "fleet": FLEET,
        "recipes": {
            name: [_plain(r.front_end), _plain(r.augmentation)] for name, r in RECIPES.items()
        },
    }


def _plain(settings):
    return {k: np.array(v).tolist() for k, v in asdict(settings).items()}


def _run(kind, *arguments):
    runners = {
        "detectors": _detectors,
        "machines": _machines,
        "voices": _voices,
        "speaker": _speaker,
        "batches": _batches,
    }
    return runners[kind](*arguments)


# --- people --------------------------------------------------------------------------------------


class _Asked:
    """Pictures of some clips in each condition, and their labels."""

    def __init__(self, clips, conditions):
        from helpers.models.small import seen
        from helpers.shifts import shifted

        self.labels = clips.labels
        self.speakers = clips.speakers
        self.pictures = {c: seen(shifted(clips, c).audio) for c in conditions}

    def right(self, network, condition):
        """How many answers are right."""
        return sum(self.right_by_speaker(network, condition))

    def right_by_speaker(self, network, condition):
        """The same for each speaker, in alphabetical order: a list."""
        from helpers.models.small import answers

        hit = answers(network, self.pictures[condition]).argmax(axis=1) == self.labels
        return [int(hit[self.speakers == s].sum()) for s in np.unique(self.speakers)]


def _speaker(speaker):
    from helpers.datasets import load_digits
    from helpers.datasets.builtin_digits import load_practice_voices
    from helpers.models import ablation, digits
    from helpers.models.small import answers, seen
    from helpers.shifts import CONDITIONS

    began, clips = time.monotonic(), load_digits("real", quiet=True)
    other = clips.speakers == speaker
    lesson = digits.pictures(clips.subset(~other & (clips.takes >= 10)), ablation.FULL)
    asked = {
        "home": _Asked(clips.subset(~other & (clips.takes < 5)), CONDITIONS),
        "stranger": _Asked(clips.subset(other & (clips.takes < 25)), CONDITIONS),
    }
    known = clips.subset(~other & (clips.takes >= 5) & (clips.takes < 10))
    tuning = _Asked(known, (CONDITIONS[0], CHOSEN_IN))
    sample = clips.subset(~other & (clips.takes >= 10) & (clips.takes < 15))
    asked["training"] = _Asked(sample, CONDITIONS[:1])
    voices = load_practice_voices()
    voices = voices.subset(np.arange(0, len(voices), 13))
    voice_pictures = seen(voices.audio)
    right, curves, calibrated, synthetic, temperatures = {}, {}, {}, {}, {}
    for name, (variant, seed) in networks().items():
        detailed = name in ENDS
        curve = []

        def observe(network, step, curve=curve):
            curve.append([step, *(a.right(network, CONDITIONS[0]) for a in asked.values())])

        network, history = train(
            replace(lesson, augmentation=ablation.programme(variant)),
            STEPS,
            seed=seed,
            observe=observe if detailed else None,
            every=EVERY,
        )
        home, stranger = asked["home"], asked["stranger"]
        right[name] = {
            "home": {c: _text(home.right_by_speaker(network, c)) for c in CONDITIONS},
            "stranger": {c: stranger.right(network, c) for c in CONDITIONS},
        }
        if detailed:
            curves[variant] = {
                "columns": ["step", *asked],
                "rows": [" ".join(map(str, row)) for row in curve],
                "loss": [round(x, 3) for x in history.loss],
            }
            temperatures[variant], calibrated[variant] = _calibrated(network, tuning, asked)
            said = answers(network, voice_pictures).argmax(axis=1)
            synthetic[variant] = round(float(np.mean(said == voices.labels)), 4)
    return {
        "accuracy": round(
            right["all"]["stranger"][CONDITIONS[0]] / len(asked["stranger"].labels), 4
        ),
        "clips": {who: len(a.labels) for who, a in asked.items()},
        "heard": np.unique(asked["home"].speakers).tolist(),
        "right": right,
        "curves": curves,
        "temperatures": temperatures,
        "calibration": calibrated,
        "voices": synthetic,
        "seconds": round(time.monotonic() - began, 1),
    }


def _calibrated(network, tuning, asked):
    """Two temperatures with the errors they were fitted on; what `MEASURES` lists; boldness."""
    from helpers.metrics import expected_calibration_error, fit_temperature, softmax
    from helpers.models.small import answers

    fitted, errors = {}, {}
    for condition, pictures in tuning.pictures.items():
        z = answers(network, pictures)
        fitted[condition] = fit_temperature(z, tuning.labels)
        errors[condition] = int((z.argmax(axis=1) != tuning.labels).sum())

    def bold(p, labels):
        return 100 * float(p.max(axis=1).mean() - (p.argmax(axis=1) == labels).mean())

    def nats(p, labels):
        return -float(np.log(np.maximum(p[np.arange(len(labels)), labels], 1e-300)).mean())

    found = {"home": {}, "stranger": {}}
    home, stranger = asked["home"], asked["stranger"]
    for condition, pictures in home.pictures.items():
        p = softmax(answers(network, pictures))
        found["home"][condition] = _text(
            round(bold(p[home.speakers == s], home.labels[home.speakers == s]), 2)
            for s in np.unique(home.speakers)
        )
    for condition, pictures in stranger.pictures.items():
        z, labels = answers(network, pictures), stranger.labels
        plain, *others = (softmax(z, t) for t in (1.0, *fitted.values()))
        best = softmax(z, fit_temperature(z, labels))
        measured = [bold(plain, labels), *(nats(p, labels) for p in (plain, *others, best))]
        measured += [100 * expected_calibration_error(p, labels) for p in (plain, *others)]
        found["stranger"][condition] = _text(round(float(v), 3) for v in measured)
    return {c: [round(t, 3), errors[c]] for c, t in fitted.items()}, found


def _batches():
    """Medians, over rounds in alternation, of the time of a batch over that of a gradient."""
    from helpers.datasets import load_digits
    from helpers.models import ablation, digits, tf
    from helpers.models.cnn import digit_cnn

    clips = load_digits("real", quiet=True)
    lesson = digits.pictures(clips.subset(clips.takes < 10), ablation.FULL)
    variants = [v for v in ablation.VARIANTS if not v.startswith("all but")]
    tasks = {
        v: tf.function(
            digits.batches(
                [replace(lesson, augmentation=ablation.programme(v))], size=ablation.BATCH
            )
        )
        for v in variants
    }
    network = digit_cnn(digits.FRAMES, digits.FRONT_END.n_mels)
    inputs, labels = tasks["none"]()

    def gradient():
        with tf.GradientTape() as tape:
            z = network(inputs, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, z))
        return tape.gradient(loss, network.trainable_variables)

    tasks["gradient"] = tf.function(gradient)
    seconds = {name: [] for name in tasks}
    for number in range(ROUNDS + 1):  # the first traces the graphs
        for name, task in tasks.items():
            began = time.perf_counter()
            for _ in range(3):
                task()[0].numpy()
            if number:
                seconds[name].append(time.perf_counter() - began)
    ratios = {v: np.divide(seconds[v], seconds["gradient"]) for v in variants}
    return {"time": {v: round(float(np.median(r)), 3) for v, r in ratios.items()}}


def _voices(seed):
    """Networks that hear voices only: without augmentation, with the seven, with FOR_VOICES."""
    from helpers.datasets import load_digits
    from helpers.datasets.builtin_digits import load_practice_voices
    from helpers.models import ablation, digits
    from helpers.models.augmentation import FOR_VOICES, NONE
    from helpers.models.small import answers, seen

    voices, clips = load_practice_voices(), load_digits("real", quiet=True)
    names = np.unique(voices.speakers)
    away = np.isin(voices.speakers, names[5::6])
    lesson = digits.pictures(voices.subset(np.flatnonzero(~away)[::3]), NONE)
    unheard = voices.subset(np.flatnonzero(away)[::3])
    unheard_pictures = seen(unheard.audio)
    clips = clips.subset(clips.takes < 25)
    people_pictures = seen(clips.audio)
    people, strangers = {}, {}
    for variant, settings in (("none", NONE), ("all", ablation.FULL), ("strong", FOR_VOICES)):
        network, _ = train(replace(lesson, augmentation=settings), STEPS, seed=seed)
        right = answers(network, people_pictures).argmax(axis=1) == clips.labels
        people[variant] = {
            str(s): round(100 * float(right[clips.speakers == s].mean()), 2)
            for s in np.unique(clips.speakers)
        }
        said = answers(network, unheard_pictures).argmax(axis=1)
        strangers[variant] = round(100 * float(np.mean(said == unheard.labels)), 2)
    return {"people": people, "unheard voices": strangers}


# --- machines ------------------------------------------------------------------------------------


def _detectors():
    """Areas of `DETECTORS`; "normal only" on the second half, since it knows clips of the first."""
    from helpers import machines

    clips = machines.make(seed=FLEET)
    later = clips.takes >= machines.CLIPS // 2
    scores = detectors(clips, later)
    heard = np.ones(len(clips), bool)
    found = _areas({n: s for n, s in scores.items() if n != "normal only"}, clips, heard)
    for what, values in _areas({"normal only": scores["normal only"]}, clips, later).items():
        found[what] |= values
    return found


def _machines(seed=0):
    """Every recipe on every group of machines that were left out; how it fits the others."""
    from helpers import machines
    from helpers.models.machines import RECIPES, damage_scores, powers

    clips = machines.make(seed=FLEET)
    scores, fit, began = {}, {}, time.monotonic()
    for name, recipe in RECIPES.items():
        power = powers(clips, recipe.front_end)
        scores[name], fit[name] = np.zeros(len(clips)), []
        for fold in range(FOLDS):
            away = clips.machines % FOLDS == fold
            network, _ = train_on_machines(
                power[~away], clips.labels[~away], recipe, MACHINE_STEPS, seed
            )
            every = damage_scores(network, power)
            scores[name][away] = every[away]
            fit[name].append(round(metrics.auc(every[~away], clips.labels[~away] == 1), 4))
    seconds = round(time.monotonic() - began, 1)
    heard = np.ones(len(clips), bool)
    return {**_areas(scores, clips, heard), "training": fit, "seconds": seconds}


def _areas(scores, clips, chosen):
    """Areas by machine, and of all machines under one threshold."""
    return {
        "areas": {name: _text(areas_by_machine(s, clips, chosen)) for name, s in scores.items()},
        "together": {
            name: round(metrics.auc(s[chosen], clips.labels[chosen] == 1), 4)
            for name, s in scores.items()
        },
    }


if __name__ == "__main__":
    sys.exit(main())
