"""What eSpeak NG says, as a microphone in a room would have recorded it: for built-in sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from helpers import audio, rooms, speech
from helpers.datasets._recordings import Recordings

SAMPLE_RATE = 16000
CREDIT = "Spoken by eSpeak NG 1.52, made by this book; no recording of a person"
_STEP = 1600


def utterance(text: str, variant: str, accent: str, rng: np.random.Generator) -> speech.Utterance:
    """The text in a voice, at a random rate (120 to 210 words a minute), pitch and intonation."""
    rate, pitch, pitch_range = (int(v) for v in rng.integers((120, 20, 20), (210, 80, 80)))
    return speech.Utterance(text, f"{accent}+{variant}", rate, pitch, pitch_range)


def recorded(
    utterances: Sequence[speech.Utterance],
    before: tuple[float, float],
    after: tuple[float, float],
    rng: np.random.Generator,
    seed: int,
) -> list[np.ndarray]:
    """Speak utterances at 16 kHz, each somewhere in a longer recording: list of int16 (samples,).

    From before[0] to before[1] seconds come before the words, and after[0] to after[1] after them.
    Two of three stand in a room (image sources), reverberation and all; noise of a random colour
    lies over the whole, 12 to 40 dB below the words; peaks lie 2 to 26 dB below full scale.
    """
    spoken, rate = speech.synthesise(utterances)
    bank = rooms.impulse_responses(40, SAMPLE_RATE, seed=seed)
    return [_placed(audio.resample(x, rate, SAMPLE_RATE), bank, before, after, rng) for x in spoken]


def _placed(words, bank, before, after, rng):
    spoken = len(words)
    lead, tail = (round(rng.uniform(*span) * SAMPLE_RATE) for span in (before, after))
    if rng.random() < 2 / 3:
        words = rooms.reverberate(words, bank[rng.integers(len(bank))])
    level = audio.rms(words[:spoken])
    n = -(-(lead + len(words) + tail) // _STEP) * _STEP  # a length that transforms fast
    noise = rooms.coloured_noise(n, rng.uniform(-6, 0), rng)
    noise *= np.float32(level * audio.db_to_amplitude(-rng.uniform(12, 40)) / 0.1)
    noise[lead : lead + len(words)] += words
    loudest = audio.db_to_amplitude(rng.uniform(-26, -2)) / np.abs(noise).max()
    return np.rint(noise * np.float32(32767 * loudest)).astype(np.int16)


def packed(sounds: Recordings) -> dict[str, object]:
    """The sounds as arrays that `helpers.datasets._kept` keeps."""
    integers = [sounds.integers(i) for i in range(len(sounds))]
    return {"samples": np.concatenate(integers), "lengths": [len(x) for x in integers]}


def unpacked(arrays) -> Recordings:
    """The sounds from such arrays."""
    parts = np.split(arrays["samples"], np.cumsum(arrays["lengths"])[:-1])
    return Recordings(parts, SAMPLE_RATE)
