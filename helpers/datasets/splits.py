"""Ways to part recordings into training and test, and what each way measures.

A recogniser is trained on some people and used by others. So the question a test must ask is how
well it does on somebody it has never heard, and the split that asks it is by speaker: all
recordings of a person lie on one side. When recordings are dealt out at random, or by take, every
test speaker is in the training set too; the network may then recognise the person, the microphone
and the room, and be right about the digit for that reason. Such a split answers another question:
how well the network does on new recordings of the people it was trained on.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from helpers.datasets._clips import Clips


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
