"""The built-in wake words: six words spoken by eSpeak NG, each somewhere in a noisy recording.

Always there, offline, and the same bits on every run of one machine. Its voices share one
synthesiser, so an unseen voice is easier here than an unseen human: chapters say so.
"""

from __future__ import annotations

import sys

import numpy as np

from helpers import _espeak, audio, rooms, speech
from helpers.datasets import _recordings, _spoken, _wake_words, builtin_digits
from helpers.datasets._kept import kept, recipe
from helpers.datasets._recordings import Recordings
from helpers.datasets._spoken import CREDIT, SAMPLE_RATE
from helpers.datasets._wake_words import CLASSES, WakeWords

TAKES = 3
"""How often each voice says each word. Chapter: 6.1"""


def built_in_wake_words(takes: int = TAKES, seed: int = 0) -> WakeWords:
    """Speak 6 words × `takes` in each voice; return WakeWords at 16 kHz.

    Each take of a voice has another English accent, and each recording a rate, pitch and
    intonation of its own, 0.2 to 1.2 seconds before the word and 0.3 to 1.2 after it, noise 12 to
    40 dB below it, and in two of three cases a room. Names are `<word>_<accent>+<variant>_<take>`.
    Hold out voices with `split_wake_words`.

    Raises ValueError for `takes` below 1, and SpeechError if eSpeak NG fails. Not cached: see
    `load_builtin_wake_words`.

    Chapter: 6.1
    Source: eSpeak NG [espeakng]; rooms [allen1979image], by pyroomacoustics
    [scheibler2018pyroomacoustics]
    """
    if takes < 1:
        raise ValueError(f"takes is {takes}; at least 1 is needed")
    rng = np.random.default_rng(seed)
    utterances, labels, speakers, names = [], [], [], []
    for i, variant in enumerate(builtin_digits.voices()):
        for take in range(takes):
            accent = speech.ACCENTS[(i + take) % len(speech.ACCENTS)]
            for label, word in enumerate(CLASSES):
                utterances.append(_spoken.utterance(word, variant, accent, rng))
                labels.append(label)
                speakers.append(variant)
                names.append(f"{word}_{accent}+{variant}_{take}")
    sounds = _spoken.recorded(utterances, (0.2, 1.2), (0.3, 1.2), rng, seed)
    return _words_of(Recordings(sounds, SAMPLE_RATE), labels, speakers, names)


def load_builtin_wake_words() -> WakeWords:
    """The built-in wake words, from the cache or made now (in some ten seconds) and cached.

    As `helpers.datasets.builtin_digits.load_builtin_digits`. Chapter: 6.1
    """
    modules = (_recordings, _spoken, _wake_words, builtin_digits)
    made_from = recipe(
        (sys.modules[__name__], *modules, speech, _espeak, rooms, audio),
        ("espeakng-loader", "pyroomacoustics", "numpy", "scipy", "soxr"),
    )
    return kept("wake_words", made_from, built_in_wake_words, _pack, _unpack)


def _pack(words):
    columns = ("labels", "speakers", "names")
    return {**_spoken.packed(words.audio), **{name: getattr(words, name) for name in columns}}


def _unpack(arrays):
    columns = ("labels", "speakers", "names")
    return _words_of(_spoken.unpacked(arrays), *(arrays[name] for name in columns))


def _words_of(sounds, labels, speakers, names):
    return WakeWords(
        audio=sounds,
        labels=labels,
        classes=list(CLASSES),
        names=names,
        sample_rate=SAMPLE_RATE,
        source="builtin",
        origin="built-in",
        licence="CC BY 4.0",
        citation="espeakng",
        credit=CREDIT,
        speakers=speakers,
    )
