"""The experiment of chapter 8.6: its tables, from a record made by hand, and what is on file."""

import numpy as np
import pytest

from helpers import distributed
from helpers.experiments import cluster as lab
from helpers.experiments._record import load_results


def record(fixed=0.004, bandwidth=4e8, exact=1.0):
    """Two runs in which the cost model is right, up to a factor."""

    def run(speed):
        training = {}
        for name, network in lab.NETWORKS.items():
            work, update = speed * 0.04, 0.001
            told = distributed.step_seconds(
                2, work, 4 * network.size, fixed / 2, bandwidth, pattern="star"
            )
            training[name] = {
                lab.ONE: [work + update],
                lab.WORKERS: [exact * (told + update)],
                "update": [update],
            }
        messages = {str(n): [fixed + 4 * n / bandwidth] * 3 for n in lab.MESSAGES}
        features = {lab.ONE: [2.0 * speed, 9.0, 2.0 * speed], lab.WORKERS: [speed]}
        return {"training": training, "messages": messages, "features": features}

    batches = {
        str(n): {lab.ONE: [n / 1000, 9.0, n / 1000], lab.WORKERS: [0.1]} for n in lab.BATCHES
    }
    return {"runs": {"run 1": run(1.0), "run 2": run(1.5), "batches 1": {"batches": batches}}}


def test_seconds_are_medians_and_doublings_their_ratios():
    made = record()
    assert lab.seconds(made, "features", lab.ONE) == {"run 1": 2.0, "run 2": 3.0}
    moved = lab.doublings(made, ("features", lab.ONE), ("features", lab.WORKERS))
    assert moved == {"run 1": 1.0, "run 2": 1.0}
    with pytest.raises(KeyError, match="no results"):
        lab.seconds({"runs": {}}, "features", lab.ONE)


def test_links_and_forecasts_are_found_again():
    for fixed, bandwidth in lab.links(record()).values():
        assert fixed == pytest.approx(0.004)
        assert bandwidth == pytest.approx(4e8)
    assert max(map(abs, lab.forecast_errors(record()).values())) < 1e-6
    wrong = lab.forecast_errors(record(exact=2.0))
    assert wrong["dense 64"] == pytest.approx(1.0)


def test_a_measurement_is_read_from_the_runs_that_made_it():
    made = record()
    assert list(lab.runs_with(made, "messages")) == ["run 1", "run 2"]
    assert list(lab.seconds(made, "batches", "64", lab.ONE)) == ["batches 1"]


def test_the_larger_the_batch_the_better_two_workers_are_foretold():
    told = lab.forecast_by_batch(record())
    assert list(told) == list(lab.BATCHES)
    size = 4 * lab.NETWORKS[lab.BATCH_NETWORK].size
    two = 0.001 + (1.0 - 0.001) / 2 + 0.004 + 4 * size / 4e8
    assert told[1000] == pytest.approx(1 / two, rel=1e-6)
    assert list(told.values()) == sorted(told.values())
    assert told[1000] < 2


def test_clips_that_differ_or_are_missing_are_counted():
    expected = np.random.default_rng(0).normal(size=(6, 2, 2)).astype(np.float32)
    parts = [expected[:4].copy(), expected[4:].copy()]
    assert lab.other_clips(parts, expected) == 0
    parts[1][0, 0, 0] = np.nextafter(parts[1][0, 0, 0], np.float32(9))
    assert lab.other_clips(parts, expected) == 1
    assert lab.other_clips([None, parts[1]], expected) == 4


def test_numbers_that_differ_are_counted_bit_by_bit():
    one = np.float32([0.0, 1.0, 2.0])
    assert lab.other_numbers(one, one.copy()) == 0
    assert lab.other_numbers(one, np.float32([-0.0, 1.0, 2.5])) == 2


def test_a_killer_waits_for_its_moment(monkeypatch):
    killed = []
    monkeypatch.setattr(distributed, "kill_a_worker", killed.append)
    watch = lab.killer("client", 3)
    for number in range(6):
        watch(number)
    assert killed == ["client"]


def test_the_results_on_file_are_complete_and_of_these_settings():
    found = load_results("cluster")
    assert list(found["runs"]) == list(lab.plan())
    for run in lab.runs_with(found, "batches").values():
        assert list(run["batches"]) == [str(n) for n in lab.BATCHES]
        assert run["settings"]["steps"] == lab.BATCH_STEPS
    for run in lab.runs_with(found, "training").values():
        assert run["settings"]["steps"] == lab.STEPS
        assert run["settings"]["pieces"] == [lab.PIECE, *lab.PIECES]
        assert set(run["training"]) == set(lab.NETWORKS)
