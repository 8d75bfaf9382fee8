"""The experiment of chapter 8.3: who is a member of what, attacks on it, and its tables."""

import numpy as np
import pytest

from helpers import privacy
from helpers.experiments import private as lab
from helpers.experiments._record import load_results

PEOPLE = ["a", "b", "c"]
SPEAKERS = np.repeat(PEOPLE, 40)
LABELS = np.tile(np.repeat([0, 1], 20), 3)
TAKES = np.tile(np.arange(20), 6)


def test_halves_hold_as_many_of_each_speaker_and_digit():
    pool, half = lab.pools(SPEAKERS, LABELS, TAKES, PEOPLE)
    for row, away in enumerate(PEOPLE):
        assert np.array_equal(pool[row], away != SPEAKERS)
        for speaker in set(PEOPLE) - {away}:
            for digit in (0, 1):
                same = (speaker == SPEAKERS) & (digit == LABELS)
                assert half[row, same].sum() == 10
    assert not np.any(half & ~pool)
    assert not np.array_equal(half[0, SPEAKERS == "c"], half[1, SPEAKERS == "c"])


def test_a_small_pool_has_the_first_takes():
    pool, _ = lab.pools(SPEAKERS, LABELS, TAKES, PEOPLE, few=6)
    assert pool[0].sum() == 2 * 2 * 6
    assert TAKES[pool[1]].max() == 5


def _odds(gap):
    rng = np.random.default_rng(0)
    pool, half = lab.pools(SPEAKERS, LABELS, TAKES, PEOPLE)
    odds = rng.normal(size=len(LABELS)) * 3 + rng.normal(size=(3, 2, len(LABELS)))
    odds[:, 0] += gap * half
    odds[:, 1] += gap * (pool & ~half)
    return odds, pool, half


def test_an_attack_finds_what_was_put_in():
    found = lab.attacks(*_odds(4.0))
    assert all(row["ratio"]["auc"] > 0.9 for row in found)
    assert all(row["ratio"]["auc"] > row["loss"]["auc"] > 0.6 for row in found)
    assert all(len(row["loss"]["roc"]) == len(lab.FALSE_RATES) for row in found)


def test_an_attack_finds_nothing_where_nothing_is():
    found = lab.attacks(*_odds(0.0))
    assert np.mean([row["ratio"]["auc"] for row in found]) == pytest.approx(0.5, abs=0.12)


def test_every_kind_has_a_run_and_every_speaker_a_federated_one():
    runs = lab.plan(PEOPLE)
    assert set(lab.kinds()) < set(runs)
    assert [name for name in runs if name.startswith("federated")] == [
        f"federated, without {p}" for p in PEOPLE
    ]
    assert lab.kinds()["public, ε = 2"] == ("public", 2.0)


def test_the_noise_keeps_the_promise():
    for group, steps in (("private", lab.STEPS), ("public", lab.TUNING_STEPS)):
        noise = lab._noise(group, 2.0)
        assert privacy.epsilon(lab.RATE, noise, steps, lab.DELTA) == pytest.approx(2.0, rel=0.01)
    assert lab._noise("private", None) == 0.0


def test_the_table_says_if_runs_are_missing():
    assert "not complete: 0 runs" in lab.table({"runs": {}})
    with pytest.raises(KeyError, match="no federated run"):
        lab.federated({"runs": {}}, "pooled")


def test_the_results_on_file_are_complete_and_of_these_settings():
    record = load_results("private")
    people = sorted(lab.by_speaker(record, "few", "train"))
    assert list(record["runs"]) == list(lab.plan(people))
    assert len({str(run["settings"]) for run in record["runs"].values()}) == 1
    for name, run in record["runs"].items():
        assert "dirty" not in run["commit"], name
    noise = record["runs"]["ε = 8"]["noise"]
    settings = record["runs"]["ε = 8"]["settings"]
    rate, steps, _, _, delta = settings["private"]
    assert privacy.epsilon(rate, noise, steps, delta) <= 8.0
    assert lab.table(record).count("\n|") >= len(lab.kinds())
