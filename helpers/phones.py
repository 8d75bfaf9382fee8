"""Phonemes with their times: what is said, in which order, and when.

The built-in voice of eSpeak NG turns text into phonemes by its rules, speaks them, and says at
which sample each begins. That makes it a teacher for voices that are built from examples.
Chapter: 6.5
"""

import json
import struct
import subprocess
import sys
from dataclasses import asdict, dataclass

import numpy as np

from helpers import speech
from helpers.audio import check_rate, resample

PAUSE = "_"
"""The phoneme that is silence."""

STRESSES = {"'": 1, ",": 2}
"""eSpeak's marks of primary and secondary stress, which stand before a phoneme."""

VOICE = "en-us"
"""The voice that teaches: General American, eSpeak NG's plain variant."""

_LISTED = """
ache acorn aim ape apple April about ago again animal answer arrow autumn baby bacon balloon
basket bath beach bean bed bee before behind bell below between bird black blue boat bone book
boot bottle box bread breeze bridge bright broom brown brush bucket bus butter button cake
camera candle car carrot castle cat chair chalk cheese cherry child church circle city clean
climb cloud coat coffee coin cold corn cousin cow crane cry cup curtain date dawn day deep deer
desk dice dinner dive dizzy doctor dog dollar door dragon dream dress drive drum dust each early
earth easy east echo egg elbow empty engine evening every eye face family farm father feather
fence fever field fight final fire fish fix floor flower fly fog foot force forest fork form fox
free friend frog fruit fun funny garden gate ghost giraffe giant glass globe glove goat gold
grape grass great green ground grow guitar hammer hand happy harbour hat hate head health heart
heaven heavy hero hill hive honey hook horse hotel house ice idea inside iron island jacket
jewel job joke journey judge juice jump kettle key kick king kitchen kite knee knife knight
ladder lake lamp late laugh leaf leather lemon letter library life light line lion lively long
love lunch machine magic map market math measure melon metal mice middle milk mine minute mirror
mixture model money month moon morning mother mountain mouse mouth movie music name narrow neck
nest never new nice night noise north nose nothing number ocean office often oil onion open
orange oven owl paint paper parade park path peace pearl pencil people piano picture pilot pine
pizza plane plate pleasure pocket poem police pony pool port potato prize pumpkin purple quarter
queen quick quiet rabbit radio rain raven reason red ribbon rice ring river road robin rocket
room root rope rose round row ruby sailor salt sand scene school science sea season second seed
send sentence service severe shadow shape shark sheep shelf ship shoe shore short shoulder sick
side sight sign silver simple singer sister sit skin sleep slow small smile smoke snake snow
soap sofa soft soldier song soon sore soup south spice spoon sport square squirrel stage star
state steam stone store storm story straw street string strong sugar suit summer sun sunny
sweater swim table tail taxi tea teacher telephone tennis test theatre theory thick thin thing
thirsty thread threw thumb thunder ticket tiger time tire toast tomato tongue tool tooth torch
tower town toy train treasure tree truth tube tulip tune turtle uncle under until usual valley
van vase velvet very village vine violin visit voice wagon wait walk wall war warm watch water
wave weather week wet whale wheat wheel whisper white wide wife wild wind window winter wise
wolf woman wonder wood wool word world wound write wrong yard year yellow yes young zebra xerox
zeal zipper zone zoo
"""

WORDS = tuple(_LISTED.split())
"""The words of the practice texts. None of them is a digit, or sounds like one."""

LITTLE = (
    "the",
    "a",
    "my",
    "our",
    "his",
    "with",
    "and",
    "is",
    "at",
    "in",
    "of",
    "it",
    "was",
    "their",
)
"""Little words, mostly unstressed; one of them stands before one of WORDS in three."""


@dataclass(frozen=True)
class Spoken:
    """An utterance with the times of its phonemes.

    text: what was said. samples: float32 (n,). sample_rate: Hz. phones: names without stress
    marks, P of them, PAUSE for silence. stress: int (P,), 0, 1 (primary) or 2 (secondary).
    starts: int64 (P + 1,), the sample at which each begins, from 0; the last is n. words: (first
    letter, letters, first phone, phones behind the last) of each word in the text.

    Chapter: 6.5
    """

    text: str
    samples: np.ndarray
    sample_rate: int
    phones: tuple
    stress: np.ndarray
    starts: np.ndarray
    words: tuple

    def find(self, word):
        """(first, end): the phones of a word, by its first occurrence in the text.

        Raises ValueError for a word that is not in the text.
        """
        for letter, letters, first, end in self.words:
            if self.text[letter : letter + letters].lower() == word.lower():
                return first, end
        raise ValueError(f"{word!r} is not a word of {self.text!r}")


def speak_timed(utterances, sample_rate=16000):
    """Speak utterances (`helpers.speech.Utterance`) and keep the times: a list of Spoken.

    All are spoken by one fresh child process in the order given, as by `helpers.speech.synthesise`,
    and resampled to `sample_rate` Hz. Silences next to each other become one PAUSE.

    Raises ValueError as `synthesise`, BadSampleRate, and SpeechError when the child fails.

    Chapter: 6.5
    Source: eSpeak NG [espeakng]
    """
    utterances, rate = list(utterances), check_rate(sample_rate)
    for utterance in utterances:
        speech._check(utterance)
    child = subprocess.run(
        [sys.executable, "-m", "helpers._espeak_timed"],
        input=json.dumps([asdict(u) for u in utterances]).encode(),
        capture_output=True,
        check=False,
    )
    if child.returncode != 0:
        last = child.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise speech.SpeechError(f"eSpeak NG stopped with code {child.returncode}: {last}")
    (own_rate,) = struct.unpack_from("<I", child.stdout, 0)
    spoken, at = [], 4
    for utterance in utterances:
        (n,) = struct.unpack_from("<I", child.stdout, at)
        pcm = np.frombuffer(child.stdout, "<i2", n, at + 4).astype(np.float32) / 32768
        at += 4 + 2 * n
        (size,) = struct.unpack_from("<I", child.stdout, at)
        events = json.loads(child.stdout[at + 4 : at + 4 + size])
        at += 4 + size
        if n == 0:
            raise speech.SpeechError(f"eSpeak NG said nothing for {utterance.text!r}")
        spoken.append(_spoken(utterance.text, pcm, own_rate, events, rate))
    return spoken


def _spoken(text, samples, own_rate, events, rate):
    phones, stress, starts, words = [PAUSE], [0], [0], []
    for kind, sample, *what in events:
        if kind == "word":
            words.append([what[0], what[1], len(phones), len(phones)])
            continue
        name, mark = split_stress(what[0])
        if name == PAUSE and phones[-1] == PAUSE:
            continue
        if name != PAUSE and words:
            words[-1][3] = len(phones) + 1
        phones.append(name)
        stress.append(mark)
        starts.append(sample)
    sound = resample(samples, own_rate, rate)
    edges = np.round(np.array([*starts, len(samples)]) * rate / own_rate).astype(np.int64)
    edges = np.minimum(np.maximum.accumulate(edges), len(sound))
    edges[-1] = len(sound)
    return Spoken(
        text,
        sound,
        rate,
        tuple(phones),
        np.array(stress),
        edges,
        tuple(tuple(w) for w in words if w[3] > w[2]),
    )


def split_stress(name):
    """(name without its stress mark, stress 0, 1 or 2) of a phoneme's name by eSpeak.

    Names of silence, which begin with an underscore, become PAUSE. Chapter: 6.5
    """
    mark = STRESSES.get(name[:1], 0)
    bare = name[1:] if mark else name
    return (PAUSE, 0) if not bare or bare.startswith("_") else (bare, mark)


def practice_texts(n, seed=0):
    """Texts to learn to speak from: n of them, each one to four of WORDS in a row, ending in a
    full stop; one pair of neighbours in four is parted by a comma, and before one word in three
    stands one of LITTLE.

    All words are used before one is used again. Raises ValueError for n below 1.

    Chapter: 6.5
    """
    if n < 1:
        raise ValueError(f"n is {n}; ask for at least 1 text")
    rng = np.random.default_rng(seed)
    texts, waiting = [], []
    for _ in range(n):
        words = []
        for _ in range(int(rng.integers(1, 5))):
            if not waiting:
                waiting = list(rng.permutation(WORDS))
            little = f"{rng.choice(LITTLE)} " if rng.random() < 1 / 3 else ""
            words.append(little + str(waiting.pop()))
        text = words[0]
        for word in words[1:]:
            text += (", " if rng.random() < 0.25 else " ") + word
        texts.append(text + ".")
    return texts


def practice_speech(n=560, seed=0, sample_rate=16000, voice=VOICE):
    """The built-in voice speaks `practice_texts(n, seed)`: a list of Spoken.

    The rate is drawn from 130 to 190 words a minute. Raises as `speak_timed`. Chapter: 6.5
    """
    rng = np.random.default_rng(seed + 1)
    return speak_timed(
        [
            speech.Utterance(text, voice, int(rng.integers(130, 191)))
            for text in practice_texts(n, seed)
        ],
        sample_rate,
    )


def words_with(recordings, phones):
    """Words of a list of Spoken in which phonemes occur next to each other: a sorted list of str.

    phones: names without stress marks, such as ("eI", "t"). Raises ValueError for no phonemes.
    Chapter: 6.5
    """
    wanted, found = tuple(phones), set()
    if not wanted:
        raise ValueError("no phonemes were given: every word would contain them")
    for one in recordings:
        for letter, letters, first, end in one.words:
            rows = (one.phones[i : i + len(wanted)] for i in range(first, end - len(wanted) + 1))
            if wanted in rows:
                found.add(one.text[letter : letter + letters].lower())
    return sorted(found)
