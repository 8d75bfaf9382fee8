"""The usual advice, one change at a time: `python -m helpers.experiments.advice`.

What is often advised for the recognisers of this book, each against the same thing without it.

- digits: a learning rate that falls, batch normalisation, slopes of the picture and pitch as
  further inputs. One network of chapter 5.2, a quarter of its batches from built-in voices; trained
  on five speakers of the Free Spoken Digit Dataset, tested on the sixth.
- strings: a language model that rescores what the speller of chapter 5.3 proposes, where numbers
  follow a plan that the model has learned from texts, where every digit is as likely as any other,
  and where it has learned a plan and the numbers follow none. In quiet and in noise, speakers
  unseen.
- sounds: augmentation, batch normalisation, a larger network. One network of chapter 6.4, ESC-10 in
  its official folds.
- music: counting models of chapter 6.2, and the composer for capacity. What temperature, a given
  opening, a given melody, being told the mode (major or minor), and learning from both modes do to
  variety, broken rules and surprise, on chorales of the test part.

Two seeds; all with far fewer steps than in the chapters, so that accuracies lie lower. Every
variant of a network gets the same three learning rates to choose from. A test speaker's neighbour
decides, and a test fold's neighbour, on networks that heard neither of the two; for composers the
validation pieces do; the weight of a language model is the one that is best for the other five
speakers. Runs are written to results/advice.json as they finish; a run on file is not repeated.
About a minute a run on one core, an hour in all.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from helpers.experiments._record import load_results
from helpers.experiments._runs import do_runs, finish, missing, options, provenance_of
from helpers.experiments.recogniser import partners

SEEDS = (0, 1)
RATES = (1e-3, 3e-3, 9e-3)
"""Learning rates among which every variant chooses."""
GUESSING = 0.1
"""The accuracy of a training whose loss was not finite any more."""
BASE = "as it is"

DIGIT_STEPS = 350
VOICES_SHARE = 0.25
DIGITS = {
    BASE: {},
    "constant rate": {"constant": True},
    "no batch normalisation": {"normalised": False},
    "slopes": {"slopes": True},
    "pitch": {"pitch": True},
}
DIGIT_GROUPS = {
    "training": (BASE, "constant rate", "no batch normalisation"),
    "inputs": ("slopes", "pitch"),
}
"""Which variants are tuned in one run."""

SOUND_STEPS, SOUND_BATCH = 300, 32
SOUNDS = {
    BASE: {},
    "no augmentation": {"augmented": False},
    "no batch normalisation": {"normalised": False},
    "larger": {"larger": True},
}
SOUND_GROUPS = {
    "augmentation": (BASE, "no augmentation"),
    "network": ("no batch normalisation", "larger"),
}
FOLDS = (1, 2, 3, 4, 5)
NEIGHBOURS = {1: 2, 2: 1, 3: 4, 4: 3, 5: 1}
"""{test fold: the fold that chooses its learning rates}."""

STAGES = ((200, 160, (1, 2)), (250, 260, (2, 4)), (350, 440, (3, 7)))
"""Steps, frames and words a string, as in chapter 5.3, but fewer steps."""
STRING_BATCH, STRING_RATE = 16, 3e-3
SNRS = (40, 10)
NUMBERS = 60
"""Strings of each kind and signal-to-noise ratio that are tested."""
TEXTS = 2000
"""Numbers that a language model learns from, as text."""
BEAM = 16
WEIGHTS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0)
CODES, EXCHANGES = 6, 3
LEVELS = ("place", "-1", "-2")
"""The language model counts by place in the number, then after one token and after two."""
END, BEFORE = 10, 11
CONDITIONS = {
    "language model, numbers of its plan": ("plan", "plan", ("plan", "plan")),
    "language model, any digits": ("any", "any", ("any", "any")),
    "language model of a plan, any digits": ("any", "plan", ("plan", "plan")),
}
"""What is spoken, what the model has learned, and where its weight was chosen."""

GIVEN, WRITTEN, PIECES, GROUP = 16, 96, 64, 8
"""Steps given, steps in all, pieces that are written, and pieces to a group."""
DRAWN = 48
"""Chords among which it is counted how many differ."""
TEMPERATURES = {"cool": 0.7, "warm": 1.3}
WIDTHS = {"narrow": 32, "wide": 224}
MUSIC_STEPS = 300
BACH = "Bach"
MUSIC = {
    "higher temperature": ("warm", "opening"),
    "lower temperature": ("cool", "opening"),
    "an opening given": ("opening", "nothing"),
    "a melody given": ("melody", "opening"),
    "two modes together": ("opening", "own mode"),
    "told the mode": ("told", "opening"),
    "larger network": ("wide", "narrow"),
}
"""What is compared with what, after and before."""
MEASURES = {"variety": 1.0, "breaks": -1.0, "surprise": -1.0}
"""What is measured of music, and whether more or less of it is a gain."""

ADVICE = {
    "digits": {
        "learning-rate schedule": (BASE, "constant rate"),
        "batch normalisation": (BASE, "no batch normalisation"),
        "slopes": ("slopes", BASE),
        "pitch": ("pitch", BASE),
    },
    "sounds": {
        "augmentation": (BASE, "no augmentation"),
        "batch normalisation": (BASE, "no batch normalisation"),
        "larger network": ("larger", BASE),
    },
}
"""What is compared with what, after and before."""


# --- digits ---------------------------------------------------------------------------------------


def train_digits(sets, variant, *, rate, pitches=None, steps=DIGIT_STEPS, seed=0):
    """Train one digit network on Pictures: a variant of DIGITS, (network, History).

    pitches: for "pitch", what `advised.clip_pitch` gives of each set. Raises KeyError for another
    variant, and as `helpers.training.fit`.

    Chapter: 2.5
    """
    from helpers.models import advised, digits
    from helpers.training import constant_schedule, cosine_schedule, fit, set_seed

    chosen = dict(DIGITS[variant])
    constant = chosen.pop("constant", False)
    set_seed(seed)
    network = advised.digit_variant(digits.FRAMES, digits.FRONT_END.n_mels, **chosen)
    draw = digits.batches(sets)
    if variant == "pitch":
        draw = advised.pitch_batches(sets, pitches)
    history = fit(
        [network],
        [draw],
        steps=steps,
        learning_rate=rate,
        schedule=constant_schedule if constant else cosine_schedule,
    )
    return network, history


def _digits(tested, rates, seed):
    """Accuracies of variants with each of their rates: those who speak in `tested` are strangers.

    rates: {variant: rates to try}. → {variant: {rate: {speaker: fraction}}}, and losses.
    """
    from helpers.datasets import load_digits
    from helpers.datasets.builtin_digits import load_practice_voices
    from helpers.models import advised, digits
    from helpers.models.small import seen

    clips, voices = load_digits("real", quiet=True), load_practice_voices()
    strange = np.isin(clips.speakers, tested)
    learnt, heard = clips.subset(~strange), clips.subset(strange)
    sets = [
        digits.pictures(learnt, share=1 - VOICES_SHARE),
        digits.pictures(voices, share=VOICES_SHARE),
    ]
    pictures = seen(heard.audio)
    pitches = pitch = None
    if "pitch" in rates:
        pitches = [advised.clip_pitch(learnt), advised.clip_pitch(voices)]
        pitch = advised.windowed_pitch(heard)

    def train(variant, rate):
        return train_digits(sets, variant, rate=rate, pitches=pitches, seed=seed)

    def right(network, variant):
        x = np.concatenate([pictures, pitch], axis=2) if variant == "pitch" else pictures
        hit = advised.looked_at(network, x).argmax(axis=1) == heard.labels
        return {s: hit[heard.speakers == s] for s in tested}

    return _at_rates(rates, tested, train, right)


def _at_rates(rates, units, train, right):
    """{"right": {variant: {rate: {unit: fraction}}}, "loss": …} of variants at several rates.

    rates: {variant: rates to try}; train(variant, rate) → (network, History); right(network,
    variant) → {unit: bool (clips,)}. A training whose loss is not finite is taken as GUESSING.
    """
    found = {variant: {} for variant in rates}
    losses = {variant: {} for variant in rates}
    for variant, rate in ((v, r) for v, some in rates.items() for r in some):
        try:
            network, history = train(variant, rate)
        except FloatingPointError:
            found[variant][str(rate)] = dict.fromkeys(map(str, units), GUESSING)
            losses[variant][str(rate)] = None
            continue
        found[variant][str(rate)] = {
            str(unit): round(float(hit.mean()), 5) for unit, hit in right(network, variant).items()
        }
        losses[variant][str(rate)] = round(history.loss[-1], 4)
    return {"right": found, "loss": losses}


def chosen_rate(record, variant, speaker):
    """The rate at which a variant did best on the neighbour of `speaker`. Chapter: 2.5

    Raises KeyError while the runs that decide are missing.
    """
    speakers = record["runs"][_of_family(record, "digits, tuned")[0]]["speakers"]
    partner = partners(speakers)[speaker]
    pair = " and ".join(sorted((speaker, partner)))
    run = f"digits, tuned without {pair}, {_group_of(DIGIT_GROUPS, variant)}"
    return best_rate(record, run, variant, partner)


def best_rate(record, run, variant, unit):
    """The rate at which a variant did best on `unit` in a run that tried all; a float.

    The first of equals, so the lowest. Raises KeyError while that run is missing. Chapter: 2.5
    """
    right = record["runs"][run]["right"][variant]
    return max(RATES, key=lambda rate: right[str(rate)][str(unit)])


# --- sounds ---------------------------------------------------------------------------------------


def train_sounds(bank, variant, *, rate, steps=SOUND_STEPS, seed=0):
    """Train one sound network on a `SoundBank`: a variant of SOUNDS, (network, History).

    Without augmentation a crop is still taken around any loud frame. Raises KeyError for another
    variant, and as `helpers.training.fit_stages`.

    Chapter: 2.5
    """
    from helpers.models import advised, augmentation, sounds
    from helpers.training import fit_stages, set_seed

    chosen = dict(SOUNDS[variant])
    if chosen.pop("larger", False):
        chosen["channels"] = advised.LARGER_FOR_SOUNDS
    changes = {}
    if not chosen.pop("augmented", True):
        changes = {"changes": augmentation.NONE, "mixed": 0.0, "noisy": 0.0, "empty": 0.0}
    set_seed(seed)
    network = advised.sound_variant(bank.classes, **chosen)
    draw = sounds.batches(bank, SOUND_BATCH, **changes)
    history = fit_stages([network], [(steps, [draw])], sounds.sound_loss, learning_rate=rate)
    return network, history


def _sounds(tested, rates, seed):
    """Accuracies of variants with each of their rates, trained on the folds not in `tested`.

    → {variant: {rate: {fold: fraction}}}, and losses.
    """
    from helpers.datasets import load_sounds
    from helpers.models.sounds import SoundModel, sound_bank

    sounds = load_sounds("real", quiet=True)
    bank = sound_bank(sounds)
    strange = np.isin(sounds.folds, tested)
    heard, test = bank.subset(~strange), bank.subset(strange)
    folds = sounds.folds[strange]

    def train(variant, rate):
        return train_sounds(heard, variant, rate=rate, seed=seed)

    def right(network, variant):
        said = SoundModel([network], sounds.classes).probabilities(test).argmax(axis=1)
        return {f: (said == test.labels)[folds == f] for f in tested}

    return _at_rates(rates, tested, train, right)


def chosen_sound_rate(record, variant, fold):
    """The rate at which a variant did best on the neighbour of `fold`, see NEIGHBOURS.

    Raises KeyError while the run that decides is missing. Chapter: 2.5
    """
    first, second = sorted((fold, NEIGHBOURS[fold]))
    run = f"sounds, tuned without {first} and {second}, {_group_of(SOUND_GROUPS, variant)}"
    return best_rate(record, run, variant, NEIGHBOURS[fold])


# --- strings --------------------------------------------------------------------------------------


class NumberPlan:
    """How numbers are given out: a zero, one of six codes, one of three exchanges, three digits.

    Codes have two digits, exchanges one; the k-th code is used in proportion to 1/k, the rest
    evenly. rng: draws the plan.

    Chapter: 2.5
    """

    def __init__(self, rng):
        self.codes = [divmod(int(c), 10) for c in rng.choice(100, CODES, replace=False)]
        self.exchanges = [int(e) for e in rng.choice(10, EXCHANGES, replace=False)]
        shares = 1 / np.arange(1, CODES + 1)
        self.shares = shares / shares.sum()

    def draw(self, n, rng):
        """n numbers, a list of tuples of seven digits. Chapter: 2.5"""
        found = []
        for _ in range(n):
            code = self.codes[rng.choice(CODES, p=self.shares)]
            exchange = self.exchanges[rng.integers(EXCHANGES)]
            found.append((0, *code, exchange, *map(int, rng.integers(0, 10, 3))))
        return found


def any_digits(n, rng, words=(3, 7)):
    """n strings in which every digit is as likely as any other: a list of tuples. Chapter: 2.5"""
    return [
        tuple(map(int, rng.integers(0, 10, rng.integers(*words, endpoint=True)))) for _ in range(n)
    ]


class LanguageModel:
    """Counts what stands at each place of numbers, after one token and after two; the end too.

    texts: a list of sequences of digits. Raises ValueError without any.

    Chapter: 2.5
    Source: [teh2006hierarchical] for what is unseen, see `helpers.counting.Chain`
    """

    def __init__(self, texts):
        from helpers.counting import Chain, keys

        if not texts:
            raise ValueError("a language model needs texts: give one or more")
        named, came, _ = self._places(texts)
        self.chain = Chain(keys(named, LEVELS), came, classes=END + 1)

    @staticmethod
    def _places(texts):
        came = np.concatenate([[*text, END] for text in texts]).astype(int)
        which = np.repeat(np.arange(len(texts)), [len(text) + 1 for text in texts])
        named = {"place": np.concatenate([np.arange(len(text) + 1) for text in texts])}
        for back in (1, 2):
            shifted = [([BEFORE] * back + list(text))[: len(text) + 1] for text in texts]
            named[f"-{back}"] = np.concatenate(shifted).astype(int)
        return named, came, which

    def log_probabilities(self, texts):
        """ln p of each sequence with its end: float (n,). Chapter: 2.5"""
        from helpers.counting import keys

        named, came, which = self._places(texts)
        p = self.chain.probabilities(keys(named, LEVELS))
        return np.bincount(which, np.log(p[np.arange(len(came)), came]), len(texts))


def rescored(candidates, model, weights=WEIGHTS):
    """What is best of the speller's proposals at each weight of a language model: list of tuples.

    candidates: a list of (digits, log-probability), as `transcribe.spell_beam` gives. The model
    counts against strings of even digits, which are what the speller has learned from: each is
    scored by its log-probability plus weight · (ln p of the model + ln 10 per digit).

    Chapter: 2.5
    Source: [hannun2014first] for weighing a language model against the speller
    """
    strings, spelled = zip(*candidates, strict=True)
    better = model.log_probabilities(strings) + np.log(10) * np.array([len(s) for s in strings])
    return [strings[int(np.argmax(np.array(spelled) + w * better))] for w in weights]


def train_speller(clips, voices, *, stages=STAGES, seed=0):
    """Train a speller without a writer on Clips, a quarter of them voices: (network, History).

    Raises as `string_batches` and `fit_stages`. Chapter: 2.5
    """
    from helpers.models import advised
    from helpers.models.composition import string_batches, word_bank
    from helpers.models.digits import FRONT_END
    from helpers.training import fit_stages, set_seed

    set_seed(seed)
    banks = [word_bank(clips, share=1 - VOICES_SHARE), word_bank(voices, share=VOICES_SHARE)]
    network = advised.spelling_network(FRONT_END.n_mels)
    batches = [
        (steps, [string_batches(banks, frames, words, size=STRING_BATCH, seed=seed)])
        for steps, frames, words in stages
    ]
    return network, fit_stages([network], batches, advised.spelling_only, learning_rate=STRING_RATE)


def _strings(test, seed, index):
    """Words wrong of a stranger: {spoken: {model: {snr: [at each weight]}}}, and words said."""
    from helpers import transcribe
    from helpers.datasets import by_speaker, load_digits
    from helpers.datasets.builtin_digits import load_practice_voices
    from helpers.datasets.strings import connect, in_noise
    from helpers.metrics import token_errors

    clips, voices = load_digits("real", quiet=True), load_practice_voices()
    learnt, heard = (clips.subset(i) for i in by_speaker(clips, test=test))
    network, history = train_speller(learnt, voices, seed=seed)
    rng = np.random.default_rng([seed, index])
    plan = NumberPlan(rng)
    models = {
        "plan": LanguageModel(plan.draw(TEXTS, rng)),
        "any": LanguageModel(any_digits(TEXTS, rng)),
    }
    said = {"plan": plan.draw(NUMBERS, rng), "any": any_digits(NUMBERS, rng)}
    wrong = {s: {m: {} for m in models} for s in said}
    words = {s: len(SNRS) * sum(map(len, texts)) for s, texts in said.items()}
    for spoken, texts in said.items():
        strings = connect(heard, NUMBERS, rng, said=texts)
        for snr in SNRS:
            proposals = [
                transcribe.spell_beam(transcribe.hear(network, x), BEAM, BEAM)
                for x in in_noise(strings, snr, np.random.default_rng(2)).audio
            ]
            for name, model in models.items():
                errors = np.zeros(len(WEIGHTS), int)
                for candidates, text in zip(proposals, texts, strict=True):
                    for i, best in enumerate(rescored(candidates, model)):
                        e = token_errors(best, text)
                        errors[i] += e.substitutions + e.deletions + e.insertions
                wrong[spoken][name][str(snr)] = errors.tolist()
    plain = sum(wrong["plan"]["plan"][str(snr)][0] for snr in SNRS)
    return {
        "accuracy": round(1 - plain / words["plan"], 5),
        "wrong": wrong,
        "words": words,
        "loss": round(history.loss[-1], 4),
        "bits": {
            name: round(float(-model.log_probabilities(said[name]).mean() / np.log(2)), 3)
            for name, model in models.items()
        },
    }


# --- music ----------------------------------------------------------------------------------------


def mode_of(piece):
    """Whether a piece, int (T, 4), is rather in minor (1) or in major (0), by its pitch classes.

    Chapter: 2.5
    Source: [krumhansl1982tracing], see `helpers.counting.nearest_key`
    """
    from helpers.counting import nearest_key

    sung = np.asarray(piece)[np.asarray(piece) >= 0]
    shares = np.bincount(sung % 12, minlength=12) / max(1, len(sung))
    return int(12 <= nearest_key(shares[None])[0] < 24)


def told_counter(train, valid):
    """A `helpers.counting.Counter` that is told of each piece whether it is in minor.

    Each chain has a last, most precise level, at which the mode counts as well. It foretells
    pieces and does not write any. Raises as `Counter`.

    Chapter: 2.5
    """
    from helpers.counting import CHAINS, Counter

    class Told(Counter):
        @staticmethod
        def _named(pieces):
            named, held = Counter._named(pieces)
            cells = [piece.size for piece in pieces]
            return named | {"mode": np.repeat([mode_of(piece) for piece in pieces], cells)}, held

    return Told(train, valid, {name: [*levels, "mode"] for name, levels in CHAINS.items()})


def in_groups(values, group=GROUP):
    """A list cut into groups of `group`; raises ValueError if something is left over.

    Chapter: 2.5
    """
    if not len(values) or len(values) % group:
        raise ValueError(f"{len(values)} pieces do not make groups of {group}")
    return [values[i : i + group] for i in range(0, len(values), group)]


def kinds_of_chords(piece):
    """What each chord of a piece, int (T, 4), consists of: a list of tuples.

    The pitch classes above the bass, however they are spread over octaves and voices; voices that
    are silent are left out, and without a bass the kind is (). A chord begins when a voice changes.

    Chapter: 2.5
    """
    from helpers.compose import chords

    return [tuple(sorted({int(a) % 12 for a in row if a != 99})) for row in chords(piece)[:, :3]]


def different(kinds, drawn=DRAWN):
    """How many of `drawn` items are of different kinds, if drawn without putting back: a share.

    The mean over all draws, so what was written in more chords is not at a disadvantage. Raises
    ValueError for fewer than `drawn` items.

    Chapter: 2.5
    Source: [hurlbert1971nonconcept]
    """
    from collections import Counter as Tally

    from scipy.special import gammaln

    n = len(kinds)
    if n < drawn:
        raise ValueError(f"{n} chords are fewer than the {drawn} to draw: compare longer pieces")
    others = n - np.array(list(Tally(kinds).values()))
    some = others[others >= drawn]  # kinds that may be missed
    missed = gammaln(some + 1) - gammaln(some - drawn + 1) - gammaln(n + 1) + gammaln(n - drawn + 1)
    return float(len(others) - np.exp(missed).sum()) / drawn


def of_groups(pieces, given=GIVEN):
    """Variety and broken rules of what was written, group by group, the opening left out.

    {"variety": how many of DRAWN chords differ, in per cent, "breaks": per 100 chord changes, each
    a list}. Raises as `in_groups` and `different`. Chapter: 2.5
    """
    from helpers.compose import break_rate

    groups = in_groups([piece[given:] for piece in pieces])
    kinds = [[kind for piece in group for kind in kinds_of_chords(piece)] for group in groups]
    return {
        "variety": [round(100 * different(of_group), 3) for of_group in kinds],
        "breaks": [round(break_rate(group), 3) for group in groups],
    }


def boards(test):
    """What is given of test pieces: {"nothing", "opening", "melody", "Bach": int (n, steps, 4)}.

    The first PIECES pieces of WRITTEN steps or more. Raises ValueError if there are fewer.

    Chapter: 2.5
    """
    from helpers.compose import FREE

    long = [piece[:WRITTEN] for piece in test if len(piece) >= WRITTEN][:PIECES]
    if len(long) < PIECES:
        raise ValueError(f"{len(long)} pieces have {WRITTEN} steps; {PIECES} are needed")
    bach = np.stack(long)
    opening, melody = bach.copy(), bach.copy()
    opening[:, GIVEN:] = FREE
    melody[:, GIVEN:, 1:] = FREE
    nothing = np.full_like(bach, FREE)
    return {"nothing": nothing, "opening": opening, "melody": melody, "Bach": bach}


def _music(kind, seed, rate=None):
    """What one way of writing gives: groups' variety and breaks, and pieces' surprise, or some."""
    from helpers.compose import compose, temper
    from helpers.counting import Counter
    from helpers.datasets import load_chorales
    from helpers.experiments.music import nats

    chorales = load_chorales("real", quiet=True)
    given, rng = boards(chorales.test), np.random.default_rng(seed)
    if kind in WIDTHS:
        return _composed(WIDTHS[kind], rate, chorales, given["opening"], rng, seed)
    if kind == "told":
        model = told_counter(chorales.train, chorales.valid)
        return {"surprise": _rounded(nats(model, chorales.test))}
    if kind == "own mode":
        return _by_mode(chorales, given["Bach"], given["opening"], rng)
    model = Counter(chorales.train, chorales.valid)
    if kind in TEMPERATURES:
        board, heat = given["opening"], TEMPERATURES[kind]
        pieces, _ = compose(model, board, rng, lambda p: temper(p, heat))
        return of_groups(pieces)
    pieces, _ = compose(model, given[kind], rng)
    found = of_groups(pieces)
    if kind == "opening":
        found |= {"surprise": _rounded(nats(model, chorales.test))}
        found[BACH] = of_groups(given[BACH])
    return found


def _by_mode(chorales, bach, opening, rng):
    """Counting models of one mode each, asked about pieces of their own."""
    from helpers.compose import compose
    from helpers.counting import Counter
    from helpers.experiments.music import nats

    of_test = np.array([mode_of(piece) for piece in chorales.test])
    # the whole piece tells its mode, not the beginning that is used
    long = [m for m, p in zip(of_test, chorales.test, strict=True) if len(p) >= WRITTEN]
    of_board = np.array(long[: len(bach)])
    surprise, pieces = np.zeros(len(of_test)), np.zeros_like(bach)
    for mode in (0, 1):
        own = [
            [piece for piece in part if mode_of(piece) == mode]
            for part in (chorales.train, chorales.valid)
        ]
        model = Counter(*own)
        mine = [piece for piece, m in zip(chorales.test, of_test, strict=True) if m == mode]
        surprise[of_test == mode] = nats(model, mine)
        pieces[of_board == mode] = compose(model, opening[of_board == mode], rng)[0]
    return {**of_groups(pieces), "surprise": _rounded(surprise), "minor": int(of_test.sum())}


def train_composer(pieces, width, *, rate, steps=MUSIC_STEPS, seed=0):
    """Train a composer that looks back at nothing on pieces, int (T, 4): (Composer, History).

    Raises as `helpers.models.composer.composer` and `helpers.training.fit_stages`. Chapter: 2.5
    """
    from helpers.experiments import music
    from helpers.models import composer
    from helpers.training import fit_stages, set_seed

    set_seed(seed)
    network = composer.composer("nothing", width)
    draw = composer.score_batches(composer.scores(pieces), music.BATCH, music.ODD)
    history = fit_stages(
        [network],
        [(steps, [draw])],
        composer.cell_loss,
        learning_rate=rate,
        weight_decay=music.WEIGHT_DECAY,
    )
    return composer.Composer(network), history


def _composed(width, rate, chorales, opening, rng, seed):
    """A composer of one width: what it foretells and writes."""
    from helpers.compose import compose
    from helpers.experiments.music import nats

    model, history = train_composer(chorales.train, width, rate=rate, seed=seed)
    pieces, _ = compose(model, opening, rng)
    return {
        **of_groups(pieces),
        "surprise": _rounded(nats(model, chorales.test)),
        "parameters": int(model.parameters),
        "rate": rate,
        "loss": round(history.loss[-1], 4),
    }


def _tuned_composers(width):
    """Surprise of the validation pieces at each learning rate, in nats per cell."""
    from helpers.datasets import load_chorales
    from helpers.experiments.music import nats, over_cells

    chorales, found = load_chorales("real", quiet=True), {}
    for rate in RATES:
        try:
            model, _ = train_composer(chorales.train, width, rate=rate, seed=SEEDS[0])
        except FloatingPointError:
            found[str(rate)] = None
            continue
        found[str(rate)] = round(over_cells(nats(model, chorales.valid), chorales.valid), 5)
    return {"surprised": found}


def chosen_composer_rate(record, kind):
    """The rate at which composers of one of WIDTHS foretold the validation pieces best.

    Raises KeyError while the run that decides is missing, ValueError if all rates diverged.

    Chapter: 2.5
    """
    surprised = record["runs"][f"music, tuned, {kind}"]["surprised"]
    rates = [rate for rate in RATES if surprised[str(rate)] is not None]
    return min(rates, key=lambda rate: surprised[str(rate)])


def _rounded(values):
    return [round(float(v), 5) for v in values]


# --- runs -----------------------------------------------------------------------------------------


def plan(speakers):
    """{name: (family, what it takes)} of all runs, those that choose learning rates first.

    Raises ValueError for an odd number of speakers. Chapter: 2.5
    """
    runs, ordered = {}, sorted(speakers)
    for test, other in partners(ordered).items():
        for group in DIGIT_GROUPS:
            if test < other:
                name = f"digits, tuned without {test} and {other}, {group}"
                runs[name] = ("tune digits", group, (test, other))
    for pair in dict.fromkeys(tuple(sorted(pair)) for pair in NEIGHBOURS.items()):
        for group in SOUND_GROUPS:
            name = f"sounds, tuned without {pair[0]} and {pair[1]}, {group}"
            runs[name] = ("tune sounds", group, pair)
    for kind in WIDTHS:
        runs[f"music, tuned, {kind}"] = ("tune music", kind)
    for seed in SEEDS:
        for index, test in enumerate(ordered):
            runs[f"digits, without {test}, seed {seed}"] = ("digits", test, seed)
            runs[f"strings, without {test}, seed {seed}"] = ("strings", test, seed, index)
        for fold in FOLDS:
            runs[f"sounds, fold {fold}, seed {seed}"] = ("sounds", fold, seed)
        for kind in dict.fromkeys(kind for pair in MUSIC.values() for kind in pair):
            if seed == 0 or kind != "told":
                runs[f"music, {kind}, seed {seed}"] = ("music", kind, seed)
    return runs


def with_rates(record, family, arguments):
    """What a run takes, and the learning rates that were chosen for it: a tuple. Chapter: 2.5

    Raises KeyError while the runs that decide are missing.
    """
    if family == "digits":
        return (*arguments, {v: chosen_rate(record, v, arguments[0]) for v in DIGITS})
    if family == "sounds":
        return (*arguments, {v: chosen_sound_rate(record, v, arguments[0]) for v in SOUNDS})
    if family == "music" and arguments[0] in WIDTHS:
        return (*arguments, chosen_composer_rate(record, arguments[0]))
    return tuple(arguments)


def _run(family, *arguments):
    began = time.monotonic()
    networks = {"digits": (_digits, DIGIT_GROUPS), "sounds": (_sounds, SOUND_GROUPS)}
    if family in ("tune digits", "tune sounds"):
        group, pair = arguments
        measured, groups = networks[family.removeprefix("tune ")]
        result = measured(list(pair), dict.fromkeys(groups[group], RATES), SEEDS[0])
        if family == "tune digits":
            result["speakers"] = _speakers()
    elif family == "tune music":
        result = _tuned_composers(WIDTHS[arguments[0]])
    elif family in networks:
        test, seed, rates = arguments
        measured, _ = networks[family]
        result = measured([test], {v: [r] for v, r in rates.items()}, seed)
    else:
        result = {"strings": _strings, "music": _music}[family](*arguments)
    return {**result, "seconds": round(time.monotonic() - began, 1)}


def _speakers():
    from helpers.datasets import load_digits

    return sorted(set(map(str, load_digits("real", quiet=True).speakers)))


# --- what is on file ------------------------------------------------------------------------------


def gains(record, family):
    """What each piece of advice gained, one number per unit, of those whose runs are on file.

    family: "digits" and "strings" (points of accuracy, points of words got right; a value for each
    speaker), "sounds" (points; for each fold), "writing" (per cent of chords that differ, and
    breaks of rules, of which fewer are a gain; for each group of pieces) and "foretelling" (nats
    per cell, of which fewer are a gain; for each piece). Means over seeds.
    {advice: float (units,)}; raises KeyError for another family.

    Chapter: 2.5
    """
    of_family = {
        "digits": _digit_gains,
        "sounds": _sound_gains,
        "strings": _string_gains,
        "writing": lambda runs: _music_gains(runs, ("variety", "breaks")),
        "foretelling": lambda runs: _music_gains(runs, ("surprise",)),
    }[family]
    found = {}
    for name, values in of_family(record["runs"]):
        try:
            found[name] = np.array(values(), float)
        except (KeyError, IndexError):
            continue
    return found


def _of_family(record, start):
    names = [name for name in record["runs"] if name.startswith(start)]
    if not names:
        raise KeyError(f"no run on file is called {start} …")
    return names


def _group_of(groups, variant):
    return next(group for group, variants in groups.items() if variant in variants)


def _digit_gains(runs):
    tuned = [name for name in runs if name.startswith("digits, tuned")]
    speakers = runs[tuned[0]]["speakers"] if tuned else []
    return _accuracy_gains(runs, "digits", "digits, without {}, seed {}", speakers)


def _sound_gains(runs):
    return _accuracy_gains(runs, "sounds", "sounds, fold {}, seed {}", FOLDS)


def _accuracy_gains(runs, family, run_name, units):
    """Pairs of an advice and a function that gives its gain for each unit, in points."""

    def accuracy(variant, unit, seed):
        (right,) = runs[run_name.format(unit, seed)]["right"][variant].values()
        return 100 * right[str(unit)]

    def values(after, before):
        if not units:
            raise KeyError(f"no run on file says on what {family} are tested")
        return [
            np.mean([accuracy(after, u, k) - accuracy(before, u, k) for k in SEEDS]) for u in units
        ]

    for name, pair in ADVICE[family].items():
        yield name, lambda pair=pair: values(*pair)


def chosen_weight(runs, spoken, model, speaker):
    """The place in WEIGHTS that leaves the other speakers the fewest words wrong; an int.

    runs: those of strings, {(speaker, seed): run}. The first of equals, so the smallest weight.

    Chapter: 2.5
    """
    total = np.zeros(len(WEIGHTS))
    for (other, _), run in runs.items():
        if other != speaker:
            total += np.sum([run["wrong"][spoken][model][str(snr)] for snr in SNRS], axis=0)
    return int(total.argmin())


def _string_gains(runs):
    mine = {}
    for name, run in runs.items():
        if name.startswith("strings, without "):
            speaker, seed = name.removeprefix("strings, without ").split(", seed ")
            mine[speaker, int(seed)] = run
    speakers = sorted({speaker for speaker, _ in mine})

    def values(spoken, model, chosen_on):
        if len(speakers) < 6:
            raise KeyError("speakers are missing")
        found = []
        for speaker in speakers:
            place, each = chosen_weight(mine, *chosen_on, speaker), []
            for seed in SEEDS:
                run = mine[speaker, seed]
                wrong = np.sum([run["wrong"][spoken][model][str(snr)] for snr in SNRS], axis=0)
                each.append(100 * (wrong[0] - wrong[place]) / run["words"][spoken])
            found.append(np.mean(each))
        return found

    for name, condition in CONDITIONS.items():
        yield name, lambda condition=condition: values(*condition)


def _music_gains(runs, measures):
    def measured(kind, measure):
        if kind == BACH:
            return runs["music, opening, seed 0"][BACH][measure]
        seeds = (0,) if kind == "told" else SEEDS
        return np.mean([runs[f"music, {kind}, seed {k}"][measure] for k in seeds], axis=0)

    def values(after, before, measure):
        gained = np.subtract(measured(after, measure), measured(before, measure))
        return MEASURES[measure] * gained

    for measure in measures:
        for name, pair in (MUSIC | {"Bach himself": (BACH, "opening")}).items():
            yield f"{measure}, {name}", lambda pair=pair, m=measure: values(*pair, m)


UNITS = {
    "digits": "speaker",
    "strings": "speaker",
    "sounds": "fold",
    "writing": "group of pieces",
    "foretelling": "piece",
}
"""What one value of a family's gains belongs to."""


def table(record=None):
    """The results file as a Markdown table with its date, commit and machine; a str.

    `record` is what `load_results` gives; None reads the file. Advice whose runs are missing is
    left out. Chapter: 2.5
    """
    from helpers.verdict import interval

    record = load_results("advice") if record is None else record
    rows = ["| advice | gain | interval | over |", "|---|---:|---:|---|"]
    for family, unit in UNITS.items():
        for name, values in gains(record, family).items():
            low, high = interval(values)
            rows.append(
                f"| {family}: {name} | {values.mean():+.2f} | {low:+.2f} to {high:+.2f} "
                f"| {len(values)} × {unit} |"
            )
    if len(rows) == 2:
        return f"The evaluation is not complete: {len(record['runs'])} runs are on file."
    return "\n".join([*rows, "", provenance_of(list(record["runs"].values()))])


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("advice", __doc__, arguments)
    record, speakers = load_results("advice", __doc__), _speakers()
    runs, settings, todo = plan(speakers), _settings(), {}
    for family, of_family in settings.items():
        own = {name: run for name, run in runs.items() if name.startswith(f"{family}, ")}
        todo |= missing(record, own, of_family, asked.only)
    for tuning in (True, False):
        for family in settings:
            jobs = {}
            for name, (kind, *arguments) in todo.items():
                if name.partition(",")[0] != family or kind.startswith("tune") != tuning:
                    continue
                jobs[name] = (kind, *with_rates(record, kind, arguments))
            do_runs(_run, jobs, record, "advice", settings[family], asked.workers)
    finish(record, runs, "advice", __doc__)
    print(table(record))
    return 0


def _settings():
    """What the results of each family depend on, as JSON would give it back."""
    from helpers import counting
    from helpers.datasets import load_chorales, load_digits, load_sounds
    from helpers.datasets.builtin_digits import load_practice_voices
    from helpers.models import advised, cnn, composer, sounds, transcriber
    from helpers.models.augmentation import FOR_PEOPLE, FOR_VOICES

    speech = {
        "augmentation": f"{VOICES_SHARE}: {FOR_PEOPLE}, {FOR_VOICES}",
        "data": [load_digits("real", quiet=True).id, load_practice_voices().id],
    }
    sizes = (transcriber.CHANNELS, transcriber.WIDTH, transcriber.DILATIONS, transcriber.TAPS)
    return {
        "digits": {
            "training": f"{DIGIT_STEPS} {RATES}",
            "channels": f"{cnn.CHANNELS}",
            "pitch": f"{advised.VOICED} {advised.LOWEST_HZ} {advised.HIGHEST_HZ} "
            f"{advised.QUIET_DB}",
            **speech,
        },
        "strings": {
            "training": f"{STAGES} {STRING_BATCH} {STRING_RATE} {sizes}",
            "numbers": f"{CODES} {EXCHANGES} {NUMBERS} {TEXTS} {SNRS}",
            "model": f"{BEAM} {WEIGHTS} {LEVELS}",
            **speech,
        },
        "sounds": {
            "training": f"{SOUND_STEPS} {SOUND_BATCH} {RATES}",
            "channels": f"{sounds.CHANNELS} {advised.LARGER_FOR_SOUNDS}",
            "changes": f"{sounds.CHANGES} {sounds.MIXED} {sounds.NOISY} {sounds.EMPTY}",
            "folds": f"{NEIGHBOURS}",
            "data": load_sounds("real", quiet=True).id,
        },
        "music": {
            "writing": f"{GIVEN} {WRITTEN} {PIECES} {GROUP} {DRAWN} {TEMPERATURES}",
            "composer": f"{WIDTHS} {MUSIC_STEPS} {RATES} {composer.DROPOUT} {composer.BLANK}",
            "counting": f"{counting.DISCOUNT} {counting.STRENGTH}",
            "data": load_chorales("real", quiet=True).id,
        },
    }


if __name__ == "__main__":
    sys.exit(main())
