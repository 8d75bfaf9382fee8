"""Orders to learn the words from: eSpeak NG says phrases and whole orders, and all texts are known.

Clean, without rooms and noise, which training lays over them. Only voices speak that are on the
training side of the built-in orders (`helpers.datasets.split_orders`), so that the held-out voices
stay strangers.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from helpers import _espeak, audio, speech
from helpers.datasets import _orders, _recordings, _spoken, builtin_digits, builtin_orders, splits
from helpers.datasets._kept import kept, recipe
from helpers.datasets._orders import SLOTS
from helpers.datasets._recordings import Recordings

ORDERS, PHRASES = 900, 1200
"""How many whole orders and how many short utterances of one or two phrases. Chapter: 6.1"""


@dataclass(frozen=True, eq=False)
class Practice:
    """Utterances with their texts.

    audio        n sounds, each (samples,) float32 in [-1, 1], decoded when they are asked for
    texts        (n,) str, what is said
    whole        (n,) bool, True for a whole order, False for one or two phrases
    speakers     (n,) str, which built-in voice speaks
    sample_rate  in hertz
    credit       line that stands beside every player of them

    Raises ValueError if a column does not have one entry per sound. Chapter: 6.1
    """

    audio: Sequence[np.ndarray]
    texts: np.ndarray
    whole: np.ndarray
    speakers: np.ndarray
    sample_rate: int = _spoken.SAMPLE_RATE
    credit: str = _spoken.CREDIT

    def __post_init__(self) -> None:
        for name, kind in (("texts", np.str_), ("whole", np.bool_), ("speakers", np.str_)):
            column = np.asarray(getattr(self, name), dtype=kind)
            object.__setattr__(self, name, column)
            if column.shape != (len(self.audio),):
                raise ValueError(f"{name} has shape {column.shape}: give one for each sound")

    def __len__(self) -> int:
        return len(self.audio)


def training_voices() -> tuple[str, ...]:
    """The built-in voices that are on the training side of the built-in orders. Chapter: 6.1"""
    voices = np.array(builtin_digits.voices())
    train, _, _ = splits._by_hashed_voice(voices, 0.15, 0.15)
    return tuple(map(str, voices[train]))


def spoken_practice(orders: int = ORDERS, phrases: int = PHRASES, seed: int = 1) -> Practice:
    """Speak orders of the built-in grammar and single phrases: `Practice` at 16 kHz.

    Voices of `training_voices` take turns, each time with an accent, rate, pitch and intonation of
    its own. Short utterances are one phrase or two with "and" between them, every phrase as often
    as any other.

    Raises ValueError for numbers below 1, and SpeechError if eSpeak NG fails. Not cached: see
    `load_practice_orders`.

    Chapter: 6.1
    Source: eSpeak NG [espeakng]
    """
    if orders < 1 or phrases < 1:
        raise ValueError(f"orders is {orders} and phrases {phrases}; each must be at least 1")
    rng = np.random.default_rng((seed, 61))
    values = [value for of_slot in SLOTS.values() for value in of_slot]
    texts = [text for text, _ in builtin_orders._sentences(orders, rng)]
    for _ in range(phrases):
        drawn = rng.choice(len(values), rng.integers(1, 3), replace=False)
        texts.append(" and ".join(values[i] for i in drawn))
    voices = training_voices()
    speakers = [voices[i % len(voices)] for i in range(len(texts))]
    accents = [speech.ACCENTS[i] for i in rng.integers(0, len(speech.ACCENTS), len(texts))]
    utterances = [
        _spoken.utterance(text, speaker, accent, rng)
        for text, speaker, accent in zip(texts, speakers, accents, strict=True)
    ]
    spoken, rate = speech.synthesise(utterances)
    sounds = [_integers(audio.resample(x, rate, _spoken.SAMPLE_RATE)) for x in spoken]
    whole = np.arange(len(texts)) < orders
    return Practice(Recordings(sounds, _spoken.SAMPLE_RATE), texts, whole, speakers)


def _integers(samples):
    return np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)


def load_practice_orders() -> Practice:
    """The practice utterances, from the cache or made now (in some twenty seconds) and cached.

    Chapter: 6.1
    """
    modules = (_orders, _recordings, _spoken, builtin_digits, builtin_orders, splits)
    made_from = recipe(
        (sys.modules[__name__], *modules, speech, _espeak, audio),
        ("espeakng-loader", "numpy", "soxr"),
    )
    return kept("practice_orders", made_from, spoken_practice, _pack, _unpack)


def _pack(practice):
    return {
        **_spoken.packed(practice.audio),
        "texts": practice.texts,
        "whole": practice.whole,
        "speakers": practice.speakers,
    }


def _unpack(arrays):
    sounds = _spoken.unpacked(arrays)
    return Practice(sounds, *(arrays[name] for name in ("texts", "whole", "speakers")))
