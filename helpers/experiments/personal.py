"""What a few clips of a person are worth: `python -m helpers.experiments.personal`.

For chapter 8.2, on the Free Spoken Digit Dataset. A network learns from five speakers (takes 0 to
39) and built-in voices; the sixth is the new person. From clips of theirs (takes 0 to 19) it is
adapted in several ways, and asked about takes 25 to 49; what it forgets shows on takes 45 to 49 of
the five. Learning rates are chosen on the neighbour in the alphabet, on networks that heard
neither; then each speaker is the new person once for each of two seeds. Runs are written to
results/personal.json as they finish; a run on file is not repeated. About three minutes a run on
one core.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, replace

import numpy as np

from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options
from helpers.experiments.recogniser import partners

STEPS = 1000
LESSONS = 120
SEEDS = (0, 1)
RANK = 8
REHEARSAL = 0.5
IN_ALL = (1, 2, 4, 7, 10)
PER_CLASS = (1, 2, 3, 5, 10)
SIZES = tuple(f"{n} in all" for n in IN_ALL) + tuple(f"{n} a class" for n in PER_CLASS)
"""How many clips: of whatever was said, then of each digit."""

WAYS = {
    "full": ("full", 0.0),
    "full, rehearsing": ("full", REHEARSAL),
    "low rank": ("low rank", 0.0),
    "low rank, rehearsing": ("low rank", REHEARSAL),
    "last layer": ("last layer", 0.0),
    "norms": ("norms", 0.0),
}
"""{name: (kind of change, share of rehearsal)}."""

TWO_SIZES = ("10 in all", "5 a class")
TRIED = {
    "full": ("1 in all", "10 in all", "1 a class", "5 a class"),
    "full, rehearsing": SIZES,
    "low rank, rehearsing": SIZES,
}
"""With which sizes a way is tried; the others with two."""

RATES = {
    "full": (1e-3, 3e-3),
    "low rank": (3e-3, 1e-2),
    "last layer": (1e-2, 3e-2),
    "norms": (1e-2, 3e-2),
}
"""Learning rates to choose from."""

PRIORS = (1, 5, 25)
"""To choose from: how many clips of the new person the old mean of a class counts as."""


def plan(speakers):
    """{name: (speaker or pair, seed)} of all runs, tuning first. Chapter: 8.2"""
    pairs = sorted({tuple(sorted(pair)) for pair in partners(speakers).items()})
    runs = {f"tune without {a} and {b}": ((a, b), 0) for a, b in pairs}
    for seed in SEEDS:
        runs |= {f"new {s}, seed {seed}": ((s,), seed) for s in speakers}
    return runs


def chosen(record, speaker):
    """{"full": learning rate, …, "class means": prior} for a speaker, decided by the neighbour.

    The highest accuracy on the neighbour with five clips a class, among those by which the other
    people lose one point at most, the smaller at a tie. Chapter: 8.2
    """
    tunings = [r for name, r in record["runs"].items() if name.startswith("tune")]
    speakers = [s for run in tunings for s in run["tried"]]
    partner = partners(speakers)[speaker]
    tried = next(run["tried"][partner] for run in tunings if partner in run["tried"])
    best = {}
    for kind, results in tried.items():
        kept = {k: v for k, v in results.items() if v[1] >= -1.0} or results
        best[kind] = float(max(kept, key=lambda k: (kept[k][0], -float(k))))
    return best


def draws(labels, seed):
    """{size: indices into a person's clips}, nested within "in all" and within "a class".

    labels (n,): of the clips that the person could give. Chapter: 8.2
    """
    rng = np.random.default_rng([82, seed])
    said = rng.permutation(len(labels))
    found = {f"{n} in all": said[:n] for n in IN_ALL}
    order = [rng.permutation(np.flatnonzero(labels == d)) for d in range(10)]
    for n in PER_CLASS:
        found[f"{n} a class"] = np.concatenate([one[:n] for one in order])
    return found


def points(record, way, size, what="new"):
    """{speaker: points}, the mean over seeds, as measured by the runs on file.

    `what`: "new", the accuracy on the speaker as the new person in %; "others", the change of the
    accuracy on the other people, in percentage points. `way` "base": before anything was learnt
    (`size` is ignored). Raises KeyError while runs are missing, or for a size not tried.

    Chapter: 8.2
    """
    place = ("new", "others").index(what)
    names = [name for name in record["runs"] if name.startswith("new ")]
    speakers = sorted({name.split(",")[0].removeprefix("new ") for name in names})
    found = {}
    for speaker in speakers:
        values = []
        for seed in SEEDS:
            run = record["runs"][f"new {speaker}, seed {seed}"]
            right = run["base"] if way == "base" else run["adapted"][way][size]
            gained = right[place] - (run["base"][place] if what == "others" else 0)
            values.append(100 * gained / run["clips"][place])
        found[speaker] = float(np.mean(values))
    return found


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("personal", __doc__, arguments)

    from helpers.datasets import load_digits
    from helpers.datasets.builtin_digits import load_practice_voices

    clips, voices = load_digits("real"), load_practice_voices()
    settings = _settings(clips, voices)
    record = load_results("personal", __doc__)
    runs = plan(sorted(set(map(str, clips.speakers))))
    todo = missing(record, runs, settings, asked.only)
    tuning = {name: job for name, job in todo.items() if name.startswith("tune")}
    do_runs(_tune, tuning, record, "personal", settings, asked.workers)
    jobs = {
        name: (*job, chosen(record, job[0][0]))
        for name, job in todo.items()
        if not name.startswith("tune")
    }
    do_runs(_run, jobs, record, "personal", settings, asked.workers)
    finish(record, runs, "personal", __doc__)
    return 0


def _settings(clips, voices):
    """What the results depend on, as JSON would give it back."""
    from helpers.models.adapters import FOR_ONE
    from helpers.models.augmentation import FOR_PEOPLE, FOR_VOICES
    from helpers.models.cnn import CHANNELS

    used = {"one person": FOR_ONE, "people": FOR_PEOPLE, "voices": FOR_VOICES}
    return {
        "steps": STEPS,
        "lessons": LESSONS,
        "rank": RANK,
        "rehearsal": REHEARSAL,
        "channels": list(CHANNELS),
        "augmentation": {
            name: {k: np.array(v).tolist() for k, v in asdict(one).items()}
            for name, one in used.items()
        },
        "rates": {k: list(v) for k, v in RATES.items()},
        "data": [clips.id, voices.id],
    }


class _Person:
    """A network that has not heard `away`, and what is needed to adapt it to one of them."""

    def __init__(self, away, seed):
        from helpers.datasets import load_digits
        from helpers.datasets.builtin_digits import load_practice_voices
        from helpers.models import adapters, digits, keras
        from helpers.training import train_recogniser

        self.clips = load_digits("real", quiet=True)
        stranger = np.isin(self.clips.speakers, away)
        known = self.clips.subset(~stranger & (self.clips.takes < 40))
        model, _ = train_recogniser(
            known, load_practice_voices(), steps=STEPS, seed=seed, jury=1, extra_share=0.5
        )
        self.network = next(x for x in model.layers if isinstance(x, keras.Model))
        self.others = self.clips.subset(~stranger & (self.clips.takes >= 45))
        self.known = digits.pictures(known)
        self.means = adapters.ClassMeans(self.network, known.subset(known.takes < 10))
        self.others_seen = adapters.looks(self.others)

    def meet(self, speaker):
        from helpers.models import adapters, digits

        mine = self.clips.speakers == speaker
        self.pool = self.clips.subset(mine & (self.clips.takes < 20))
        self.test = self.clips.subset(mine & (self.clips.takes >= 25))
        self.pictures = digits.pictures(self.pool)
        self.test_seen = adapters.looks(self.test)
        self.base = self.right(self.network)

    def right(self, network):
        """[right answers on the new person, on the others]."""
        from helpers.models.adapters import opinions

        pairs = ((self.test_seen, self.test), (self.others_seen, self.others))
        return [int((opinions(network, x).argmax(1) == c.labels).sum()) for x, c in pairs]

    def points(self, right):
        """[accuracy on the new person, change for the others], in points."""
        changed = 100 * (right[1] - self.base[1]) / len(self.others)
        return [round(100 * right[0] / len(self.test), 2), round(changed, 2)]

    def some(self, chosen, labels=None):
        p = self.pictures
        labels = p.labels[chosen] if labels is None else labels.astype(np.int32)
        return replace(p, power=p.power[chosen], lengths=p.lengths[chosen], labels=labels)

    def tutor(self, way, **options):
        from helpers.models import adapters

        kind, rehearsal = WAYS[way]
        change = adapters.Change(self.network, kind, RANK)
        return adapters.Tutor(change, rehearsal=rehearsal, **options)

    def taught(self, tutor, chosen, rate, seed, labels=None):
        tutor.teach(
            self.some(chosen, labels), self.known, steps=LESSONS, learning_rate=rate, seed=seed
        )
        return self.right(tutor.change)

    def by_means(self, chosen, prior):
        """[right, right] of the nearest mean, the new person's clips mixed with the old."""
        self.means.adapt(self.pool.subset(chosen), prior)
        return [int((self.means.answers(c) == c.labels).sum()) for c in (self.test, self.others)]


def _tune(pair, seed):
    person, tried = _Person(pair, seed), {}
    for speaker in pair:
        person.meet(speaker)
        five = draws(person.pool.labels, seed)["5 a class"]
        tried[speaker] = {}
        for kind, rates in RATES.items():
            way = kind if f"{kind}, rehearsing" not in WAYS else f"{kind}, rehearsing"
            tutor = person.tutor(way)
            tried[speaker][kind] = {
                f"{r:g}": person.points(person.taught(tutor, five, r, seed)) for r in rates
            }
        tried[speaker]["class means"] = {
            f"{p:g}": person.points(person.by_means(five, p)) for p in PRIORS
        }
    return {"tried": tried}


def _run(away, seed, rates):
    person, (speaker,) = _Person(away, seed), away
    person.meet(speaker)
    sizes = draws(person.pool.labels, seed)
    adapted, numbers, seconds = {}, {}, []
    for way, (kind, _) in WAYS.items():
        tutor = person.tutor(way)
        numbers[kind] = tutor.change.size
        adapted[way] = {}
        for size in TRIED.get(way, TWO_SIZES):
            began = time.monotonic()
            adapted[way][size] = person.taught(tutor, sizes[size], rates[kind], seed)
            seconds.append(time.monotonic() - began)
        if way == "low rank, rehearsing":
            adapted["own guesses"], adapted["least sure"] = _asked_less(
                person, tutor, sizes, rates[kind], seed
            )
    spoilt = person.tutor("full", training=True)
    adapted["batch statistics"] = {
        size: person.taught(spoilt, sizes[size], rates["full"], seed) for size in TWO_SIZES
    }
    adapted["class means"] = {
        size: person.by_means(sizes[size], rates["class means"]) for size in SIZES
    }
    return {
        "accuracy": round(person.base[0] / len(person.test), 5),
        "base": person.base,
        "adapted": adapted,
        "clips": [len(person.test), len(person.others)],
        "numbers": numbers,
        "chosen": rates,
        "seconds": round(float(np.median(seconds)), 2),
    }


def _asked_less(person, tutor, sizes, rate, seed):
    """Adapted to five clips a class labelled by the network; to the ten it is least sure of."""
    from helpers.models.adapters import looks, opinions

    logits = opinions(person.network, looks(person.pool))
    five, unsure = sizes["5 a class"], np.argsort(logits.max(axis=1))[:10]
    guesses = logits[five].argmax(axis=1)
    return (
        {
            "5 a class": person.taught(tutor, five, rate, seed, guesses),
            "wrong": int((guesses != person.pool.labels[five]).sum()),
        },
        {"10 in all": person.taught(tutor, unsure, rate, seed)},
    )


if __name__ == "__main__":
    sys.exit(main())
