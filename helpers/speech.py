"""Built-in voices: eSpeak NG in a child process.

A formant synthesiser is not a human, but it speaks in many voices and accents, offline, in
milliseconds, and always the same way. Chapter: 5.2.
"""

import json
import struct
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from helpers.audio import check_rate, resample

ACCENTS = (
    "en-us",
    "en",
    "en-gb-scotland",
    "en-gb-x-rp",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
    "en-029",
    "en-us-nyc",
)
"""eSpeak NG's English accents: General American, British (plain `en` to the library), Scottish,
Received Pronunciation, Lancaster, West Midlands, Caribbean, New York City."""


TALKERS = ("m1", "m2", "m3", "m4", "m6", "m7", "m8", "f1", "f4", "Andrea", "Henrique", "Mario")
"""Voice variants that talk in `babble`: plain ones without breath noise, the same every time."""

SENTENCES = (
    "the train to the coast leaves from the other platform today.",
    "I left my keys on the table next to the old radio.",
    "we could meet again on Tuesday if the weather stays fine.",
    "she told me that the kitchen had been painted yellow.",
    "nobody knows who turned the music down so early.",
    "have you seen the book that I was reading last night?",
    "they are building a new bridge just behind the station.",
    "put two spoons of sugar in it and stir it slowly.",
    "my brother plays the cello in a small orchestra.",
    "the shop on the corner closes at half past six.",
    "it rained so hard that the garden was under water.",
    "he asked for a ticket and a window seat.",
    "our neighbours have a dog that never barks.",
    "what would you like to eat, soup or fish?",
    "the last bus had gone, and so they walked home.",
    "somebody should open a window, it is warm in here.",
)
"""What is said in `babble`."""


@dataclass(frozen=True)
class Utterance:
    """What to say and how.

    `text`: the words. `voice`: a language, or a language and a variant (`"en-gb-scotland+f3"`).
    `rate`: words per minute, 80 to 450. `pitch`, `pitch_range`: 0 to 99, 50 is the voice's own.
    `volume`: 0 to 200, 100 is normal.

    Chapter: 5.2
    """

    text: str
    voice: str = "en-us"
    rate: int = 160
    pitch: int = 50
    pitch_range: int = 50
    volume: int = 100


class SpeechError(RuntimeError):
    """eSpeak NG could not be started, or did not answer as it should."""


@cache
def variants():
    """The names of the voice variants that come with eSpeak NG, a sorted tuple of str.

    Chapter: 5.2
    """
    import espeakng_loader

    folder = Path(str(espeakng_loader.get_data_path())) / "voices" / "!v"
    return tuple(sorted(p.name for p in folder.iterdir() if p.is_file()))


def synthesise(utterances):
    """Speak utterances; return (list of float32 (n_i,) arrays in [-1, 1), sample rate in Hz).

    All are spoken by one fresh child process in the order given, so the same list always gives
    the same samples (the library carries state from one word to the next: another order gives
    slightly different ones).

    Raises ValueError for an empty text, an unknown voice variant (which eSpeak NG itself would
    accept in silence) or a parameter out of range, and SpeechError when the child fails.

    Chapter: 5.2
    Source: eSpeak NG [espeakng]
    """
    utterances = list(utterances)
    for utterance in utterances:
        _check(utterance)
    request = json.dumps([asdict(u) for u in utterances]).encode()
    child = subprocess.run(
        [sys.executable, "-m", "helpers._espeak"], input=request, capture_output=True, check=False
    )
    if child.returncode != 0:
        last = child.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise SpeechError(
            f"eSpeak NG stopped with code {child.returncode}: {' '.join(last)}. "
            "Is the package espeakng-loader installed for this platform?"
        )
    return _unpack(child.stdout, len(utterances))


def _check(utterance):
    if not utterance.text.strip():
        raise ValueError("an utterance has no text: give it at least one word")
    language, _, variant = utterance.voice.partition("+")
    if variant and variant not in variants():
        raise ValueError(
            f"eSpeak NG has no voice variant {variant!r}; see helpers.speech.variants()"
        )
    if not language:
        raise ValueError(f"the voice {utterance.voice!r} names no language, such as 'en-us'")
    for name, low, high in (
        ("rate", 80, 450),
        ("pitch", 0, 99),
        ("pitch_range", 0, 99),
        ("volume", 0, 200),
    ):
        value = getattr(utterance, name)
        if not low <= value <= high:
            raise ValueError(f"{name} is {value}; eSpeak NG takes {low} to {high}")


def _unpack(data, count):
    (sample_rate,) = struct.unpack_from("<I", data, 0)
    sounds, at = [], 4
    for _ in range(count):
        if at + 4 > len(data):
            raise SpeechError(f"eSpeak NG answered {len(sounds)} of {count} utterances")
        (n,) = struct.unpack_from("<I", data, at)
        pcm = np.frombuffer(data, "<i2", n, at + 4)
        sounds.append(pcm.astype(np.float32) / 32768)
        at += 4 + 2 * n
    return sounds, sample_rate


def babble(n, sample_rate, rng, voices=6):
    """Several built-in voices that talk at once: float32 (n,), RMS 0.1.

    Each says sentences of its own, at a rate and pitch of its own and equally loud, and has begun
    before the sound does. `rng` is a `numpy.random.Generator`: the same state gives the same
    babble. Starting eSpeak NG takes a few tenths of a second, so make a long one and cut from it.

    Raises ValueError for n or voices below 1, BadSampleRate, and SpeechError when eSpeak NG fails.

    Chapter: 2.2
    Source: eSpeak NG [espeakng]
    """
    check_rate(sample_rate)
    if n < 1 or voices < 1:
        raise ValueError(f"n is {n} and voices {voices}; babble needs at least one of each")
    talkers = []
    for i in rng.permutation(max(voices, len(TALKERS)))[:voices]:
        accent = ACCENTS[int(rng.integers(len(ACCENTS)))]
        rate, pitch = (int(value) for value in rng.integers((140, 25), (210, 76)))
        words = int(n / sample_rate * rate / 60 * 1.4) + 12
        text = []
        while len(text) < words:
            text += SENTENCES[int(rng.integers(len(SENTENCES)))].split()
        voice = f"{accent}+{TALKERS[i % len(TALKERS)]}"
        talkers.append(Utterance(" ".join(text), voice, rate, pitch))
    spoken, spoken_rate = synthesise(talkers)
    mixed = np.zeros(n)
    for sound in spoken:
        sound = resample(sound, spoken_rate, sample_rate)
        spare = len(sound) - n
        start = int(rng.integers(spare + 1)) if spare > 0 else 0
        part = np.resize(sound[start:], n)
        mixed += part / max(1e-9, np.sqrt(np.mean(np.square(part))))
    return (0.1 * mixed / np.sqrt(np.mean(mixed**2))).astype(np.float32)
