"""Phonemes and their times, from the built-in voice."""

import numpy as np
import pytest

from helpers import phones, speech
from helpers.datasets.builtin_digits import WORDS as DIGITS
from helpers.speech import Utterance


@pytest.fixture(scope="module")
def spoken():
    texts = ["my answer is eight.", "red, seven.", *(f"{word}." for word in DIGITS)]
    return phones.speak_timed([Utterance(text) for text in texts])


def test_the_sound_is_that_of_synthesise():
    asked = [Utterance("my answer is eight."), Utterance("red, seven.", "en+f3", 120)]
    plain, rate = speech.synthesise(asked)
    timed = phones.speak_timed(asked, rate)
    assert all(np.array_equal(a, b.samples) for a, b in zip(plain, timed, strict=True))


def test_phonemes_of_a_sentence(spoken):
    eight = spoken[0]
    first, end = eight.find("eight")
    assert eight.phones[first:end] == ("eI", "t")
    assert eight.stress[first] == 1
    assert eight.phones[0] == eight.phones[-1] == phones.PAUSE


def test_borders_ascend_and_cover_the_sound(spoken):
    for one in spoken:
        assert len(one.starts) == len(one.phones) + 1 == len(one.stress) + 1
        assert one.starts[0] == 0 and one.starts[-1] == len(one.samples)
        assert np.all(np.diff(one.starts) >= 0)


def test_a_vowel_is_louder_than_the_pause_after_a_comma(spoken):
    comma = spoken[1]
    inner = list(comma.phones).index(phones.PAUSE, 1)
    first, _ = comma.find("seven")
    power = [
        np.mean(comma.samples[comma.starts[i] : comma.starts[i + 1]] ** 2)
        for i in (inner, first + 1)
    ]
    assert power[0] < 1e-3 * power[1]


def test_words_end_where_pauses_begin(spoken):
    red = spoken[1].find("red")
    assert phones.PAUSE not in spoken[1].phones[red[0] : red[1]]
    with pytest.raises(ValueError, match="not a word"):
        spoken[1].find("blue")


def test_practice_holds_no_digit_and_nothing_that_sounds_like_one(spoken):
    assert not {*phones.WORDS, *phones.LITTLE} & set(DIGITS)
    assert len(set(phones.WORDS)) == len(phones.WORDS)
    sounds = {
        one.phones[slice(*one.find(word))] for one, word in zip(spoken[2:], DIGITS, strict=True)
    }
    assert len(sounds) == 10
    for one in phones.practice_speech(200):
        for letter, letters, first, end in one.words:
            assert one.phones[first:end] not in sounds, one.text[letter : letter + letters]


def test_practice_knows_every_phoneme_of_the_digits(spoken):
    known = {phone for one in phones.practice_speech(200) for phone in one.phones}
    assert {phone for one in spoken[2:] for phone in one.phones} <= known


def test_practice_texts():
    texts = phones.practice_texts(200, seed=1)
    assert texts == phones.practice_texts(200, seed=1) != phones.practice_texts(200, seed=2)
    used = [word for text in texts for word in text.rstrip(".").replace(",", "").split()]
    large = [word for word in used if word not in phones.LITTLE]
    assert set(large[: len(phones.WORDS)]) == set(phones.WORDS)
    assert 0.2 < 1 - len(large) / len(used) < 0.3
    assert all(1 <= len(text.split()) <= 8 for text in texts)
    with pytest.raises(ValueError, match="at least 1"):
        phones.practice_texts(0)


def test_split_stress():
    assert phones.split_stress("'eI") == ("eI", 1)
    assert phones.split_stress(",E") == ("E", 2)
    assert phones.split_stress("t") == ("t", 0)
    assert phones.split_stress("_:") == phones.split_stress("") == (phones.PAUSE, 0)


def test_bad_utterances_are_refused():
    with pytest.raises(ValueError, match="no text"):
        phones.speak_timed([Utterance(" ")])
    with pytest.raises(ValueError, match="variant"):
        phones.speak_timed([Utterance("one", "en+nobody")])


def test_words_with_phonemes(spoken):
    assert phones.words_with(spoken, ("eI", "t")) == ["eight"]
    assert phones.words_with(spoken, ("z", "eI", "t")) == []
    with pytest.raises(ValueError, match="no phonemes"):
        phones.words_with(spoken, ())
