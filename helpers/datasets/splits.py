"""Ways to part recordings into training and test, and what each way measures.

A recogniser is trained on some people and used by others. So the question a test must ask is how
well it does on somebody it has never heard, and the split that asks it is by speaker: all
recordings of a person lie on one side. When recordings are dealt out at random, or by take, every
test speaker is in the training set too; the network may then recognise the person, the microphone
and the room, and be right about the digit for that reason. Such a split answers another question:
how well the network does on new recordings of the people it was trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from helpers.datasets._clips import Clips
from helpers.datasets._orders import Orders
from helpers.datasets._wake_words import WakeWords


def official_split(clips: Clips) -> tuple[np.ndarray, np.ndarray]:
    """Return the split that FSDD's authors declare: takes 0–4 are the test, all others training.

    Every speaker is on both sides, so this measures new recordings of known people; use
    `by_speaker` to measure unknown people. Returns two int64 index arrays, (train, test).

    Raises ValueError if the set does not number its takes, as the built-in voices do not, or if
    one side is empty.

    Chapter: 5.1
    Source: README of the Free Spoken Digit Dataset
    """
    if clips.takes is None:
        raise ValueError(
            f'The set "{clips.source}" does not number its takes, so it has no official split: '
            "use by_speaker(clips, test=…), or random_split(len(clips), fraction, seed)."
        )
    in_test = clips.takes < 5
    train, test = np.flatnonzero(~in_test), np.flatnonzero(in_test)
    if not len(train) or not len(test):
        raise ValueError(
            f"Of these {len(clips)} clips, {len(test)} are takes 0–4 and {len(train)} are later "
            "takes; the official split needs both. Was a subset passed? Pass the whole set."
        )
    return train, test


def by_speaker(
    clips: Clips,
    test: str | Iterable[str],
    validation: str | Iterable[str] | None = None,
) -> tuple[np.ndarray, ...]:
    """Hold out all recordings of some speakers, so that the test asks about unknown people.

    `test` and `validation` each name one speaker or several. Choose everything that is to be
    chosen (rates, epochs, thresholds) with the validation speakers and score the test speakers
    once: a number that helped to choose the model no longer says how it does on a stranger.

    Returns int64 index arrays (train, test), or (train, validation, test) where `validation` is
    given. Together they hold every clip exactly once.

    Raises ValueError if a speaker is not in the set, is on both sides, or if nobody is left to
    train on.

    Chapter: 5.1
    """
    known = set(clips.speakers.tolist())
    tested = _speaker_names(test, "test", known)
    validated = set() if validation is None else _speaker_names(validation, "validation", known)
    if tested & validated:
        raise ValueError(
            f"{_listed(tested & validated)} cannot be validation and test speaker at once: what "
            "chose the model must not also judge it. Name different speakers."
        )
    if tested | validated == known:
        raise ValueError(
            f"All {len(known)} speakers are held out, so nobody is left to train on: name fewer."
        )
    in_test = np.isin(clips.speakers, sorted(tested))
    in_validation = np.isin(clips.speakers, sorted(validated))
    train = np.flatnonzero(~in_test & ~in_validation)
    if validation is None:
        return train, np.flatnonzero(in_test)
    return train, np.flatnonzero(in_validation), np.flatnonzero(in_test)


def random_split(n: int, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Deal n clips at random, `fraction` of them to the test; the same seed deals the same way.

    Recordings of one person land on both sides: see the head of this module for what that does
    to the result. Returns two sorted int64 index arrays (train, test) of lengths
    n − round(fraction × n) and round(fraction × n).

    Raises ValueError if either side would be empty.

    Chapter: 5.1
    """
    size = round(fraction * n) if np.isfinite(fraction) else 0
    if not 0 < size < n:
        raise ValueError(
            f"A fraction of {fraction} of {n} clips leaves one side empty: give a fraction "
            "between 0 and 1, for example 0.2, and at least two clips."
        )
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[size:]), np.sort(order[:size])


def split_orders(
    orders: Orders, validation: float = 0.15, test: float = 0.15
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Part spoken orders into training, validation and test, always in the same way.

    Where speakers are known (the built-in set), a voice is on one side only: about `validation`
    and `test` of the voices are held out. **In the real set nobody says who speaks.** There, orders
    are dealt by a hash of their names, and most people are certainly on all three sides: a score on
    that test says how well new orders by known people are understood, not by strangers. Several
    orders also ask for the same thing in the same words.

    In the real set, the first order by hash of each value of each slot stays in the training, so
    that validation and test ask for nothing that was never heard; in the whole built-in set this
    is so as well. Which side an order is on does not depend on the sounds or on their sequence.

    Returns three sorted int64 index arrays, which together hold every order exactly once. Raises
    ValueError if a share is not between 0 and 1, or if a side would be empty.

    Chapter: 6.1
    """
    if orders.speakers is not None:
        return _by_hashed_voice(orders.speakers, validation, test)
    order = _by_hash(orders.names)
    first: dict[tuple[str, str], int] = {}
    for i in order:
        for said in orders.slots[i].items():
            first.setdefault(said, int(i))
    needed = set(first.values())
    return _three([i for i in order if i not in needed], len(order), validation, test)


def split_wake_words(
    words: WakeWords, validation: float = 0.15, test: float = 0.15
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Part wake words into training, validation and test, always in the same way.

    Where speakers are known (the built-in set), a voice is on one side only: about `validation`
    and `test` of the voices are held out. **In the real set nobody says who speaks.** There, the
    recordings of each word are dealt by a hash of their names, and most people are certainly on
    all three sides: a score on that test says how well new recordings of known people are told
    apart, not those of strangers.

    Returns three sorted int64 index arrays, which together hold every recording exactly once.
    Raises ValueError if a share is not between 0 and 1, or if a side would be empty.

    Chapter: 6.1
    """
    if words.speakers is not None:
        return _by_hashed_voice(words.speakers, validation, test)
    order = _by_hash(words.names)
    parts = []
    for label in np.unique(words.labels):
        mine = order[words.labels[order] == label]
        parts.append(
            [mine[side] for side in _three(np.arange(len(mine)), len(mine), validation, test)]
        )
    if not parts:
        raise ValueError("There is nothing to split.")
    return tuple(np.sort(np.concatenate(side)) for side in zip(*parts, strict=True))


def _by_hash(names: Iterable[str]) -> np.ndarray:
    """Indices of names in the order of their SHA-256 sums, which is as good as any and fixed."""
    sums = [hashlib.sha256(str(name).encode()).digest() for name in names]
    return np.array(sorted(range(len(sums)), key=sums.__getitem__), dtype=np.int64)


def _three(dealt, n: int, validation: float, test: float) -> tuple[np.ndarray, ...]:
    """Of the indices 0 … n − 1, the first of `dealt` to test, the next to validation, all else."""
    if not (0 < validation < 1 and 0 < test < 1 and validation + test < 1):
        raise ValueError(
            f"Shares of {validation} to validation and {test} to test leave a side empty: give two "
            "numbers above 0 that add up to less than 1, for example 0.15 each."
        )
    dealt = np.asarray(dealt, dtype=np.int64)
    tested, validated = round(test * n), round(validation * n)
    if not (tested and validated and tested + validated <= len(dealt) and tested + validated < n):
        raise ValueError(
            f"{n} entries are too few for {validation:.0%} validation and {test:.0%} test: pass "
            "the whole set, or other shares."
        )
    sides = dealt[:tested], dealt[tested : tested + validated]
    train = np.setdiff1d(np.arange(n), np.concatenate(sides))
    return train, np.sort(sides[1]), np.sort(sides[0])


def _by_hashed_voice(speakers, validation, test):
    voices, voice_of = np.unique(speakers, return_inverse=True)
    order = _by_hash(voices)
    sides = _three(order, len(order), validation, test)
    return tuple(np.flatnonzero(np.isin(voice_of, side)) for side in sides)


def _speaker_names(wanted: str | Iterable[str], role: str, known: set[str]) -> set[str]:
    names = {wanted} if isinstance(wanted, str) else {str(name) for name in wanted}
    if not names:
        raise ValueError(f"No {role} speaker is named: name at least one of {_listed(known)}.")
    if names - known:
        raise ValueError(
            f"No recordings by {_listed(names - known)}, named as {role} speaker. "
            f"The speakers of this set are {_listed(known)}."
        )
    return names


def _listed(names: set[str]) -> str:
    shown = sorted(names)
    more = f" and {len(shown) - 12} more" if len(shown) > 12 else ""
    return ", ".join(shown[:12]) + more
