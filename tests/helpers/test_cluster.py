"""The experiment of chapter 8.6: its tables, from a record made by hand, and what is on file."""

from functools import partial

import numpy as np
import pytest

from helpers import distributed
from helpers.experiments import cluster as lab
from helpers.experiments._record import load_results


def record(fixed=0.004, bandwidth=4e8, exact=1.0):
    """Two runs in which the cost model is right, up to a factor."""

    def step(name, work, update=0.001):
        told = distributed.step_seconds(
            2, work, 4 * lab.NETWORKS[name].size, fixed / 2, bandwidth, "star", update
        )
        return {lab.ONE: [work + update], lab.WORKERS: [exact * told], "update": [update]}

    def run(speed):
        messages = {str(n): [fixed + 4 * n / bandwidth] * 3 for n in lab.MESSAGES}
        two = {str(n): [speed] for n in lab.PIECES}
        return {
            "training": {name: step(name, speed * 0.04) for name in lab.NETWORKS},
            "batches": {str(n): step(lab.BATCH_NETWORK, n / 1000) for n in lab.BATCHES},
            "messages": messages,
            "features": {lab.ONE: [2.0 * speed, 9.0, 2.0 * speed], lab.WORKERS: two},
        }

    return {"runs": {"run 1": run(1.0), "run 2": run(1.5)}}


def test_seconds_are_medians_and_doublings_their_ratios():
    made = record()
    assert lab.seconds(made, "features", lab.ONE) == {"run 1": 2.0, "run 2": 3.0}
    moved = lab.doublings(made, ("features", lab.ONE), lab.pieces(50))
    assert moved == {"run 1": 1.0, "run 2": 1.0}
    with pytest.raises(KeyError, match="no results"):
        lab.seconds({"runs": {}}, "features", lab.ONE)


def test_the_fastest_way_is_chosen_in_each_run():
    made = {"runs": {"run 1": {"a": [1.0], "b": [2.0]}, "run 2": {"a": [4.0], "b": [3.0]}}}
    assert lab.fastest(made, ("a",), ("b",)) == {"run 1": 1.0, "run 2": 3.0}


def test_links_and_forecasts_are_found_again():
    for fixed, bandwidth in lab.links(record()).values():
        assert fixed == pytest.approx(0.004)
        assert bandwidth == pytest.approx(4e8)
    for name in lab.NETWORKS:
        assert max(map(abs, lab.forecast_errors(record(), name).values())) < 1e-6
    wrong = lab.forecast_errors(record(exact=2.0), "dense 64")
    assert wrong == pytest.approx({"run 1": 1.0, "run 2": 1.0})


def test_without_sending_the_forecast_is_work_in_halves_and_the_optimiser():
    told = lab.forecast(record(), "dense 1024", sending=False)
    assert told == pytest.approx({"run 1": 0.001 + 0.02, "run 2": 0.001 + 0.03})
    assert min(lab.forecast_errors(record(), "dense 1024", sending=False).values()) > 0.5


def test_an_optimiser_that_takes_longer_than_the_step_is_refused():
    made = record()
    made["runs"]["run 1"]["training"]["dense 16"]["update"] = [1.0]
    with pytest.raises(ValueError, match="takes time"):
        lab.forecast(made, "dense 16")


def test_a_step_is_found_where_its_batch_was_measured():
    assert lab.step_of("convolutions 24", lab.ONE) == ("training", "convolutions 24", lab.ONE)
    assert lab.step_of("convolutions 24", lab.ONE, 512) == ("batches", "512", lab.ONE)
    told = lab.forecast(record(), lab.BATCH_NETWORK, batch=512)
    size = 4 * lab.NETWORKS[lab.BATCH_NETWORK].size
    assert told["run 2"] == pytest.approx(0.001 + 0.256 + 0.004 + 4 * size / 4e8)


@pytest.mark.slow
def test_pictures_are_measured_in_an_order_of_their_own_in_each_round(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    distributed.share_sounds(tmp_path, [rng.normal(0, 0.1, 900) for _ in range(4)])
    asked, here = [], distributed.extract_here

    def extract(client, pieces, folder):
        asked.append((client, len(pieces)))
        return [here(pieces, folder=folder)]

    monkeypatch.setattr(distributed, "extract", extract)
    found = lab.measure_features("two", tmp_path, 4, "one", rounds=4, sizes=(1, 2), seed=3)
    assert {way: len(t) for way, t in found[lab.WORKERS].items()} == {"50": 4, "1": 4, "2": 4}
    assert len(found[lab.ONE]) == len(found[lab.WORKER]) == 4
    assert found["other"] == 0
    rounds = [tuple(asked[4 * k : 4 * k + 4]) for k in range(4)]
    assert len(set(rounds)) > 1
    assert {tuple(sorted(r)) for r in rounds} == {
        (("one", 1), ("two", 1), ("two", 2), ("two", 4)),
    }
    assert lab.measure_features("two", tmp_path, 4, rounds=1, sizes=())[lab.WORKER] == []


def test_ways_are_measured_in_turns_after_a_call_to_warm_up():
    called = []

    def way(name):
        called.append(name)
        return float(len(called))

    found = lab.in_turns({name: partial(way, name) for name in "abc"}, rounds=6, seed=[0, 1])
    assert called[:3] == ["a", "b", "c"]
    rounds = [tuple(called[k : k + 3]) for k in range(3, 21, 3)]
    assert len(rounds) == 6
    assert all(sorted(r) == ["a", "b", "c"] for r in rounds)
    assert len(set(rounds)) > 1
    assert found["a"] == [k + 1.0 for k, name in enumerate(called) if name == "a" and k > 2]


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
    for run in found["runs"].values():
        assert run["settings"]["steps"] == lab.STEPS
        assert run["settings"]["pieces"] == [lab.PIECE, *lab.PIECES]
        assert run["settings"]["batches"] == {str(n): k for n, k in lab.BATCHES.items()}
        assert set(run["batches"]) == {str(n) for n in lab.BATCHES}
        for ways in run["batches"].values():
            assert set(ways) == {*lab.SMALL_SHARDS, *lab.SMALL_SHARDS.values()}
        assert set(run["features"][lab.WORKERS]) == {str(n) for n in lab.PIECES}
        assert set(run["training"]) == set(lab.NETWORKS)
