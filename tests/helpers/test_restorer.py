"""The restorer and the runs that judge it."""

import numpy as np
import pytest

from helpers.errors import ShapeError
from helpers.experiments import repairs
from helpers.models import restorer, tf

RNG = np.random.default_rng(0)
RATE = repairs.RATE
T = np.arange(RATE) / RATE
CHORD = sum(0.1 * np.sin(2 * np.pi * f * T + f) for f in (220, 330, 550, 1210)).astype(np.float32)


@pytest.fixture(scope="module")
def networks():
    return {head: restorer.restorer(head, width=8, depth=2) for head in restorer.HEADS}


def test_a_new_mask_changes_nothing(networks):
    assert restorer.restore(networks["mask"], CHORD) == pytest.approx(CHORD, abs=1e-5)


@pytest.mark.parametrize("frames", [1, 7, 8, 30])
def test_any_number_of_frames(networks, frames):
    x = np.zeros((2, frames, 3 * restorer.BINS + 1), np.float32)
    assert networks["mask"](x).shape == (2, frames, 2 * restorer.BINS)


def test_spectra_are_those_of_the_front_end():
    from helpers.features import stft

    ours = restorer.spectra(CHORD[None]).numpy()[0]
    theirs = stft(CHORD, restorer.FRONT_END) * 2 / restorer.hann(512).sum()
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_features_say_how_much_is_known():
    known = np.ones((1, 2048), np.float32)
    known[:, 1024:] = 0
    share = restorer.features(restorer.spectra(CHORD[None, :2048]), known)[0, :, -1].numpy()
    assert share[0] == pytest.approx(1) and share[-1] == 0
    assert share[6] == pytest.approx(0.5, abs=0.02)
    assert np.all(np.diff(share) <= 1e-6)


def test_known_samples_come_back_as_they_were(networks):
    known = np.ones(RATE, bool)
    known[8000:8400] = known[12000:12100] = False
    for network in networks.values():
        out = restorer.restore(network, CHORD, known)
        assert out[known] == pytest.approx(CHORD[known], abs=1e-6)
    assert not np.allclose(out[8000:8400], CHORD[8000:8400], atol=1e-3)


def test_louder_in_louder_out(networks):
    network = networks["magnitude"]
    known = np.arange(RATE) // 400 != 20
    one, four = (restorer.restore(network, g * CHORD, known) for g in (0.25, 1.0))
    assert four == pytest.approx(4 * one, abs=1e-5)


def test_the_loss_is_lowest_for_the_clean_sound(networks):
    clean = tf.constant(CHORD[None])
    noise = 0.05 * RNG.standard_normal(RATE).astype(np.float32)
    known = tf.ones_like(clean)
    near, far = (
        float(restorer.loss(networks["mask"], tf.stack([clean + g * noise, known], -1), clean))
        for g in (0.1, 1.0)
    )
    assert near < far
    twice = float(restorer.loss(networks["mask"], tf.stack([2 * clean, known], -1), clean))
    alike = float(restorer.loss(networks["mask"], tf.stack([clean, known], -1), clean))
    assert alike < twice


def test_batches_come_at_one_level_and_mark_what_is_known():
    clean = np.stack([CHORD, 0.01 * CHORD])
    known = np.zeros(clean.shape, bool)
    known[1] = True
    known[1, :9000] = False
    inputs, targets = restorer.batches(clean, clean, known, 8)()
    assert inputs.shape == (8, RATE, 2) and targets.shape == (8, RATE)
    rms = np.sqrt(np.mean(targets.numpy() ** 2, axis=1))
    assert rms == pytest.approx(restorer.LEVEL, rel=0.02)
    assert set(np.round(inputs[..., 1].numpy().mean(axis=1), 4)) <= {1.0, round(7 / 16, 4)}


def test_what_the_restorer_refuses(networks):
    with pytest.raises(ValueError, match="head"):
        restorer.restorer("foot")
    with pytest.raises(ValueError, match="width"):
        restorer.restorer("mask", width=0)
    with pytest.raises(ShapeError):
        restorer.restore(networks["mask"], CHORD, np.ones(3, bool))
    with pytest.raises(ShapeError):
        restorer.batches(np.zeros((2, 5)), np.zeros((2, 5)), np.zeros((2, 4), bool), 1)


# --- the runs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", repairs.TASKS)
def test_damage_is_what_its_degree_says(task):
    degree = repairs.TASKS[task][1]
    bad, known = repairs.damage(task, CHORD, degree, np.random.default_rng(1))
    again, _ = repairs.damage(task, CHORD, degree, np.random.default_rng(1))
    assert np.array_equal(bad, again) and bad.shape == known.shape == CHORD.shape
    assert np.array_equal(bad[known], CHORD[known])
    ratio = 20 * np.log10(np.linalg.norm(CHORD) / np.linalg.norm(bad - CHORD))
    if task == "clipping":
        assert ratio == pytest.approx(degree, abs=0.1)
    elif task == "hum":
        assert ratio == pytest.approx(repairs.HUM_SNR, abs=0.1)
    elif task == "reverberation":
        assert not known.any()
    else:
        assert {b - a for a, b in repairs.gaps_of(known)} == {degree * 16}


def test_no_hum_is_no_damage_and_other_damage_is_refused():
    bad, _ = repairs.damage("hum", CHORD, None, RNG)
    assert np.array_equal(bad, CHORD)
    with pytest.raises(ValueError, match="task"):
        repairs.damage("dust", CHORD, 1, RNG)
    with pytest.raises(ValueError, match="task is"):
        repairs.train("dust", {})


def test_gaps_lie_where_there_is_sound():
    sound = np.concatenate([np.zeros(8000), CHORD, CHORD, np.zeros(16000)]).astype(np.float32)
    places = repairs.places_for_gaps(sound, 20, RNG)
    assert len(places) == 3
    assert all(0 < a < b <= 40000 and b - a == 320 for a, b in places)
    assert all(np.any(sound[a:b]) for a, b in places)
    with pytest.raises(ValueError, match="place"):
        repairs.places_for_gaps(CHORD[:4000], 20, RNG)


def test_a_perfect_repair_is_measured_as_one():
    for task, degrees in repairs.TASKS.items():
        _, known = repairs.damage(task, CHORD, degrees[-1], np.random.default_rng(1))
        error = 1e-4 * RNG.standard_normal(RATE).astype(np.float32)
        ratio, distance = repairs.measured(task, CHORD + error, CHORD, known)
        assert ratio > 50
        assert distance < 1


def test_training_pairs_are_of_all_kinds():
    found = {"orders": [np.tile(CHORD, 3)], "chorales": [np.tile([[67, 64, 60, 48]], (60, 1))]}
    for task in ("clipping", "gaps", "hum"):
        clean, bad, known = repairs.training_pairs(task, found, np.random.default_rng(0), 4)
        assert clean.shape == bad.shape == known.shape == (4, round(repairs.PIECE * RATE))
        assert bad[known] == pytest.approx(clean[known], abs=1e-6)
        assert not np.array_equal(bad, clean)


def record_of(rule=5.0, network=7.0):
    degrees = {
        t: {str(d): {"ratio": [1.0, 2.0], "distance": [3.0, 4.0]} for d in ds}
        for t, ds in repairs.TASKS.items()
    }

    def raised(task, by):
        return {
            d: {w: [v + by for v in vs] for w, vs in x.items()} for d, x in degrees[task].items()
        }

    runs = {}
    for name, (kind, task, seed) in repairs.plan().items():
        if kind == "rule":
            made = {"damaged": degrees[task], "repaired": {task: raised(task, rule)}}
        else:
            tasks = [t for t in repairs.TASKS if t.startswith(task)]
            repaired = {t: raised(t, network + seed - 1) for t in tasks}
            made = {"repaired": repaired, "loss": [1.0], "parameters": 9}
        where = {"date": "2026-01-01", "commit": "abc", "machine": "m", "versions": "v"}
        runs[name] = made | {"seconds": 1.0} | where
    return {"about": "", "runs": runs}


def test_the_summary_adds_up_and_the_table_says_so():
    found = repairs.summary(record_of())
    row = found["gaps in music"][80]
    assert row["damaged ratio"].tolist() == [1, 2]
    assert row["rule ratio"].tolist() == [6, 7]
    assert row["network distance"].tolist() == [10, 11]
    assert row["network ratio, seeds"].tolist() == [7.5, 8.5, 9.5]
    assert "| none |" in repairs.table(record_of())
    assert "not complete" in repairs.table({"runs": {}})
    assert len(repairs.plan()) == 5 + 3 * 4
