"""What the experiments on file gained, one number per unit."""

import numpy as np
import pytest

from helpers.experiments import _gains as gains
from helpers.verdict import interval


def test_mean_and_interval_of_made_up_gains():
    values = [1.0, 2.0, 6.0]

    def missing():
        raise KeyError("a run")

    found = gains.all_gains(
        {"x": (lambda: {"a": values}, "fold", "2.5"), "y": (missing, "fold", "2.5")}
    )
    assert list(found) == ["x: a"]
    row = found["x: a"]
    assert (row["mean"], row["n"], row["unit"], row["chapter"]) == (3.0, 3, "fold", "2.5")
    assert (row["low"], row["high"]) == interval(values)
    with pytest.raises(ValueError, match="finite"):
        gains.all_gains({"x": (lambda: {"a": [1.0, np.nan]}, "fold", "2.5")})


def test_all_experiments_are_on_file_with_their_units():
    found = gains.all_gains()
    units = {name.split(":")[0]: (row["unit"], row["n"]) for name, row in found.items()}
    always = {
        "restoration": ("kind of noise", 10),
        "sounds": ("fold", 5),
        "data": ("speaker", 6),
    }
    of_advice = {
        "advice on digits": ("speaker", 6),
        "advice on strings": ("speaker", 6),
        "advice on sounds": ("fold", 5),
        "advice on writing": ("group of pieces", 8),
        "advice on foretelling": ("piece", 77),
    }
    assert always.items() <= units.items() <= (always | of_advice).items()
    assert list(gains.GAINS) == [*always, *of_advice]
    bound = found["restoration: ideal ratio mask"]["mean"]
    assert all(r["mean"] < bound for n, r in found.items() if n.startswith("restoration: s"))


def test_gains_in_sounds_are_points_above_the_nearest_mean(monkeypatch):
    accuracy = {name: np.full(5, 0.5) for name in ("nearest mean", "networks", "random forest")}
    accuracy |= dict.fromkeys(("networks and forest", "random forest, where it sounds"), np.ones(5))
    monkeypatch.setattr(gains, "_summary", lambda name: {"accuracy": accuracy})
    found = gains.sound_gains()
    assert found["networks"].tolist() == [0.0] * 5
    assert found["networks and forest"].tolist() == [50.0] * 5
    assert "nearest mean" not in found


def test_gains_in_noise_are_means_of_a_kind_over_the_noisy_clips(monkeypatch):
    methods = ("noisy", "spectral subtraction", "Wiener filter", "ideal ratio mask", "signal mask")
    kinds = np.repeat(np.arange(10), 8)
    scores = {
        name: {"unknown": {"si_sdr": np.tile(kinds[:, None] * float(i), (1, 3)) + i}}
        for i, name in enumerate(methods)
    }
    monkeypatch.setattr(gains, "_summary", lambda name: {"scores": scores, "classes": kinds})
    found = gains.restoration_gains()
    np.testing.assert_allclose(found["spectral subtraction"], np.arange(10) + 1)
    np.testing.assert_allclose(found["signal mask"], 4 * (np.arange(10) + 1))


def test_gains_of_data_are_most_clips_less_fewest(monkeypatch):
    curve = {
        name: {n: {"jo": 50.0 + n, "li": 60.0} for n in (2, 4, 8, 16, 32)}
        for name in ("CNN", "GRU", "Transformer")
    }
    monkeypatch.setattr(gains, "_summary", lambda name: {"curve": curve})
    assert gains.data_gains()["CNN"].tolist() == [30.0, 0.0]
