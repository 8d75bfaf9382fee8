"""Damage repaired by rule and by a network: `python -m helpers.experiments.repairs`.

Reverberation, clipping, gaps and hum, on spoken orders; gaps also on chorales, played. The rules
are weighted prediction error, A-SPADE, autoregressive interpolation and notches; the network is the
same small one for all, trained for each damage on the training orders (and chorales) and heard on
the test orders, in rooms and with hums that it has not met. Gaps it gets filled by rule. SI-SDR or
the ratio of sound to error, and the log-spectral distance, before and after, for each test clip and
each degree of damage. Three seeds.

Orders and widths of the rules and the network's size, rate and steps were chosen on validation
orders. Nobody knows who speaks which order, so the test says how well new sentences are repaired,
not new voices. Runs are written to results/repairs.json as they finish; a run on file is not
repeated. Ten to fifteen minutes on one core.
"""

from __future__ import annotations

import sys
import time
from functools import partial

import numpy as np

from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options, provenance_of

RATE = 16000
SEEDS = (0, 1, 2)
CLIPS, SECONDS, PIECE = 20, 3.0, 1.5
"""Test clips, their length in s, and that of the pieces that networks learn from."""
TASKS = {
    "reverberation": (0.3, 0.6, 0.9),
    "clipping": (3, 7, 15),
    "gaps": (5, 10, 20, 40, 80),
    "gaps in music": (5, 10, 20, 40, 80),
    "hum": (None, 0.0, 0.1, 0.5),
}
"""Kinds of damage and the degrees at which they are tested: nominal reverberation time in s;
signal-to-distortion ratio of the clipped sound in dB; length of a gap in ms; how far the hum's
frequency swings, in Hz, None being a sound without hum."""
UNITS = {
    "reverberation": "s",
    "clipping": "dB",
    "gaps": "ms",
    "gaps in music": "ms",
    "hum": "Hz",
}
HUM_SNR = 0.0
"""Of the test clips with hum, in dB."""
GAPS = 3
"""Gaps in a clip of SECONDS."""
REFLECTIONS = 45
PIECES = 600
STEPS, BATCH = 240, 12
LEARNING_RATE, WEIGHT_DECAY = 4e-3, 0.05
AR_ORDER, AR_CONTEXT = 128, 1024
NOTCH = 2.0
"""Width of a notch in Hz."""
LEARNED = ("reverberation", "clipping", "gaps", "hum")
"""What a network is trained for; the one for gaps hears orders and chorales."""


def speech_clip(sound, seconds=SECONDS, start=0.0):
    """A stretch of an order without the silence around it: float32 (seconds · RATE,).

    start: 0 … 1, where it is taken if the order is longer; silence follows if it is shorter.

    Chapter: 6.3
    """
    from helpers.audio import fix_length, trim_silence

    n = round(seconds * RATE)
    sound = trim_silence(sound, RATE)
    first = int(start * max(0, len(sound) - n))
    return fix_length(sound[first:], n, "start")


def music_clip(piece, seconds=SECONDS, start=0):
    """A stretch of a chorale, int (T, 4), played: float32 (seconds · RATE,). Chapter: 6.3"""
    from helpers.audio import fix_length
    from helpers.music import render

    step = 0.14
    steps = int(np.ceil(seconds / step)) + 1
    start = min(start, max(0, len(piece) - steps))
    sound = render(piece[start : start + steps], RATE, step)
    return fix_length(sound, round(seconds * RATE), "start")


def damage(task, clean, degree, rng, room=None):
    """Damage a sound: (damaged float32 (n,), known bool (n,)); known marks samples that are right.

    task, degree: as in TASKS. room: an impulse response, by default a new room of that time.
    Where the damage is everywhere nothing is known. The direct sound of a room keeps its level.
    Gaps are put where there is sound. Raises ValueError for another task.

    Chapter: 6.3
    """
    from scipy.signal import fftconvolve

    from helpers import audio, restore, rooms

    nothing = np.zeros(len(clean), bool)
    if task == "reverberation":
        if room is None:
            seed = int(rng.integers(2**31))
            (room,) = rooms.impulse_responses(1, RATE, seed, (degree, degree), REFLECTIONS)
        wet = fftconvolve(clean, room)[: len(clean)]
        return wet.astype(np.float32), nothing
    if task == "clipping":
        return restore.clip(clean, restore.level_for(clean, degree))
    if task in ("gaps", "gaps in music"):
        known = np.ones(len(clean), bool)
        for start, stop in places_for_gaps(clean, degree, rng):
            known[start:stop] = False
        return np.where(known, clean, 0).astype(np.float32), known
    if task == "hum":
        if degree is None:
            return clean.copy(), nothing
        mains = rng.choice([50.0, 60.0]) + rng.uniform(-0.1, 0.1)
        hum = rooms.wandering_hum(len(clean), RATE, mains, degree, rng)
        return audio.mix_at_snr(clean, hum, HUM_SNR), nothing
    raise ValueError(f"task is {task!r}; give one of {', '.join(TASKS)}")


def places_for_gaps(clean, milliseconds, rng, gaps=GAPS):
    """Where gaps are put: [(start, stop)] in samples, one in each of `gaps` equal parts.

    The parts are of what comes before the silence at the end; there are fewer if one would be
    shorter than half a second. A gap has 2000 samples on either side in its part, and what is lost
    has at least a third of the sound's RMS; after 50 tries, the loudest of them is taken. Raises
    ValueError if not a single gap fits.

    Chapter: 6.3
    """
    from helpers.audio import rms

    n, end = round(milliseconds * RATE / 1000), 1 + int(np.flatnonzero(clean)[-1])
    gaps = max(1, min(gaps, end // (RATE // 2)))
    part = end // gaps
    if part <= n + 4000:
        raise ValueError(f"{end} samples of sound have no place for a gap of {n} with 2000 around")
    found = []
    for i in range(gaps):
        starts = i * part + rng.integers(2000, part - n - 2000, 50)
        loud = [rms(clean[s : s + n]) for s in starts]
        good = np.flatnonzero(np.array(loud) >= rms(clean) / 3)
        best = int(good[0]) if len(good) else int(np.argmax(loud))
        found.append((int(starts[best]), int(starts[best]) + n))
    return found


def by_rule(task, damaged, known):
    """Repair without having learned: float32 (n,). Chapter: 6.3"""
    from helpers import restore

    if task == "reverberation":
        return restore.wpe(damaged, RATE)
    if task == "clipping":
        return restore.declip(damaged, known)
    if task == "hum":
        mains = restore.mains_frequency(damaged, RATE)
        return restore.notch_hum(damaged, RATE, mains, width=NOTCH)
    out = damaged
    for start, stop in gaps_of(known):
        out = restore.fill_gap(out, start, stop, AR_ORDER, AR_CONTEXT)
    return out


def gaps_of(known):
    """Stretches where `known` is False: [(start, stop)]. Chapter: 6.3"""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], known, [True]]).astype(int)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def measured(task, estimate, clean, known):
    """(ratio in dB, log-spectral distance in dB), two floats.

    SI-SDR where the damage is everywhere, at most 60 dB; otherwise the ratio of what was damaged
    to what is wrong there. In gaps the distance is that of frames of 16 ms around the gap's middle
    half, or of one frame for short gaps; averaged over the gaps of a clip.

    Chapter: 6.3
    """
    from helpers.audio import snr
    from helpers.features import FrontEnd
    from helpers.metrics import log_spectral_distance, si_sdr
    from helpers.models.restorer import FRONT_END

    if task == "clipping":
        wrong = ~known
        ratio = snr(clean[wrong], (estimate - clean)[wrong])
        return ratio, log_spectral_distance(estimate, clean, FRONT_END)
    if task not in ("gaps", "gaps in music"):
        ratio = min(60.0, si_sdr(estimate, clean))
        return ratio, log_spectral_distance(estimate, clean, FRONT_END)
    short = FrontEnd(sample_rate=RATE, n_fft=256, hop=64, fmin=0.0, fmax=RATE / 2)
    ratios, distances = [], []
    for start, stop in gaps_of(known):
        error = (estimate - clean)[start:stop]
        ratios.append(snr(clean[start:stop], error) if np.any(error) else 60.0)
        reach = max(256, (stop - start) // 2)
        first = (start + stop - reach) // 2
        around = slice(first, first + reach)
        distances.append(log_spectral_distance(estimate[around], clean[around], short))
    return float(np.mean(ratios)), float(np.mean(distances))


def material(part, source="real"):
    """{"orders": list of sounds, "chorales": list of pieces} of "train", "valid" or "test".

    Chapter: 6.3
    """
    from helpers.datasets import load_chorales, load_orders, split_orders

    orders, chorales = load_orders(source, quiet=True), load_chorales(source, quiet=True)
    which = dict(zip(("train", "valid", "test"), split_orders(orders), strict=True))[part]
    pieces = [p for p in getattr(chorales, part) if (p >= 0).all()]
    return {"orders": [orders.audio[int(i)] for i in which], "chorales": pieces}


def by_network(task, network, damaged, known):
    """Repair with a network that `train` gave; gaps are filled by rule first: float32 (n,).

    Chapter: 6.3
    """
    from helpers.models.restorer import restore

    if task in ("gaps", "gaps in music"):
        return restore(network, by_rule(task, damaged, known), known)
    return restore(network, damaged, known if task == "clipping" else None)


def training_pairs(task, found, rng, pieces=PIECES):
    """Pieces to learn from: (clean, damaged, known), each (pieces, PIECE · RATE).

    found: what `material("train")` gives. Degrees are drawn: reverberation times of 0.2 to 1 s in
    some sixty rooms, ratios of 2 to 18 dB, gaps of 4 to 100 ms (filled by rule), hum at −6 to 12 dB
    whose frequency swings by up to 0.6 Hz, and one piece in six without hum.

    Chapter: 6.3
    """
    from helpers import audio, rooms

    responses = []
    if task == "reverberation":
        seed = int(rng.integers(2**31))
        responses = rooms.impulse_responses(60, RATE, seed, (0.2, 1.0), REFLECTIONS)
    clean, damaged, known = [], [], []
    while len(clean) < pieces:
        if task == "gaps" and len(clean) % 2:
            piece = found["chorales"][rng.integers(len(found["chorales"]))]
            sound = music_clip(piece, PIECE, int(rng.integers(max(1, len(piece) - 12))))
        else:
            order = found["orders"][rng.integers(len(found["orders"]))]
            sound = speech_clip(order, PIECE, rng.uniform())
        if audio.dbfs(sound) < -60:
            continue
        if task == "reverberation":
            room = responses[rng.integers(len(responses))]
            bad, right = damage(task, sound, None, rng, room)
        elif task == "clipping":
            bad, right = damage(task, sound, float(rng.uniform(2, 18)), rng)
        elif task == "gaps":
            right = np.ones(len(sound), bool)
            for i in range(3):
                length = int(RATE * rng.uniform(0.004, 0.1))
                start = i * len(sound) // 3 + int(rng.integers(1000, 6900 - length))
                right[start : start + length] = False
            bad = by_rule(task, np.where(right, sound, 0).astype(np.float32), right)
        else:
            bad, right = damage("hum", sound, float(rng.uniform(0, 0.6)), rng)
            scale = 0.0 if rng.uniform() < 1 / 6 else 10 ** (-rng.uniform(-6, 12) / 20)
            bad = sound + np.float32(scale) * (bad - sound)
        clean.append(sound)
        damaged.append(bad)
        known.append(right)
    return np.stack(clean), np.stack(damaged), np.stack(known)


def train(task, found, *, steps=STEPS, pieces=PIECES, seed=0, side_by_side=1):
    """Train a restorer for a task of LEARNED: (network, History).

    found: what `material("train")` gives. side_by_side: batches a step, from which the one network
    learns at once. Raises ValueError for another task.

    Chapter: 6.3
    """
    from helpers.models import restorer
    from helpers.training import fit_stages, set_seed

    if task not in LEARNED:
        raise ValueError(f"task is {task!r}; give one of {', '.join(LEARNED)}")
    set_seed(seed)
    pairs = training_pairs(task, found, np.random.default_rng([seed, 63]), pieces)
    network = restorer.restorer("magnitude" if task == "gaps" else "mask")
    draw = restorer.batches(*pairs, BATCH // side_by_side)
    history = fit_stages(
        [network] * side_by_side,
        [(steps, [draw] * side_by_side)],
        restorer.loss,
        learning_rate=LEARNING_RATE,
        weight_decay=WEIGHT_DECAY,
        every=max(1, steps // 10),
    )
    return network, history


def cases_of(task, found, clips=CLIPS, seed=2024):
    """{degree: [(clean, damaged, known)]} of a task, the same sounds at each degree.

    Chapter: 6.3
    """
    if task == "gaps in music":
        sounds = [music_clip(piece, start=16) for piece in found["chorales"][:clips]]
    else:
        sounds = [speech_clip(order, start=0.3) for order in found["orders"][:clips]]
    cases = {}
    for degree in TASKS[task]:
        cases[degree] = []
        for i, clean in enumerate(sounds):
            rng = np.random.default_rng([seed, i])
            cases[degree].append((clean, *damage(task, clean, degree, rng)))
    return cases


def evaluate(task, cases, repair):
    """{str(degree): {"ratio": [each clip], "distance": […]}} of `repair(damaged, known)`.

    Chapter: 6.3
    """
    result = {}
    for degree, sounds in cases.items():
        pairs = [measured(task, repair(bad, known), clean, known) for clean, bad, known in sounds]
        ratio, distance = np.round(np.array(pairs), 3).T.tolist()
        result[str(degree)] = {"ratio": ratio, "distance": distance}
    return result


def plan():
    """{name: (kind, task, seed)} of all runs. Chapter: 6.3"""
    runs = {f"{task}, by rule": ("rule", task, 0) for task in TASKS}
    return runs | {f"{t}, seed {s}": ("network", t, s) for s in SEEDS for t in LEARNED}


def _run(kind, task, seed):
    found = material("test")
    began = time.monotonic()
    if kind == "rule":
        cases = cases_of(task, found)
        return {
            "damaged": evaluate(task, cases, lambda bad, known: bad),
            "repaired": {task: evaluate(task, cases, partial(by_rule, task))},
            "seconds": round(time.monotonic() - began, 1),
        }
    network, history = train(task, material("train"), seed=seed)
    repaired = {}
    for heard in ("gaps", "gaps in music") if task == "gaps" else (task,):
        cases = cases_of(heard, found)
        repaired[heard] = evaluate(heard, cases, partial(by_network, heard, network))
    return {
        "repaired": repaired,
        "parameters": int(network.count_params()),
        "loss": [round(x, 4) for x in history.loss],
        "seconds": round(history.seconds, 1),
    }


def _settings(kind, task):
    shared = {
        "test": [CLIPS, SECONDS, list(TASKS[task]), HUM_SNR, GAPS, REFLECTIONS],
        "rules": [AR_ORDER, AR_CONTEXT, NOTCH],
    }
    if kind == "rule":
        return shared
    return shared | {"training": [STEPS, BATCH, PIECES, PIECE, LEARNING_RATE, WEIGHT_DECAY]}


def summary(record=None):
    """{task: {degree: {what: float (clips,)}}}, means over seeds for the network.

    what: "damaged ratio", "rule ratio", "network ratio", and the same with "distance". Raises
    KeyError while runs are missing.

    Chapter: 6.3
    """
    record = load_results("repairs") if record is None else record
    runs, found = record["runs"], {}
    for task, degrees in TASKS.items():
        rule = runs[f"{task}, by rule"]
        learned = [runs[f"{task.removesuffix(' in music')}, seed {seed}"] for seed in SEEDS]
        found[task] = {}
        for degree in degrees:
            d, row = str(degree), {}
            for what in ("ratio", "distance"):
                row[f"damaged {what}"] = np.array(rule["damaged"][d][what])
                row[f"rule {what}"] = np.array(rule["repaired"][task][d][what])
                each = [run["repaired"][task][d][what] for run in learned]
                row[f"network {what}"] = np.mean(each, axis=0)
                row[f"network {what}, seeds"] = np.mean(each, axis=1)
            found[task][degree] = row
    return found


RULES = {
    "reverberation": "weighted prediction error",
    "clipping": "A-SPADE",
    "gaps": "autoregressive",
    "gaps in music": "autoregressive",
    "hum": "notches",
}


def table(record=None):
    """The results as a Markdown table with date, commit and machine; a str.

    While runs are missing it says how many are there. Chapter: 6.3
    """
    from helpers.verdict import interval

    record = load_results("repairs") if record is None else record
    try:
        found = summary(record)
    except KeyError:
        return f"The evaluation is not complete: {len(record['runs'])} runs are on file."

    def mean(values):
        low, high = interval(values)
        middle = f"{values.mean():.1f}".replace("-0.0", "0.0").replace("-", "−")
        return f"{middle}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{(high - low) / 2:.1f}"

    rows = []
    for what, name in (("ratio", "ratio, dB"), ("distance", "distance, dB")):
        rows += [
            "",
            f"| damage | degree | {name}: damaged | by rule | by network |",
            "|---|---:|---:|---:|---:|",
        ]
        for task, degrees in found.items():
            for i, (degree, row) in enumerate(degrees.items()):
                title = f"{task}, {RULES[task]}" if i == 0 else ""
                shown = "none" if degree is None else f"{degree:g}\N{NO-BREAK SPACE}{UNITS[task]}"
                cells = [mean(row[f"{who} {what}"]) for who in ("damaged", "rule", "network")]
                rows.append(f"| {title} | {shown} | " + " | ".join(cells) + " |")
    rows = rows[1:]
    seconds = [run["seconds"] for run in record["runs"].values() if "loss" in run]
    return "\n".join(
        [
            *rows,
            "",
            f"{CLIPS} test clips of {SECONDS:g} s, mean and half-width of the 95 % interval over "
            "clips; networks: means of three seeds, each trained for "
            f"{np.median(seconds):.0f} s on one core. Ratio: SI-SDR for reverberation and hum, the "
            "ratio of sound to error in the damaged samples for clipping and gaps. Distance: "
            "log-spectral. "
            f"{provenance_of(list(record['runs'].values()))}",
        ]
    )


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("repairs", __doc__, arguments)
    record = load_results("repairs", __doc__)
    runs = plan()
    for name, run in runs.items():
        settings = _settings(*run[:2])
        todo = missing(record, {name: run}, settings, asked.only)
        do_runs(_run, todo, record, "repairs", settings, asked.workers)
    finish(record, runs, "repairs", __doc__)
    print(table(record))
    return 0


if __name__ == "__main__":
    sys.exit(main())
