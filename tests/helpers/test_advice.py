"""The usual advice: the plan, the choices, the sums; plans of numbers and their language model."""

from types import SimpleNamespace

import numpy as np
import pytest

from helpers.counting import Counter
from helpers.experiments import advice

SPEAKERS = ["ann", "bob", "cat", "dan", "eve", "fay"]
ABOUT = {"date": "2026-01-01", "commit": "abc", "machine": "m", "versions": "v"}


def full_record():
    """Gains that are known: 2 points for slopes, 10 and 3 for sounds, for ann 1 more of pitch."""
    right = dict.fromkeys((*advice.DIGITS, *advice.SOUNDS), 0.8)
    right |= {"slopes": 0.82, "no augmentation": 0.7, "larger": 0.83}
    groups = {"tune digits": advice.DIGIT_GROUPS, "tune sounds": advice.SOUND_GROUPS}
    runs = {}
    for name, (family, *arguments) in advice.plan(SPEAKERS).items():
        run = dict(ABOUT)
        if family in groups:
            group, pair = arguments
            run["speakers"] = SPEAKERS
            run["right"] = {
                v: {str(r): dict.fromkeys(map(str, pair), 0.5) for r in advice.RATES}
                for v in groups[family][group]
            }
        elif family == "tune music":
            run["surprised"] = {str(r): 0.6 for r in advice.RATES}
        elif family == "digits":
            test, seed = arguments
            run["right"] = {v: {"0.003": {test: right[v] + 0.01 * seed}} for v in advice.DIGITS}
            if test == "ann":
                run["right"]["pitch"]["0.003"]["ann"] += 0.01
        elif family == "sounds":
            fold, seed = arguments
            run["right"] = {
                v: {"0.001": {str(fold): right[v] + 0.01 * fold * seed}} for v in advice.SOUNDS
            }
        elif family == "strings":
            errors = {str(snr): [20, 18, 12, 8, 10, 12] for snr in advice.SNRS}
            worse = {str(snr): [20, 21, 22, 24, 28, 30] for snr in advice.SNRS}
            run["words"] = {"plan": 400, "any": 400}
            run["wrong"] = {
                "plan": {"plan": errors, "any": worse},
                "any": {"plan": worse, "any": worse},
            }
        else:
            kind, _ = arguments
            n = advice.PIECES // advice.GROUP
            run["variety"] = [80.0 + 5 * (kind == "warm")] * n
            run["breaks"] = [10.0 + 4 * (kind == "warm")] * n
            run["surprise"] = [0.5 - 0.1 * (kind == "wide")] * 77
            if kind == "opening":
                run["Bach"] = {"variety": [50.0] * n, "breaks": [6.0] * n}
        runs[name] = run
    return {"about": "", "runs": runs}


def test_choices_come_first_and_no_test_speaker_chooses_for_itself():
    runs = advice.plan(SPEAKERS)
    families = [family for family, *_ in runs.values()]
    choices = 3 * 2 + 3 * 2 + 2
    assert all(f.startswith("tune") for f in families[:choices])
    assert not any(f.startswith("tune") for f in families[choices:])
    assert [families.count(f"tune {f}") for f in ("digits", "sounds", "music")] == [6, 6, 2]
    assert [families.count(f) for f in ("digits", "strings", "sounds")] == [12, 12, 10]
    pairs = {arguments[1] for family, *arguments in runs.values() if family == "tune digits"}
    assert pairs == {("ann", "bob"), ("cat", "dan"), ("eve", "fay")}
    folds = {arguments[1] for family, *arguments in runs.values() if family == "tune sounds"}
    assert folds == {(1, 2), (3, 4), (1, 5)}
    assert all(test != other for test, other in advice.NEIGHBOURS.items())
    assert sorted(v for g in advice.DIGIT_GROUPS.values() for v in g) == sorted(advice.DIGITS)
    assert sorted(v for g in advice.SOUND_GROUPS.values() for v in g) == sorted(advice.SOUNDS)


def test_the_neighbour_chooses_the_rate():
    record = full_record()
    right = record["runs"]["digits, tuned without ann and bob, inputs"]["right"]["slopes"]
    right["0.009"]["bob"] = right["0.001"]["ann"] = 0.6
    assert advice.chosen_rate(record, "slopes", "ann") == 0.009
    assert advice.chosen_rate(record, "slopes", "bob") == 0.001
    right = record["runs"]["sounds, tuned without 1 and 5, network"]["right"]["larger"]
    right["0.003"]["1"] = right["0.009"]["5"] = 0.9
    assert advice.chosen_sound_rate(record, "larger", 5) == 0.003
    assert advice.chosen_sound_rate(record, "larger", 1) == 0.001
    surprised = record["runs"]["music, tuned, wide"]["surprised"]
    surprised["0.003"], surprised["0.001"] = 0.5, None
    assert advice.chosen_composer_rate(record, "wide") == 0.003
    assert advice.with_rates(record, "music", ("wide", 1)) == ("wide", 1, 0.003)
    assert advice.with_rates(record, "music", ("warm", 1)) == ("warm", 1)
    *_, rates = advice.with_rates(record, "digits", ("ann", 0))
    assert rates == dict.fromkeys(advice.DIGITS, 0.001) | {"slopes": 0.009}
    *_, rates = advice.with_rates(record, "sounds", (5, 0))
    assert rates == dict.fromkeys(advice.SOUNDS, 0.001) | {"larger": 0.003}
    with pytest.raises(KeyError):
        advice.chosen_rate({"runs": {}}, "slopes", "ann")


def test_gains_by_hand():
    record = full_record()
    digits = advice.gains(record, "digits")
    assert list(digits) == list(advice.ADVICE["digits"])
    np.testing.assert_allclose(digits["slopes"], [2.0] * 6)
    np.testing.assert_allclose(digits["pitch"], [1.0, *[0.0] * 5], atol=1e-9)
    np.testing.assert_allclose(digits["learning-rate schedule"], 0, atol=1e-9)
    sounds = advice.gains(record, "sounds")
    np.testing.assert_allclose(sounds["augmentation"], [10.0] * 5)
    np.testing.assert_allclose(sounds["larger network"], [3.0] * 5)
    writing = advice.gains(record, "writing")
    np.testing.assert_allclose(writing["variety, higher temperature"], [5.0] * 8)
    np.testing.assert_allclose(writing["breaks, higher temperature"], [-4.0] * 8)
    np.testing.assert_allclose(writing["variety, Bach himself"], [-30.0] * 8)
    np.testing.assert_allclose(writing["breaks, Bach himself"], [4.0] * 8)
    found = advice.gains(record, "foretelling")
    assert "surprise, Bach himself" not in found
    np.testing.assert_allclose(found["surprise, larger network"], [0.1] * 77)
    assert "| digits: slopes | +2.00 | +2.00 to +2.00 | 6 × speaker |" in advice.table(record)
    with pytest.raises(KeyError):
        advice.gains(record, "noise")


def test_a_language_model_weighs_what_is_best_for_the_others():
    strings = advice.gains(full_record(), "strings")
    # 20 of 400 words at weight 0 and 8 at weight 1, at each of two levels of noise
    np.testing.assert_allclose(strings["language model, numbers of its plan"], [6.0] * 6)
    np.testing.assert_allclose(strings["language model, any digits"], [0.0] * 6)
    np.testing.assert_allclose(strings["language model of a plan, any digits"], [-2.0] * 6)
    record = full_record()
    for seed in advice.SEEDS:
        of_ann = record["runs"][f"strings, without ann, seed {seed}"]["wrong"]["plan"]["plan"]
        of_ann["40"] = of_ann["10"] = [5, 0, 9, 9, 9, 9]
    gained = advice.gains(record, "strings")["language model, numbers of its plan"]
    assert gained[0] == pytest.approx(-100 * 8 / 400)


def test_what_is_not_on_file_is_left_out():
    record = full_record()
    del record["runs"]["digits, without cat, seed 1"]
    del record["runs"]["strings, without ann, seed 0"]
    del record["runs"]["music, wide, seed 1"]
    assert advice.gains(record, "digits") == {}
    assert "variety, larger network" not in advice.gains(record, "writing")
    assert advice.gains(record, "strings") == {}
    assert advice.gains({"runs": {}}, "digits") == advice.gains({"runs": {}}, "writing") == {}
    assert "not complete" in advice.table({"about": "", "runs": {}})


def test_numbers_follow_their_plan():
    plan = advice.NumberPlan(np.random.default_rng(0))
    numbers = plan.draw(3000, np.random.default_rng(1))
    assert {len(n) for n in numbers} == {7}
    assert {n[0] for n in numbers} == {0}
    assert {n[3] for n in numbers} == set(plan.exchanges)
    shares = [np.mean([n[1:3] == code for n in numbers]) for code in plan.codes]
    np.testing.assert_allclose(shares, plan.shares, atol=0.03)
    assert sum(shares) == pytest.approx(1)
    lengths = [len(n) for n in advice.any_digits(2000, np.random.default_rng(2))]
    assert set(lengths) == {3, 4, 5, 6, 7}


def test_a_language_model_comes_near_the_entropy_of_its_plan():
    plan = advice.NumberPlan(np.random.default_rng(0))
    model = advice.LanguageModel(plan.draw(2000, np.random.default_rng(1)))
    heard = plan.draw(500, np.random.default_rng(2))
    bits = -model.log_probabilities(heard).mean() / np.log(2)
    entropy = -plan.shares @ np.log2(plan.shares) + np.log2(advice.EXCHANGES) + 3 * np.log2(10)
    assert entropy - 0.3 < bits < entropy + 1.0
    assert model.log_probabilities([(9, 9, 9)])[0] < model.log_probabilities([heard[0]])[0] - 3
    everything = [(a,) for a in range(10)]
    (total,) = np.logaddexp.reduce(
        advice.LanguageModel([(1,)] * 5).log_probabilities([(), *everything])
    ).reshape(1)
    assert np.exp(total) == pytest.approx(1, abs=0.15)
    with pytest.raises(ValueError, match="one or more"):
        advice.LanguageModel([])


def test_rescoring_takes_the_better_number_and_weight_zero_the_louder():
    class Even:
        def log_probabilities(self, texts):
            return np.array([-np.log(10) * len(t) for t in texts])

    candidates = [((1, 2), -1.0), ((1, 2, 3), -1.5), ((4,), -9.0)]
    assert advice.rescored(candidates, Even()) == [(1, 2)] * len(advice.WEIGHTS)

    class Likes123:
        def log_probabilities(self, texts):
            return np.array([-np.log(10) * len(t) + (t == (1, 2, 3)) for t in texts])

    best = advice.rescored(candidates, Likes123())
    assert best[0] == (1, 2) and best[-1] == (1, 2, 3)


def scale(steps, tonic=60, third=4):
    """A piece whose voices sing a triad and its scale."""
    degrees = np.array([0, 2, third, 5, 7, third, 2, 0])
    line = tonic + degrees[np.arange(steps) // 4 % 8]
    chord = np.array([12, third, 0, -12])
    return (
        line[:, None] * np.array([1, 0, 0, 0]) + (tonic + chord) * np.array([0, 1, 1, 1])
    ).astype(np.int64)


def test_modes_groups_and_boards():
    assert advice.mode_of(scale(64)) == 0
    assert advice.mode_of(scale(64, third=3)) == 1
    assert advice.in_groups(list(range(16))) == [list(range(8)), list(range(8, 16))]
    with pytest.raises(ValueError, match="groups of 8"):
        advice.in_groups([1] * 9)
    pieces = [scale(advice.WRITTEN + 4)] * advice.PIECES
    given = advice.boards(pieces)
    assert {board.shape for board in given.values()} == {(advice.PIECES, advice.WRITTEN, 4)}
    free = {name: int((board == -9).sum()) // advice.PIECES for name, board in given.items()}
    left = advice.WRITTEN - advice.GIVEN
    assert free == {
        "nothing": 4 * advice.WRITTEN,
        "opening": 4 * left,
        "melody": 3 * left,
        "Bach": 0,
    }
    assert advice.of_groups(given["Bach"])["breaks"] == [
        pytest.approx(advice.of_groups(given["Bach"])["breaks"][0])
    ] * (advice.PIECES // advice.GROUP)
    with pytest.raises(ValueError, match="are needed"):
        advice.boards(pieces[1:])


def test_kinds_of_chords_do_not_know_octaves_and_voices():
    close, spread = [72, 67, 64, 60], [79, 76, 60, 48]
    piece = np.array([close, close, spread, [72, 69, 65, 60], [72, 69, 65, -1]])
    kinds = advice.kinds_of_chords(piece)
    assert kinds == [(0, 4, 7), (0, 4, 7), (0, 5, 9), ()]


def test_how_many_differ_does_not_hang_on_how_many_there_are():
    assert advice.different([1, 2, 3, 4], 3) == pytest.approx(1.0)
    assert advice.different([1, 1, 1, 1], 2) == pytest.approx(0.5)
    # of the six pairs of a a b b four differ
    assert advice.different(list("aabb"), 2) == pytest.approx((4 * 2 + 2 * 1) / 6 / 2)
    few = np.random.default_rng(0).integers(0, 20, 200).tolist()
    many = np.random.default_rng(1).integers(0, 20, 20000).tolist()
    assert advice.different(few, 30) == pytest.approx(advice.different(many, 30), abs=0.03)
    with pytest.raises(ValueError, match="fewer"):
        advice.different([1, 2], 3)


def test_being_told_the_mode_helps_where_only_the_mode_tells():
    def hollow_then(third):
        piece = np.tile([72, 67, 60, 48], (64, 1)).astype(np.int64)
        piece[32:, 1] = 60 + third
        return piece

    major, minor = hollow_then(4), hollow_then(3)
    assert [advice.mode_of(piece) for piece in (major, minor)] == [0, 1]
    train = [major, minor] * 6
    told, untold = advice.told_counter(train, train), Counter(train, train)
    told.memory = untold.memory = False
    for piece in (major, minor):
        with_mode, without = (m.log_probabilities([piece])[0][32, 1] for m in (told, untold))
        assert 0.2 < with_mode - without < np.log(2) + 0.2


def test_a_training_that_diverges_counts_as_guessing():
    def train(variant, rate):
        if rate > 0.005:
            raise FloatingPointError("the loss is nan")
        return variant, SimpleNamespace(loss=[2.0, 0.51239])

    def right(network, variant):
        assert network == variant
        return {1: np.array([True, False]), 2: np.array([True, True])}

    found = advice._at_rates({"x": (0.001, 0.009)}, [1, 2], train, right)
    assert found["right"]["x"] == {"0.001": {"1": 0.5, "2": 1.0}, "0.009": {"1": 0.1, "2": 0.1}}
    assert found["loss"]["x"] == {"0.001": 0.5124, "0.009": None}
