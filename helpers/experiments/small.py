"""What is lost when a recogniser is made small (8.1): `python -m helpers.experiments.small`.

For each of the six speakers of FSDD, a network of 61 708 parameters is trained as in chapter 5.2 on
the other five (takes 10 to 49) and a quarter of built-in practice voices, without label smoothing.
It is written as LiteRT files of 32, 16 and 8 bits; pruned, with and without fine-tuning; and a
network of 16 194 parameters is trained alone, and with its help (distillation), on as many steps.

Each is asked about words it never heard: takes 0 to 4 of the five ("known"), all of the sixth
("stranger"), both with noise 10 dB below the speech, and the stranger in small rooms. Takes 5 to 9
in noise choose the temperature of the distillation. Files that only show a fault, or differ in how
they store weights, are made for the first seed. Runs are written to results/small.json as they
finish; a run on file is not repeated. About two minutes a run on one core.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import replace

import numpy as np

from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options, provenance_of

STEPS = 700
TUNING = 120
"""Batches after pruning."""
SEEDS = (0, 1)
TEMPERATURES = (2.0, 6.0)
SHARES = (0.5, 0.8, 0.9)
"""Parts of the weights that are pruned."""
VOICES = 0.25
EXAMPLES = 100
"""Training pictures that set the scales of a file with 8-bit activations."""
SNR = 10.0
CONDITIONS = (
    "known", "known in noise", "stranger", "stranger in noise", "stranger in a room",
)  # fmt: skip


def plan(speakers):
    """{name: (speaker who is left out, seed)} of all runs, seed after seed. Chapter: 8.1"""
    return {f"without {s}, seed {k}": (s, k) for k in SEEDS for s in speakers}


def by_speaker(record, variant, condition):
    """{speaker left out: accuracy in %, mean over seeds} of a variant in a condition.

    Raises KeyError for a variant or a condition that no run has. Chapter: 8.1
    """
    found = {}
    for run in record["runs"].values():
        if variant in run["variants"]:
            right = run["variants"][variant][condition]
            found.setdefault(run["speaker"], []).append(100 * right / run["clips"][condition])
    if not found:
        raise KeyError(f"no run has the variant {variant!r}")
    return {speaker: float(np.mean(values)) for speaker, values in sorted(found.items())}


def less(record, variant, other, condition):
    """{speaker: accuracy of `variant` − that of `other`, percentage points}, run by run.

    Only runs that have both; mean over their seeds. Chapter: 8.1
    """
    found = {}
    for run in record["runs"].values():
        if variant in run["variants"] and other in run["variants"]:
            one, two = (run["variants"][v][condition] for v in (variant, other))
            moved = 100 * (one - two) / run["clips"][condition]
            found.setdefault(run["speaker"], []).append(moved)
    return {speaker: float(np.mean(values)) for speaker, values in sorted(found.items())}


def kilobytes(record, variant, zipped=False):
    """Mean size of a variant's files, in units of 1000 bytes. Chapter: 8.1"""
    place = 1 if zipped else 0
    sizes = [
        run["bytes"][variant][place] for run in record["runs"].values() if variant in run["bytes"]
    ]
    return float(np.mean(sizes)) / 1000


def comparison(record, variants, base, conditions=CONDITIONS):
    """A Markdown table of accuracies and of paired differences with their 95 % intervals.

    variants: {name in the record: name on the page}. Differences are to `base`, over speakers, in
    percentage points; a variant that some runs lack is marked ¹. Chapter: 8.1
    """
    from helpers.verdict import interval

    rows = [
        "| | kB | " + " | ".join(f"{c} (%)" for c in conditions) + " |",
        "|---|---:|" + "---:|" * len(conditions),
    ]
    for variant, name in variants.items():
        try:
            size = f"{kilobytes(record, variant):.0f}" if _has_bytes(record, variant) else "–"
        except KeyError:
            size = "–"
        cells = []
        for condition in conditions:
            text = f"{np.mean(list(by_speaker(record, variant, condition).values())):.1f}"
            if variant != base:
                moved = list(less(record, variant, base, condition).values())
                low, high = interval(moved)
                text += f"<br>{np.mean(moved):+.1f}<br>[{low:+.1f},\u00a0{high:+.1f}]"
            cells.append(text)
        some = any(variant not in run["variants"] for run in record["runs"].values())
        rows.append(f"| {name}{' ¹' * some} | {size} | " + " | ".join(cells) + " |")
    return "\n".join(rows).replace("-", "−").replace("|−−−|", "|---|").replace("−−−:", "---:")


def _has_bytes(record, variant):
    return any(variant in run["bytes"] for run in record["runs"].values())


def provenance(record):
    """One sentence on where and when the runs were made. Chapter: 8.1"""
    runs = list(record["runs"].values())
    numbers = Counter(run["speaker"] for run in runs).values()
    few, many = min(numbers), max(numbers)
    seeds = f"{few}" if few == many else f"{few} to {many}"
    return (
        f"{len(runs)} runs: {len(numbers)} speakers left out, seeds for each: {seeds}. "
        f"{provenance_of(runs)}"
    )


# --- the data of a run ---------------------------------------------------------------------------


def parts_of(clips, speaker):
    """(training, validation, known, stranger) as Clips: see above; takes must be numbered.

    Chapter: 8.1
    """
    away = clips.speakers == speaker
    takes = clips.takes
    return (
        clips.subset(~away & (takes >= 10)),
        clips.subset(~away & (takes >= 5) & (takes < 10)),
        clips.subset(~away & (takes < 5)),
        clips.subset(away),
    )


def noisy(clips, seed=0):
    """The same clips with coloured noise SNR dB below the speech. Chapter: 8.1"""
    from helpers import augment

    rng = np.random.default_rng(seed)
    return replace(clips, audio=[augment.add_noise(x, SNR, rng) for x in clips.audio])


def conditions_of(known, stranger):
    """{condition: (pictures, labels)} for CONDITIONS. Chapter: 8.1"""
    from helpers import augment, rooms
    from helpers.models.small import seen

    halls = rooms.impulse_responses(6, 8000, seed=81)
    echoing = [augment.place_in_room(x, halls[i % 6]) for i, x in enumerate(stranger.audio)]
    sets = (known, noisy(known), stranger, noisy(stranger), replace(stranger, audio=echoing))
    return {c: (seen(s.audio), s.labels) for c, s in zip(CONDITIONS, sets, strict=True)}


def train(channels, make_batch, loss, steps, seed):
    """A network of `channels` trained on `steps` batches, as chapter 5.2 does. Chapter: 8.1"""
    from helpers.models.small import network_of
    from helpers.training import fit_stages, set_seed

    set_seed(seed)
    network = network_of(channels)
    fit_stages([network], [(steps, [make_batch])], loss)
    return network


def copy_of(network):
    """A network of the same architecture and weights. Chapter: 8.1"""
    from helpers.models import keras

    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    return copy


def examples_of(clips, count=EXAMPLES, seed=0):
    """Pictures of `count` clips, drawn by chance: float32 (count, 100, 32). Chapter: 8.1"""
    from helpers.models.small import seen

    chosen = np.random.default_rng(seed).choice(len(clips), min(count, len(clips)), replace=False)
    return seen([clips.audio[i] for i in chosen])


def nats(network, pictures, labels):
    """Mean −log p(label) of a network's answers. Chapter: 8.1"""
    from helpers.models.small import answers

    z = answers(network, pictures).astype(np.float64)
    z = z - z.max(axis=1, keepdims=True)
    logs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return float(-logs[np.arange(len(labels)), labels].mean())


# --- the runs ------------------------------------------------------------------------------------


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("small", __doc__, arguments)

    from helpers.datasets import load_digits
    from helpers.datasets.builtin_digits import load_practice_voices

    clips, voices = load_digits("real"), load_practice_voices()
    settings = _settings(clips, voices)
    record = load_results("small", __doc__)
    runs = plan(sorted(set(map(str, clips.speakers))))
    todo = missing(record, runs, settings, asked.only)
    do_runs(_run, todo, record, "small", settings, asked.workers)
    finish(record, runs, "small", __doc__)
    return 0


def _settings(clips, voices):
    from helpers.models.small import LARGE, SMALL

    return {
        "steps": STEPS,
        "tuning": TUNING,
        "channels": [list(LARGE), list(SMALL)],
        "temperatures": list(TEMPERATURES),
        "voices": VOICES,
        "data": [clips.id, voices.id],
    }


def _run(speaker, seed):
    from helpers.datasets import load_digits
    from helpers.datasets.builtin_digits import load_practice_voices
    from helpers.models import digits
    from helpers.models import small as made
    from helpers.training import softened_cross_entropy

    began = time.monotonic()
    clips, voices = load_digits("real", quiet=True), load_practice_voices()
    training, validation, known, stranger = parts_of(clips, speaker)
    sets = [digits.pictures(training, share=1 - VOICES), digits.pictures(voices, share=VOICES)]
    draw = digits.batches(sets)
    asked = conditions_of(known, stranger)
    checked = made.seen(noisy(validation, 1).audio), validation.labels
    plain = softened_cross_entropy(0.0)
    variants, bytes_, heard = {}, {}, {}

    def judge(name, model):
        heard[name] = {c: made.answers(model, x).argmax(axis=1) for c, (x, _) in asked.items()}
        variants[name] = {c: int((heard[name][c] == y).sum()) for c, (_, y) in asked.items()}

    def judge_file(name, content):
        bytes_[name] = [len(content), made.zipped(content)]
        judge(name, made.LiteModel(content))

    large = train(made.LARGE, draw, plain, STEPS, seed)
    judge("large", large)
    examples = examples_of(training)
    float_file = made.convert(large)
    judge_file("large float32", float_file)
    judge_file("large int8", made.convert(large, "int8", examples))
    if seed == 0:
        judge_file("large float16", made.convert(large, "float16"))
        judge_file("large weights int8", made.convert(large, "weights int8"))
        judge_file("large int8, one scale", made.convert(large, "int8", examples, False))
        judge_file("large int8, silence", made.convert(large, "int8", 0 * examples[:8] - 1.75))

    for share in SHARES:
        name = f"pruned {100 * share:.0f}"
        pruned = copy_of(large)
        masks = made.prune(pruned, share)
        judge(name, pruned)
        made.fine_tune(pruned, masks, draw, TUNING)
        judge(f"{name}, tuned", pruned)
        if seed == 0:
            judge_file(f"{name}, tuned, int8", made.convert(pruned, "int8", examples))

    alone = train(made.SMALL, draw, plain, STEPS, seed)
    judge("small alone", alone)
    judge_file("small alone int8", made.convert(alone, "int8", examples))
    taught = {}
    for temperature in TEMPERATURES:
        loss = made.distillation_loss(large, temperature)
        student = train(made.SMALL, draw, loss, STEPS, seed)
        taught[temperature] = nats(student, *checked), student
    best = min(taught, key=lambda t: taught[t][0])
    judge("small distilled", taught[best][1])
    judge_file("small distilled int8", made.convert(taught[best][1], "int8", examples))
    same = {c: int((heard["large"][c] != heard["large int8"][c]).sum()) for c in CONDITIONS}
    return {
        "speaker": speaker,
        "seed": seed,
        "accuracy": variants["large"]["stranger"] / len(stranger),
        "clips": {c: len(y) for c, (_, y) in asked.items()},
        "variants": variants,
        "bytes": bytes_,
        "answers that int8 changes": same,
        "temperature": best,
        "validation nats": {str(t): round(taught[t][0], 4) for t in taught},
        "largest gap float32 file": round(
            float(
                np.abs(
                    made.answers(large, asked["known"][0])
                    - made.answers(made.LiteModel(float_file), asked["known"][0])
                ).max()
            ),
            7,
        ),
        "parameters": [large.count_params(), alone.count_params()],
        "seconds": round(time.monotonic() - began, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
