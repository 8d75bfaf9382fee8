"""The networks of Part 4: sizes by formula, bad options, and the evaluation's plan and sums."""

import numpy as np
import pytest

from helpers.experiments import architectures

SPEAKERS = ["ann", "bob", "george", "jackson"]


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"units": 7, "depth": 3, "stack": 2}, {"depth": 1}])
def test_the_formula_counts_the_parameters_of_the_gru(options):
    from helpers.models.rnn import digit_gru, parameter_count

    network = digit_gru(20, 8, **options)
    assert network.output_shape == (None, 10)
    assert network.count_params() == parameter_count(8, **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{}, {"width": 20, "hidden": 31, "blocks": 3, "stack": 2}, {"positions": False, "classes": 3}],
)
def test_the_formula_counts_the_parameters_of_the_transformer(options):
    from helpers.models.transformer import digit_transformer, parameter_count

    network = digit_transformer(20, 8, **options)
    assert network.output_shape == (None, options.get("classes", 10))
    assert network.count_params() == parameter_count(20, 8, **options)


@pytest.mark.slow
def test_every_recogniser_keeps_within_its_parameters():
    for name in architectures.LEARNING_RATES:
        assert architectures.builder(name)(100, 32).count_params() <= 50_000
    with pytest.raises(ValueError, match="CNN, GRU, Transformer"):
        architectures.builder("SVM")


@pytest.mark.slow
def test_the_transformer_shows_where_it_looks():
    import keras

    from helpers.models.transformer import digit_transformer

    network = digit_transformer(20, 8, stack=4, heads=2, width=6)
    scores = keras.Model(network.input, network.get_layer("attention_1").output[1])
    seen = scores(np.zeros((3, 20, 8), np.float32)).numpy()
    assert seen.shape == (3, 2, 5, 5)
    assert seen.sum(axis=-1) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.slow
def test_positions_tell_an_order_and_nothing_else_does():
    from helpers.models import keras
    from helpers.models.transformer import digit_transformer

    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(2, 20, 8)).astype(np.float32)
    turned = x.reshape(2, 5, 32)[:, ::-1].reshape(2, 20, 8)
    for positions, same in ((False, True), (True, False)):
        network = digit_transformer(20, 8, positions=positions)
        gap = np.abs(network(x).numpy() - network(turned).numpy()).max()
        assert (gap < 1e-5) == same


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stack": 3}, "multiple of 3"),
        ({"stack": 0}, "at least 1"),
        ({"dropout": 1.0}, "below 1"),
    ],
)
def test_options_that_make_no_network(options, words):
    from helpers.models.rnn import digit_gru
    from helpers.models.transformer import digit_transformer

    for build in (digit_gru, digit_transformer):
        with pytest.raises(ValueError, match=words):
            build(20, 8, **options)


@pytest.mark.slow
def test_heads_share_the_width():
    from helpers.models.transformer import digit_transformer

    with pytest.raises(ValueError, match="5 heads"):
        digit_transformer(20, 8, heads=5, width=48)


def full_record():
    """Every speaker is understood as its row says, with each seed a point more."""
    rows = {"CNN": (90, 92, 94, 96), "GRU": (80, 80, 80, 80), "Transformer": (70, 80, 90, 100)}
    runs = {}
    for name, (architecture, test, seed) in architectures.plan(SPEAKERS).items():
        at = rows[architecture][SPEAKERS.index(test)] if test else 99
        runs[name] = {
            "accuracy": (at + seed - 1) / 100,
            "by_speaker": {s: [1, 2] for s in ([test] if test else SPEAKERS)},
            "parameters": 90_000,
            "seconds": 60.0 + seed,
            "date": f"2026-01-0{seed + 1}",
            "commit": "abc",
            "machine": "m",
            "versions": "v",
            "settings": {},
        }
    return {"about": "", "runs": runs}


def test_every_architecture_meets_every_speaker_with_every_seed():
    runs = list(architectures.plan(SPEAKERS).values())
    assert len(runs) == len(set(runs)) == 3 * 3 * (len(SPEAKERS) + 1)


def test_the_summary_by_hand():
    found = architectures.summary(full_record())
    assert found["CNN"]["mean"] == pytest.approx(93)
    # four values 90, 92, 94, 96: 93 ± 3.182 · 2.582 / √4
    assert found["CNN"]["low"] == pytest.approx(93 - 4.108, abs=0.01)
    assert found["CNN"]["others"] == pytest.approx(91)
    assert found["CNN"]["spread"] == pytest.approx(2)
    assert found["GRU"]["official"] == pytest.approx([98, 99, 100])
    assert found["Transformer"]["seconds"] == [60.0] * 5 + [61.0] * 5 + [62.0] * 5


def test_the_table_marks_those_who_chose_and_says_when_it_was_measured():
    written = architectures.table(full_record())
    assert "| george † | 94.0 | 80.0 | 90.0 |" in written
    assert "| **mean of 4** | **93.0** | **80.0** | **85.0** |" in written
    assert "| training a run on one core, s (median) | 61 | 61 | 61 |" in written
    assert "Measured 2026-01-03, commit `abc`, m, v." in written
    record = full_record()
    record["runs"]["GRU, official, seed 2"]["commit"] = "def"
    assert "commits `abc` and `def`, m, v." in architectures.table(record)


def test_an_incomplete_record_says_so():
    record = full_record()
    del record["runs"]["GRU, official, seed 2"]
    assert "not complete: 44 runs" in architectures.table(record)
