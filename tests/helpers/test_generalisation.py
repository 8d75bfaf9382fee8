"""The experiment on shifts: what is read from its record."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from helpers import machines
from helpers.experiments import generalisation as g
from helpers.models import ablation, digits
from helpers.models.augmentation import NONE
from helpers.models.small import answers

CONDITIONS = ("as recorded", "room", "holes")
ENDS = [f"{end}{seed}" for end in g.ENDS for seed in ("", ", seed 1", ", seed 2")]


def run(all_right, room, heard, at_home):
    """A run in which each network has its own number of right answers.

    heard: the speakers at home, who have `at_home` right answers each.
    """

    def right(number):
        counts = (number, number - room, number - 2)
        return {
            "stranger": dict(zip(CONDITIONS, counts, strict=True)),
            "home": dict.fromkeys(CONDITIONS, " ".join(map(str, at_home))),
        }

    numbers = {"all": all_right, "all but echo": all_right - 5, "none": 20, "only echo": 30}
    numbers |= {name: {"all": all_right, "none": 20}[name.split(",")[0]] for name in ENDS}
    numbers["none, seed 1"] = 14
    numbers["none, seed 2"] = 26
    measured = "4 0.5 0.9 0.4 0.3 3 2 1"
    return {
        "clips": {"stranger": 50, "training": 200, "home": 10 * len(heard)},
        "heard": heard,
        "right": {name: right(number) for name, number in numbers.items()},
        "curves": {
            "all": {"columns": ["step", "training", "stranger"], "rows": ["40 1 1", "80 180 40"]}
        },
        "calibration": {
            "all": {
                "stranger": {"room": measured},
                "home": {"room": " ".join(map(str, at_home))},
            }
        },
    }


@pytest.fixture
def record():
    return {
        "runs": {
            "without a": run(40, 10, ["b", "c"], [7, 9]),
            "without b": run(45, 20, ["a", "c"], [6, 8]),
            "without c": run(45, 20, ["a", "b"], [10, 5]),
        }
    }


def test_accuracy_and_gains(record):
    assert g.accuracy(record, "all", "room") == {"a": 60.0, "b": 50.0, "c": 50.0}
    assert g.gains(record, "echo", "room") == {"a": 10.0, "b": 10.0, "c": 10.0}
    assert g.gains(record, "echo", "room", "alone") == {"a": 20.0, "b": 20.0, "c": 20.0}
    with pytest.raises(ValueError, match="left out"):
        g.gains(record, "echo", "room", "both")
    with pytest.raises(KeyError):
        g.accuracy(record, "all but thunder", "room")


def test_ends_are_means_over_seeds_and_chance_is_the_difference_of_two(record):
    record["runs"]["without a"]["right"]["none, seed 2"]["stranger"]["holes"] = 0
    assert g.accuracy(record, "none", "holes")["a"] == pytest.approx(2 * (18 + 12 + 0) / 3)
    assert g.chance(record, "none", "holes")["a"] == pytest.approx(2 * (18 - 12))
    assert g.chance(record, "all", "room") == {"a": 0.0, "b": 0.0, "c": 0.0}


def test_at_home_a_speaker_is_judged_by_the_networks_that_heard_them(record):
    assert g.accuracy(record, "all", "room", "home") == {
        "a": pytest.approx(80.0),  # 6 and 10 of 10
        "b": pytest.approx(60.0),  # 7 and 5
        "c": pytest.approx(85.0),  # 9 and 8
    }


def test_help_where_it_belongs(record):
    for name, extra in (("without a", 4), ("without b", 6), ("without c", 6)):
        for network in ("all", "all, seed 1", "all, seed 2"):
            record["runs"][name]["right"][network]["stranger"]["room"] += extra
    for r in record["runs"].values():
        r["right"]["all but masks"] = r["right"]["all but echo"]
    one = g.fit_of_own(record, {"echo": "room", "masks": "holes"}, CONDITIONS[1:])
    # both parts gain as much in every condition: neither belongs to its own
    assert one == {s: pytest.approx(0.0) for s in "abc"}
    echo = {c: dict(v) for c, v in record["runs"]["without a"]["right"]["all but echo"].items()}
    echo["stranger"]["room"] -= 3
    record["runs"]["without a"]["right"]["all but echo"] = echo
    two = g.fit_of_own(record, {"echo": "room", "masks": "holes"}, CONDITIONS[1:])
    # 6 points more for echo in the room: once as its own, once as what masks are compared with
    assert two["a"] == pytest.approx(6.0)
    assert two["b"] == pytest.approx(0.0)


def with_noises(record):
    """The record, with two noises in which a network without noise does worse in one."""
    for r in record["runs"].values():
        for name in r["right"]:
            r["right"][name]["stranger"] |= {"noise 0 dB": 20, "strange noise": 20}
        counts = r["right"]["all but echo"]["stranger"]
        r["right"]["all but noise"] = {"stranger": counts | {"strange noise": 5}}
    return record


def test_a_part_for_noise_is_not_compared_in_other_noises(record):
    record = with_noises(record)
    own = {"noise": "noise 0 dB", "echo": "room"}
    found = g.fit_of_own(record, own, ("noise 0 dB", "strange noise", "room"))
    # 30 points of the noise in strange noise count against it in the room only, by half
    assert found["a"] == pytest.approx((0.0 + 15.0) / 2)


def test_the_parts_of_the_fit_have_it_as_their_mean(record):
    record = with_noises(record)
    own = {"noise": "noise 0 dB", "echo": "room"}
    where = ("noise 0 dB", "strange noise", "room", "holes")
    parts = g.fit_by_part(record, own, where)
    assert {p: values["a"] for p, values in parts.items()} == {
        "noise": pytest.approx(0.0),
        "echo": pytest.approx(10 - 10 / 3 - (10 - 40 / 3)),
    }
    assert g.fit_of_own(record, own, where)["a"] == pytest.approx(5.0)
    strict = g.fit_by_part(record, own, where, strict=True)
    # without the noises, what noise gains in the room and in holes is the same
    assert strict["echo"]["a"] == pytest.approx(10 - 10 / 3)
    assert strict["noise"] == parts["noise"]


def test_gap_and_calibration(record):
    assert g.gap(record, "all") == {s: pytest.approx(10.0) for s in "abc"}
    assert g.calibration(record, "all", "room", "boldness") == {"a": 4.0, "b": 4.0, "c": 4.0}
    assert g.calibration(record, "all", "room", "error, noise")["b"] == 1.0
    assert g.calibration(record, "all", "room", "nats, best")["b"] == 0.3
    at_home = g.calibration(record, "all", "room", "boldness", "home")
    assert at_home == {"a": 8.0, "b": 6.0, "c": 8.5}
    with pytest.raises(KeyError, match="boldness only"):
        g.calibration(record, "all", "room", "error", "home")


def test_areas_of_machines():
    runs = {"a": {}, "machines, b": {"areas": {"y": "0.1 0.2"}}}
    record = {"runs": runs | {"machines, c": {"areas": {"x": "0.5 1"}}}}
    assert g.areas(record, "x") == pytest.approx([0.5, 1.0])
    with pytest.raises(KeyError):
        g.areas(record, "z")


def test_areas_are_counted_machine_by_machine():
    clips = machines.make(2, 4, seed=1)
    scores = np.where(clips.machines == 0, clips.labels, 1 - clips.labels)
    chosen = np.ones(len(clips), bool)
    assert g.areas_by_machine(scores, clips, chosen) == [1.0, 0.0]
    found = g._areas({"x": scores}, clips, chosen)
    assert found == {"areas": {"x": "1 0"}, "together": {"x": 0.5}}


def test_no_runs_is_an_error():
    with pytest.raises(KeyError, match="no speaker"):
        g.by_speaker({"runs": {}})


def test_every_speaker_is_left_out_once():
    runs = g.plan(["a", "b"])
    assert [job for job in runs.values() if job[0] == "speaker"] == [
        ("speaker", "a"),
        ("speaker", "b"),
    ]
    names = g.networks()
    assert len(names) == len(ablation.VARIANTS) + 4
    assert {seed for variant, seed in names.values() if variant not in g.ENDS} == {0}
    assert np.all([len(job) <= 2 for job in runs.values()])


def test_the_time_of_a_batch():
    record = {"runs": {"batches": {"time": {"none": 0.2, "only echo": 0.5}}}}
    assert g.time_of(record, "only echo") == 0.5
    with pytest.raises(KeyError):
        g.time_of(record, "all but echo")


@pytest.mark.slow
def test_training_watches_and_chooses_nothing():
    rng = np.random.default_rng(0)
    power = rng.uniform(1e-6, 1e-2, (40, digits.FRAMES, 32)).astype(np.float32)
    labels = np.arange(40, dtype=np.int32) % 10
    lesson = digits.Pictures(power, np.full(40, 60, np.int32), labels, NONE)
    seen = []

    def observe(one, two, step):
        seen.append((step, one is not two))

    both = [lesson, replace(lesson, augmentation=ablation.FULL)]
    networks, history = g.train_together(both, 5, observe=observe, every=2)
    assert [step for step, _ in seen] == [2, 4, 5] and all(apart for _, apart in seen)
    assert history.best_step == 5
    assert answers(networks[1], power[:3]).shape == (3, 10)


def test_the_better_programme_of_the_exercise_is_the_one_without_echo():
    from helpers.exercises import ch8_5

    assert ch8_5.solve_programme(first=ablation.FULL) == ablation.programme("all but echo")


@pytest.mark.slow
def test_the_better_programme_of_the_exercise_is_better_on_recordings():
    from helpers import metrics, shifts
    from helpers.datasets import load_digits
    from helpers.errors import DataError
    from helpers.exercises import ch8_5
    from helpers.models.small import seen

    try:
        clips = load_digits("real", quiet=True)
    except DataError:
        pytest.skip("no real recordings to train on")
    other = clips.speakers == "yweweler"
    pictures = digits.pictures(clips.subset(~other & (clips.takes >= 10)), NONE)
    stranger = clips.subset(other & (clips.takes < 25))
    looks = [seen(shifts.shifted(stranger, c).audio) for c in ("noise 10 dB", "room", "telephone")]

    def score(settings):
        networks = [g.train(replace(pictures, augmentation=settings), 450, k)[0] for k in (0, 1)]
        said = [answers(network, x).argmax(axis=1) for network in networks for x in looks]
        return 100 * np.mean([metrics.accuracy(y, stranger.labels) for y in said])

    better = ch8_5.solve_programme(first=ablation.FULL)
    assert ch8_5.check_programme(better, score=score, first=ablation.FULL) is None


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
        if name.startswith("machines"):
            assert (settings["steps"], settings["fleet"]) == (g.MACHINE_STEPS, g.FLEET), name
            assert list(settings["recipes"]) == list(RECIPES), name
            continue
        assert settings["steps"] == g.STEPS, name
        assert settings["augmentation"] == programme, name
        assert settings["conditions"] == list(shifts.CONDITIONS), name
    for network in g.networks():
        for condition in shifts.CONDITIONS:
            for who in ("home", "stranger"):
                assert set(g.accuracy_of(record, network, condition, who)) == set(speakers)
    for method in (*g.DETECTORS, *RECIPES):
        assert g.areas(record, method).shape == (machines.MACHINES,)
    for variant in ("none", "all", "strong"):
        assert set(g.from_voices(record, variant)) == set(speakers)
