"""How well speech is cleaned of noise: `python -m helpers.experiments.restoration`.

Coffee orders in the noises of ESC-10. The ten classes of noise are parted in official order, two a
division. A network learns from the training orders and from folds 1 to 4 of the eight classes
outside one division, and from a kitchen and noises that nobody recorded; it is tested on test
orders in fold 5, once with the two classes that it has never met and once with those of the next
division, which it has, in other clips. Over the five divisions each of the 80 clips of fold 5 is
met in both ways, at 0, 5 and 10 dB, always with the same order. Also at 20 dB, and with a second
person as the noise. Spectral subtraction, the Wiener filter and the ideal ratio mask stand beside.
Masks trained for the signal have three seeds a division; masks trained for magnitudes, three seeds
in the last one.

With the last division away, the masks for the signal also clean strings of digits by speakers
that they have never heard, for two recognisers, one trained on quiet digits, one on noisy ones
too.

SI-SDR, STOI, and PESQ in wide band, which needs the package pesq. Learning rate and the weight of
the losses were compared in short runs of an earlier network, with a mask for each bin, on
validation orders and fold 4, with fold 4 left out of training; the share of made-up noise was set
without a comparison. A first version cut its training pieces from whole orders with the pauses
around them, took 600 steps, and gained 4.6 dB in known and 4.0 dB in unknown noises on the test.
That the pauses weigh too much was then found on validation orders and fold 4, where a smaller batch
with more steps also did better, and more made-up and double noises with unknown ones; the steps are
what two minutes of one core allow. Runs are written to results/restoration.json as they finish; a
run on file is not repeated. Two and a half minutes a run on one core, 45 minutes in all.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options, provenance_of

RATE = 16000
SEEDS = (0, 1, 2)
STEPS = 720
SNRS = (0, 5, 10)
HIGH = 20
SECONDS = 4.0
TEST_FOLD = 5
SYNTHETIC = 0.4
"""Share of the noises in training that nobody recorded."""
MADE = 600
"""How many of them there are, of 3 s each."""
TRIM_DB, PAD = 30.0, 0.15
"""What lies so far below an order's loudest moment, before and after its speech, is cut off, but
for so many seconds."""
LEARNING_RATE, WEIGHT_DECAY = 4e-3, 0.02
METRICS = ("si_sdr", "stoi", "pesq")
CLASSICAL = ("noisy", "spectral subtraction", "Wiener filter", "ideal ratio mask")
NETWORKS = ("magnitude mask", "signal mask")
SETS = ("known", "unknown", "high", "talker")
DIGIT_SNRS = (0, 5, 10)
DIGITS_IN_STRING, STRINGS = 8, 8
RECOGNISER_STEPS = 500
RECOGNISERS = ("trained on quiet", "trained on noisy")
DIGIT_METHODS = ("noisy", "spectral subtraction", "Wiener filter", "signal mask")


def divisions(classes):
    """The first ten classes, two a division, in their order: a list of pairs of int.

    Raises ValueError for fewer than ten classes. Chapter: 6.3
    """
    if len(classes) < 10:
        raise ValueError(f"{len(classes)} classes: the divisions need ten")
    return [(i, i + 1) for i in range(0, 10, 2)]


def loudest(samples, seconds=SECONDS, sample_rate=RATE):
    """The stretch with the most energy: float (n,) → float32 (seconds · rate,).

    What is shorter is repeated from its beginning. Raises AudioError for what is no sound.

    Chapter: 6.3
    """
    from helpers import audio

    x, length = audio.check_samples(samples), round(seconds * sample_rate)
    if len(x) <= length:
        return np.resize(x, length).astype(np.float32)
    energy = np.concatenate([[0.0], np.cumsum(np.square(x, dtype=np.float64))])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return x[start : start + length].astype(np.float32)


def cases(orders, sounds, which, fold=TEST_FOLD, part=2):
    """Mixtures of the clips of one fold: a list of (clip, speech, noise), float32 (4 s,) each.

    which: classes. The k-th clip of the fold, over all ten classes, meets the k-th order of the
    part (1 validation, 2 test), whatever classes are asked for. Chapter: 6.3
    """
    from helpers.datasets import split_orders

    spoken = split_orders(orders)[part]
    clips = np.flatnonzero((sounds.folds == fold) & (sounds.labels < 10))
    clips = clips[np.argsort(sounds.labels[clips], kind="stable")]
    found = []
    for k, clip in enumerate(clips):
        if sounds.labels[clip] in which:
            order = orders.audio[spoken[k % len(spoken)]]
            found.append((int(clip), loudest(order), loudest(sounds.audio[clip])))
    return found


def train(
    kind,
    orders,
    sounds,
    away=(),
    *,
    seed=0,
    steps=STEPS,
    folds=(1, 2, 3, 4),
    width=None,
    made=MADE,
    most=None,
):
    """Train a mask as chapter 6.3 does: (network, History).

    kind: "magnitude" or "signal". away: classes of noise that it must not meet. folds: of the
    sounds, from which noises are taken. made: how many noises are made up. most: at most so many
    orders of the training part, None for all; the pauses before and after the speech are cut off,
    since in a mean of decibels a piece of silence counts as much as one of speech.

    Raises ValueError as `mask_network`, `masks.bank` and `fit_stages`.

    Chapter: 6.3
    """
    from helpers import audio
    from helpers.augment import strange_noise
    from helpers.datasets import split_orders
    from helpers.models import masks
    from helpers.training import fit_stages, set_seed

    rng = np.random.default_rng(seed)
    kept = np.isin(sounds.folds, folds) & ~np.isin(sounds.labels, away)
    noises = [
        masks.bank([sounds.audio[i] for i in np.flatnonzero(kept)]),
        masks.bank(
            [*_thirds(orders.noise), *(strange_noise(3 * RATE, RATE, rng) for _ in range(made))]
        ),
    ]
    spoken = [orders.audio[i] for i in split_orders(orders)[0][:most]]
    speech = masks.bank([audio.trim_silence(x, RATE, TRIM_DB, PAD) for x in spoken])
    set_seed(seed)
    network = masks.mask_network(kind, masks.WIDTH if width is None else width)
    history = fit_stages(
        [network],
        [(steps, [masks.mixtures(speech, noises, (1 - SYNTHETIC, SYNTHETIC))])],
        masks.mask_loss(kind),
        learning_rate=LEARNING_RATE,
        weight_decay=WEIGHT_DECAY,
        every=max(1, steps // 10),
    )
    return network, history


def _thirds(noise):
    """A long noise in stretches of three seconds: a list of float (3 s,)."""
    return list(noise[: len(noise) // (3 * RATE) * 3 * RATE].reshape(-1, 3 * RATE))


def measured(found, speech, sample_rate=RATE, with_pesq=True):
    """[SI-SDR in dB, STOI, PESQ in wide band or NaN] of a cleaned sound. Chapter: 6.3"""
    from helpers import metrics

    return [
        metrics.si_sdr(found, speech),
        metrics.stoi(found, speech, sample_rate),
        metrics.pesq(found, speech, sample_rate) if with_pesq else float("nan"),
    ]


def cleaned(method, noisy, speech=None, network=None):
    """What a method makes of a mixture at 16 kHz: float32 (n,) → float32 (n,).

    method: one of CLASSICAL or NETWORKS; the ideal mask asks for `speech`, the masks for `network`.
    Raises ValueError for another. Chapter: 6.3
    """
    from helpers import enhance

    if method == "noisy":
        return noisy
    if method == "spectral subtraction":
        return enhance.spectral_subtraction(noisy, RATE)
    if method == "Wiener filter":
        return enhance.wiener(noisy, RATE)
    if method == "ideal ratio mask":
        return enhance.ideal_ratio_mask(noisy, speech, RATE)
    if method in NETWORKS:
        from helpers.models import masks

        return masks.clean(network, noisy)
    raise ValueError(f"method is {method!r}; give one of {', '.join((*CLASSICAL, *NETWORKS))}")


def plan():
    """{name: (kind, division, seed)} of all runs. Chapter: 6.3"""
    runs = {"classical": ("classical", 0, 0)}
    for seed in SEEDS:
        for d in range(5):
            runs[f"signal mask, division {d + 1}, seed {seed}"] = ("signal", d, seed)
        runs[f"magnitude mask, division 5, seed {seed}"] = ("magnitude", 4, seed)
    return runs


def _mixed(speech, noise, snr):
    from helpers import audio

    return audio.mix_at_snr(speech, noise, snr)


def _scores(methods, mixtures, network=None):
    """{method: {metric: list over mixtures}}; mixtures: list of (speech, noise, snr)."""
    found = {method: [] for method in methods}
    for speech, noise, snr in mixtures:
        noisy = _mixed(speech, noise, snr)
        for method in methods:
            found[method].append(measured(cleaned(method, noisy, speech, network), speech))
    return {
        method: {m: np.round(np.array(rows)[:, i], 4).tolist() for i, m in enumerate(METRICS)}
        for method, rows in found.items()
    }


def _sets(orders, sounds, division):
    """{set: list of (speech, noise, snr)} that a network of a division is tested on."""
    pairs = divisions(sounds.classes)
    own, other = pairs[division], pairs[(division + 1) % len(pairs)]
    unknown, known = (cases(orders, sounds, which) for which in (own, other))
    talkers = [(speech, loudest(unknown[k - 1][1])) for k, (_, speech, _) in enumerate(unknown)]
    return {
        "known": [(s, n, snr) for _, s, n in known for snr in SNRS],
        "unknown": [(s, n, snr) for _, s, n in unknown for snr in SNRS],
        "high": [(s, n, HIGH) for _, s, n in known],
        "talker": [(s, n, SNRS[1]) for s, n in talkers],
    }


def _run(kind, division, seed):
    from helpers.datasets import load_orders, load_sounds

    orders, sounds = load_orders("real", quiet=True), load_sounds("real", quiet=True)
    began = time.process_time()
    if kind == "classical":
        found = {method: {name: {m: [] for m in METRICS} for name in SETS} for method in CLASSICAL}
        for d in range(5):
            sets = _sets(orders, sounds, d)
            high = [(s, n, HIGH) for s, n, _ in sets["unknown"][:: len(SNRS)]]
            for name in SETS[1:]:
                mixtures = high if name == "high" else sets[name]
                for method, scores in _scores(CLASSICAL, mixtures).items():
                    for metric, values in scores.items():
                        found[method][name][metric] += values
        return {"scores": found, "seconds": round(time.process_time() - began, 1)}
    away = divisions(sounds.classes)[division]
    network, history = train(kind, orders, sounds, away, seed=seed)
    taken = time.process_time() - began
    name = f"{kind} mask"
    result = {
        "scores": {
            which: _scores([name], mixtures, network)[name]
            for which, mixtures in _sets(orders, sounds, division).items()
        },
        "away": [sounds.classes[c] for c in away],
        "parameters": int(network.count_params()),
        "loss": [round(x, 4) for x in history.loss],
        "seconds": round(taken, 1),
    }
    if kind == "signal" and division == 4:
        result["digits"] = _digits(network, sounds, seed)
    return result


def _digits(network, sounds, seed):
    """Digits right and SI-SDR, of two speakers that nobody has heard.

    {"speakers": [two names], "said": digits of each, "right": {recogniser: {method: [speakers]
    [SNRs]}}, "quiet": {recogniser: [speakers]}, "si_sdr": {method: [speakers][SNRs]}}
    """
    from dataclasses import replace

    from helpers import audio, metrics, segment
    from helpers.datasets import load_digits
    from helpers.models.digits import logits_of
    from helpers.training import train_recogniser

    clips = load_digits("real", quiet=True)
    names = sorted(set(clips.speakers.tolist()))
    test = names[2 * seed : 2 * seed + 2]
    rng = np.random.default_rng(1000 + seed)
    learnt = clips.subset(~np.isin(clips.speakers, test))
    learnt = learnt.subset(np.sort(rng.permutation(len(learnt))[:1000]))
    bank = [
        audio.resample(sounds.audio[i], RATE, clips.sample_rate)
        for i in np.flatnonzero(sounds.folds != TEST_FOLD)
    ]

    def in_noise(x):
        noise = bank[int(rng.integers(len(bank)))]
        start = int(rng.integers(len(noise)))
        piece = np.take(noise, np.arange(start, start + len(x)), mode="wrap")
        if audio.is_silent(piece):
            return x
        return _mixed(x, piece, rng.uniform(-5, 20))

    noisy = replace(learnt, audio=[in_noise(x) for x in learnt.audio])
    models = {
        RECOGNISERS[0]: train_recogniser(learnt, steps=RECOGNISER_STEPS, seed=seed, jury=1)[0],
        RECOGNISERS[1]: train_recogniser(
            learnt, noisy, steps=RECOGNISER_STEPS, seed=seed, jury=1, extra_share=0.6
        )[0],
    }
    fold = np.flatnonzero((sounds.folds == TEST_FOLD) & (sounds.labels < 10))
    right = {r: {m: [] for m in DIGIT_METHODS} for r in RECOGNISERS}
    sdr = {m: [] for m in DIGIT_METHODS}
    quiet = {r: [] for r in RECOGNISERS}
    for speaker in test:
        own = np.flatnonzero(clips.speakers == speaker)
        chosen = rng.permutation(own)[: DIGITS_IN_STRING * STRINGS].reshape(STRINGS, -1)
        table = {r: np.zeros((len(DIGIT_METHODS), len(DIGIT_SNRS)), int) for r in RECOGNISERS}
        gains = np.zeros((len(DIGIT_METHODS), len(DIGIT_SNRS)))
        for r, model in models.items():
            one = clips.subset(chosen.reshape(-1))
            quiet[r].append(int((logits_of(model, one).argmax(1) == one.labels).sum()))
        for row in chosen:
            words = clips.subset(row)
            gaps = rng.uniform(0.1, 0.4, len(row) + 1)
            level = [x * (0.1 / max(1e-6, audio.rms(x))) for x in words.audio]
            stream, spans = segment.place(level, gaps, clips.sample_rate)
            noise = audio.resample(
                sounds.audio[fold[int(rng.integers(len(fold)))]], RATE, clips.sample_rate
            )
            noise = loudest(noise, len(stream) / clips.sample_rate, clips.sample_rate)
            for k, snr in enumerate(DIGIT_SNRS):
                mixed = _mixed(stream, noise, snr)
                wide = audio.resample(mixed, clips.sample_rate, RATE)
                for j, method in enumerate(DIGIT_METHODS):
                    made = cleaned(method, wide, network=network)
                    made = audio.fix_length(
                        audio.resample(made, RATE, clips.sample_rate), len(stream)
                    )
                    gains[j, k] += metrics.si_sdr(made, stream) / STRINGS
                    heard = replace(words, audio=[made[a:b] for a, b in spans])
                    for r, model in models.items():
                        answers = logits_of(model, heard).argmax(axis=1)
                        table[r][j, k] += int((answers == words.labels).sum())
        for j, method in enumerate(DIGIT_METHODS):
            sdr[method].append(np.round(gains[j], 3).tolist())
            for r in RECOGNISERS:
                right[r][method].append(table[r][j].tolist())
    return {
        "speakers": test,
        "said": DIGITS_IN_STRING * STRINGS,
        "right": right,
        "quiet": quiet,
        "si_sdr": sdr,
    }


def summary(record):
    """Figures of the results file: see the source. Raises KeyError while runs are missing.

    {"scores": {method: {set: {metric: float, means over seeds}}}}: "known" and "unknown" are
    (80, 3), clips in order of their classes and SNRS, of the classical methods the same; "high" and
    "talker" are (80,). "seeds": {set: (seeds,) mean gain in SI-SDR of the signal mask}.
    "classes" (80,) int; "seconds": list; "digits": {"right": {recogniser: {method: (6, 3) share}},
    "quiet": {recogniser: (6,)}, "si_sdr": {method: (6, 3)}, "speakers": list of str}

    Chapter: 6.3
    """
    runs = record["runs"]
    scores = {}
    for method in CLASSICAL:
        own = runs["classical"]["scores"][method]
        scores[method] = {
            name: {m: _shaped(own["unknown" if name == "known" else name][m]) for m in METRICS}
            for name in SETS
        }
    whole = [
        seed
        for seed in SEEDS
        if all(f"signal mask, division {d + 1}, seed {seed}" in runs for d in range(5))
        and f"magnitude mask, division 5, seed {seed}" in runs
    ]
    if not whole:
        raise KeyError("no seed is complete")
    each = [
        {name: {m: _joined(runs, name, m, seed) for m in METRICS} for name in SETS}
        for seed in whole
    ]
    scores["signal mask"] = {
        name: {m: np.mean([one[name][m] for one in each], axis=0) for m in METRICS} for name in SETS
    }
    noisy = scores["noisy"]
    seeds = {
        name: [float((one[name]["si_sdr"] - noisy[name]["si_sdr"]).mean()) for one in each]
        for name in ("known", "unknown")
    }
    pair = {
        kind: {
            name: {
                m: np.mean(
                    [runs[f"{kind}, division 5, seed {seed}"]["scores"][name][m] for seed in whole],
                    axis=0,
                ).reshape(16, len(SNRS))
                for m in METRICS
            }
            for name in ("known", "unknown")
        }
        for kind in NETWORKS
    }
    digits = [runs[f"signal mask, division 5, seed {s}"]["digits"] for s in whole]
    said = digits[0]["said"]
    return {
        "scores": scores,
        "seeds": seeds,
        "classes": np.repeat(np.arange(10), 8),
        "pair": pair,
        "seconds": [run["seconds"] for name, run in runs.items() if name.startswith("signal")],
        "parameters": runs["signal mask, division 1, seed 0"]["parameters"],
        "digits": {
            "speakers": [name for one in digits for name in one["speakers"]],
            "right": {
                r: {
                    m: np.concatenate([np.array(one["right"][r][m]) for one in digits]) / said
                    for m in DIGIT_METHODS
                }
                for r in RECOGNISERS
            },
            "quiet": {
                r: np.concatenate([np.array(one["quiet"][r]) for one in digits]) / said
                for r in RECOGNISERS
            },
            "si_sdr": {
                m: np.concatenate([np.array(one["si_sdr"][m]) for one in digits])
                for m in DIGIT_METHODS
            },
        },
    }


def _shaped(values):
    """(80,) or (80, 3) of a flat list over 80 clips."""
    values = np.array(values, float)
    return values if len(values) == 80 else values.reshape(80, len(SNRS))


def _joined(runs, name, metric, seed):
    """What the masks of five divisions measured, in the order of the classes."""
    parts = [
        runs[f"signal mask, division {d + 1}, seed {seed}"]["scores"][name][metric]
        for d in range(5)
    ]
    if name in ("known", "high"):
        parts = [parts[-1], *parts[:-1]]
    return _shaped(np.concatenate(parts))


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("restoration", __doc__, arguments)

    from helpers.datasets import load_digits, load_orders, load_sounds

    data = [load("real", quiet=True).id for load in (load_orders, load_sounds, load_digits)]
    record = load_results("restoration", __doc__)
    runs = plan()
    for family in ("classical", "mask"):
        settings = _settings(family, data)
        own = {name: run for name, run in runs.items() if family in name}
        todo = missing(record, own, settings, asked.only)
        do_runs(_run, todo, record, "restoration", settings, asked.workers)
    finish(record, runs, "restoration", __doc__)
    print(table(record))
    return 0


def table(record=None):
    """The results file as a Markdown table with its date, commit and machine; a str.

    `record` is what `load_results` gives; None reads the file. While runs are missing it says how
    many are there. Chapter: 6.3
    """
    record = load_results("restoration") if record is None else record
    try:
        found = summary(record)
    except KeyError:
        return f"The evaluation is not complete: {len(record['runs'])} runs are on file."
    scores = found["scores"]
    rows = [
        "| method (means of 0, 5, 10 dB) | noise type | SI-SDR gained, dB | STOI | PESQ | "
        "gained at 20 dB, dB |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for method in (*CLASSICAL, "signal mask"):
        for name, title in (("known", "known"), ("unknown", "never met")):
            if method in CLASSICAL and name == "known":
                continue
            own, noisy = scores[method][name], scores["noisy"][name]
            high = (scores[method]["high"]["si_sdr"] - scores["noisy"]["high"]["si_sdr"]).mean()
            spread = ""
            if method not in CLASSICAL:
                spread = f" ({min(found['seeds'][name]):.2f} to {max(found['seeds'][name]):.2f})"
            rows.append(
                f"| {method} | {title if method not in CLASSICAL else '–'} | "
                f"{(own['si_sdr'] - noisy['si_sdr']).mean():+.2f}{spread} | "
                f"{own['stoi'].mean():.3f} | {own['pesq'].mean():.2f} | "
                f"{f'{high:+.2f}' if method in CLASSICAL or name == 'known' else '–'} |"
            )
    return "\n".join(
        [
            *rows,
            "",
            f"80 clips of fold {TEST_FOLD} in test orders, at three ratios each. Masks: "
            f"means and range of {len(found['seeds']['known'])} seeds, "
            f"{found['parameters']:,} parameters, trained "
            f"for {np.median(found['seconds']):.0f} s of one core (median). "
            f"{provenance_of(list(record['runs'].values()))}",
        ]
    )


def _settings(family, data):
    """What the results of a family of runs depend on, as JSON would give it back."""
    from helpers.models import masks

    shared = {"test": [list(SNRS), HIGH, SECONDS, TEST_FOLD], "data": list(data)}
    if family == "classical":
        return shared
    return shared | {
        "network": [masks.WIDTH, masks.FLOOR, masks.RANGE],
        "training": [STEPS, masks.PIECE, masks.BATCH, LEARNING_RATE, WEIGHT_DECAY, SYNTHETIC, MADE],
        "mixtures": [
            list(masks.SNRS),
            masks.TWICE,
            masks.SPEED,
            masks.SPEECH_DB,
            masks.NOISE_DB,
            TRIM_DB,
            PAD,
        ],
        "loss": [masks.SHARE, masks.QUIET],
        "digits": [DIGITS_IN_STRING, STRINGS, RECOGNISER_STEPS, list(DIGIT_SNRS)],
    }


if __name__ == "__main__":
    sys.exit(main())
