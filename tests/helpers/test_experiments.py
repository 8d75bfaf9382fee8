"""The recogniser's evaluation: the plan is nested, the summary adds up."""

import pytest

from helpers.experiments import recogniser

SPEAKERS = ["ann", "bob", "cat"]


def full_record():
    """A record in which a speaker's accuracy is known: ann 0.9, bob 0.8, cat 1.0."""
    right = {"ann": 0.9, "bob": 0.8, "cat": 1.0}
    runs = {}
    for name, (kind, test, *_rest) in recogniser.plan(SPEAKERS).items():
        accuracy = right[test] if kind == "held out" else 0.9
        runs[name] = {
            "accuracy": accuracy,
            "by_speaker": {s: [int(10 * right[s]), 10] for s in SPEAKERS},
            "date": "2026-01-01",
            "commit": "abc",
            "machine": "m",
            "versions": "v",
            "parameters": 1234,
            "seconds": 20.0,
            "settings": {"steps": 5},
        }
    return {"about": "", "runs": runs}


def test_no_test_speaker_tunes_its_own_model():
    for kind, test, validation, _share, _seed in recogniser.plan(SPEAKERS).values():
        if kind == "tune":
            assert test != validation
            assert validation in SPEAKERS
    kinds = [run[0] for run in recogniser.plan(SPEAKERS).values()]
    assert kinds.count("held out") == 3 * len(SPEAKERS)
    assert kinds.count("tune") == len(recogniser.SHARES) * len(SPEAKERS)
    assert kinds.count("official") == kinds.count("built-in") == 3


def test_the_validation_speaker_decides():
    record = full_record()
    record["runs"]["tune for ann, share 0.3"]["accuracy"] = 0.95
    assert recogniser.chosen_share(record, "ann") == 0.3
    record["runs"]["tune for ann, share 0.0"]["accuracy"] = 0.97
    assert recogniser.chosen_share(record, "ann") == 0.0


def test_the_summary_by_hand():
    found = recogniser.summary(full_record())
    assert found["held out"]["mean"] == pytest.approx(90)
    # three values 80, 90, 100: the interval is 90 ± 4.303 · 10 / √3
    assert found["held out"]["low"] == pytest.approx(90 - 24.84, abs=0.01)
    assert found["built-in only"]["by_speaker"]["bob"] == pytest.approx(80)
    assert found["official"]["mean"] == pytest.approx(90)
    assert "| **mean of six** | **90.0** | **90.0** |" in recogniser.table(full_record())


def test_an_incomplete_record_says_so():
    record = full_record()
    del record["runs"]["official, seed 2"]
    assert "not complete" in recogniser.table(record)
