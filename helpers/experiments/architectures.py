"""How good the three architectures of Part 4 are: `python -m helpers.experiments.architectures`.

A convolutional network, a GRU and a Transformer of at most 50 000 parameters each recognise spoken
digits of the Free Spoken Digit Dataset. All three have the same front end, recordings, splits,
augmentation, batches and number of steps; two networks of a kind are trained side by side and asked
together. Trained on five speakers, how well does each know the sixth? How well does each do on the
official split, where every speaker is known already? Three seeds.

Sizes, learning rates and the number of steps were chosen on networks that had heard neither george
nor jackson, scored on these two; the other four speakers decided nothing. Runs are written to
results/architectures.json as they finish; a run on file is not repeated. About a minute and a half
a run on one core, an hour and a half in all.
"""

from __future__ import annotations

import sys
from dataclasses import asdict

import numpy as np

from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options, provenance_of, scored

STEPS = 1600
SEEDS = (0, 1, 2)
LEARNING_RATES = {"CNN": 3e-3, "GRU": 4e-3, "Transformer": 2e-3}
VOICES_SHARE = 0.25
"""How much of each batch is built-in voices; the rest is people."""

CHOSEN_ON = ("george", "jackson")
"""The speakers whose accuracy chose sizes and learning rates."""


def builder(architecture):
    """What makes one network, (frames, n_mels) → keras.Model; raises ValueError for another name.

    Chapter: 4.1
    """
    from helpers.models.cnn import digit_cnn
    from helpers.models.rnn import digit_gru
    from helpers.models.transformer import digit_transformer

    builders = {"CNN": digit_cnn, "GRU": digit_gru, "Transformer": digit_transformer}
    if architecture not in builders:
        raise ValueError(f"architecture is {architecture!r}; give one of {', '.join(builders)}")
    return builders[architecture]


def train(architecture, clips, voices=None, *, steps=STEPS, seed=0):
    """Train two networks of one architecture on Clips as Part 4 does: (model, History).

    `voices`: more Clips, the built-in ones, that make up a quarter of each batch. Raises as
    `builder` and `helpers.training.train_recogniser`.

    Chapter: 4.1
    """
    from helpers.training import train_recogniser

    return train_recogniser(
        clips,
        voices,
        build=builder(architecture),
        steps=steps,
        seed=seed,
        extra_share=VOICES_SHARE,
        learning_rate=LEARNING_RATES[architecture],
    )


def plan(speakers):
    """{name: (architecture, test speaker or None for the official split, seed)} of all runs.

    Chapter: 4.1
    """
    return {
        f"{architecture}, {f'without {test}' if test else 'official'}, seed {seed}": (
            architecture,
            test,
            seed,
        )
        for seed in SEEDS
        for architecture in LEARNING_RATES
        for test in (*speakers, None)
    }


def summary(record):
    """Figures of the results file, in per cent: {architecture: {"mean", "low", "high", …}}.

    "by_speaker": {test speaker: mean over seeds}, "spread": the largest range over seeds of one
    speaker, "mean", "low", "high": over speakers with Student's 95 % interval, "others": the mean
    over those who chose nothing, "official": [each seed], "seconds": [each run], "parameters".
    Raises KeyError while runs are missing.

    Chapter: 4.1
    Source: [student1908probable]
    """
    from helpers.verdict import interval

    runs = record["runs"]
    speakers = sorted(runs["CNN, official, seed 0"]["by_speaker"])
    found = {}
    for architecture in LEARNING_RATES:
        grid = np.array(
            [
                [100 * runs[f"{architecture}, without {s}, seed {k}"]["accuracy"] for k in SEEDS]
                for s in speakers
            ]
        )
        means = grid.mean(axis=1)
        low, high = interval(means)
        names = [n for n in plan(speakers) if n.startswith(f"{architecture},")]
        found[architecture] = {
            "by_speaker": dict(zip(speakers, map(float, means), strict=True)),
            "spread": float(np.max(np.ptp(grid, axis=1))),
            "mean": float(means.mean()),
            "low": low,
            "high": high,
            "others": float(means[[s not in CHOSEN_ON for s in speakers]].mean()),
            "official": [
                100 * runs[f"{architecture}, official, seed {k}"]["accuracy"] for k in SEEDS
            ],
            "seconds": [runs[n]["seconds"] for n in names],
            "parameters": runs[names[0]]["parameters"],
        }
    return found


def table(record=None):
    """The results file as a Markdown table with its date, commit and machine; a str.

    `record` is what `load_results` gives; None reads the file. While runs are missing it says how
    many are there. Chapter: 4.1
    """
    record = load_results("architectures") if record is None else record
    try:
        found = summary(record)
    except KeyError:
        return f"The evaluation is not complete: {len(record['runs'])} runs are on file."
    speakers = found["CNN"]["by_speaker"]

    def row(title, written):
        return f"| {title} | " + " | ".join(written(f) for f in found.values()) + " |"

    rows = [
        "| test speaker | " + " | ".join(f"{a} (%)" for a in found) + " |",
        "|---|" + "---:|" * len(found),
        *(
            row(f"{s} †" if s in CHOSEN_ON else s, lambda f, s=s: f"{f['by_speaker'][s]:.1f}")
            for s in speakers
        ),
        row(f"**mean of {len(speakers)}**", lambda f: f"**{f['mean']:.1f}**"),
        row("95 % interval over speakers", lambda f: f"{f['low']:.1f} to {f['high']:.1f}"),
        row("mean without †", lambda f: f"{f['others']:.1f}"),
        row("largest range over seeds, points", lambda f: f"{f['spread']:.1f}"),
        row(
            "official split, speakers known",
            lambda f: f"{min(f['official']):.1f} to {max(f['official']):.1f}",
        ),
        row("parameters, two networks", lambda f: f"{f['parameters']:,}"),
        row(
            "training a run on one core, s (median)",
            lambda f: f"{np.median(f['seconds']):.0f}",
        ),
    ]
    return "\n".join(
        [
            *rows,
            "",
            f"Means of {len(SEEDS)} seeds, {STEPS} steps. † Sizes and learning rates were "
            f"chosen by the accuracy on these two, so they are not quite strangers. "
            f"{provenance_of(list(record['runs'].values()))}",
        ]
    )


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("architectures", __doc__, arguments)

    from helpers.datasets import load_digits
    from helpers.datasets.builtin_digits import load_practice_voices

    clips, voices = load_digits("real"), load_practice_voices()
    settings = _settings(clips, voices)
    record = load_results("architectures", __doc__)
    runs = plan(sorted(set(map(str, clips.speakers))))
    todo = missing(record, runs, settings, asked.only)
    do_runs(_run, todo, record, "architectures", settings, asked.workers)
    finish(record, runs, "architectures", __doc__)
    print(table(record))
    return 0


def _settings(clips, voices):
    """What the results depend on, as JSON would give it back."""
    from helpers.models import cnn, rnn, transformer
    from helpers.models.augmentation import FOR_PEOPLE, FOR_VOICES
    from helpers.models.digits import THROATS

    return {
        "steps": STEPS,
        "learning rates": dict(LEARNING_RATES),
        "share of voices": VOICES_SHARE,
        "sizes": [
            list(cnn.CHANNELS),
            [rnn.UNITS, rnn.STACK],
            [
                transformer.WIDTH,
                transformer.HEADS,
                transformer.HIDDEN,
                transformer.BLOCKS,
                transformer.STACK,
            ],
        ],
        "throats": list(THROATS),
        "for people": {k: np.array(v).tolist() for k, v in asdict(FOR_PEOPLE).items()},
        "for voices": {k: np.array(v).tolist() for k, v in asdict(FOR_VOICES).items()},
        "data": [clips.id, voices.id],
    }


def _run(architecture, test, seed):
    from helpers.datasets import by_speaker, load_digits, official_split
    from helpers.datasets.builtin_digits import load_practice_voices

    clips, voices = load_digits("real", quiet=True), load_practice_voices()
    split = by_speaker(clips, test=test) if test else official_split(clips)
    learnt, heard = (clips.subset(i) for i in split)
    model, history = train(architecture, learnt, voices, seed=seed)
    return {
        **scored(model, heard),
        "train": len(learnt),
        "parameters": int(model.count_params()),
        "seconds": round(history.seconds, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
