"""What recognisers give away, and its price: `python -m helpers.experiments.private`.

On the Free Spoken Digit Dataset. For each of six speakers, the clips of the other five are dealt
into two halves, and a network is trained on each: what one was trained on, the other never saw.
Both are attacked twice: by the loss of each clip, and by a likelihood ratio (LiRA) whose shadows
are the networks of the same kind that were trained for the other speakers. Kinds: trained on few
clips until they are over-fitted (and as they were on the way), with augmentation, with a smaller
network; on many clips, as usual, with clipped gradients, with DP-SGD at several ε; and the same
DP-SGD begun from a network that was trained on built-in voices, which are nobody's.

And for each speaker, federated averaging over the other five as clients, against training on all
their clips in one place with the same number of steps, and against each client alone.

Learning rates and the clipping length were chosen on built-in voices alone, so that choosing them
used neither the test nor any privacy. Runs are written to results/private.json as they finish; a
run on file is not repeated.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from helpers import privacy
from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options, provenance_of

FEW_TAKES, FEW_STEPS, FEW_RATE, BATCH = 12, 500, 5e-3, 64
"""Takes of each digit and speaker in the small pools, steps on their halves, learning rate."""
EARLY = 100
"""The step at which the over-fitted networks are also looked at."""
SMALL = (4, 8, 12)
"""Channels of the smaller network."""
RATE, STEPS, CLIP, PRIVATE_RATE = 0.1, 300, 1.0, 2e-2
"""Chance of each clip to be drawn, steps, clipping length and learning rate of DP-SGD."""
DELTA = 1e-4
EPSILONS = (50.0, 8.0, 2.0, 0.5)
PUBLIC_STEPS, PUBLIC_RATE, TUNING_STEPS = 500, 5e-3, 100
"""Steps and learning rate on built-in voices, and steps of DP-SGD after them."""
FED_STEPS, FED_SIZE, FED_RATE, FED_MOMENTUM = 400, 20, 0.1, 0.9
"""Steps of every client, clips in each, learning rate (of pooled training as well), momentum."""
LOCAL_STEPS = (10, 50, 400)
"""Steps that clients take alone between two averages."""
FALSE_RATES = tuple(np.round(np.geomspace(0.002, 1.0, 22), 5).tolist())
"""False positive rates at which the ROC is kept."""


def kinds():
    """{name: (group, ε or None)} of the networks that are attacked, in order. Chapter: 8.3"""
    found = {
        "few": ("few", None),
        "few, augmented": ("few", None),
        "few, small network": ("few", None),
        "many": ("many", None),
        "clipped": ("private", None),
    }
    found |= {f"ε = {e:g}": ("private", e) for e in EPSILONS}
    found |= {"public, clipped": ("public", None)}
    found |= {f"public, ε = {e:g}": ("public", e) for e in EPSILONS if e <= 8}
    return found


def plan(speakers):
    """{run: (kind, ε, speaker)}: networks to attack, then federated runs. Chapter: 8.3"""
    runs = {name: (name, epsilon, None) for name, (_, epsilon) in kinds().items()}
    return runs | {f"federated, without {s}": ("federated", None, s) for s in speakers}


def pools(speakers, labels, takes, people, few=None):
    """Which clips belong to each held-out speaker's pool, and which half: two bool arrays (s, n).

    speakers, labels, takes (n,) of the clips; people: names, one pool each, without that speaker.
    `few`: only takes below it. Halves are drawn for each speaker, digit and pool apart, so that
    both hold as many of each. Chapter: 8.3
    """
    pool = np.zeros((len(people), len(labels)), bool)
    half = np.zeros_like(pool)
    for row, away in enumerate(people):
        rng = np.random.default_rng(1000 + row)
        pool[row] = (speakers != away) & ((takes < few) if few else True)
        for speaker in people:
            for digit in np.unique(labels):
                same = np.flatnonzero(pool[row] & (speakers == speaker) & (labels == digit))
                half[row, rng.permutation(same)[: len(same) // 2]] = True
    return pool, half


def attacks(odds, pool, half):
    """AUC, true positive rates and ROC of both attacks, for each speaker's pair of networks.

    odds (s, 2, n): `privacy.log_odds` of the network trained on the half and of the one trained on
    the rest. A list of dicts {"loss": {…}, "ratio": {…}}, each the mean of the two networks.

    Chapter: 8.3
    """
    found = []
    for row in range(len(pool)):
        others = np.delete(np.arange(len(pool)), row)
        clips = np.flatnonzero(pool[row])
        scored = {"loss": [], "ratio": []}
        for which in (0, 1):
            target = odds[row, which, clips]
            inside = half[row, clips] ^ bool(which)
            there = np.repeat(pool[others][:, clips], 2, axis=0)
            shadows = odds[others][:, :, clips].reshape(-1, len(clips))
            saw = np.stack([half[others][:, clips], ~half[others][:, clips]], axis=1)
            shadows = np.where(there, shadows, np.nan)
            ratio = privacy.likelihood_ratio(target, shadows, saw.reshape(-1, len(clips)))
            for name, scores in (("loss", target), ("ratio", ratio)):
                false, true = privacy.roc(scores, inside)
                scored[name].append(
                    {
                        "auc": privacy.auc(scores, inside),
                        "tpr": privacy.rate_at(scores, inside, 0.01),
                        "roc": [float(true[false <= f + 1e-12].max()) for f in FALSE_RATES],
                    }
                )
        found.append(
            {
                name: {
                    key: np.round(np.mean([s[key] for s in pair], axis=0), 4).tolist()
                    for key in ("auc", "tpr", "roc")
                }
                for name, pair in scored.items()
            }
        )
    return found


def by_speaker(record, run, what, stage="end"):
    """{held-out speaker: number} of a kind of network: accuracies in per cent, AUCs as they are.

    what: "train", "unseen" (clips of the same speakers), "speaker" (the held-out one), or an attack
    and a measure such as "ratio auc". Raises KeyError where the run is missing. Chapter: 8.3
    """
    rows = record["runs"][run]["stages"][stage]["speakers"]
    attack, _, measure = what.partition(" ")
    if measure:
        return {name: row[attack][measure] for name, row in rows.items()}
    return {name: 100 * row[what] for name, row in rows.items()}


def federated(record, what):
    """{held-out speaker: per cent right} of a federated run: "pooled", "alone" or local steps.

    Raises KeyError where a run is missing. Chapter: 8.3
    """
    runs = {r: v for r, v in record["runs"].items() if r.startswith("federated, without ")}
    if not runs:
        raise KeyError("no federated run is on file")
    return {r.removeprefix("federated, without "): 100 * v["scores"][what] for r, v in runs.items()}


def table(record=None):
    """The networks that were attacked, as a Markdown table with date, commit and machine; a str.

    `record` is what `load_results` gives; None reads the file. Chapter: 8.3
    """
    record = load_results("private") if record is None else record
    if any(name not in record["runs"] for name in kinds()):
        return f"The evaluation is not complete: {len(record['runs'])} runs are on file."
    rows = [
        "| trained | right on its own clips (%) | on others of the same speakers (%) | "
        "on an unseen speaker (%) | AUC, loss | AUC, likelihood ratio | "
        "found at one false alarm in 100 (%) |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in kinds():
        stages = record["runs"][name]["stages"]
        for stage in stages:
            label = f"{name}, stopped early" if stage == "early" else name
            right = (
                f"{np.mean(list(by_speaker(record, name, w, stage).values())):.1f}"
                for w in ("train", "unseen", "speaker")
            )
            areas = (
                f"{np.mean(list(by_speaker(record, name, w, stage).values())):.3f}"
                for w in ("loss auc", "ratio auc")
            )
            found = 100 * np.mean(list(by_speaker(record, name, "ratio tpr", stage).values()))
            rows.append(f"| {label} | {' | '.join([*right, *areas])} | {found:.1f} |")
    return "\n".join([*rows, "", provenance_of(list(record["runs"].values()))])


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("private", __doc__, arguments)

    from helpers.datasets import load_digits

    clips = load_digits("real")
    settings = _settings(clips)
    record = load_results("private", __doc__)
    runs = plan(sorted(set(map(str, clips.speakers))))
    todo = missing(record, runs, settings, asked.only)
    do_runs(_run, todo, record, "private", settings, asked.workers)
    finish(record, runs, "private", __doc__)
    print(table(record))
    return 0


def _settings(clips):
    """What the results depend on, as JSON would give it back."""
    from helpers.models.private import CHANNELS, GROUPS

    return {
        "channels": list(CHANNELS),
        "groups": GROUPS,
        "few": [FEW_TAKES, FEW_STEPS, FEW_RATE, BATCH, EARLY, list(SMALL)],
        "private": [RATE, STEPS, CLIP, PRIVATE_RATE, DELTA],
        "public": [PUBLIC_STEPS, PUBLIC_RATE, TUNING_STEPS],
        "federated": [FED_STEPS, FED_SIZE, FED_RATE, FED_MOMENTUM, list(LOCAL_STEPS)],
        "data": clips.id,
    }


def _run(kind, epsilon, speaker):
    from helpers.datasets import load_digits
    from helpers.models.private import small_pictures

    began = time.perf_counter()
    clips = load_digits("real", quiet=True)
    pictures, labels = small_pictures(clips), clips.labels.astype(np.int32)
    people = sorted(set(map(str, clips.speakers)))
    if kind == "federated":
        result = _federated(pictures, labels, clips.speakers, speaker)
    else:
        result = _attacked(kind, epsilon, clips, pictures, labels, people)
    return {**result, "seconds": round(time.perf_counter() - began, 1)}


def _attacked(kind, epsilon, clips, pictures, labels, people):
    from helpers.models.private import logits_on

    group = kinds()[kind][0]
    few = FEW_TAKES if group == "few" else None
    pool, half = pools(clips.speakers, labels, clips.takes, people, few)
    start = _public_weights() if group == "public" else None
    logits = {}
    for row in range(len(people)):
        for which in (0, 1):
            inside = np.flatnonzero(pool[row] & (half[row] ^ bool(which)))

            def look(network, stage, place=(row, which)):
                logits.setdefault(stage, {})[place] = logits_on(network, pictures)

            _train(kind, group, epsilon, clips, pictures, labels, inside, row, which, start, look)
    stages = {}
    for stage, seen in logits.items():
        odds = np.stack(
            [
                [privacy.log_odds(privacy.example_losses(seen[r, w], labels)) for w in (0, 1)]
                for r in range(len(people))
            ]
        )
        found = attacks(odds, pool, half)
        for row, away in enumerate(people):
            right = [seen[row, w].argmax(axis=1) == labels for w in (0, 1)]
            inside = [pool[row] & (half[row] ^ bool(w)) for w in (0, 1)]
            away_at = clips.speakers == away
            found[row] |= {
                "train": _mean(r[i] for r, i in zip(right, inside, strict=True)),
                "unseen": _mean(r[pool[row] & ~i] for r, i in zip(right, inside, strict=True)),
                "speaker": _mean(r[away_at] for r in right),
            }
        curves = {
            attack: np.mean([row[attack].pop("roc") for row in found], axis=0)
            for attack in ("loss", "ratio")
        }
        stages[stage] = {
            "speakers": dict(zip(people, found, strict=True)),
            "roc": {attack: np.round(curve, 4).tolist() for attack, curve in curves.items()},
        }
    return {"stages": stages, "noise": _noise(group, epsilon)}


def _mean(parts):
    return round(float(np.mean([np.mean(p) for p in parts])), 5)


def _noise(group, epsilon):
    steps = TUNING_STEPS if group == "public" else STEPS
    return round(privacy.noise_for(epsilon, RATE, steps, DELTA), 4) if epsilon else 0.0


def _train(kind, group, epsilon, clips, pictures, labels, inside, row, which, start, look):
    from helpers.models import private

    seed = 2 * row + which
    small = kind == "few, small network"
    network = private.GroupNormNetwork(SMALL if small else private.CHANNELS, seed=seed)
    x, y = pictures[inside], labels[inside]
    if group in ("few", "many"):
        size = BATCH if group == "few" else round(RATE * len(y))
        steps = FEW_STEPS if group == "few" else STEPS
        draw = private.drawer(x, y, size)
        if kind == "few, augmented":
            draw = private.augmenting_drawer(clips.subset(inside), size, seed=seed)
        watch = {EARLY: lambda: look(network, "early")} if kind == "few" else None
        private.train_plainly(
            network, draw, steps=steps, learning_rate=FEW_RATE, seed=seed, watch=watch
        )
    else:
        if start is not None:
            network.set_weights(start)
        private.train_privately(
            network,
            x,
            y,
            steps=TUNING_STEPS if group == "public" else STEPS,
            rate=RATE,
            clip=CLIP,
            noise=_noise(group, epsilon),
            learning_rate=PRIVATE_RATE,
            seed=seed,
        )
    look(network, "end")


def _public_weights():
    from helpers.datasets.builtin_digits import load_practice_voices
    from helpers.models import private

    network = private.GroupNormNetwork(seed=99)
    draw = private.augmenting_drawer(load_practice_voices(), BATCH, seed=99)
    private.train_plainly(network, draw, steps=PUBLIC_STEPS, learning_rate=PUBLIC_RATE, seed=99)
    return network.get_weights()


def _federated(pictures, labels, speakers, away):
    from helpers.models import private

    people = sorted(set(map(str, speakers)) - {away})
    clients = {p: (pictures[speakers == p], labels[speakers == p]) for p in people}
    strangers = speakers == away
    seed = sorted(set(map(str, speakers))).index(away)

    def right(network):
        guessed = private.logits_on(network, pictures[strangers]).argmax(axis=1)
        return round(float(np.mean(guessed == labels[strangers])), 5)

    network = private.GroupNormNetwork(seed=seed)
    everything = [np.concatenate(part) for part in zip(*clients.values(), strict=True)]
    draw = private.drawer(*everything, FED_SIZE * len(clients))
    private.train_plainly(
        network,
        draw,
        steps=FED_STEPS,
        learning_rate=FED_RATE,
        momentum=FED_MOMENTUM,
        seed=seed,
    )
    scores, last = {"pooled": right(network)}, {}
    for local in LOCAL_STEPS:
        network = private.GroupNormNetwork(seed=seed)
        private.train_federated(
            network,
            clients,
            rounds=FED_STEPS // local,
            local_steps=local,
            size=FED_SIZE,
            learning_rate=FED_RATE,
            momentum=FED_MOMENTUM,
            seed=seed,
            watch=lambda _, sent: last.update(sent),
        )
        scores[str(local)] = right(network)
        if local == FED_STEPS:
            alone = {}
            for name, weights in last.items():
                network.set_weights(weights)
                alone[name] = right(network)
            scores["alone"] = round(float(np.mean(list(alone.values()))), 5)
    return {"scores": scores, "alone": alone}


if __name__ == "__main__":
    sys.exit(main())
