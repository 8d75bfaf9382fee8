"""The comparison of what takes noise away: its protocol, and what it makes of a results file."""

from types import SimpleNamespace

import numpy as np
import pytest

from helpers import audio
from helpers.datasets._orders import Orders
from helpers.datasets._sounds import Sounds
from helpers.experiments import restoration as lab

RATE = lab.RATE
RNG = np.random.default_rng(63)


def some_orders(n=60, seconds=4.5):
    return Orders(
        audio=[0.1 * RNG.standard_normal(int(seconds * RATE)).astype(np.float32) for _ in range(n)],
        slots=[{"coffeeDrink": "latte"} for _ in range(n)],
        names=[f"order {i}" for i in range(n)],
        sample_rate=RATE,
        source="builtin",
        origin="built-in",
        licence="",
        citation="",
        credit="",
        noise=0.1 * RNG.standard_normal(7 * RATE).astype(np.float32),
        speakers=[f"voice {i}" for i in range(n)],
    )


def some_sounds():
    n = 100
    return Sounds(
        audio=[0.1 * RNG.standard_normal(RATE // 4).astype(np.float32) for _ in range(n)],
        labels=np.arange(n) % 10,
        classes=[f"kind {k}" for k in range(10)],
        folds=1 + np.arange(n) // 20,
        names=[str(i) for i in range(n)],
        recordings=[str(i) for i in range(n)],
        sample_rate=RATE,
        source="builtin",
        origin="built-in",
        licence="",
        citation="",
        credit="",
        credits=[""] * n,
    )


def test_divisions_are_pairs_in_order():
    assert lab.divisions("abcdefghijkl") == [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]
    with pytest.raises(ValueError, match="ten"):
        lab.divisions("abc")


def test_the_loudest_stretch():
    x = np.zeros(5 * RATE, np.float32)
    x[3 * RATE : 4 * RATE] = 0.5
    assert audio.rms(lab.loudest(x, 1.0)) == pytest.approx(0.5)
    assert np.array_equal(lab.loudest(np.arange(3.0), 8 / RATE), [0, 1, 2, 0, 1, 2, 0, 1])


def test_a_clip_meets_the_same_order_whoever_asks():
    orders, sounds = some_orders(), some_sounds()
    everything = {clip: speech for clip, speech, _ in lab.cases(orders, sounds, range(10))}
    assert len(everything) == 20
    for pair in lab.divisions(sounds.classes):
        asked = lab.cases(orders, sounds, pair)
        assert [int(sounds.labels[clip]) for clip, *_ in asked] == [pair[0]] * 2 + [pair[1]] * 2
        for clip, speech, noise in asked:
            assert sounds.folds[clip] == lab.TEST_FOLD
            assert np.array_equal(speech, everything[clip])
            assert len(speech) == len(noise) == 4 * RATE


def test_what_networks_are_tested_on():
    orders, sounds = some_orders(), some_sounds()
    sets = lab._sets(orders, sounds, 4)
    assert {name: len(s) for name, s in sets.items()} == {
        "known": 12,
        "unknown": 12,
        "high": 4,
        "talker": 4,
    }
    first = lab.cases(orders, sounds, (0, 1))[0]
    assert np.array_equal(sets["known"][0][1], first[2])
    for speech, talker, _ in sets["talker"]:
        assert not np.array_equal(speech, talker)


def test_methods_and_metrics():
    t = np.arange(2 * RATE) / RATE
    voice = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 20))
    speech = (0.1 * voice * np.maximum(0, np.sin(2 * np.pi * 3 * t))).astype(np.float32)
    noisy = audio.mix_at_snr(speech, RNG.standard_normal(len(speech)), 5)
    assert lab.cleaned("noisy", noisy) is noisy
    ratio, stoi, pesq = lab.measured(noisy, speech, with_pesq=False)
    assert ratio == pytest.approx(5, abs=0.2) and 0 < stoi < 1 and np.isnan(pesq)
    for method in ("spectral subtraction", "Wiener filter", "ideal ratio mask"):
        out = lab.cleaned(method, noisy, speech)
        assert lab.measured(out, speech, with_pesq=False)[0] > ratio + 2
    with pytest.raises(ValueError, match="Wiener"):
        lab.cleaned("hope", noisy)


def a_record(seeds=lab.SEEDS):
    """Scores by which every clip can be told: its place, plus 100 for known, plus the seed."""
    made = {"date": "2026-01-01", "commit": "c", "machine": "m", "versions": "v", "seconds": 9.0}

    def scores(division, seed):
        def run(first, n, plus):
            return {m: (first + np.arange(n) + plus + seed).tolist() for m in lab.METRICS}

        other = (division + 1) % 5
        return {
            "known": run(48 * other, 48, 1000),
            "unknown": run(48 * division, 48, 0),
            "high": run(16 * other, 16, 0),
            "talker": run(16 * division, 16, 0),
        }

    zeros = {m: [0.0] * 240 for m in lab.METRICS}
    short = {m: [0.0] * 80 for m in lab.METRICS}
    empty = {m: [] for m in lab.METRICS}
    classical = {"known": empty, "unknown": zeros, "high": short, "talker": short}
    runs = {"classical": {"scores": dict.fromkeys(lab.CLASSICAL, classical), **made}}
    for name, (kind, division, seed) in lab.plan().items():
        if kind == "classical" or seed not in seeds:
            continue
        runs[name] = {"scores": scores(division, seed), "parameters": 7, **made}
        if kind == "signal" and division == 4:
            right = {m: [[32, 32, 64], [0, 0, 0]] for m in lab.DIGIT_METHODS}
            runs[name]["digits"] = {
                "speakers": [f"a{seed}", f"b{seed}"],
                "said": 64,
                "right": dict.fromkeys(lab.RECOGNISERS, right),
                "quiet": {r: [64, 32] for r in lab.RECOGNISERS},
                "si_sdr": {m: [[1.0, 2.0, 3.0]] * 2 for m in lab.DIGIT_METHODS},
            }
    return {"about": "", "runs": runs}


def test_the_summary_puts_clips_in_order():
    found = lab.summary(a_record())
    mask = found["scores"]["signal mask"]
    places = np.arange(240.0).reshape(80, 3) + 1  # the mean of seeds 0, 1, 2
    assert np.array_equal(mask["unknown"]["si_sdr"], places)
    assert np.array_equal(mask["known"]["stoi"], places + 1000)
    assert np.array_equal(mask["high"]["pesq"], np.arange(80.0) + 1)
    assert np.array_equal(mask["talker"]["pesq"], np.arange(80.0) + 1)
    assert found["seeds"]["unknown"] == [119.5, 120.5, 121.5]
    assert found["pair"]["magnitude mask"]["unknown"]["si_sdr"].shape == (16, 3)
    assert found["digits"]["speakers"] == ["a0", "b0", "a1", "b1", "a2", "b2"]
    right = found["digits"]["right"][lab.RECOGNISERS[0]]["noisy"]
    assert right.shape == (6, 3) and np.array_equal(right[0], [0.5, 0.5, 1.0])
    assert np.array_equal(found["classes"], np.repeat(np.arange(10), 8))


def test_the_table_waits_for_a_whole_seed():
    assert "1 runs" in lab.table(a_record(seeds=()))
    one = a_record(seeds=(0,))
    assert lab.summary(one)["seeds"]["known"] == [1119.5]
    assert "+1119.50" in lab.table(one)
    del one["runs"]["signal mask, division 2, seed 0"]
    assert "not complete" in lab.table(one)


def test_the_plan_tries_every_division_with_every_seed():
    runs = lab.plan()
    signal = {run[1:] for run in runs.values() if run[0] == "signal"}
    assert signal == {(d, s) for d in range(5) for s in lab.SEEDS}
    assert {run[1:] for run in runs.values() if run[0] == "magnitude"} == {
        (4, s) for s in lab.SEEDS
    }


def test_training_leaves_out_what_it_must_not_meet(monkeypatch):
    from helpers import training
    from helpers.models import masks

    banks = []
    monkeypatch.setattr(masks, "bank", lambda sounds: banks.append(list(sounds)))
    monkeypatch.setattr(masks, "mixtures", lambda *_: None)
    monkeypatch.setattr(training, "fit_stages", lambda *_, **__: SimpleNamespace())
    orders, sounds = some_orders(), some_sounds()
    lab.train("signal", orders, sounds, (0, 1), steps=1, width=2, made=3, most=5)
    noises, made, speech = banks
    allowed = (sounds.labels > 1) & (sounds.folds != lab.TEST_FOLD)
    assert len(noises) == allowed.sum() and len(speech) == 5
    assert all(x is sounds.audio[i] for x, i in zip(noises, np.flatnonzero(allowed), strict=True))
    assert len(made) == 3 + 2  # the kitchen lasts seven seconds
