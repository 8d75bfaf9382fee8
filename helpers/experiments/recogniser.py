"""How good the recogniser of chapter 5.2 is: `python -m helpers.experiments.recogniser`.

Three questions, three seeds each, on the Free Spoken Digit Dataset. Trained on five speakers, how
well does it know the sixth? How well does it do on the official split? And trained on built-in
voices alone, how many human digits does it know?

The first two are nested: which of two recipes is used is decided without the test. For a test
speaker by another one, the validation speaker, on networks that heard neither; for the official
split by takes 5 to 9, on networks that heard only later takes. Then the network is trained anew and
the test is scored once for each seed. Runs are written to results/recogniser.json as they finish; a
run on file is not repeated. About a minute a run on one core.
"""

from __future__ import annotations

import sys
from dataclasses import asdict

import numpy as np

from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options, provenance_of, scored

STEPS = 1500
SEEDS = (0, 1, 2)
RECIPES = {"a quarter voices": 0.25, "half voices": 0.5}
"""The candidates: how much of each batch is built-in voices; the rest is people."""


def partners(speakers):
    """{test speaker: validation speaker}: neighbours in the alphabet decide for each other.

    Raises ValueError for an odd number of speakers. Chapter: 5.2
    """
    if len(speakers) % 2:
        raise ValueError(f"{len(speakers)} speakers cannot be paired: give an even number")
    ordered = sorted(speakers)
    return {s: ordered[i + 1 if i % 2 == 0 else i - 1] for i, s in enumerate(ordered)}


def plan(speakers):
    """{name: (kind, test speaker, validation speaker, recipe, seed)} of all runs, tuning first.

    The recipe is None where tuning decides. Chapter: 5.2
    """
    runs = {}
    for recipe in RECIPES:
        for test, validation in partners(speakers).items():
            if test < validation:
                name = f"tune without {test} and {validation}: {recipe}"
                runs[name] = ("tune", test, validation, recipe, 0)
        runs[f"tune on takes 5 to 9: {recipe}"] = ("tune official", None, None, recipe, 0)
    for seed in SEEDS:
        runs[f"built-in voices only, seed {seed}"] = ("built-in", None, None, None, seed)
        runs[f"official, seed {seed}"] = ("official", None, None, None, seed)
        for test in speakers:
            runs[f"without {test}, seed {seed}"] = ("held out", test, None, None, seed)
    return runs


def chosen_recipe(record, test=None):
    """The recipe that did best on the validation speaker of `test`; None: on takes 5 to 9.

    Chapter: 5.2
    """
    runs = record["runs"]
    if test is None:
        return max(RECIPES, key=lambda r: runs[f"tune on takes 5 to 9: {r}"]["accuracy"])
    speakers = runs[f"tune on takes 5 to 9: {next(iter(RECIPES))}"]["by_speaker"]
    partner = partners(speakers)[test]
    pair = " and ".join(sorted((test, partner)))
    return max(RECIPES, key=lambda r: _of(runs[f"tune without {pair}: {r}"], partner))


def summary(record):
    """Figures of the results file, in per cent: {question: {"mean", "low", "high", …}}.

    Over speakers, each the mean of its seeds, with Student's 95 % interval; the official split
    with the lowest and highest of its seeds. Raises KeyError while runs are missing.

    Chapter: 5.2
    Source: [student1908probable]
    """
    from helpers.verdict import interval

    runs = record["runs"]
    speakers = sorted(runs["built-in voices only, seed 0"]["by_speaker"])
    found = {}
    held = [
        np.mean([100 * runs[f"without {s}, seed {k}"]["accuracy"] for k in SEEDS]) for s in speakers
    ]
    alone = [
        np.mean([_of(runs[f"built-in voices only, seed {k}"], s) for k in SEEDS]) for s in speakers
    ]
    for name, values in (("held out", held), ("built-in only", alone)):
        low, high = interval(values)
        found[name] = {
            "mean": float(np.mean(values)),
            "low": low,
            "high": high,
            "by_speaker": dict(zip(speakers, map(float, values), strict=True)),
        }
    official = [100 * runs[f"official, seed {k}"]["accuracy"] for k in SEEDS]
    found["official"] = {
        "mean": float(np.mean(official)),
        "low": min(official),
        "high": max(official),
    }
    return found


def table(record=None):
    """The results file as a Markdown table with its date, commit and machine; a str.

    `record` is what `load_results` gives; None reads the file. While runs are missing it says how
    many are there. Chapter: 5.2
    """
    record = load_results("recogniser") if record is None else record
    try:
        found = summary(record)
    except KeyError:
        return f"The evaluation is not complete: {len(record['runs'])} runs are on file."
    held, alone, official = found["held out"], found["built-in only"], found["official"]
    rows = [
        "| test speaker | trained on the other five (%) | trained on built-in voices only (%) |",
        "|---|---:|---:|",
    ]
    rows += [
        f"| {s} | {held['by_speaker'][s]:.1f} | {alone['by_speaker'][s]:.1f} |"
        for s in held["by_speaker"]
    ]
    rows += [
        f"| **mean of six** | **{held['mean']:.1f}** | **{alone['mean']:.1f}** |",
        f"| 95 % interval over speakers | {held['low']:.1f} to {held['high']:.1f} "
        f"| {alone['low']:.1f} to {alone['high']:.1f} |",
    ]
    spread = f"{official['low']:.2f} to {official['high']:.2f} over seeds"
    if official["low"] == official["high"]:
        spread = "the same with each seed"
    runs = list(record["runs"].values())
    return "\n".join(
        [
            *rows,
            "",
            f"Means of {len(SEEDS)} seeds. On the official split, where every speaker is known "
            f"already: {official['mean']:.2f} % ({spread}). "
            f"{runs[-1]['parameters']:,} parameters, {runs[-1]['settings']['steps']} steps; "
            f"{min(r['seconds'] for r in runs):.0f} to {max(r['seconds'] for r in runs):.0f} s of "
            f"training a run, on one core. {provenance_of(runs)}",
        ]
    )


def _of(run, speaker):
    right, clips = run["by_speaker"][speaker]
    return 100 * right / clips


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("recogniser", __doc__, arguments)

    from helpers.datasets import load_digits
    from helpers.datasets.builtin_digits import load_practice_voices

    clips, voices = load_digits("real"), load_practice_voices()
    settings = _settings(clips, voices)
    record = load_results("recogniser", __doc__)
    runs = plan(sorted(set(map(str, clips.speakers))))
    todo = missing(record, runs, settings, asked.only)
    for tuning in (True, False):
        jobs = {}
        for name, (kind, test, validation, recipe, seed) in todo.items():
            if kind.startswith("tune") != tuning:
                continue
            if kind in ("held out", "official"):
                recipe = chosen_recipe(record, test)
            jobs[name] = (kind, test, validation, recipe, seed)
        do_runs(_run, jobs, record, "recogniser", settings, asked.workers)
    finish(record, runs, "recogniser", __doc__)
    print(table(record))
    return 0


def _settings(clips, voices):
    """What the results depend on, as JSON would give it back."""
    from helpers.models.augmentation import FOR_PEOPLE, FOR_VOICES
    from helpers.models.cnn import CHANNELS
    from helpers.models.digits import THROATS

    return {
        "steps": STEPS,
        "channels": list(CHANNELS),
        "throats": list(THROATS),
        "for people": {k: np.array(v).tolist() for k, v in asdict(FOR_PEOPLE).items()},
        "for voices": {k: np.array(v).tolist() for k, v in asdict(FOR_VOICES).items()},
        "data": [clips.id, voices.id],
    }


def _run(kind, test, validation, recipe, seed):
    from helpers.datasets import load_digits, official_split
    from helpers.datasets.builtin_digits import load_practice_voices
    from helpers.training import train_recogniser

    clips, voices = load_digits("real", quiet=True), load_practice_voices()
    share = RECIPES[recipe] if recipe else None
    if kind == "built-in":
        train, heard = voices, clips
    elif kind == "tune official":
        train = clips.subset(clips.takes >= 10)
        heard = clips.subset((clips.takes >= 5) & (clips.takes < 10))
    elif kind == "official":
        train, heard = (clips.subset(i) for i in official_split(clips))
    else:
        away = [test] if validation is None else [test, validation]
        train = clips.subset(~np.isin(clips.speakers, away))
        heard = clips.subset(np.isin(clips.speakers, away))
    model, history = train_recogniser(
        train, voices if share else None, steps=STEPS, seed=seed, extra_share=share or 0.0
    )
    return {
        **scored(model, heard),
        "train": len(train),
        "recipe": recipe or "voices",
        "parameters": int(model.count_params()),
        "seconds": round(history.seconds, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
