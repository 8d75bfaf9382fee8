"""Built-in voices and the digits made from them."""

import numpy as np
import pytest

from helpers import rooms, speech
from helpers.datasets import builtin_digits

WORDS = [speech.Utterance(w, v) for w in ("one", "seven") for v in ("en-us", "en-029+m3", "en+f1")]


def test_a_fresh_child_says_the_same_bits():
    first, rate = speech.synthesise(WORDS)
    again, _ = speech.synthesise(WORDS)
    assert rate == 22050
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(a.dtype == np.float32 and 0.2 < len(a) / rate < 1.5 for a in first)
    assert all(0.05 < np.abs(a).max() <= 1 for a in first)


def test_voices_differ():
    sounds, _ = speech.synthesise(WORDS)
    for i, a in enumerate(sounds):
        for b in sounds[:i]:
            assert len(a) != len(b) or not np.array_equal(a, b)


def test_faster_is_shorter():
    (slow, fast), _ = speech.synthesise(
        [speech.Utterance("seven", rate=100), speech.Utterance("seven", rate=300)]
    )
    assert len(fast) < 0.7 * len(slow)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (speech.Utterance("one", "en+nope"), "no voice variant 'nope'"),
        (speech.Utterance("  "), "no text"),
        (speech.Utterance("one", rate=10), "80 to 450"),
        (speech.Utterance("one", "+m3"), "names no language"),
    ],
)
def test_what_espeak_would_take_in_silence_is_refused(bad, says):
    with pytest.raises(ValueError, match=says.replace("+", r"\+")):
        speech.synthesise([bad])


def test_an_unknown_language_names_itself():
    with pytest.raises(speech.SpeechError, match="xx-klingon"):
        speech.synthesise([speech.Utterance("one", "xx-klingon")])


@pytest.fixture(scope="module")
def two_takes():
    return builtin_digits.built_in_digits(takes=2)


def test_the_built_in_digits_are_many_and_varied(two_takes):
    clips = two_takes
    accents = {n.split("_")[1].split("+")[0] for n in clips.names}
    assert len(clips) == 2 * 10 * len(builtin_digits.voices())
    assert builtin_digits.TAKES * 10 * len(builtin_digits.voices()) >= 2000
    assert len(set(clips.speakers)) >= 60
    assert len(accents) >= 6
    assert set(np.bincount(clips.labels)) == {len(clips) // 10}
    levels = [20 * np.log10(np.abs(x).max()) for x in clips.audio]
    assert max(levels) - min(levels) > 15
    assert all(x.dtype == np.float32 and len(x) > 1000 for x in clips.audio)


def test_the_built_in_digits_are_the_same_every_time(two_takes):
    assert builtin_digits.built_in_digits(takes=2).id == two_takes.id


def test_the_built_in_digits_are_cached_and_read_back(tmp_path, monkeypatch, two_takes):
    monkeypatch.setenv("LISTENING_MACHINES_CACHE", str(tmp_path))
    made = []

    def make():
        made.append(1)
        return two_takes

    monkeypatch.setattr(builtin_digits, "built_in_digits", make)
    first = builtin_digits.load_builtin_digits()
    second = builtin_digits.load_builtin_digits()
    assert len(made) == 1
    assert first.id == second.id
    assert len(list((tmp_path / "builtin").iterdir())) == 1  # nothing half-written beside it


@pytest.mark.slow
def test_practice_voices_speak_english_and_with_foreign_accents():
    clips = builtin_digits.practice_voices()
    accents = {n.split("_")[1].split("+")[0] for n in clips.names}
    assert accents == {*speech.ACCENTS, *builtin_digits.SPELLINGS}
    assert set(clips.speakers) == set(builtin_digits.voices())
    assert set(np.bincount(clips.labels)) == {len(clips) // 10}
    assert all(np.abs(x).max() > 0.01 for x in clips.audio)


def test_every_spelling_has_ten_words():
    assert {len(words.split()) for words in builtin_digits.SPELLINGS.values()} == {10}


def test_a_room_starts_with_its_direct_sound():
    bank = rooms.impulse_responses(3, 8000, seed=1)
    for response in bank:
        assert response[0] == pytest.approx(1)
        assert np.abs(response).max() == pytest.approx(1)
    assert np.array_equal(bank[2], rooms.impulse_responses(3, 8000, seed=1)[2])


def test_a_click_in_a_room_is_the_room():
    response = np.array([1, 0, 0.5, -0.25], np.float32)
    click = np.array([0.5, 0, 0], np.float32)
    assert rooms.reverberate(click, response) == pytest.approx([0.5, 0, 0.25, -0.125, 0, 0])


def test_brown_noise_falls_six_decibels_an_octave():
    noise = rooms.coloured_noise(2**16, -6.0206, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(noise)) ** 2
    octaves = [10 * np.log10(power[2**k : 2 ** (k + 1)].mean()) for k in range(8, 15)]
    assert np.diff(octaves) == pytest.approx(-6.02, abs=0.6)
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(0.1)


def test_babble_is_the_same_for_the_same_generator():
    first = speech.babble(24000, 16000, np.random.default_rng(3))
    again = speech.babble(24000, 16000, np.random.default_rng(3))
    other = speech.babble(24000, 16000, np.random.default_rng(4))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert first.dtype == np.float32 and first.shape == (24000,)
    assert np.sqrt(np.mean(first**2)) == pytest.approx(0.1, rel=1e-4)


def test_more_voices_leave_fewer_gaps():
    def quietest(voices):
        sound = speech.babble(40000, 8000, np.random.default_rng(0), voices)
        return np.percentile(np.sqrt(np.mean(sound.reshape(-1, 400) ** 2, axis=1)), 5)

    assert quietest(1) < 0.3 * quietest(20)


def test_talkers_are_voices_that_repeat_themselves():
    assert set(speech.TALKERS) <= set(builtin_digits.voices())
    for n, voices in ((0, 6), (100, 0)):
        with pytest.raises(ValueError, match="at least one"):
            speech.babble(n, 8000, np.random.default_rng(0), voices)


@pytest.mark.parametrize("mains", [50.0, 60.0])
def test_hum_sits_on_the_harmonics_of_the_mains(mains):
    sound = rooms.hum(16000, 8000, mains)
    assert sound.dtype == np.float32
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(0.1, rel=1e-4)
    power = np.abs(np.fft.rfft(sound.astype(float))) ** 2
    on = np.arange(int(2 * mains), len(power), int(2 * mains))
    assert power[on].sum() == pytest.approx(power.sum(), rel=1e-6)
    assert power.argmax() == 4 * mains  # bins are half a hertz apart: twice the mains
    assert np.array_equal(sound, rooms.hum(16000, 8000, mains))


def test_hum_that_cannot_be_is_refused():
    for n, rate, mains in ((0, 8000, 50), (10, 8000, 4000), (10, 8000, 1), (10, 8000, np.nan)):
        with pytest.raises(ValueError, match=r"hum needs|mains is"):
            rooms.hum(n, rate, mains)
