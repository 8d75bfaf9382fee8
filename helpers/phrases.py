"""What an order is made of: words, phrases and slots, and how one gets from sounds to slots.

A phrase is the value of a slot, such as "a lot of soy milk"; it is spelled with `WORDS`, here
("a lot of", "soy", "milk"). A network gives log-probabilities of the words for every step of
40 ms; `read_slots` finds the phrases in them, and `arranged` finds in which order known phrases
were said. NumPy only. Chapter: 6.1
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache

import numpy as np

from helpers.datasets._orders import AMOUNTS, SLOTS

WORDS = (
    *(amount for amount in AMOUNTS if amount),
    *("americano", "cappuccino", "coffee", "drip", "espresso", "house", "iced", "latte", "mocha"),
    *("single", "double", "triple", "shot", "light", "medium", "dark", "roast", "small", "large"),
    *("eight", "twelve", "sixteen", "twenty", "ounce", "milk", "skim", "whole", "soy", "almond"),
    *("cream", "sugar", "brown", "sweetener"),
)
"""The words of which all values of `SLOTS` are made; an amount counts as one word. Chapter: 6.1"""

BLANK = len(WORDS)
"""The label behind the last word: nothing new, or anything that is no word of an order."""

_LONGEST_FIRST = sorted(WORDS, key=len, reverse=True)


@cache
def spelled(text):
    """The words of an order or a phrase, others left out: str → tuple of int, indices of WORDS.

    Chapter: 6.1
    """
    found, rest = [], f" {' '.join(_plain(text).split())} "
    at = 0
    while at < len(rest) - 1:
        for word in _LONGEST_FIRST:
            if rest.startswith(f" {word} ", at):
                found.append(WORDS.index(word))
                at += len(word)
                break
        at = rest.index(" ", at + 1) if at < len(rest) - 1 else at
    return tuple(found)


def _plain(text):
    return "".join(c if c.isalpha() else " " for c in text.lower())


@cache
def phrases():
    """All phrases: a tuple of (slot, value, words). Chapter: 6.1"""
    return tuple((slot, v, spelled(v)) for slot, values in SLOTS.items() for v in values)


def arranged(log_p, said):
    """The most probable order in which phrases were said: (words, log-probability).

    log_p: float (steps, words + 1), log-probabilities, the blank last. said: a list of k phrases,
    each a tuple of words, k from 1 to 6. All k! orders are scored by CTC's sum over all ways to
    lay the words out in time. Returns the words of the best order, a tuple of int, and its
    log-probability, −inf where there are too few steps.

    Raises ValueError for another number of phrases or an empty one.

    Chapter: 6.1
    Source: [graves2006connectionist] for the sum
    """
    said = [tuple(phrase) for phrase in said]
    if not 1 <= len(said) <= 6 or not all(said):
        raise ValueError(f"{len(said)} phrases: give one to six, none of them empty")
    orders = [sum(order, ()) for order in itertools.permutations(said)]
    scores = _ctc(np.asarray(log_p, np.float64), np.array(orders))
    best = int(np.argmax(scores))
    return orders[best], float(scores[best])


def _ctc(log_p, orders):
    """Log-probabilities of strings of one length: (steps, labels), int (n, words) → (n,)."""
    blank = log_p.shape[1] - 1
    n, words = orders.shape
    states = np.full((n, 2 * words + 1), blank)
    states[:, 1::2] = orders
    skip = np.zeros(states.shape, bool)
    skip[:, 3::2] = orders[:, 1:] != orders[:, :-1]
    local = log_p[:, states]  # (steps, n, states)
    alpha = np.full(states.shape, -np.inf)
    alpha[:, :2] = local[0, :, :2]
    one, two = np.full_like(alpha, -np.inf), np.full_like(alpha, -np.inf)
    for now in local[1:]:
        one[:, 1:] = alpha[:, :-1]
        two[:, 2:] = np.where(skip[:, 2:], alpha[:, :-2], -np.inf)
        alpha = np.logaddexp(np.logaddexp(alpha, one), two) + now
    return np.logaddexp(alpha[:, -1], alpha[:, -2])


@dataclass(frozen=True)
class Found:
    """A phrase in a sound: its slot and value, the steps it takes up (start, end exclusive), and
    by how many nats it fits better there than "nothing". Chapter: 6.1"""

    slot: str
    value: str
    start: int
    end: int
    gain: float


PENALTY = 1.0
"""Nats that a phrase costs unless one is given; the results file has one chosen on validation."""


def read_phrases(log_p, penalty=PENALTY):
    """The most probable sequence of phrases, anything else between them: a list of `Found`.

    log_p: float (steps, words + 1), the blank last. A phrase is laid out in time as CTC allows and
    costs `penalty` nats, so that it must fit by more than that. Viterbi's algorithm over all
    phrases at once. A slot may come twice here: see `read_slots`.

    Raises ValueError for another number of labels or a negative penalty.

    Chapter: 6.1
    Source: [rabiner1989tutorial]
    """
    log_p = np.asarray(log_p, np.float64)
    if log_p.ndim != 2 or log_p.shape[1] != len(WORDS) + 1:
        raise ValueError(f"log_p has shape {log_p.shape}; it must be (steps, {len(WORDS) + 1})")
    if penalty < 0:
        raise ValueError(f"penalty is {penalty}; below 0, a phrase would be better said twice")
    labels, first, last, skip = _grammar()
    states = len(labels)
    came = np.zeros((len(log_p), states), np.int8)  # 0 stay, 1 one back, 2 two back, 3 enter
    before = np.zeros(len(log_p), np.int64)  # the last state of a phrase just over, -1 for outside
    score, one, two, into = (np.full(states, -np.inf) for _ in range(4))
    outside = 0.0
    for t, now in enumerate(log_p):
        ended = last[score[last].argmax()]
        before[t] = ended if score[ended] > outside else -1
        outside = max(outside, score[ended])
        one[1:] = score[:-1]
        one[first] = -np.inf
        two[2:] = np.where(skip[2:], score[:-2], -np.inf)
        into[first] = outside - penalty
        arrivals = np.stack([score, one, two, into])
        came[t] = arrivals.argmax(axis=0)
        score = arrivals.max(axis=0) + now[labels]
        outside += now[BLANK]
    ended = last[score[last].argmax()]
    return _walked_back(log_p, came, before, ended if score[ended] > outside else -1)


def _walked_back(log_p, came, before, state):
    """The phrases of the best path: `state` at the last step, -1 for outside."""
    labels, owner = _grammar()[0], _owners()
    found, end, gain = [], len(log_p), 0.0
    for t in range(len(log_p) - 1, -1, -1):
        if state >= 0:
            gain += log_p[t, labels[state]] - log_p[t, BLANK]
            if came[t, state] < 3:
                state -= int(came[t, state])
                continue
            slot, value, _ = phrases()[owner[state]]
            found.append(Found(slot, value, t, end, float(gain)))
        state, end, gain = int(before[t]), t, 0.0
    return found[::-1]


@cache
def _grammar():
    """(labels, first, last, skip) of the states of all phrases, one phrase behind the other."""
    labels, first, last, skip = [], [], [], []
    for _, _, words in phrases():
        first.append(len(labels))
        for i, word in enumerate(words):
            if i:
                labels.append(BLANK)
                skip.append(False)
            labels.append(word)
            skip.append(bool(i) and words[i - 1] != word)
        last.append(len(labels) - 1)
    return tuple(map(np.array, (labels, first, last, skip)))


@cache
def _owners():
    _, first, last, _ = _grammar()
    return np.repeat(np.arange(len(first)), last - first + 1)


def read_slots(log_p, penalty=PENALTY):
    """The slots of an order: {slot: value}. Of a slot that comes twice, the better fit counts.

    As `read_phrases`. Chapter: 6.1
    """
    best = {}
    for phrase in read_phrases(log_p, penalty):
        if phrase.slot not in best or phrase.gain > best[phrase.slot].gain:
            best[phrase.slot] = phrase
    return {slot: best[slot].value for slot in SLOTS if slot in best}


@dataclass(frozen=True)
class SlotErrors:
    """How wrong the slots of orders are.

    `right`: slots with the right value; `said`, `heard`: slots that were said and that were
    answered; `exact`: orders without any fault; `orders`: how many there are. `f1`: harmonic mean
    of precision right / heard and recall right / said, 0 where nothing was right.

    Chapter: 6.1
    """

    right: int
    said: int
    heard: int
    exact: int
    orders: int

    @property
    def f1(self):
        return 2 * self.right / max(1, self.said + self.heard)

    @property
    def exact_match(self):
        return self.exact / max(1, self.orders)


def slot_errors(heard, said):
    """Compare lists of n dicts {slot: value}: a `SlotErrors`. Raises ValueError if lengths differ.

    Chapter: 6.1
    """
    if len(heard) != len(said):
        raise ValueError(f"{len(heard)} answers for {len(said)} orders: one each")
    pairs = list(zip(heard, said, strict=True))
    return SlotErrors(
        right=sum(h.get(slot) == value for h, s in pairs for slot, value in s.items()),
        said=sum(len(s) for s in said),
        heard=sum(len(h) for h in heard),
        exact=sum(h == s for h, s in pairs),
        orders=len(pairs),
    )
