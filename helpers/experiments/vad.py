"""How well speech is found in noises never trained on: `python -m helpers.experiments.vad`.

Coffee orders, mixed with environmental sounds. The classes of noise are dealt into three groups;
for each of them a network is trained on the training orders in noises of the other two groups, and
tested on test orders in noises of this one: so each class is heard by a network that has never
heard anything like it. Beside it stand the level of the frames and WebRTC's detector in its four
modes. Area under the ROC curve and hits at given false alarms for each class, over all frames of
its streams. Three seeds.

Who speaks the recorded orders is not known: most voices of the test are also in the training.
Settings were chosen on validation orders in a kitchen and in the *built-in*, synthesised noises,
which no network trains on and no test uses. A first recipe, with fewer made-up noises in training
and one view less, had met the test before; the choice between the two was made on validation. Runs
are written to results/vad.json as they finish; a run on file is not repeated. About a minute a run
on one core.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from helpers import audio, metrics, segment
from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options, provenance_of

SEEDS = (0, 1, 2)
GROUPS = (
    ("dog", "rain", "crying baby"),
    ("rooster", "sea waves", "sneezing"),
    ("crackling fire", "clock tick", "helicopter", "chainsaw", "siren", "breaking glass"),
)
"""Classes of noise that are held out together; the last two exist in the built-in set only."""
VOICES = ("crying baby", "sneezing")
"""Noises that come from a human throat as well, but are not speech."""
SNRS = (-5, 0, 5, 10)
METHODS = ("level", "level above floor", "network")
RATE = 16000
MIXTURES, SECONDS, STEPS, BATCH = 1200, 5.0, 700, 16
LEARNING_RATE, WEIGHT_DECAY = 4e-3, 0.05
MADE_UP = 0.4
"""Share of the noises in training that are synthesised."""
TOP_DB = 35.0
"""A frame of a clean order is speech if it is at most this far below the loudest."""
STREAMS = 20
"""Test streams of a class, each an order of at most 10 s in two of its clips."""
FALSE_ALARMS = (0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, *np.round(np.arange(0.1, 1.01, 0.05), 2))


def truth(clean):
    """Where a clean order holds speech, by its power: float (n,) → bool (n // 160,).

    Chapter: 6.4
    """
    found = segment.energy_gate(clean, RATE, top_db=TOP_DB, min_silence=0.1)
    return found[: len(clean) // round(RATE * segment.STEP)]


def mixed(clean, noise, snr_db):
    """An order in noise: (float32 (n,), bool (k,)), the ratio holding where somebody speaks.

    The noise is repeated if it is too short; the sum is turned down if it would exceed 0.99.
    Raises as `helpers.segment.mix_into`. Chapter: 6.4
    """
    spoken = truth(clean)
    noise = np.resize(np.asarray(noise, np.float32), len(clean))
    if audio.is_silent(noise):
        noise = np.random.default_rng(0).normal(0, 1e-3, len(clean)).astype(np.float32)
    sound = segment.mix_into(clean, segment.spans_of(spoken, RATE), noise, snr_db)
    peak = np.abs(sound).max()
    return (sound if peak <= 0.99 else sound * np.float32(0.99 / peak)), spoken


def level(samples):
    """A gate's score: smoothed level in dB below the loudest moment, (n,) → (n // 160,).

    Chapter: 6.4
    """
    power = 10 ** (segment.frame_levels(samples, RATE) / 10)
    padded = np.pad(power, 5, mode="edge")
    smooth = 10 * np.log10(np.convolve(padded, np.full(11, 1 / 11), mode="valid"))
    return smooth - smooth.max()


def level_above_floor(samples):
    """The same, above the level that a fifth of the sound stays below. Chapter: 6.4"""
    smooth = level(samples)
    return smooth - np.quantile(smooth, 0.2)


def made_up(rng, n):
    """A noise that nobody recorded, float32 (n,): coloured, or a gliding tone with its harmonics.

    Half of them pulse, up to forty times a second. Chapter: 6.4
    """
    from helpers.rooms import coloured_noise

    t = np.arange(n) / RATE
    if rng.random() < 0.3:
        sound = coloured_noise(n, rng.uniform(-6, 3), rng)
    else:
        glide = np.interp(t, np.linspace(0, t[-1], 12), rng.normal(0, 0.2, 12))
        turns = np.cumsum(2 ** (rng.uniform(4.5, 11) + glide)) / RATE
        most = min(int(rng.integers(1, 60)), max(1, int(0.45 / np.max(np.diff(turns)))))
        strength = np.arange(1, most + 1) ** -rng.uniform(0, 1.5)
        waves = np.exp(2j * np.pi * rng.random(most)) * strength
        period = np.fft.irfft(np.append(0, waves), 2048)
        sound = np.interp(turns % 1, np.arange(2049) / 2048, np.append(period, period[0]))
        sound = sound + rng.normal(0, rng.uniform(0, 0.7) * np.std(sound), n)
    if rng.random() < 0.5:
        pulse = np.sin(2 * np.pi * 2 ** rng.uniform(-2, 5.3) * t + rng.uniform(0, 6))
        sound = sound * (0.02 + np.clip(pulse, 0, 1) ** rng.uniform(0.3, 3))
    return sound.astype(np.float32)


def equalised(rng, sound, strength):
    """Through a random filter of 31 taps: float (n,) → float (n,). Chapter: 6.4"""
    taps = rng.normal(0, 1, 31) * np.exp(-np.arange(31) / rng.uniform(0.5, 5)) * strength
    taps[0] = 1
    return np.convolve(sound, taps)[: len(sound)]


def training_set(orders, noises, mixtures=MIXTURES, seconds=SECONDS, seed=0):
    """Mixtures to learn from: views float16 (mixtures, frames, 3·n_mels), truth bool (…, frames).

    orders, noises: lists of float (n_i,). A stretch of an order, somewhere; a noise played at half
    to twice its speed, or a made-up one, sometimes two of them, through a random filter; −8 to
    15 dB; any level, and now and then clipped. Chapter: 6.4
    """
    from helpers.models import vad

    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    pictures, targets = [], []
    everywhere = [truth(order) for order in orders]

    def noise():
        if rng.random() < MADE_UP:
            return made_up(rng, n)
        clip = noises[rng.integers(len(noises))]
        places = rng.integers(len(clip)) + np.arange(n) * 2 ** rng.uniform(-1, 1)
        return np.interp(places % (len(clip) - 1), np.arange(len(clip)), clip)

    def loud(sound):
        return sound / max(float(np.sqrt(np.mean(sound**2))), 1e-4)

    while len(pictures) < mixtures:
        which = rng.integers(len(orders))
        order, spoken = orders[which], everywhere[which]
        start = rng.integers(max(1, len(order) - n)) // 160 * 160
        clean, spoken = order[start : start + n], spoken[start // 160 : (start + n) // 160]
        clean = np.pad(clean, (0, n - len(clean)))
        spoken = np.pad(spoken, (0, n // 160 - len(spoken)))
        other = loud(noise()) * 10 ** (rng.uniform(-1, 0.5) if rng.random() < 0.3 else -9.0)
        sound = equalised(rng, loud(noise()) + other, 0.7)
        power = np.mean(clean.reshape(-1, 160)[spoken] ** 2) if spoken.any() else 0.0
        ratio = 10 ** (rng.uniform(-8, 15) / 20)
        mixture = sound + (clean * ratio / np.sqrt(power) if power > 0 else 0)
        mixture *= 10 ** rng.uniform(-2, 0) / np.abs(mixture).max()
        if rng.random() < 0.1:
            mixture = np.clip(3 * mixture, -1, 1)
        pictures.append(vad.framed(mixture))
        targets.append(spoken)
    return vad.views(np.stack(pictures))[0].astype(np.float16), np.stack(targets)


def train(orders, noises, *, steps=None, mixtures=MIXTURES, seed=0):
    """Train a detector as the chapter does: (network, History). See `training_set`. Chapter: 6.4"""
    from helpers.models import vad
    from helpers.training import fit_stages, set_seed

    set_seed(seed)
    network = vad.vad_network()
    batches = vad.vad_batches(*training_set(orders, noises, mixtures, seed=seed), BATCH)
    history = fit_stages(
        [network],
        [(STEPS if steps is None else steps, [batches])],
        vad.vad_loss,
        learning_rate=LEARNING_RATE,
        weight_decay=WEIGHT_DECAY,
        every=50,
    )
    return network, history


def streams(orders, sounds, name, count=STREAMS):
    """Pairs of a clean order and a noise of class `name`: [(float32 (n,), float32 (n,))].

    orders: list of sounds, taken in turn, at most 10 s of each. Each noise is two clips of the
    class, end to end; no clip is used twice. Chapter: 6.4
    """
    clips = np.flatnonzero(sounds.labels == sounds.classes.index(name))
    pairs = []
    for i in range(min(count, len(clips) // 2)):
        clean = orders[(7 * i + 13 * sounds.classes.index(name)) % len(orders)][: 10 * RATE]
        noise = np.concatenate([sounds.audio[j] for j in clips[2 * i : 2 * i + 2]])
        pairs.append((clean, noise))
    return pairs


def scored(pairs, score, snrs=SNRS):
    """{snr: {"auc", "hits": [at each of FALSE_ALARMS]}} of a score, (n,) → (k,). Chapter: 6.4"""
    found = {}
    for snr in snrs:
        mixtures = [mixed(clean, noise, snr) for clean, noise in pairs]
        scores = np.concatenate([score(sound) for sound, _ in mixtures])
        spoken = np.concatenate([truth for _, truth in mixtures])
        alarms, hits = metrics.roc(scores, spoken)
        at = np.interp(FALSE_ALARMS, alarms, hits)
        found[str(snr)] = {
            "auc": round(float(np.trapezoid(hits, alarms)), 5),
            "hits": [round(float(hit), 4) for hit in at],
        }
    return found


def webrtc_points(pairs, snrs=SNRS):
    """{snr: [[false alarms, hits] of each mode]} of WebRTC's detector. Chapter: 6.4"""
    found = {}
    for snr in snrs:
        mixtures = [mixed(clean, noise, snr) for clean, noise in pairs]
        points = []
        for mode in range(4):
            said = [segment.webrtc(sound, RATE, mode) for sound, _ in mixtures]
            errors = segment.frame_errors(
                np.concatenate(said), np.concatenate([truth for _, truth in mixtures])
            )
            points.append([round(errors.false_alarm, 4), round(1 - errors.miss, 4)])
        found[str(snr)] = points
    return found


def data(source=None):
    """(orders, sounds, training orders, test orders), the last two lists of sounds. Chapter: 6.4

    Built-in orders, which begin and end with speech, get a second of silence on either side.
    """
    from helpers.datasets import load_orders, load_sounds, split_orders

    orders, sounds = load_orders(source, quiet=True), load_sounds(source, quiet=True)
    training, _, test = split_orders(orders)
    around = RATE if orders.source == "builtin" else 0
    parts = [[np.pad(orders.audio[i], around) for i in part] for part in (training, test)]
    return orders, sounds, *parts


def noises_without(sounds, group):
    """The clips of all classes that are not in `group`: a list of sounds. Chapter: 6.4"""
    return [
        clip
        for clip, label in zip(sounds.audio, sounds.labels, strict=True)
        if sounds.classes[label] not in group
    ]


def run(kind, group, seed):
    """One run, see `plan`: a dict. Chapter: 6.4"""
    from helpers.models import vad

    began = time.monotonic()
    _, sounds, training, test = data()
    names = [name for name in GROUPS[group] if name in sounds.classes]
    if kind == "network":
        network, history = train(training, noises_without(sounds, names), seed=seed)
        seconds = time.monotonic() - began
        found = {
            name: scored(
                streams(test, sounds, name), lambda x: vad.speech_probabilities(network, x)
            )
            for name in names
        }
        extra = {"parameters": network.count_params(), "steps": history.best_step}
        extra["training"] = round(seconds, 1)
    else:
        found, extra = {}, {"webrtc": {}}
        for name in names:
            pairs = streams(test, sounds, name)
            found[name] = {
                "level": scored(pairs, level), "level above floor": scored(pairs, level_above_floor)
            }  # fmt: skip
            extra["webrtc"][name] = webrtc_points(pairs)
    return {"classes": found, **extra, "seconds": round(time.monotonic() - began, 1)}


def plan():
    """{name: (kind, group, seed)} of all runs. Chapter: 6.4"""
    runs = {f"without learning, group {g}": ("plain", g, 0) for g in range(len(GROUPS))}
    for seed in SEEDS:
        runs |= {
            f"network, group {g}, seed {seed}": ("network", g, seed) for g in range(len(GROUPS))
        }
    return runs


def settings():
    """What a run on file must have been made with. Chapter: 6.4"""
    return {"mixtures": MIXTURES, "steps": STEPS, "batch": BATCH, "rate": LEARNING_RATE,
            "streams": STREAMS, "top_db": TOP_DB}  # fmt: skip


def auc_of(record, method, snr=0):
    """{class of noise: AUC}, mean over seeds, of one of METHODS. Chapter: 6.4

    Raises KeyError while runs are missing.
    """
    runs, found = record["runs"], {}
    for g in range(len(GROUPS)):
        mine = [runs[f"network, group {g}, seed {s}"] for s in SEEDS]
        plain = runs[f"without learning, group {g}"]["classes"]
        for name in plain:
            if method == "network":
                found[name] = float(
                    np.mean([one["classes"][name][str(snr)]["auc"] for one in mine])
                )
            else:
                found[name] = plain[name][method][str(snr)]["auc"]
    return found


def hits_of(record, method, snr=0):
    """{class: hits (len(FALSE_ALARMS),)}, mean over seeds; {class: (4, 2)} false alarms and hits
    of its modes for "WebRTC". Raises KeyError while runs are missing. Chapter: 6.4
    """
    runs, found = record["runs"], {}
    for g in range(len(GROUPS)):
        plain = runs[f"without learning, group {g}"]
        mine = [runs[f"network, group {g}, seed {s}"] for s in SEEDS]
        for name in plain["classes"]:
            if method == "WebRTC":
                found[name] = np.array(plain["webrtc"][name][str(snr)])
            elif method == "network":
                each = [one["classes"][name][str(snr)]["hits"] for one in mine]
                found[name] = np.mean(each, axis=0)
            else:
                found[name] = np.array(plain["classes"][name][method][str(snr)]["hits"])
    return found


def main(arguments=None):
    """Do the missing runs and print the table. Chapter: 6.4"""
    chosen = options("vad", __doc__, arguments)
    runs, about = plan(), settings()
    record = load_results("vad", __doc__)
    do_runs(run, missing(record, runs, about, chosen.only), record, "vad", about, chosen.workers)
    finish(record, runs, "vad", __doc__)
    print(table(record))
    return 0


def table(record=None):
    """The results file as a Markdown table with its date, commit and machine; a str.

    `record` is what `load_results` gives; None reads the file. While runs are missing it says how
    many are there. Chapter: 6.4
    """
    record = load_results("vad") if record is None else record
    try:
        rows = ["| AUC over classes of noise | −5 dB | 0 dB | 5 dB | 10 dB | worst class at 0 dB |",
                "|:--|--:|--:|--:|--:|:--|"]  # fmt: skip
        for method in METHODS:
            worst = min((value, name) for name, value in auc_of(record, method).items())
            means = [np.mean(list(auc_of(record, method, snr).values())) for snr in SNRS]
            cells = " | ".join(f"{mean:.3f}" for mean in means)
            rows.append(f"| {method} | {cells} | {worst[1]}, {worst[0]:.3f} |")
        for mode in range(4):
            points = [
                np.mean([p[mode] for p in hits_of(record, "WebRTC", snr).values()], axis=0)
                for snr in SNRS
            ]
            cells = " | ".join(f"{100 * hit:.0f} at {100 * alarm:.0f}" for alarm, hit in points)
            rows.append(f"| WebRTC, mode {mode}: hits at false alarms (%) | {cells} | |")
    except KeyError:
        return f"The evaluation is not complete: {len(record['runs'])} runs are on file."
    runs = list(record["runs"].values())
    seconds = [one["training"] for one in runs if "training" in one]
    rows.append(
        f"\n{provenance_of(runs)} Training, mixtures included, took {min(seconds):.0f} to "
        f"{max(seconds):.0f} s on one core."
    )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
