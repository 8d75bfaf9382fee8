"""The experiment on shifts: what is read from its record."""

from dataclasses import asdict

import numpy as np
import pytest

from helpers.experiments import generalisation as g
from helpers.models import ablation

CONDITIONS = ("as recorded", "room", "holes")


def run(all_right, room):
    """A run in which each variant has its own number of right answers."""

    def right(number):
        return {"stranger": dict(zip(CONDITIONS, (number, number - room, number - 2), strict=True))}

    return {
        "clips": {"stranger": 50, "training": 200},
        "right": {
            "all": right(all_right),
            "all but echo": right(all_right - 5),
            "none": right(20),
            "only echo": right(30),
        },
        "curves": {
            "all": {"columns": ["step", "training", "stranger"], "rows": ["40 1 1", "80 180 40"]}
        },
        "calibration": {"all": {"stranger": {"room": [4.0, 3.0, 2.0, 1.0]}}},
    }


@pytest.fixture
def record():
    return {"runs": {"without a": run(40, 10), "without b": run(45, 20)}}


def test_accuracy_and_gains(record):
    assert g.accuracy(record, "all", "room") == {"a": 60.0, "b": 50.0}
    assert g.gains(record, "echo", "room") == {"a": 10.0, "b": 10.0}
    assert g.gains(record, "echo", "room", "alone") == {"a": 20.0, "b": 20.0}
    with pytest.raises(ValueError, match="left out"):
        g.gains(record, "echo", "room", "both")
    with pytest.raises(KeyError):
        g.accuracy(record, "all but thunder", "room")


def test_help_where_it_belongs(record):
    for name, extra in (("without a", 4), ("without b", 6)):
        record["runs"][name]["right"]["all"]["stranger"]["room"] += extra
    found = g.fit_of_own(record, {"echo": "room"}, CONDITIONS[1:])
    assert found == {"a": pytest.approx(8.0), "b": pytest.approx(12.0)}


def test_gap_and_calibration(record):
    assert g.gap(record, "all") == {"a": pytest.approx(10.0), "b": pytest.approx(10.0)}
    assert g.calibration(record, "all", "room", "boldness") == {"a": 4.0, "b": 4.0}
    assert g.calibration(record, "all", "room", "error in noise") == {"a": 1.0, "b": 1.0}


def test_areas_of_machines():
    runs = {"a": {}, "machines, b": {"areas": {"y": [0.1, 0.2]}}}
    record = {"runs": runs | {"machines, c": {"areas": {"x": [0.5, 1.0]}}}}
    assert g.areas(record, "x") == pytest.approx([0.5, 1.0])
    with pytest.raises(KeyError):
        g.areas(record, "z")


def test_no_runs_is_an_error():
    with pytest.raises(KeyError, match="no speaker"):
        g.by_speaker({"runs": {}})


def test_every_speaker_is_left_out_once():
    runs = g.plan(["a", "b"])
    assert [job for job in runs.values() if job[0] == "speaker"] == [
        ("speaker", "a"),
        ("speaker", "b"),
    ]
    assert g.AGAIN not in ablation.VARIANTS
    assert np.all([len(job) <= 2 for job in runs.values()])


def test_the_time_of_a_batch():
    record = {"runs": {"batches": {"time": {"none": 0.2, "only echo": 0.5}}}}
    assert g.time_of(record, "only echo") == 0.5
    with pytest.raises(KeyError):
        g.time_of(record, "all but echo")


def test_results_on_file_are_complete_and_were_made_with_this_code():
    from helpers import machines, shifts
    from helpers.experiments._record import load_results
    from helpers.models.machines import RECIPES

    record = load_results("generalisation")
    speakers = ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]
    assert list(record["runs"]) == list(g.plan(speakers))
    programme = {k: np.array(v).tolist() for k, v in asdict(ablation.FULL).items()}
    for name, run in record["runs"].items():
        settings = run["settings"]
        assert (settings["steps"], settings["machine steps"]) == (g.STEPS, g.MACHINE_STEPS), name
        assert settings["augmentation"] == programme, name
        assert settings["conditions"] == list(shifts.CONDITIONS), name
    for variant in (*ablation.VARIANTS, g.AGAIN):
        for condition in shifts.CONDITIONS:
            assert set(g.accuracy(record, variant, condition)) == set(speakers)
    for method in (*g.DETECTORS, *RECIPES):
        assert g.areas(record, method).shape == (machines.MACHINES,)
    for variant in ("none", "all", "strong"):
        assert set(g.from_voices(record, variant)) == set(speakers)
