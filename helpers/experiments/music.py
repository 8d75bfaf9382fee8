"""How well chorales can be foretold, and what is written: `python -m helpers.experiments.music`.

The JSB chorales in their standard parts. Counting models of growing context; networks that read
tokens (GRU, Transformer); composers, which read the contexts that counting reads and look back at
their piece not at all, with a GRU, or with attention. Surprise in nats per cell, a cell being one
voice at one sixteenth, held notes and silence included, on the 77 test pieces. The best counting
model and the attentive composer then continue the first bar of test pieces: rules broken, passages
copied from training, repetition. Three seeds.

Each network is a pair, trained side by side and asked together. Contexts, sizes, learning rates,
weight decay, dropout, steps and the number of networks were chosen on the validation pieces, and
so is the weight with which network and counts are mixed. Runs are written to results/music.json as
they finish; a run on file is not repeated. Two to three minutes a run on one core, three quarters
of an hour in all.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options, provenance_of

SEEDS = (0, 1, 2)
JURY = 2
"""How many networks of a kind are trained side by side and asked together."""
STEPS, BATCH, ODD = 450, 2, 32
"""Of a composer's training: steps, stretches a step, sixteenths of a stretch between eighths."""
LEARNING_RATE, WEIGHT_DECAY = 3e-3, 1.5
TOKEN_STEPS, TOKEN_BATCH = {"GRU": 300, "Transformer": 500}, 4
TOKEN_RATE, TOKEN_DECAY = 3e-3, 0.3

LINES = {
    "pitch": ["voice"],
    "pitch and the one before": ["voice", "-4"],
    "the same and the beat": ["voice", "-4", "quarter"],
    "7-gram of tokens": ["voice", "-1", "-2", "-3", "-4", "-5", "-6"],
}
"""Counting models of the token line."""
COUNTS = (*LINES, "one chain of intervals", "eight chains", "eight chains and memory")
NETWORKS = ("tokens, GRU", "tokens, Transformer", *(f"composer, {x}" for x in ("nothing", "GRU")))
NETWORKS = (*NETWORKS, "composer, attention")
BEST, MIXED = "composer, attention", "mixed with counts"

OPENING, WRITE, PIECES = 16, 144, 24
"""Steps given, steps in all, and number of test pieces whose openings are continued."""
PASSAGE = 8
"""Chords in a passage that counts as copied."""


def train(kind, train_pieces, *, steps=None, networks=JURY, seed=0):
    """Train networks on pieces, a list of int (T, 4), as chapter 6.2 does: (model, History).

    kind: one of NETWORKS; the model has `log_probabilities(pieces)`: JURY networks of that kind,
    trained side by side and asked together, or a single one if `networks` is 1, which then learns
    from the batches of both. Raises ValueError for another kind or number and as `fit_stages`.

    Chapter: 6.2
    """
    from helpers.models import composer
    from helpers.training import fit_stages, set_seed

    if kind not in NETWORKS:
        raise ValueError(f"kind is {kind!r}; give one of {', '.join(NETWORKS)}")
    if networks not in (1, JURY):
        raise ValueError(f"networks is {networks}; give 1 or {JURY}")
    set_seed(seed)
    family, which = kind.split(", ")
    if family == "tokens":
        each = [composer.token_network(which) for _ in range(networks)]
        batches = composer.token_batches(train_pieces, TOKEN_BATCH)
        loss, rate, decay = composer.token_loss, TOKEN_RATE, TOKEN_DECAY
        model = composer.TokenModel
        steps = TOKEN_STEPS[which] if steps is None else steps
    else:
        each = [composer.composer(which) for _ in range(networks)]
        batches = composer.score_batches(composer.scores(train_pieces), BATCH, ODD)
        loss, rate, decay = composer.cell_loss, LEARNING_RATE, WEIGHT_DECAY
        model = composer.Composer
        steps = STEPS if steps is None else steps
    history = fit_stages(
        each * (JURY // networks),
        [(steps, [batches] * JURY)],
        loss,
        learning_rate=rate,
        weight_decay=decay,
        every=max(1, steps // 12),
    )
    return model(*each), history


def counters(train_pieces, valid):
    """The counting models by name, as COUNTS, each with `log_probabilities(pieces)`.

    Chapter: 6.2
    """
    from helpers.counting import Counter, LineCounter

    models = {name: LineCounter(train_pieces, levels) for name, levels in LINES.items()}
    best = Counter(train_pieces, valid)
    of = (best.part(["harmony"]), best.part(), best)
    return models | dict(zip(COUNTS[len(LINES) :], of, strict=True))


def nats(model, pieces):
    """Mean surprise of each piece in nats per cell: float (pieces,). Chapter: 6.2"""
    return np.array([-log_p.mean() for log_p in model.log_probabilities(pieces)])


def over_cells(values, pieces):
    """Means of pieces, weighted by their numbers of cells: a float. Chapter: 6.2"""
    return float(np.average(values, weights=[len(piece) for piece in pieces]))


def openings(pieces, number=PIECES, given=OPENING, steps=WRITE):
    """The first steps of pieces that are long enough, and FREE after them: int (n, steps, 4).

    Chapter: 6.2
    """
    from helpers.compose import FREE

    long = [piece for piece in pieces if len(piece) >= steps][:number]
    board = np.stack([piece[:steps] for piece in long])
    board[:, given:] = FREE
    return board


class Anything:
    """A model to which all moves of up to four semitones are equally likely. Chapter: 6.2"""

    def writer(self, n):
        return self

    def probabilities(self, context, voice):
        from helpers.parts import MOVES, REACH

        p = np.zeros((len(context["beat"]), MOVES))
        p[:, REACH - 4 : REACH + 5] = 1 / 9
        return p

    def wrote(self, moves, voice):
        pass


def written(pieces, sources, given=OPENING):
    """What can be measured on pieces, the given steps left out: lists with an entry for each.

    {"breaks": per 100 chord changes, each rule: number, "changes", "copied": share of passages of
    PASSAGE chords found in the sources, "longest": chords in the longest copied passage,
    "repeats": share of passages of 4 chords that have occurred before in the piece}

    Chapter: 6.2
    """
    from helpers import compose

    known = {key for source in sources for key in compose.passages(source, PASSAGE)}
    rows = []
    for piece in pieces:
        own = piece[given:]
        counts = compose.rule_breaks(own)
        rows.append(
            {
                "breaks": round(compose.break_rate([own]), 3),
                **counts,
                "copied": round(compose.copy_rate(own, known, PASSAGE), 4),
                "longest": compose.longest_copy(own, sources)[0],
                "repeats": round(compose.repetition(own), 4),
            }
        )
    return {name: [row[name] for row in rows] for name in rows[0]}


def longest_passage(pieces, sources, given=OPENING):
    """The longest passage of any piece, the given steps left out, that a source has as well.

    Returns (number of chords, the passage int (t, 4), the source's, which source).

    Chapter: 6.2
    """
    from helpers import compose

    written = [piece[given:] for piece in pieces]
    copies = [compose.longest_copy(piece, sources) for piece in written]
    most = int(np.argmax([chords for chords, *_ in copies]))
    chords, first, which, there = copies[most]
    rows = compose.chords(written[most])
    row = int(np.flatnonzero(rows[:, 5] == first)[0])
    steps = int(rows[row : row + chords, 4].sum())
    passage = written[most][first : first + steps]
    return chords, passage, sources[which][there : there + steps], which


def as_text(piece):
    """A piece as a short text, and `from_text`, its inverse. Chapter: 6.2"""
    return "/".join(" ".join(map(str, row)) for row in np.asarray(piece).tolist())


def from_text(text):
    """The piece int64 (T, 4) of a text that `as_text` gave. Chapter: 6.2"""
    return np.array([[int(n) for n in row.split()] for row in text.split("/")], np.int64)


def plan():
    """{name: (kind, seed)} of all runs. Chapter: 6.2"""
    runs = {"counting": ("counting", 0)}
    return runs | {f"{kind}, seed {seed}": (kind, seed) for seed in SEEDS for kind in NETWORKS}


def summary(record):
    """Figures of the results file.

    {"nats": {model: {"pieces": (77,) mean over seeds, "seeds": [each seed, over cells],
    "mean": over cells, "parameters", "seconds"}}, MIXED among the models; "known": bool (77,),
    "weight": [of the counts, each seed]; "written": {"Bach", "counting", "network", "anything":
    {what: list over pieces (and seeds)}}, "pieces": texts, "longest": [chords, passage, its source,
    which], the passages as texts; "variety": {writer: float}}

    Raises KeyError while runs are missing.

    Chapter: 6.2
    """
    runs = record["runs"]
    counted = runs["counting"]
    cells = np.array(counted["steps"], float)
    found = {}
    for name in COUNTS:
        pieces = np.array(counted["test"][name])
        mean = float(np.average(pieces, weights=cells))
        found[name] = {"pieces": pieces, "seeds": [mean], "mean": mean, "seconds": [0.0]}
        found[name]["parameters"] = counted["parameters"][name]
    for name in (*NETWORKS, MIXED):
        kind, key = (BEST, "mixed") if name == MIXED else (name, "test")
        mine = [runs[f"{kind}, seed {seed}"] for seed in SEEDS]
        pieces = np.array([run[key] for run in mine])
        means = [float(np.average(row, weights=cells)) for row in pieces]
        found[name] = {
            "pieces": pieces.mean(axis=0),
            "seeds": means,
            "mean": float(np.mean(means)),
            "parameters": mine[0]["parameters"],
            "seconds": [run["seconds"] for run in mine],
        }
    best = [runs[f"{BEST}, seed {seed}"] for seed in SEEDS]
    network = {k: np.mean([run["written"][k] for run in best], axis=0) for k in best[0]["written"]}
    network["longest"] = np.max([run["written"]["longest"] for run in best], axis=0)
    return {
        "nats": found,
        "known": np.array(counted["known"], bool),
        "weight": [run["weight"] for run in best],
        "written": {
            **{k: {n: np.array(v) for n, v in w.items()} for k, w in counted["written"].items()},
            "network": network,
        },
        "pieces": best[0]["pieces"],
        "longest": max((run["longest"] for run in best), key=lambda found: found[0]),
        "variety": {**counted["variety"], "network": float(np.mean([r["variety"] for r in best]))},
    }


def table(record=None):
    """The results file as a Markdown table with its date, commit and machine; a str.

    `record` is what `load_results` gives; None reads the file. While runs are missing it says how
    many are there. Chapter: 6.2
    """
    record = load_results("music") if record is None else record
    try:
        found = summary(record)
    except KeyError:
        return f"The evaluation is not complete: {len(record['runs'])} runs are on file."
    known, nats_of = found["known"], found["nats"]
    rows = [
        "| nats per cell, test pieces | all | melody new | melody known | range over seeds | "
        "parameters or counts |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, model in nats_of.items():
        pieces, seeds = model["pieces"], model["seeds"]
        spread = f"{min(seeds):.3f} to {max(seeds):.3f}" if len(seeds) > 1 else "–"
        title = f"**{name}**" if name in (COUNTS[-1], BEST) else name
        rows.append(
            f"| {title} | {model['mean']:.3f} | {pieces[~known].mean():.3f} | "
            f"{pieces[known].mean():.3f} | {spread} | {model['parameters']:,} |"
        )
    seconds = np.median(nats_of[BEST]["seconds"])
    return "\n".join(
        [
            *rows,
            "",
            f"First column over all cells, the next two are means of pieces: {int((~known).sum())} "
            f"whose melody is new and {int(known.sum())} of which four bars, in whatever key, are "
            f"in the training part as well. Networks: means of {len(SEEDS)} seeds; the attentive "
            f"composer is trained for {seconds:.0f} s on one core. "
            f"{provenance_of(list(record['runs'].values()))}",
        ]
    )


def table_of_writing(record=None):
    """What was written, measured, as a Markdown table; a str. Chapter: 6.2"""
    found = summary(load_results("music") if record is None else record)
    titles = {"Bach": "Bach himself", "network": BEST, "counting": COUNTS[-1]}
    titles["anything"] = "anything that can be sung"
    rows = [
        "| 8 bars after an opening | breaks of rules | parallels | passages copied | longest copy, "
        "chords | repeats | variety |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for key, title in titles.items():
        of = found["written"][key]
        changes = of["changes"].sum()
        parallels = 100 * (of["parallel fifths"] + of["parallel octaves"]).sum() / changes
        rows.append(
            f"| {title} | {of['breaks'].mean():.1f} | {parallels:.1f} | "
            f"{100 * of['copied'].mean():.1f} % | {int(of['longest'].max())} | "
            f"{100 * of['repeats'].mean():.1f} % | {found['variety'][key]:.2f} |"
        )
    return "\n".join(
        [
            *rows,
            "",
            f"Continuations of the first bar of {PIECES} test pieces, drawn from the models as "
            "they are; Bach’s own continuations for comparison. Breaks and parallels per 100 chord "
            f"changes; a copied passage has {PASSAGE} chords.",
        ]
    )


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("music", __doc__, arguments)

    from helpers.datasets import load_chorales

    chorales = load_chorales("real")
    record = load_results("music", __doc__)
    runs = plan()
    for family in ("counting", "composer", "tokens"):
        settings = _settings(family, chorales)
        own = {name: run for name, run in runs.items() if name.startswith(family)}
        todo = missing(record, own, settings, asked.only)
        do_runs(_run, todo, record, "music", settings, asked.workers)
    finish(record, runs, "music", __doc__)
    print(table(record))
    return 0


def _settings(family, chorales):
    """What the results of a family of runs depend on, as JSON would give it back."""
    from helpers import counting, parts
    from helpers.models import composer

    shared = {
        "chains": {name: list(levels) for name, levels in counting.CHAINS.items()},
        "counting": [counting.DISCOUNT, counting.STRENGTH],
        "writing": [OPENING, WRITE, PIECES, PASSAGE],
        "data": chorales.id,
    }
    own = {
        "counting": {},
        "composer": {
            "composer": [JURY, STEPS, BATCH, ODD, LEARNING_RATE, WEIGHT_DECAY],
            "dropped": [composer.DROPOUT, composer.BLANK],
            "sizes": [composer.WIDTH, composer.HEADS, composer.SIZE, composer.SPAN, parts.FEATURES],
        },
        "tokens": {"tokens": [JURY, dict(TOKEN_STEPS), TOKEN_BATCH, TOKEN_RATE, TOKEN_DECAY]},
    }
    return shared | own[family]


def _run(kind, seed):
    from helpers.compose import compose, known_melody, variety
    from helpers.counting import blend_weights
    from helpers.datasets import load_chorales

    chorales = load_chorales("real", quiet=True)
    test, given = chorales.test, openings(chorales.test)
    began = time.monotonic()
    if kind == "counting":
        models = counters(chorales.train, chorales.valid)
        taken = time.monotonic() - began
        best = models[COUNTS[-1]]
        bach = np.stack([piece[:WRITE] for piece in test if len(piece) >= WRITE][:PIECES])
        rng = np.random.default_rng(seed)
        pieces = {
            "Bach": bach,
            "counting": compose(best, given, rng)[0],
            "anything": compose(Anything(), given, rng)[0],
        }
        found = {name: nats(model, test) for name, model in models.items()}
        return {
            "nats": over_cells(found[COUNTS[-1]], test),
            "valid": {
                n: over_cells(nats(m, chorales.valid), chorales.valid) for n, m in models.items()
            },
            "test": {name: [round(float(v), 5) for v in of] for name, of in found.items()},
            "steps": [len(piece) for piece in test],
            "known": [bool(known_melody(piece, chorales.train)) for piece in test],
            "written": {name: written(of, chorales.train) for name, of in pieces.items()},
            "variety": {
                n: round(variety([p[OPENING:] for p in of]), 4) for n, of in pieces.items()
            },
            "parameters": {name: _size(model) for name, model in models.items()},
            "seconds": round(taken, 1),
        }
    model, history = train(kind, chorales.train, seed=seed)
    of_test = model.log_probabilities(test)
    result = {
        "nats": float(-np.concatenate(of_test).mean()),
        "valid": float(-np.concatenate(model.log_probabilities(chorales.valid)).mean()),
        "test": [round(float(-log_p.mean()), 5) for log_p in of_test],
        "parameters": model.parameters,
        "loss": [round(x, 4) for x in history.loss],
        "seconds": round(history.seconds, 1),
    }
    if kind == BEST:
        counted = counters(chorales.train, chorales.valid)[COUNTS[-1]]
        both = [
            np.exp([np.concatenate(m.log_probabilities(chorales.valid)).reshape(-1)])
            for m in (model, counted)
        ]
        weight = blend_weights(np.concatenate(both))[1]
        of_counts = counted.log_probabilities(test)
        mixed = [
            np.log((1 - weight) * np.exp(a) + weight * np.exp(b))
            for a, b in zip(of_test, of_counts, strict=True)
        ]
        pieces, _ = compose(model, given, np.random.default_rng(seed))
        copied, mine, theirs, which = longest_passage(pieces, chorales.train)
        result |= {
            "weight": round(float(weight), 4),
            "mixed": [round(float(-log_p.mean()), 5) for log_p in mixed],
            "written": written(pieces, chorales.train),
            "variety": round(variety([piece[OPENING:] for piece in pieces]), 4),
            "pieces": [as_text(piece) for piece in pieces[:4]],
            "longest": [copied, as_text(mine), as_text(theirs), which],
        }
    return result


def _size(model):
    chains = [model.chain] if hasattr(model, "chain") else model.chains.values()
    return int(sum(chain.size for chain in chains))


if __name__ == "__main__":
    sys.exit(main())
