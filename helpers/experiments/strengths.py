"""Folklore about architectures, measured: `python -m helpers.experiments.strengths`.

Four experiments, on one core about four hours:

- recall: small causal networks of some ten thousand parameters have to name a symbol that was
  marked k steps before the end, k = 4 … 128. For every kind and k three learning rates are tried
  on a seed of their own, then three seeds are trained with the best.
- learning curve: networks as in Part 4, near 50 thousand parameters, learn from 2 … 32 clips per
  digit and speaker of the Free Spoken Digit Dataset and are asked about the sixth. Templates under
  time warping and hidden Markov models get the same clips.
- bands: the same with 32 clips, but with the mel bands in a random order.
- sizes: the same with 32 clips, at 6, 12 and 25 thousand parameters instead of about 50.

Runs are written to results/strengths.json as they finish; a run on file is not repeated.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options, provenance_of
from helpers.experiments.architectures import LEARNING_RATES, builder

KINDS = ("CNN", "dilated CNN", "GRU", "LSTM", "Transformer")
DISTANCES = (4, 8, 16, 32, 64, 128)
SYMBOLS = 4
NOISE = 0.3
AFTER = 8
"""Steps of a sequence besides the k that follow the marked symbol (it is one of them)."""

RECALL_STEPS, RECALL_BATCH = 400, 32
RATES = (1e-3, 3e-3, 1e-2)
SEARCH_SEED = 100
SEEDS = (0, 1, 2)

STEPS = 300
CLIPS = (2, 4, 8, 16, 32)
SIZES = {
    "CNN": ((4, 8, 12, 16, 20), (6, 12, 17, 22, 28), (9, 17, 24, 31, 42), (12, 25, 35, 45, 58)),
    "GRU": (6, 11, 19, 30),
    "Transformer": (12, 20, 32, 48),
}
"""Channels, units and width; the last GRU and Transformer are those of Part 4."""


def draw_recall(k, batch=RECALL_BATCH):
    """A batch of the recall task: x (batch, k + 8, 5), the answers (batch,) int32.

    Each step is one of four symbols, one-hot, and a fifth number that is 1 at step k before the
    last and 0 elsewhere; noise of standard deviation 0.3 is added to all. The answer is the symbol
    at the marked step. Random numbers are TensorFlow's. Raises ValueError unless k ≥ 0.

    Chapter: 4.4
    """
    from helpers.models import tf

    if k < 0:
        raise ValueError(f"k is {k}; the marked step lies 0 steps or more before the last")
    steps = k + AFTER
    symbols = tf.random.uniform([batch, steps], 0, SYMBOLS, tf.int32)
    mark = tf.one_hot(tf.fill([batch], steps - 1 - k), steps)[..., None]
    x = tf.concat([tf.one_hot(symbols, SYMBOLS), mark], axis=2)
    return x + NOISE * tf.random.normal(tf.shape(x)), symbols[:, steps - 1 - k]


def learn_recall(kind, k, learning_rate, seed=0, steps=RECALL_STEPS, prepare=None):
    """Train `causal_network(kind)` on the recall task: (network, History, accuracy on 1000 more).

    Adam on batches of 32, cosine schedule. `prepare(network)`: changes it before training. Raises
    as `causal_network` and `draw_recall`.

    Chapter: 4.4
    """
    from helpers.models.causal import causal_network
    from helpers.training import fit, set_seed

    set_seed(seed)
    network = causal_network(kind, k + AFTER, SYMBOLS + 1, SYMBOLS)
    if prepare is not None:
        prepare(network)
    history = fit(
        [network],
        [lambda: draw_recall(k)],
        steps=steps,
        learning_rate=learning_rate,
        weight_decay=0.0,
        label_smoothing=0.0,
        every=min(50, steps),
    )
    set_seed(10_000 + seed)
    x, answer = draw_recall(k, 1000)
    right = np.argmax(network(x, training=False), axis=1) == answer.numpy()
    return network, history, float(right.mean())


def fewer(clips, n, seed=0):
    """Clips with `n` of each speaker and digit, drawn at random; of one seed fewer lie in more.

    Raises ValueError if a speaker has fewer clips of a digit. Chapter: 4.4
    """
    kept, rng = [], np.random.default_rng(seed)
    for speaker in np.unique(clips.speakers):
        for label in np.unique(clips.labels):
            at = np.flatnonzero((clips.speakers == speaker) & (clips.labels == label))
            if len(at) < n:
                raise ValueError(f"{speaker} has {len(at)} clips of {label}, fewer than {n}")
            kept.extend(rng.permutation(at)[:n])
    return clips.subset(np.sort(kept))


def network_of(architecture, size=None, order=None):
    """What makes one digit network: (frames, n_mels) → keras.Model.

    `size`: channels of the CNN, units of the GRU or width of the Transformer (its hidden layer is
    twice as wide); None is Part 4's. `order` (n_mels,): the network gets the bands in this order.
    Raises ValueError for an architecture that Part 4 doesn't have.

    Chapter: 4.4
    """
    make = builder(architecture)
    options = {}
    if size is not None:
        options = {
            "CNN": lambda: {"channels": size},
            "GRU": lambda: {"units": size},
            "Transformer": lambda: {"width": size, "hidden": 2 * size},
        }[architecture]()

    def build(frames, n_mels):
        from helpers.models import keras

        network = make(frames, n_mels, **options)
        if order is None:
            return network
        inputs = keras.Input((frames, n_mels))
        return keras.Model(inputs, network(keras.ops.take(inputs, np.asarray(order), axis=2)))

    return build


def train_small(architecture, clips, *, size=None, order=None, seed=0, steps=STEPS):
    """Train one network on Clips, without built-in voices, as all of 4.4 are: (model, History).

    `size`, `order` as in `network_of`, but None is the largest of `SIZES`, at which all three have
    46 000 to 51 000 parameters; learning rate and augmentation are those of Part 4.
    Raises as `network_of` and `helpers.training.train_recogniser`.

    Chapter: 4.4
    """
    from helpers.training import train_recogniser

    return train_recogniser(
        clips,
        build=network_of(architecture, SIZES[architecture][-1] if size is None else size, order),
        jury=1,
        steps=steps,
        seed=seed,
        learning_rate=LEARNING_RATES[architecture],
    )


def band_order(seed, n_mels=32):
    """A random order of the mel bands, an array (n_mels,) of int. Chapter: 4.4"""
    return np.random.default_rng(seed).permutation(n_mels)


def dtw_answers(distances, labels, allowed=None):
    """Labels of the nearest templates: (words, templates), (templates,) → (words,).

    `allowed`: indices of the templates that may be asked, None is all. Raises ValueError as
    `nearest_template`. Chapter: 4.4
    """
    from helpers.classic import nearest_template

    at = slice(None) if allowed is None else allowed
    return nearest_template(distances[:, at], np.asarray(labels)[at])


def hmm_answers(words, learnt, labels):
    """Label of the likeliest word model: lists of cepstra (frames, features), (learnt,) → (words,).

    A `WordModel` is trained for each label. Raises ValueError as `fit_word_model`. Chapter: 4.4
    """
    from helpers.classic import fit_word_model

    labels = np.asarray(labels)
    names = np.unique(labels)
    models = [fit_word_model([learnt[i] for i in np.flatnonzero(labels == y)]) for y in names]
    scores = np.array([[model.score(x)[0] for model in models] for x in words])
    return names[scores.argmax(axis=1)]


def distances_by_length(words, templates, edges=(16, 20, 25, 32)):
    """`dtw_distances`, faster: words and templates of about the same length share a table.

    Chapter: 4.4
    """
    from helpers.classic import dtw_distances

    def groups(sequences):
        at = np.searchsorted(edges, [len(x) for x in sequences])
        return [np.flatnonzero(at == g) for g in np.unique(at)]

    distances = np.empty((len(words), len(templates)))
    for rows in groups(words):
        for columns in groups(templates):
            some = [words[i] for i in rows], [templates[j] for j in columns]
            distances[np.ix_(rows, columns)] = dtw_distances(*some)
    return distances


def plan(speakers):
    """{name: arguments of a run} of all runs, those first that matter most.

    Chapter: 4.4
    """
    runs = {f"recall, {kind}, k = {k}": ("recall", kind, k) for k in DISTANCES for kind in KINDS}
    for seed in SEEDS:
        runs |= _digits(speakers, seed)
    return runs


def _digits(speakers, seed):
    """The runs of one seed on spoken digits."""
    kinds = {
        "curve": (*LEARNING_RATES, "classic"),
        "bands": LEARNING_RATES,
        "sizes": LEARNING_RATES,
    }
    return {
        _name(experiment, a, s, seed): (experiment, a, s, seed)
        for experiment, architectures in kinds.items()
        for s in speakers
        for a in architectures
    }


def _name(experiment, architecture, speaker, seed):
    return f"{experiment}, {architecture}, without {speaker}, seed {seed}"


def summary(record):
    """Figures of the results file, accuracies in per cent.

    "recall": {kind: {k: the run, with "seeds", a list}}, "curve": {architecture, "DTW" or "HMM":
    {clips: {test speaker: mean over "seeds"}}}, "seeds": those of which all runs are there,
    "bands": {architecture: {test speaker: …}} with most clips, the bands in another order,
    "sizes": {architecture: {parameters: {test speaker: …}}}. Raises KeyError while runs of the
    first seed are missing.

    Chapter: 4.4
    """
    runs = record["runs"]
    speakers = sorted({n.split("without ")[1].split(",")[0] for n in runs if "without " in n})
    if not speakers:
        raise KeyError("spoken digits")
    seeds = [s for s in SEEDS if s == SEEDS[0] or all(n in runs for n in _digits(speakers, s))]

    def of_speakers(experiment, architecture, value):
        return {
            s: float(
                np.mean([100 * value(runs[_name(experiment, architecture, s, k)]) for k in seeds])
            )
            for s in speakers
        }

    recall = {
        kind: {
            k: {**run, "seeds": [100 * a for a in run["seeds"]]}
            for k in DISTANCES
            for run in [runs[f"recall, {kind}, k = {k}"]]
        }
        for kind in KINDS
    }
    curves = {
        name: {
            n: of_speakers("curve", label, lambda run, n=n, a=name: run["right"][a][str(n)])
            for n in CLIPS
        }
        for name, label in (
            {a: a for a in LEARNING_RATES} | {"DTW": "classic", "HMM": "classic"}
        ).items()
    }
    bands, sizes = {}, {}
    for a in LEARNING_RATES:
        bands[a] = of_speakers("bands", a, lambda run: run["accuracy"])
        counts = runs[_name("sizes", a, speakers[0], SEEDS[0])]["right"]
        sizes[a] = {
            int(c): of_speakers("sizes", a, lambda run, c=c: run["right"][c]) for c in counts
        }
        largest = runs[_name("curve", a, speakers[0], SEEDS[0])]["parameters"]
        sizes[a][largest] = curves[a][CLIPS[-1]]
    return {"recall": recall, "curve": curves, "seeds": seeds, "bands": bands, "sizes": sizes}


def table(record=None):
    """The learning curves as a Markdown table with date, commit and machine; a str.

    `record` is what `load_results` gives; None reads the file. While runs are missing it says how
    many are there. Chapter: 4.4
    """
    record = load_results("strengths") if record is None else record
    try:
        found = summary(record)
    except KeyError:
        return f"The experiments are not complete: {len(record['runs'])} runs are on file."
    from helpers.verdict import interval

    rows = [
        "| clips per digit and speaker | " + " | ".join(f"{n} (%)" for n in CLIPS) + " |",
        "|---|" + "---:|" * len(CLIPS),
    ]
    for name, by_clips in found["curve"].items():
        cells = []
        for by_speaker in by_clips.values():
            values = list(by_speaker.values())
            low, high = interval(values)
            cells.append(f"{np.mean(values):.1f} ({low:.0f} to {min(high, 100):.0f})")
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    seeds = found["seeds"]
    return "\n".join(
        [
            *rows,
            "",
            f"Means over {len(found['bands']['CNN'])} test speakers with 95 % intervals; "
            f"{len(seeds)} seed{'s' * (len(seeds) > 1)}, {STEPS} steps, one network. "
            f"{provenance_of(list(record['runs'].values()))}",
        ]
    )


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("strengths", __doc__, arguments)

    from helpers.datasets import load_digits

    clips = load_digits("real")
    settings = _settings(clips)
    record = load_results("strengths", __doc__)
    runs = plan(sorted(set(map(str, clips.speakers))))
    todo = missing(record, runs, settings, asked.only)
    do_runs(_run, todo, record, "strengths", settings, asked.workers)
    finish(record, runs, "strengths", __doc__)
    print(table(record))
    return 0


def _settings(clips):
    """What the results depend on, as JSON would give it back."""
    from dataclasses import asdict

    from helpers.models.augmentation import FOR_PEOPLE

    return {
        "recall": [SYMBOLS, NOISE, AFTER, RECALL_STEPS, RECALL_BATCH, list(RATES), list(SEEDS)],
        "steps": STEPS,
        "learning rates": dict(LEARNING_RATES),
        "clips": list(CLIPS),
        "sizes": {a: [np.array(s).tolist() for s in sizes] for a, sizes in SIZES.items()},
        "for people": {k: np.array(v).tolist() for k, v in asdict(FOR_PEOPLE).items()},
        "data": clips.id,
    }


def _run(experiment, *arguments):
    began = time.monotonic()
    runs = {"recall": _recall, "curve": _curve, "bands": _bands, "sizes": _sizes}
    result = runs[experiment](*arguments)
    return {**result, "seconds": round(time.monotonic() - began, 1)}


def _recall(kind, k):
    """Search the learning rate, train the seeds; the first seed's gradients before and after."""
    from helpers.models.causal import causal_network, gradient_reach
    from helpers.training import set_seed

    search = {str(rate): learn_recall(kind, k, rate, SEARCH_SEED)[2] for rate in RATES}
    rate = max(RATES, key=lambda r: search[str(r)])
    learnt = [learn_recall(kind, k, rate, seed) for seed in SEEDS]
    set_seed(SEEDS[0])
    new = causal_network(kind, k + AFTER, SYMBOLS + 1, SYMBOLS)
    x = draw_recall(k, 64)[0]
    reach = {
        name: [float(f"{g:.3g}") for g in gradient_reach(network, x)]
        for name, network in (("before", new), ("after", learnt[0][0]))
    }
    accuracies = [round(accuracy, 4) for _, _, accuracy in learnt]
    return {
        "accuracy": round(float(np.mean(accuracies)), 4),
        "seeds": accuracies,
        "search": search,
        "rate": rate,
        "losses": [[round(loss, 4) for loss in history.loss] for _, history, _ in learnt],
        "gradients": reach,
        "parameters": int(new.count_params()),
    }


def _curve(name, test, seed):
    learnt, heard = _split(test)
    if name == "classic":
        right, parameters = _classic(learnt, heard, seed), 0
    else:
        of_network = {}
        for n in CLIPS:
            model, _ = train_small(name, fewer(learnt, n, seed), seed=seed)
            of_network[str(n)] = _share(_answers(model, heard), heard)
        right, parameters = {name: of_network}, int(model.count_params())
    mean = float(np.mean([a for by_clips in right.values() for a in by_clips.values()]))
    return {"accuracy": round(mean, 4), "right": right, "parameters": parameters}


def _classic(learnt, heard, seed):
    """DTW's distances are computed once: the fewer clips are among the most."""
    from helpers.classic import cepstra

    most = fewer(learnt, CLIPS[-1], seed)
    templates, words = ([cepstra(x) for x in clips.audio] for clips in (most, heard))
    distances = distances_by_length(words, templates)
    right = {"DTW": {}, "HMM": {}}
    for n in CLIPS:
        at = np.flatnonzero(np.isin(most.names, fewer(learnt, n, seed).names))
        some, labels = [templates[i] for i in at], most.labels[at]
        right["DTW"][str(n)] = _share(dtw_answers(distances, most.labels, at), heard)
        right["HMM"][str(n)] = _share(hmm_answers(words, some, labels), heard)
    return right


def _bands(name, test, seed):
    learnt, heard = _split(test)
    order = band_order(sum(map(ord, test)) + 1000 * seed)
    model, _ = train_small(name, fewer(learnt, CLIPS[-1], seed), order=order, seed=seed)
    return {"accuracy": _share(_answers(model, heard), heard)}


def _sizes(name, test, seed):
    learnt, heard = _split(test)
    right = {}
    for size in SIZES[name][:-1]:  # the learning curves have trained the largest already
        model, _ = train_small(name, fewer(learnt, CLIPS[-1], seed), size=size, seed=seed)
        right[str(model.count_params())] = _share(_answers(model, heard), heard)
    return {"accuracy": round(float(np.mean(list(right.values()))), 4), "right": right}


def _split(test):
    from helpers.datasets import by_speaker, load_digits

    clips = load_digits("real", quiet=True)
    return [clips.subset(at) for at in by_speaker(clips, test=test)]


def _answers(model, heard):
    from helpers.models.digits import logits_of

    return logits_of(model, heard).argmax(axis=1)


def _share(answers, heard):
    return round(float(np.mean(answers == heard.labels)), 5)


if __name__ == "__main__":
    sys.exit(main())
