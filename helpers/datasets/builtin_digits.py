"""The built-in spoken digits: made by eSpeak NG, then put into rooms, noise and distance.

Always there, offline, and the same bits on every run of one machine. Its voices share one
synthesiser, so an unseen voice is easier here than an unseen human: chapters say so.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from helpers import _espeak, audio, rooms, speech
from helpers.datasets._clips import Clips
from helpers.datasets._kept import kept, recipe

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
"""The ten words, in the order of their digits. Chapter: 5.1"""

UNREPEATABLE = frozenset(
    ("Alicia", "Demonic", "f2", "f3", "f5", "sandro", "victor", "whisper", "whisperf")
)
"""Variants with breath noise, which eSpeak NG draws anew in every process: left out."""

SPELLINGS = {
    "cs": "zírou uan tú srí fór fajv siks seven ejt najn",
    "de": "siero uann tuh trie fohr faif sicks sewen ejt nain",
    "el": "ζίροου ουάν του θρι φορ φάιβ σιξ σέβεν έιτ νάιν",
    "es": "zirou uan tu sri for faif sics seven eit nain",
    "fi": "siirou uan tuu srii foor faiv siks seven eit nain",
    "fr": "ziro ouane tou sri fore faïve sixe sévène eïte naïne",
    "hi": "ज़ीरो वन टू थ्री फ़ोर फ़ाइव सिक्स सेवन एट नाइन",
    "hu": "zíró uan tú szrí fór fájv sziksz szeven éjt nájn",
    "it": "zirou uan tu sri for faiv sics seven eit nain",
    "nl": "zierow wan toe srie foor fajf siks seven eet najn",
    "pl": "ziro łan tu sri for fajw siks sewen ejt najn",
    "pt": "zírou uan tu sri fór faive sics séven eite naine",
    "ro": "zirou uan tu sri for faiv sics seven eit nain",
    "ru": "зироу уан ту сри фор файв сикс сэвен эйт найн",
    "sv": "siro oan to fri får fajv siks seven ejt najn",
    "tr": "ziro van tu tri for fayv siks sevın eyt nayn",
}
"""The ten English words as a speaker of another language might write them down: read out by eSpeak
NG's voice for that language, they are English with a foreign accent. Chapter: 5.2"""

SAMPLE_RATE = 8000
TAKES = 4
CREDIT = "Spoken by eSpeak NG 1.52, made by this book; no recording of a person"


def voices() -> tuple[str, ...]:
    """Names of the variants of eSpeak NG that speak in the built-in set. Chapter: 5.1"""
    return tuple(v for v in speech.variants() if v not in UNREPEATABLE)


def built_in_digits(takes: int = TAKES, *, degrade: bool = True, seed: int = 0) -> Clips:
    """Speak 10 digits × `takes` in each voice; return Clips at 8 kHz.

    A speaker is a variant of the voice; each of its takes has another English accent, rate (110 to
    240 words a minute), pitch and intonation. With `degrade`, two of three clips stand in a room
    (image sources, [allen1979image]), all have coloured noise 15 to 45 dB below the speech, and
    levels are spread over 24 dB. Names are `<digit>_<accent>+<variant>_<take>`.

    Raises ValueError for `takes` below 1, and SpeechError if eSpeak NG fails. Not cached: see
    `load_builtin_digits`.

    Chapter: 5.1
    Source: eSpeak NG [espeakng]; rooms by pyroomacoustics [scheibler2018pyroomacoustics]
    """
    if takes < 1:
        raise ValueError(f"takes is {takes}; at least 1 is needed")
    return _speak(dict.fromkeys(speech.ACCENTS, WORDS), takes, degrade, seed)


def practice_voices(seed: int = 0) -> Clips:
    """Voices to train a recogniser with, as clean as eSpeak NG makes them: Clips at 8 kHz.

    The same voices as `built_in_digits`, each with eight takes in English accents and four in the
    foreign accents of `SPELLINGS`; no rooms, noise or levels, because training changes every clip
    anew. Raises SpeechError if eSpeak NG fails. Not cached: see `load_practice_voices`.

    Chapter: 5.2
    Source: eSpeak NG [espeakng]
    """
    english = _speak(dict.fromkeys(speech.ACCENTS, WORDS), 8, False, seed)
    spelled = {accent: words.split() for accent, words in SPELLINGS.items()}
    foreign = _speak(spelled, 4, False, seed + 1)
    return replace(
        english,
        audio=english.audio + foreign.audio,
        labels=np.concatenate([english.labels, foreign.labels]),
        speakers=np.concatenate([english.speakers, foreign.speakers]),
        names=np.concatenate([english.names, foreign.names]),
    )


def _speak(words, takes, degrade, seed):
    """Each voice speaks ten words `takes` times, in one accent after the other: {accent: words}."""
    accents = tuple(words)
    rng = np.random.default_rng(seed)
    utterances, labels, speakers, names = [], [], [], []
    for i, voice in enumerate(voices()):
        for take in range(takes):
            accent = accents[(i + take) % len(accents)]
            for digit, word in enumerate(words[accent]):
                rate, pitch, pitch_range = rng.integers((110, 10, 10), (240, 90, 90))
                utterances.append(
                    speech.Utterance(
                        word, f"{accent}+{voice}", int(rate), int(pitch), int(pitch_range)
                    )
                )
                labels.append(digit)
                speakers.append(voice)
                names.append(f"{digit}_{accent}+{voice}_{take}")
    spoken, rate = speech.synthesise(utterances)
    sounds = [audio.resample(x, rate, SAMPLE_RATE) for x in spoken]
    if degrade:
        bank = rooms.impulse_responses(40, SAMPLE_RATE, seed=seed)
        sounds = [_degraded(x, bank, rng) for x in sounds]
    return _clips_of(sounds, np.array(labels), np.array(speakers), np.array(names))


def _degraded(x, bank, rng):
    """One clip in a room (two times of three), with noise, at a random level."""
    if rng.random() < 2 / 3:
        x = rooms.reverberate(x, bank[rng.integers(len(bank))])
    noise = rooms.coloured_noise(len(x), slope_db=rng.uniform(-6, 0), rng=rng)
    x = audio.mix_at_snr(x, noise, rng.uniform(15, 45))
    return audio.peak_normalise(x, audio.db_to_amplitude(rng.uniform(-26, -2)))


def load_builtin_digits() -> Clips:
    """The built-in digits, from the cache or made now (in some ten seconds) and cached.

    The cache is keyed on the code and the packages that make the set, so it is never stale, and is
    written in one step. Where it cannot be written the set is made anew each time.

    Chapter: 5.1
    """
    return _kept("digits", built_in_digits)


def load_practice_voices() -> Clips:
    """The practice voices, from the cache or made now (in some twenty seconds) and cached.

    As `load_builtin_digits`. Chapter: 5.2
    """
    return _kept("practice", practice_voices)


def _kept(name, make):
    made_from = recipe(
        (sys.modules[__name__], speech, _espeak, rooms, audio),
        ("espeakng-loader", "pyroomacoustics", "numpy", "scipy", "soxr"),
    )
    return kept(name, made_from, make, _pack, _unpack)


def _pack(clips):
    columns = ("labels", "speakers", "names")
    return {
        "samples": np.concatenate(clips.audio),
        "lengths": [len(x) for x in clips.audio],
        **{name: getattr(clips, name) for name in columns},
    }


def _unpack(arrays):
    ends = np.cumsum(arrays["lengths"])[:-1]
    return _clips_of(
        np.split(arrays["samples"], ends), arrays["labels"], arrays["speakers"], arrays["names"]
    )


def _clips_of(sounds, labels, speakers, names):
    return Clips(
        audio=sounds,
        labels=labels,
        speakers=speakers,
        names=names,
        sample_rate=SAMPLE_RATE,
        source="builtin",
        origin="built-in",
        licence="CC BY 4.0",
        citation="espeakng",
        credit=CREDIT,
    )
