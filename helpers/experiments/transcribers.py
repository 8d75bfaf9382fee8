"""How many words of a string come out wrong: `python -m helpers.experiments.transcribers`.

The transcriber of chapter 5.3 learns from strings of the Free Spoken Digit Dataset that are
composed anew for each batch, and is asked strings of 3 to 7 words in one noise, 40 to 0 dB below
the speech. Trained on five speakers, how well does it know the sixth? How well does each reader do
on the official split, where every speaker is known already? Three seeds. Two more kinds of run on
the official split train the speller without the writer, and the writer without the speller.

Sizes, stages, shares and augmentation were chosen on networks that had heard neither george nor
yweweler, or neither george nor jackson, scored on these; the other three speakers decided nothing.
Runs are written to results/transcribers.json as they finish; a run on file is not repeated.
"""

from __future__ import annotations

import sys
from dataclasses import asdict

import numpy as np

from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options, provenance_of

STAGES = ((600, 160, (1, 2)), (700, 260, (2, 4)), (1200, 440, (3, 7)))
"""Steps, frames and words a string: at first short strings, so that something is found soon."""
BATCH = 16
"""Strings a step, in two halves that are computed side by side."""
SEEDS = (0, 1, 2)
LEARNING_RATE = 3e-3
VOICES_SHARE = 0.25
"""How much of each batch is built-in voices; the rest is people."""
SPELLING_SHARE = 0.5

SNRS = (40, 20, 10, 5, 0)
STRINGS = 150
LONG = 12
"""Words in a long string, which no network has seen in training."""

CHOSEN_ON = ("george", "jackson", "yweweler")
"""The speakers whose error rates chose what there was to choose."""

READERS = {"greedy": "CTC, best path", "beam": "CTC, beam", "writer": "writer", "agree": "both"}


def train(clips, voices=None, *, seed=0, stages=STAGES, spelling_share=SPELLING_SHARE):
    """Train a transcriber on Clips as chapter 5.3 does: (network, History).

    `voices`: more Clips, the built-in ones, that make up a quarter of each batch. Raises as
    `string_batches`, `hybrid_loss` and `fit_stages`.

    Chapter: 5.3
    """
    from helpers.models.composition import string_batches, word_bank
    from helpers.models.digits import FRONT_END
    from helpers.models.transcriber import hybrid_loss, transcriber
    from helpers.training import fit_stages, set_seed

    set_seed(seed)
    banks = [word_bank(clips, share=1.0 if voices is None else 1.0 - VOICES_SHARE)]
    if voices is not None:
        banks.append(word_bank(voices, share=VOICES_SHARE))
    network = transcriber(FRONT_END.n_mels)
    halves = 2
    batches = [
        (steps, [string_batches(banks, frames, words, size=BATCH // halves, seed=seed)] * halves)
        for steps, frames, words in stages
    ]
    history = fit_stages(
        [network] * halves,
        batches,
        hybrid_loss(spelling_share),
        learning_rate=LEARNING_RATE,
    )
    return network, history


def readings(network, samples):
    """What every reader makes of a sound: {reader: tuple of digits}. Chapter: 5.3"""
    from helpers import transcribe

    heard = transcribe.hear(network, samples)
    return {
        "greedy": transcribe.spell(heard),
        "beam": transcribe.spell_beam(heard)[0][0],
        "writer": transcribe.write(network, heard)[0],
        "agree": transcribe.agree(network, heard),
    }


def errors_of(network, strings):
    """Sums over Strings: {reader: [substitutions, deletions, insertions, words said]}.

    Chapter: 5.3
    """
    from helpers.metrics import token_errors

    sums = {reader: np.zeros(4, int) for reader in READERS}
    for samples, said in zip(strings.audio, strings.tokens, strict=True):
        for reader, heard in readings(network, samples).items():
            e = token_errors(heard, said)
            sums[reader] += (e.substitutions, e.deletions, e.insertions, len(said))
    return {reader: [int(n) for n in row] for reader, row in sums.items()}


def plan(speakers):
    """{name: (test speaker or None for the official split, spelling share, seed)} of all runs.

    Chapter: 5.3
    """
    runs = {}
    for seed in SEEDS:
        for test in (None, *speakers):
            where = f"without {test}" if test else "official"
            runs[f"{where}, seed {seed}"] = (test, SPELLING_SHARE, seed)
    for seed in SEEDS:
        for reader, share in (("speller", 1.0), ("writer", 0.0)):
            runs[f"official, {reader} alone, seed {seed}"] = (None, share, seed)
    return runs


def rate(row):
    """Errors per cent of the words said: [sub., del., ins., words] → a float. Chapter: 5.3"""
    return 100 * sum(row[:3]) / row[3]


def summary(record):
    """Token error rates of the results file, in per cent.

    {"unseen": {reader: {snr: {"by_speaker": {…}, "mean", "low", "high", "others"}}},
    "official": {reader: {snr: [each seed]}}, "alone": {"greedy" or "writer": {snr: [each seed]}},
    "long", "connected", "spliced": {reader: [each seed]} on the official split,
    "seconds": [each run], "parameters"}; "by_speaker" are means over seeds, "low" and "high"
    Student's 95 % interval over speakers, "others" the mean over those who chose nothing.
    Raises KeyError while runs are missing.

    Chapter: 5.3
    Source: [student1908probable]
    """
    from helpers.verdict import interval

    runs = record["runs"]
    speakers = list(runs["official, seed 0"]["speakers"])
    plan_of_all = plan(speakers)
    runs = {name: runs[name] for name in plan_of_all}

    def seeds(kind, part, *keys):
        rows = []
        for k in SEEDS:
            found = runs[f"{kind}, seed {k}"][part]
            for key in keys:
                found = found[key]
            rows.append(rate(found))
        return rows

    unseen = {}
    for reader in READERS:
        unseen[reader] = {}
        for snr in SNRS:
            means = np.array(
                [np.mean(seeds(f"without {s}", "noise", str(snr), reader)) for s in speakers]
            )
            low, high = interval(means)
            unseen[reader][snr] = {
                "by_speaker": dict(zip(speakers, map(float, means), strict=True)),
                "mean": float(means.mean()),
                "low": low,
                "high": high,
                "others": float(means[[s not in CHOSEN_ON for s in speakers]].mean()),
            }
    alone = {"greedy": "official, speller alone", "writer": "official, writer alone"}
    return {
        "unseen": unseen,
        "official": {
            r: {snr: seeds("official", "noise", str(snr), r) for snr in SNRS} for r in READERS
        },
        "alone": {
            r: {snr: seeds(kind, "noise", str(snr), r) for snr in SNRS} for r, kind in alone.items()
        },
        **{
            part: {r: seeds("official", part, r) for r in READERS}
            for part in ("long", "connected", "spliced")
        },
        "seconds": [run["seconds"] for run in runs.values()],
        "parameters": runs["official, seed 0"]["parameters"],
    }


def table(record=None):
    """The results file as a Markdown table with its date, commit and machine; a str.

    `record` is what `load_results` gives; None reads the file. While runs are missing it says how
    many are there. Chapter: 5.3
    """
    record = load_results("transcribers") if record is None else record
    try:
        found = summary(record)
    except KeyError:
        return f"The evaluation is not complete: {len(record['runs'])} runs are on file."
    unseen, official = found["unseen"], found["official"]
    speakers = unseen["greedy"][40]["by_speaker"]

    def row(title, written):
        return f"| {title} | " + " | ".join(written(r) for r in READERS) + " |"

    def spread(rates):
        return f"{np.mean(rates):.1f} ({min(rates):.1f} to {max(rates):.1f})"

    rows = [
        "| words wrong, % | " + " | ".join(READERS.values()) + " |",
        "|---|" + "---:|" * len(READERS),
        *(
            row(
                f"without {s}{' †' if s in CHOSEN_ON else ''}, 40 dB",
                lambda r, s=s: f"{unseen[r][40]['by_speaker'][s]:.1f}",
            )
            for s in speakers
        ),
        row("**mean, speaker unseen, 40 dB**", lambda r: f"**{unseen[r][40]['mean']:.1f}**"),
        row(
            "95 % interval over speakers",
            lambda r: f"{unseen[r][40]['low']:.1f} to {unseen[r][40]['high']:.1f}",
        ),
        row("mean without †", lambda r: f"{unseen[r][40]['others']:.1f}"),
        row("mean, speaker unseen, 10 dB", lambda r: f"{unseen[r][10]['mean']:.1f}"),
        row("official split, 40 dB", lambda r: spread(official[r][40])),
        row("official split, 10 dB", lambda r: spread(official[r][10])),
        row(f"official split, {LONG} words, 40 dB", lambda r: spread(found["long"][r])),
    ]
    return "\n".join(
        [
            *rows,
            "",
            f"Means of {len(SEEDS)} seeds, in brackets their range; {found['parameters']:,} "
            f"parameters; training took {np.median(found['seconds']):.0f} s on one core (median). "
            "† What there was to choose was chosen by the error rates on these, so they are not "
            f"quite strangers. {provenance_of(list(record['runs'].values()))}",
        ]
    )


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("transcribers", __doc__, arguments)

    from helpers.datasets import load_digits
    from helpers.datasets.builtin_digits import load_practice_voices

    clips, voices = load_digits("real"), load_practice_voices()
    settings = _settings(clips, voices)
    record = load_results("transcribers", __doc__)
    runs = plan(sorted(set(map(str, clips.speakers))))
    todo = missing(record, runs, settings, asked.only)
    do_runs(_run, todo, record, "transcribers", settings, asked.workers)
    finish(record, runs, "transcribers", __doc__)
    print(table(record))
    return 0


def _settings(clips, voices):
    """What the results depend on, as JSON would give it back."""
    from helpers.models import transcriber
    from helpers.models.augmentation import FOR_PEOPLE, FOR_VOICES

    return {
        "stages": [[steps, frames, list(words)] for steps, frames, words in STAGES],
        "learning rate": LEARNING_RATE,
        "batch": BATCH,
        "share of voices": VOICES_SHARE,
        "sizes": [
            list(transcriber.CHANNELS),
            transcriber.WIDTH,
            list(transcriber.DILATIONS),
            transcriber.TAPS,
            transcriber.HEADS,
            transcriber.HIDDEN,
            transcriber.POOL,
        ],
        "for people": {k: np.array(v).tolist() for k, v in asdict(FOR_PEOPLE).items()},
        "for voices": {k: np.array(v).tolist() for k, v in asdict(FOR_VOICES).items()},
        "test": [list(SNRS), STRINGS, LONG],
        "data": [clips.id, voices.id],
    }


def _run(test, spelling_share, seed):
    from helpers.datasets import by_speaker, load_digits, official_split
    from helpers.datasets.builtin_digits import load_practice_voices
    from helpers.datasets.strings import connect, in_noise, spoken_strings

    clips, voices = load_digits("real", quiet=True), load_practice_voices()
    split = by_speaker(clips, test=test) if test else official_split(clips)
    learnt, heard = (clips.subset(i) for i in split)
    network, history = train(learnt, voices, seed=seed, spelling_share=spelling_share)

    def drawn(clips, n, snr, **options):
        strings = connect(clips, n, np.random.default_rng(1), **options)
        return in_noise(strings, snr, np.random.default_rng(2))

    noise = {str(snr): errors_of(network, drawn(heard, STRINGS, snr)) for snr in SNRS}
    result = {
        "accuracy": round(1 - rate(noise["40"]["greedy"]) / 100, 5),
        "noise": noise,
        "speakers": sorted(set(map(str, clips.speakers))),
        "parameters": int(network.count_params()),
        "seconds": round(history.seconds, 1),
    }
    if not test:
        spoken = in_noise(spoken_strings(STRINGS // 2), 40, np.random.default_rng(2))
        result["long"] = errors_of(network, drawn(heard, STRINGS // 4, 40, words=(LONG, LONG)))
        result["connected"] = errors_of(network, spoken)
        result["spliced"] = errors_of(network, drawn(voices, STRINGS // 2, 40))
    return result


if __name__ == "__main__":
    sys.exit(main())
