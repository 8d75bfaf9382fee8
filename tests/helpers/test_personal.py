"""The experiment on what a few clips of a person are worth."""

from itertools import pairwise

import numpy as np
import pytest

from helpers.experiments import personal

SPEAKERS = ["a", "b", "c", "d"]


def test_everybody_is_the_new_person_once_for_each_seed():
    runs = personal.plan(SPEAKERS)
    assert [r for r in runs if r.startswith("tune")] == [
        "tune without a and b",
        "tune without c and d",
    ]
    new = [job for name, job in runs.items() if name.startswith("new")]
    assert sorted(new) == sorted(((s,), k) for s in SPEAKERS for k in personal.SEEDS)


def test_lessons_are_nested_and_balanced():
    labels = np.repeat(np.arange(10), 20)
    lessons = personal.draws(labels, seed=1)
    assert set(lessons) == set(personal.SIZES)
    for kind, counts in (("in all", personal.IN_ALL), ("a class", personal.PER_CLASS)):
        for small, large in pairwise(counts):
            assert set(lessons[f"{small} {kind}"]) < set(lessons[f"{large} {kind}"])
    for n in personal.PER_CLASS:
        assert np.bincount(labels[lessons[f"{n} a class"]]).tolist() == [n] * 10
    assert [len(lessons[f"{n} in all"]) for n in personal.IN_ALL] == list(personal.IN_ALL)


def test_the_neighbour_decides():
    def tried(**results):
        return {"full": results}

    record = {
        "runs": {
            "tune without a and b": {
                "tried": {
                    "a": tried(**{"0.001": [90.0, 0.0], "0.003": [95.0, -3.0]}),
                    "b": tried(**{"0.001": [90.0, 0.0], "0.003": [90.0, 0.0]}),
                }
            },
            "tune without c and d": {
                "tried": {
                    "c": tried(**{"0.001": [90.0, -2.0], "0.003": [95.0, -3.0]}),
                    "d": tried(**{"0.001": [90.0, 0.0], "0.003": [91.0, -0.9]}),
                }
            },
        }
    }
    assert personal.chosen(record, "b") == {"full": 0.001}  # the better one costs the others 3
    assert personal.chosen(record, "a") == {"full": 0.001}  # a tie
    assert personal.chosen(record, "c") == {"full": 0.003}
    assert personal.chosen(record, "d") == {"full": 0.003}  # none keeps the others: the best


def test_points_are_means_over_seeds():
    run = {"base": [80, 50], "clips": [100, 50], "adapted": {"full": {"1 in all": [90, 49]}}}
    record = {"runs": {f"new a, seed {k}": run for k in personal.SEEDS}}
    assert personal.points(record, "full", "1 in all") == {"a": pytest.approx(90.0)}
    assert personal.points(record, "base", "") == {"a": pytest.approx(80.0)}
    assert personal.points(record, "full", "1 in all", "others") == {"a": pytest.approx(-2.0)}
    with pytest.raises(KeyError):
        personal.points(record, "full", "7 in all")


def test_results_on_file_are_complete_and_were_made_with_this_code():
    from helpers.experiments._record import load_results

    record = load_results("personal")
    speakers = ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]
    assert list(record["runs"]) == list(personal.plan(speakers))
    for name, run in record["runs"].items():
        assert (run["settings"]["steps"], run["settings"]["lessons"]) == (
            personal.STEPS,
            personal.LESSONS,
        ), name
    for size in personal.SIZES:
        assert set(personal.points(record, "full, rehearsing", size)) == set(speakers)
