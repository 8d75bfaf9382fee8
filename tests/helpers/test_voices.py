"""The evaluation of voices: what is cut out, what is counted."""

import numpy as np
import pytest

from helpers.experiments import voices
from helpers.phones import PAUSE, Spoken

ABOUT = {
    "seconds": 1.0,
    "date": "2026-01-01",
    "commit": "abc",
    "machine": "m",
    "versions": "v",
    "settings": {},
}
ALL = (*voices.SYSTEMS, *voices.LPC.values(), *voices.STEPS_OF_PHASE.values())
RIGHT = "".join(str(d) * len(voices.TEST) for d in range(10))


def spoken():
    starts = np.array([0, 1600, 4800, 8000, 9600])
    return Spoken("say two", np.ones(9600, np.float32), 16000, (PAUSE, "t", "u:", PAUSE),
                  np.array([0, 0, 1, 0]), starts, ((4, 3, 1, 3),))  # fmt: skip


def full_record():
    """With seed k the talker takes the first k words for a nine."""
    runs = {}
    for seed in voices.SEEDS:
        systems = {name: {"heard": RIGHT, "seconds": 2.0, "sound": 4.0} for name in ALL}
        wrong = "9" * (seed * len(voices.TEST)) + RIGHT[seed * len(voices.TEST) :]
        systems[voices.TALKER] = {"heard": wrong, "seconds": 1.0, "sound": 4.0}
        runs[f"seed {seed}"] = {
            "accuracy": 1.0,
            "systems": systems,
            "distance": {voices.COPY: 1.0, voices.TIMED: 3.0 + seed, voices.SQUARED: 2.0},
            "contrast": {"L1": [0.9, 0.8], "L2": [0.8, 0.8]},
            "duration_error": 3.0,
            "parameters": 1000,
            "core_seconds": 60.0 + seed,
            **ABOUT,
        }
    return {"about": "", "runs": runs}


def test_test_carriers_are_fresh():
    assert not set(voices.TEST) & set(voices.VALIDATION)
    assert all(carrier.count("{}") == 1 for carrier in (*voices.TEST, *voices.VALIDATION))


def test_a_word_is_cut_with_its_margin():
    one = spoken()
    word = voices.word_of(one.samples, one.starts, one.find("two"))
    wanted = 6400 + 2 * voices.MARGIN * 16000
    assert len(word) == pytest.approx(wanted / 2, abs=1)
    assert abs(word[0]) < 0.05 and abs(word[-1]) < 0.05
    assert np.median(word) == pytest.approx(1, abs=0.01)
    with pytest.raises(ValueError, match="nothing is left"):
        voices.word_of(one.samples[:1000], one.starts, (1, 3))


def test_random_phones_replace_the_word_only():
    one = spoken()
    found = voices.random_phones(one, (1, 3), ["_", "k", "s"], np.random.default_rng(0))
    assert found[0] == found[3] == PAUSE
    assert set(found[1:3]) <= {"k", "s"}


def test_distance_and_contrast_by_hand():
    a, b = np.array([[0.0, 0.0], [4.0, 2.0]]), np.array([[0.0, 0.0], [2.0, 1.0], [9.0, 9.0]])
    assert voices.mel_distance(a, b) == pytest.approx(3 / 4)
    assert voices.contrast(a, b) == pytest.approx(4.0)


def test_what_each_system_is_given():
    assert set(voices.MADE_FROM) == set(ALL)


def test_right():
    assert voices.right(RIGHT).all()
    found = voices.right("1" + RIGHT[1:])
    assert not found[0, 0] and found.sum() == 10 * len(voices.TEST) - 1


def test_the_summary_by_hand():
    found = voices.summary(full_record())
    assert found["seeds"][voices.TALKER].tolist() == [1.0, 0.9, 0.8]
    words = found["words"][voices.TALKER]
    assert words[0] == pytest.approx(1 / 3) and words[1] == pytest.approx(2 / 3)
    assert words[2:].tolist() == [1.0] * 8
    assert found["speed"][voices.TALKER] == 0.25
    assert found["seed_words"][voices.TALKER][1].tolist() == [0.0] + [1.0] * 9
    assert found["heard"][voices.NATURAL] == [RIGHT] * 3
    assert found["distance"][voices.TIMED].tolist() == [3.0, 4.0, 5.0]


def test_the_table():
    text = voices.table(full_record())
    assert "trained for 60 to 62 core-seconds" in text
    assert "| **talker** | text | 90.0 | 80.0 to 100.0 | 2 | zero, 33 % | 0.25 |" in text
    assert f"| pieces, joins ignored | {voices.WORDS_ONLY} |" in text
    record = full_record()
    del record["runs"]["seed 1"]
    assert "not complete: 2 runs" in voices.table(record)


def test_results_on_file_are_of_this_plan():
    record = voices.load_results("voices")
    if record["runs"]:
        assert set(record["runs"]) <= set(voices.plan())
        for run in record["runs"].values():
            assert set(run["systems"]) == set(ALL)
            assert run["settings"]["carriers"] == [len(voices.VALIDATION), list(voices.TEST)]
