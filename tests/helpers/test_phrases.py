"""Phrases of orders: spelling, CTC over orders of phrases, the search, and what counts as right."""

import itertools

import numpy as np
import pytest

from helpers import phrases
from helpers.datasets import SLOTS
from helpers.phrases import BLANK, WORDS
from helpers.scratch.sequences import ctc_enumerate, log_softmax


def steps_of(text, sure=8.0, wide=2):
    """Log-probabilities of a network that is sure of these words, with blanks between them."""
    said = phrases.spelled(text)
    z = np.zeros((wide * (2 * len(said) + 1), BLANK + 1))
    z[:, BLANK] = sure
    for i, word in enumerate(said):
        at = wide * (2 * i + 1)
        z[at : at + wide, BLANK] = 0
        z[at : at + wide, word] = sure
    return log_softmax(z)


def test_every_value_is_spelled_with_its_own_words():
    values = [value for of_slot in SLOTS.values() for value in of_slot]
    assert ["".join(f" {WORDS[i]}" for i in phrases.spelled(v)).strip() for v in values] == values
    assert len(set(map(phrases.spelled, values))) == len(values)
    assert len(phrases.phrases()) == len(values)


def test_of_a_sentence_only_the_words_of_orders_are_spelled():
    said = "Can I get a little bit of Skim-milk, sugary small talk, and a TWELVE ounce latte?"
    heard = [WORDS[i] for i in phrases.spelled(said)]
    assert heard == ["a little bit of", "skim", "milk", "small", "twelve", "ounce", "latte"]
    assert phrases.spelled("nothing of the sort") == ()


def test_the_order_of_phrases_is_scored_as_ctc_defines_it():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(5, 4))
    by_definition = ctc_enumerate(z, blank=3)
    said = [(0, 1), (2,)]
    words, score = phrases.arranged(log_softmax(z), said)
    right = {order: by_definition[order] for order in ((0, 1, 2), (2, 0, 1))}
    assert words == max(right, key=right.get)
    assert score == pytest.approx(max(right.values()))
    repeated = phrases.arranged(log_softmax(z), [(1,), (1,)])
    assert repeated == ((1, 1), pytest.approx(by_definition[1, 1]))


def test_the_spoken_order_is_found():
    text = "double shot latte with lots of soy milk and sugar"
    said = [phrases.spelled(p) for p in ("sugar", "latte", "lots of soy milk", "double shot")]
    words, score = phrases.arranged(steps_of(text), said)
    assert words == phrases.spelled(text)
    assert -5 < score < 0


def test_too_few_steps_say_nothing():
    words, score = phrases.arranged(np.log(np.full((1, 4), 0.25)), [(0, 1)])
    assert (words, score) == ((0, 1), -np.inf)


@pytest.mark.parametrize("said", [[], [()], [(1,)] * 7])
def test_the_number_of_phrases_is_checked(said):
    with pytest.raises(ValueError, match="one to six"):
        phrases.arranged(np.zeros((3, BLANK + 1)), said)


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("coffee", {"coffeeDrink": "coffee"}),
        ("iced coffee", {"coffeeDrink": "iced coffee"}),
        ("medium latte", {"coffeeDrink": "latte", "size": "medium"}),
        ("medium roast latte", {"coffeeDrink": "latte", "roast": "medium roast"}),
        (
            "twelve ounce mocha with a little bit of brown sugar and almond milk",
            {
                "coffeeDrink": "mocha",
                "size": "twelve ounce",
                "milkAmount": "almond milk",
                "sugarAmount": "a little bit of brown sugar",
            },
        ),
        ("sweetener", {"sugarAmount": "sweetener"}),
        ("and please", {}),
    ],
)
def test_slots_are_read(text, slots):
    steps = steps_of(text) if slots else np.tile(steps_of("milk")[:1], (6, 1))
    assert phrases.read_slots(steps) == slots


def test_phrases_know_their_places():
    found = phrases.read_phrases(steps_of("large espresso", wide=3))
    assert [(f.value, f.start, f.end) for f in found] == [("large", 3, 6), ("espresso", 9, 12)]
    assert all(f.gain == pytest.approx(24.0) for f in found)


def test_the_search_finds_the_best_of_all_paths():
    """On few steps and few labels: against a walk over all ways to place phrases."""
    rng = np.random.default_rng(3)
    log_p = log_softmax(3 * rng.normal(size=(4, BLANK + 1)))
    score, penalty = {}, 1.5
    spelled = {words: value for _, value, words in phrases.phrases()}
    allowed = sorted({BLANK, *log_p.argsort(axis=1)[:, -3:].ravel().tolist()})
    log_p[:, np.setdiff1d(np.arange(BLANK + 1), allowed)] = -50
    for path in itertools.product(allowed, repeat=4):
        for cut in itertools.product((False, True), repeat=3):
            parts = _parts(path, cut)
            if parts is None or not all(p in spelled for p in parts):
                continue
            total = log_p[range(4), path].sum() - penalty * len(parts)
            score[parts] = max(score.get(parts, -np.inf), total)
    best = max(score, key=score.get)
    found = phrases.read_phrases(log_p, penalty)
    assert tuple(phrases.spelled(f.value) for f in found) == best
    total = sum(f.gain - penalty for f in found) + log_p[:, BLANK].sum()
    assert total == pytest.approx(score[best])


def _parts(path, cut):
    """Phrases of a path whose neighbours belong together unless `cut`, or None if a cut is idle."""
    groups, now = [], [path[0]]
    for label, parted in zip(path[1:], cut, strict=True):
        if parted:
            groups.append(now)
            now = []
        now.append(label)
    groups.append(now)
    found = []
    for group in groups:
        words = tuple(k for k, _ in itertools.groupby(group) if k != BLANK)
        if words:
            found.append(words)
    return tuple(found)


def test_of_a_slot_that_comes_twice_the_better_one_counts():
    steps = np.concatenate([steps_of("small", sure=4.0), steps_of("large", sure=9.0)])
    assert len(phrases.read_phrases(steps, penalty=1.0)) == 2
    assert phrases.read_slots(steps, penalty=1.0) == {"size": "large"}


def test_a_phrase_must_be_worth_its_penalty():
    steps = steps_of("small", sure=4.0, wide=1)
    assert phrases.read_slots(steps, penalty=3.9) == {"size": "small"}
    assert phrases.read_slots(steps, penalty=4.1) == {}


def test_the_number_of_labels_is_checked():
    with pytest.raises(ValueError, match="steps, 39"):
        phrases.read_phrases(np.zeros((5, 12)))
    with pytest.raises(ValueError, match="said twice"):
        phrases.read_phrases(steps_of("milk"), penalty=-1.0)


def test_slot_errors_by_hand():
    said = [{"coffeeDrink": "latte", "size": "small"}, {"coffeeDrink": "mocha"}]
    heard = [{"coffeeDrink": "latte", "size": "large", "roast": "dark roast"}, said[1]]
    e = phrases.slot_errors(heard, said)
    assert (e.right, e.said, e.heard, e.exact, e.orders) == (2, 3, 4, 1, 2)
    assert e.f1 == pytest.approx(2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3))
    assert e.exact_match == 0.5
    nothing = phrases.slot_errors([{}], [{"size": "small"}])
    assert (nothing.f1, nothing.exact_match) == (0.0, 0.0)
    with pytest.raises(ValueError, match="one each"):
        phrases.slot_errors([{}], said)
