"""Spoken strings of digits: recordings set side by side, or the synthesiser in one breath.

Nobody recorded strings for this book. `connect` sets recordings of single words one after the
other, which leaves seams: between two words stands nothing at all, and each word brings the hiss
of its own recording. `in_noise` lays one noise over the whole string, so that words and pauses
share a floor. `spoken_strings` is the control: whole strings that eSpeak NG speaks without a seam.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from helpers import audio, rooms, speech
from helpers.datasets import builtin_digits
from helpers.datasets._clips import Clips, chosen


@dataclass
class Strings:
    """Spoken strings of digits, each by one speaker.

    audio        list of n arrays, each (samples,) float32 in [-1, 1]
    tokens       list of n arrays, each (words,) int64, the digits in the order in which they come
    words        list of n arrays, each (words, 2) int64, the samples where a word begins and where
                 it has ended; None where nobody knows
    speakers     (n,) str
    sample_rate  in hertz
    source       "fsdd" or "builtin"
    credit       line that stands beside every player of these recordings

    Raises ValueError if the lists do not have one entry per string.

    Chapter: 5.3
    """

    audio: list[np.ndarray]
    tokens: list[np.ndarray]
    words: list[np.ndarray] | None
    speakers: np.ndarray
    sample_rate: int
    source: str
    credit: str

    def __post_init__(self) -> None:
        self.speakers = np.asarray(self.speakers, dtype=np.str_)
        columns = {"tokens": self.tokens, "speakers": self.speakers}
        if self.words is not None:
            columns["words"] = self.words
        for name, column in columns.items():
            if len(column) != len(self.audio):
                raise ValueError(
                    f"{name} has {len(column)} entries for {len(self.audio)} strings: give one each"
                )

    def __len__(self) -> int:
        return len(self.audio)

    def subset(self, which) -> Strings:
        """Select strings by a boolean mask (n,) or by indices (m,); the sounds are not copied.

        Raises ValueError for a mask of another length, IndexError for an index out of range.
        Chapter: 5.3
        """
        which = chosen(which, len(self))
        return replace(
            self,
            audio=[self.audio[i] for i in which],
            tokens=[self.tokens[i] for i in which],
            words=None if self.words is None else [self.words[i] for i in which],
            speakers=self.speakers[which],
        )


def connect(
    clips: Clips,
    n: int,
    rng: np.random.Generator,
    *,
    words: tuple[int, int] = (3, 7),
    pause: tuple[float, float] = (0.02, 0.3),
    spread_db: float = 1.5,
    said: list | None = None,
) -> Strings:
    """Set recordings of single digits one after the other: n Strings.

    The speakers take turns. A string has from words[0] to words[1] words, each drawn from all of
    its speaker's clips, at peak 1 before their levels are spread (standard deviation `spread_db`);
    before, between and after them lie pauses of pause[0] to pause[1] seconds, exactly silent. The
    whole is at peak 0.9. Lay a noise over it with `in_noise`. `said`: n sequences of digits, if
    the strings are to say these and not what is drawn.

    Raises ValueError for n below 1, ranges that are not 1 ≤ low ≤ high words or 0 ≤ low ≤ high
    seconds, no clips, or digits in `said` that a speaker has no clip of; AudioSilent for a silent
    clip.

    Chapter: 5.3
    """
    if n < 1 or not len(clips):
        raise ValueError(f"{n} strings from {len(clips)} clips: there must be at least one of each")
    if not 1 <= words[0] <= words[1] or not 0 <= pause[0] <= pause[1]:
        raise ValueError(f"words {words} and pause {pause}: each is a range, lower end first")
    if said is not None and (len(said) != n or not all(len(one) for one in said)):
        raise ValueError(f"{len(said)} sequences for {n} strings: give one each, none empty")
    rate, names = clips.sample_rate, np.unique(clips.speakers)
    found = Strings([], [], [], [], rate, clips.source, clips.credit)
    for i in range(n):
        speaker = names[i % len(names)]
        mine = np.flatnonzero(clips.speakers == speaker)
        if said is None:
            drawn = rng.choice(mine, rng.integers(words[0], words[1], endpoint=True))
        else:
            if lacking := {*map(int, said[i])} - {*map(int, clips.labels[mine])}:
                raise ValueError(f"{speaker} has no clip of {sorted(lacking)}")
            drawn = np.array([rng.choice(mine[clips.labels[mine] == word]) for word in said[i]])
        parts, ranges, at = [], [], 0
        for clip in drawn:
            silence = round(rng.uniform(*pause) * rate)
            gain = audio.db_to_amplitude(spread_db * rng.standard_normal())
            word = gain * audio.peak_normalise(clips.audio[clip], 1.0)
            parts += [np.zeros(silence), word]
            ranges.append((at + silence, at + silence + len(word)))
            at += silence + len(word)
        parts.append(np.zeros(round(rng.uniform(*pause) * rate)))
        whole = np.concatenate(parts).astype(np.float32)
        found.audio.append(audio.peak_normalise(whole, 0.9))
        found.tokens.append(clips.labels[drawn])
        found.words.append(np.array(ranges, np.int64))
        found.speakers = np.append(found.speakers, speaker)
    return found


def in_noise(strings: Strings, snr_db: float, rng: np.random.Generator) -> Strings:
    """Lay one coloured noise over each whole string, words and pauses alike.

    `snr_db` is the ratio of the mean power of the words to that of the noise, in decibels; where
    nobody knows where the words are, that of the whole string. The noise falls by 0 to 6 dB per
    octave, drawn for each string; the result is at peak 0.9.

    Raises ValueError if `snr_db` is not finite, AudioSilent for a silent string.

    Chapter: 5.3
    """
    if not np.isfinite(snr_db):
        raise ValueError(f"snr_db is {snr_db}: give a finite number of decibels, such as 10")
    noisy = []
    for i, x in enumerate(strings.audio):
        ranges = [(0, len(x))] if strings.words is None else strings.words[i]
        speech_power = np.mean(np.concatenate([x[a:b] for a, b in ranges]) ** 2)
        noise = rooms.coloured_noise(len(x), rng.uniform(-6, 0), rng)
        level = np.sqrt(speech_power * 10 ** (-snr_db / 10) / np.mean(noise**2))
        noisy.append(audio.peak_normalise((x + level * noise).astype(np.float32), 0.9))
    return replace(strings, audio=noisy)


def spoken_strings(n: int, seed: int = 0, words: tuple[int, int] = (3, 7)) -> Strings:
    """Strings of digits that eSpeak NG speaks in one breath, without a seam: n Strings at 8 kHz.

    Voices take turns, each time with an accent, rate (130 to 200 words a minute) and pitch of its
    own. Sounds run into each other as the synthesiser has it, and where a word ends is not known.

    Raises ValueError for n below 1 or a range of words that is not 1 ≤ low ≤ high, SpeechError if
    eSpeak NG fails.

    Chapter: 5.3
    Source: eSpeak NG [espeakng]
    """
    if n < 1 or not 1 <= words[0] <= words[1]:
        raise ValueError(f"{n} strings of {words} words: give one or more, and lower end first")
    rng = np.random.default_rng(seed)
    voices = builtin_digits.voices()
    tokens, speakers, utterances = [], [], []
    for i in range(n):
        tokens.append(rng.integers(0, 10, rng.integers(words[0], words[1], endpoint=True)))
        speakers.append(voices[i % len(voices)])
        rate, pitch, accent = (
            int(v) for v in rng.integers((130, 25, 0), (200, 75, len(speech.ACCENTS)))
        )
        text = " ".join(builtin_digits.WORDS[t] for t in tokens[-1])
        voice = f"{speech.ACCENTS[accent]}+{speakers[-1]}"
        utterances.append(speech.Utterance(text, voice, rate, pitch))
    spoken, rate = speech.synthesise(utterances)
    sounds = [
        audio.peak_normalise(audio.resample(x, rate, builtin_digits.SAMPLE_RATE), 0.9)
        for x in spoken
    ]
    return Strings(
        sounds,
        tokens,
        None,
        speakers,
        builtin_digits.SAMPLE_RATE,
        "builtin",
        builtin_digits.CREDIT,
    )
