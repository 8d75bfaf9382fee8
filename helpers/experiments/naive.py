"""The naive recogniser as found, at full size: `python -m helpers.experiments.naive`.

128 × 128 pictures, 16.3 million parameters, ten epochs, trained and tested on all clips in three
ways: a random fifth held out, the official split, and each speaker held out in turn. Every run is
written to results/naive.json as soon as it is done; a run that is on file is not repeated, so the
command can be stopped and started again. About two minutes a run on two cores, 2.5 GB of memory.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from helpers.experiments import _record

RESULTS = _record.FOLDER / "naive.json"
SIZE, EPOCHS, SEED, FRACTION = 128, 10, 0, 0.2


def splits(clips):
    """{name: (train, test)} of every run, int64 index arrays: random, official, one per speaker.

    The official split is left out where the set has none. Chapter: 5.1
    """
    from helpers.datasets import by_speaker, official_split, random_split

    found = {"random": random_split(len(clips), FRACTION, SEED)}
    if clips.takes is not None:
        found["official"] = official_split(clips)
    if len(np.unique(clips.speakers)) <= 10:
        for speaker in np.unique(clips.speakers):
            found[f"without {speaker}"] = by_speaker(clips, str(speaker))
    return found


def load_results(path=RESULTS):
    """What is on file: {"about": …, "runs": {name: run}}, no runs if there is no file.

    A run has `accuracy` and `by_speaker` ({speaker: [right, clips]}), both of the test clips, and
    `train`, `test`, `seconds`, `settings`, `date`, `commit`, `machine`.

    Raises ValueError if the file is damaged. Chapter: 5.1
    """
    return _record.load_results(path, __doc__)


def settings_of(clips):
    """What a run depends on; a run on file counts if it was made with the same. Chapter: 5.1"""
    return {
        "source": clips.source,
        "data": clips.id,
        "size": SIZE,
        "epochs": EPOCHS,
        "seed": SEED,
        "precision": "float32",
    }


def missing(record, names, settings):
    """Those of the runs `names` that are not on file with these settings, a list. Chapter: 5.1"""
    return [n for n in names if record["runs"].get(n, {}).get("settings") != settings]


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.experiments.naive",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="where to write the results")
    output = parser.parse_args(arguments).output

    from helpers.datasets import load_digits

    clips = load_digits()
    settings, parts, record = settings_of(clips), splits(clips), load_results(output)
    todo = missing(record, parts, settings)
    print(f"{len(parts) - len(todo)} of {len(parts)} runs are on file in {output.name}.")
    if not todo:
        return 0

    from helpers.models import naive

    x = naive.pictures(clips.audio, clips.sample_rate, SIZE)
    for name in todo:
        run = _run(naive, x, clips, *parts[name])
        record["runs"][name] = {**run, "settings": settings, **_record.provenance()}
        record["runs"] = {n: record["runs"][n] for n in parts if n in record["runs"]}
        _record.write_results(record, output)
        print(f"{name}: {run['accuracy']:.1%} of {run['test']} clips, {run['seconds']} s")
    return 0


def _run(naive, x, clips, train, test):
    start = time.monotonic()
    model = naive.fit(x[train], clips.labels[train], epochs=EPOCHS, seed=SEED)
    right = naive.probabilities(model, x[test]).argmax(axis=1) == clips.labels[test]
    speakers = clips.speakers[test]
    return {
        "accuracy": round(float(right.mean()), 4),
        "by_speaker": {
            str(s): [int(right[speakers == s].sum()), int((speakers == s).sum())]
            for s in np.unique(speakers)
        },
        "train": len(train),
        "test": len(test),
        "parameters": int(model.count_params()),
        "seconds": round(time.monotonic() - start),
    }


if __name__ == "__main__":
    sys.exit(main())
