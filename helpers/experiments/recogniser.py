"""How good the recogniser of chapter 5.2 is: `python -m helpers.experiments.recogniser`.

Three questions, three seeds each, on the Free Spoken Digit Dataset. Trained on five speakers, how
well does it know the sixth (nested: whether built-in voices join the training is decided for each
test speaker by a validation speaker among the other five; the test speaker is scored once for each
seed)? How well does it do on the official split? And trained on built-in voices alone, how many
human digits does it know? Runs are written to results/recogniser.json as they finish; a run on
file is not repeated. About half a minute a run on two cores.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

import numpy as np

from helpers.experiments._record import load_results, provenance, write_results

STEPS = 1500
SEEDS = (0, 1, 2)
SHARES = (0.0, 0.3)
"""The two candidates: no built-in voices, or three in ten of each batch."""


def plan(speakers):
    """{name: (kind, test speaker, validation speaker, share, seed)} of all runs but the final ones.

    The validation speaker of each test speaker is the next one in the alphabet. Chapter: 5.2
    """
    runs = {}
    for i, test in enumerate(speakers):
        validation = speakers[(i + 1) % len(speakers)]
        for share in SHARES:
            runs[f"tune for {test}, share {share}"] = ("tune", test, validation, share, 0)
    for seed in SEEDS:
        runs[f"official, seed {seed}"] = ("official", None, None, SHARES[1], seed)
        runs[f"built-in voices only, seed {seed}"] = ("built-in", None, None, 1.0, seed)
        for test in speakers:
            runs[f"without {test}, seed {seed}"] = ("held out", test, None, None, seed)
    return runs


def chosen_share(record, test):
    """The share that did best on the validation speaker of `test`. Chapter: 5.2"""
    return max(SHARES, key=lambda s: record["runs"][f"tune for {test}, share {s}"]["accuracy"])


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
    runs = record["runs"].values()
    one = max(runs, key=lambda run: run["date"])
    return "\n".join(
        [
            *rows,
            "",
            f"Means of {len(SEEDS)} seeds. On the official split, where every speaker is known "
            f"already: {official['mean']:.2f} % ({official['low']:.2f} to {official['high']:.2f} "
            f"over seeds). {one['parameters']:,} parameters, {one['settings']['steps']} steps; "
            f"{min(r['seconds'] for r in runs):.0f} to {max(r['seconds'] for r in runs):.0f} s of "
            f"training a run. Measured {one['date']}, commit "
            f"`{one['commit']}`, {one['machine']}, {one['versions']}.",
        ]
    )


def _of(run, speaker):
    right, clips = run["by_speaker"][speaker]
    return 100 * right / clips


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.experiments.recogniser",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)

    from helpers.datasets import load_digits
    from helpers.models.augmentation import Augmentation
    from helpers.models.cnn import CHANNELS

    clips, voices = load_digits("real"), load_digits("builtin")
    settings = {
        "steps": STEPS,
        "channels": list(CHANNELS),
        "augmentation": {k: list(np.atleast_1d(v)) for k, v in asdict(Augmentation()).items()},
        "data": [clips.id, voices.id],
    }
    settings["augmentation"] = {
        k: [float(x) for x in v] for k, v in settings["augmentation"].items()
    }
    record = load_results("recogniser", __doc__)
    for name, run in plan(sorted(set(map(str, clips.speakers)))).items():
        if record["runs"].get(name, {}).get("settings") == settings:
            continue
        kind, test, validation, share, seed = run
        share = chosen_share(record, test) if kind == "held out" else share
        result = _run(clips, voices, kind, test, validation, share, seed)
        record["runs"][name] = {**result, "settings": settings, **provenance()}
        write_results(record, "recogniser")
        print(f"{name}: {result['accuracy']:.2%}, {result['seconds']:.0f} s", flush=True)
    for question, figures in summary(record).items():
        print(f"{question}: {figures['mean']:.2f} ({figures['low']:.2f} to {figures['high']:.2f})")
    return 0


def _run(clips, voices, kind, test, validation, share, seed):
    from helpers.datasets import official_split
    from helpers.models.digits import logits_of
    from helpers.training import train_recogniser

    if kind == "official":
        train, scored = (clips.subset(i) for i in official_split(clips))
    elif kind == "built-in":
        train, scored = voices, clips
    else:
        train = clips.subset((clips.speakers != test) & (clips.speakers != validation))
        scored = clips.subset(clips.speakers == (validation if kind == "tune" else test))
    extra = voices if 0 < share < 1 else None
    model, history = train_recogniser(
        train, extra, steps=STEPS, seed=seed, extra_share=share if extra is not None else 0.0
    )
    right = logits_of(model, scored).argmax(axis=1) == scored.labels
    return {
        "accuracy": round(float(right.mean()), 5),
        "by_speaker": {
            str(s): [int(right[scored.speakers == s].sum()), int((scored.speakers == s).sum())]
            for s in np.unique(scored.speakers)
        },
        "train": len(train),
        "share": share,
        "parameters": int(model.count_params()),
        "seconds": round(history.seconds, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
