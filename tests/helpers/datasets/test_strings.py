"""Strings of digits: every word is where it is said to be, and the noise is as loud as asked."""

import numpy as np
import pytest

from helpers.datasets import strings
from helpers.datasets._clips import Clips


@pytest.fixture
def clips():
    """Ten tones per speaker, each digit a pitch and a length of its own."""
    sounds, labels, speakers = [], [], []
    for speaker, factor in (("ann", 1.0), ("bob", 1.5)):
        for digit in range(10):
            t = np.arange(800 + 100 * digit) / 8000
            sounds.append(0.2 * np.sin(2 * np.pi * 200 * factor * (digit + 1) * t + 0.5))
            labels.append(digit)
            speakers.append(speaker)
    return Clips(
        [x.astype(np.float32) for x in sounds],
        labels,
        speakers,
        [f"{d}_{s}" for d, s in zip(labels, speakers, strict=True)],
        8000,
        "builtin",
        "built-in",
        "CC0",
        "espeakng",
        "tones",
    )


def test_words_are_where_they_are_said_to_be(clips):
    found = strings.connect(clips, 6, np.random.default_rng(0), words=(2, 4))
    assert len(found) == len(found.audio) == 6
    assert found.speakers.tolist() == ["ann", "bob"] * 3
    for x, tokens, words in zip(found.audio, found.tokens, found.words, strict=True):
        assert 2 <= len(tokens) <= 4
        assert words.shape == (len(tokens), 2)
        assert (words[:, 1] - words[:, 0]).tolist() == [800 + 100 * t for t in tokens]
        inside = np.zeros(len(x), bool)
        for a, b in words:
            inside[a:b] = True
        assert not x[~inside].any()
        assert np.abs(x).max() == pytest.approx(0.9)
        gaps = np.diff([0, *words.ravel(), len(x)])[::2] / 8000
        assert gaps.min() > 0.0199 and gaps.max() < 0.3001


def test_the_same_generator_makes_the_same_strings(clips):
    one, other = (strings.connect(clips, 3, np.random.default_rng(4)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one.audio, other.audio, strict=True))


def test_strings_say_what_they_are_told(clips):
    said = [(3, 3, 0), (9,), (1, 2)]
    found = strings.connect(clips, 3, np.random.default_rng(0), said=said)
    assert [tuple(tokens) for tokens in found.tokens] == said
    for tokens, words in zip(found.tokens, found.words, strict=True):
        assert (words[:, 1] - words[:, 0]).tolist() == [800 + 100 * t for t in tokens]
    with pytest.raises(ValueError, match="one each"):
        strings.connect(clips, 2, np.random.default_rng(0), said=said)
    with pytest.raises(ValueError, match=r"ann has no clip of \[9\]"):
        strings.connect(clips.subset(clips.labels < 9), 1, np.random.default_rng(0), said=[(9,)])


def test_noise_is_as_loud_as_asked_and_lies_over_the_pauses_too(clips):
    clean = strings.connect(clips, 4, np.random.default_rng(0))
    noisy = strings.in_noise(clean, 10.0, np.random.default_rng(1))
    for x, y, words in zip(clean.audio, noisy.audio, clean.words, strict=True):
        scale = np.dot(x, y) / np.dot(x, x)
        noise = y - scale * x
        said = np.concatenate([scale * x[a:b] for a, b in words])
        ratio = 10 * np.log10(np.mean(said**2) / np.mean(noise**2))
        assert ratio == pytest.approx(10, abs=0.5)
        assert np.abs(y[: words[0, 0]]).max() > 0
    assert noisy.tokens is clean.tokens


def test_a_part_of_the_strings(clips):
    found = strings.connect(clips, 5, np.random.default_rng(0))
    part = found.subset(found.speakers == "bob")
    assert len(part) == 2
    assert part.words[0] is found.words[1]


def test_the_synthesiser_speaks_in_one_breath():
    found = strings.spoken_strings(3, seed=1)
    assert found.words is None
    assert found.sample_rate == 8000
    for x, tokens in zip(found.audio, found.tokens, strict=True):
        assert 3 <= len(tokens) <= 7
        assert 0.15 < len(x) / 8000 / len(tokens) < 1.0
    noisy = strings.in_noise(found, 20.0, np.random.default_rng(0))
    assert len(noisy.audio[0]) == len(found.audio[0])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 0}, "0 strings"),
        ({"n": 1, "words": (4, 3)}, "lower end first"),
        ({"n": 1, "pause": (-1, 0.1)}, "lower end first"),
    ],
)
def test_bad_requests_are_refused(clips, options, words):
    with pytest.raises(ValueError, match=words):
        strings.connect(clips, rng=np.random.default_rng(0), **options)


def test_other_bad_requests(clips):
    found = strings.connect(clips, 1, np.random.default_rng(0))
    with pytest.raises(ValueError, match="finite"):
        strings.in_noise(found, np.inf, np.random.default_rng(0))
    with pytest.raises(ValueError, match="lower end"):
        strings.spoken_strings(1, words=(0, 2))
    with pytest.raises(ValueError, match="one each"):
        strings.Strings([np.zeros(3)], [], None, ["a"], 8000, "builtin", "")
