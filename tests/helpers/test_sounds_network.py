"""The sound network: its size, what it is trained on, its jury; and the experiment's pieces."""

import numpy as np
import pytest

from helpers.datasets._sounds import Sounds
from helpers.errors import BadSampleRate
from helpers.experiments import sounds as experiment
from helpers.models import sounds

RATE = 16000


def some_sounds(n=12, rate=RATE):
    """Tones of three heights, each in two parts of a clip of four seconds, in two folds."""
    rng = np.random.default_rng(0)
    audio, labels = [], np.arange(n) % 3
    for label in labels:
        clip = 1e-4 * rng.standard_normal(4 * RATE)
        for start in (0.5, 2.5):
            t = np.arange(RATE) / RATE
            clip[int(start * RATE) :][: len(t)] += 0.3 * np.sin(2 * np.pi * 300 * 4**label * t)
        audio.append(clip.astype(np.float32))
    texts = np.array([str(i) for i in range(n)])
    return Sounds(
        audio, labels, list("abc"), np.arange(n) // 3 % 2 + 1, texts, texts, rate, "builtin",
        "built-in", "CC0-1.0", "none", "made here", texts,
    )  # fmt: skip


BANK = sounds.sound_bank(some_sounds())


@pytest.fixture(scope="module")
def model():
    return sounds.SoundModel([sounds.sound_network(3) for _ in range(2)], list("abc"))


def test_the_number_of_parameters(model):
    for network in model.networks:
        assert network.count_params() == sounds.parameter_count(3)
    assert sounds.sound_network(10, (4, 4, 4, 4, 4)).count_params() == sounds.parameter_count(
        10, (4, 4, 4, 4, 4)
    )
    with pytest.raises(ValueError, match="5 layers"):
        sounds.sound_network(3, (4, 4))
    with pytest.raises(ValueError, match="multiple"):
        sounds.sound_network(3, n_mels=40)


@pytest.mark.parametrize(("frames", "steps"), [(128, 16), (129, 17), (8, 1), (1, 1)])
def test_a_step_for_every_eight_frames(model, frames, steps):
    evidence, presence = model.networks[0](np.zeros((2, frames, 64), np.float32))
    assert evidence.shape == presence.shape == (2, steps, 3)


def test_a_bank_knows_where_the_sound_is():
    assert BANK.power.shape == (12, 247, 64)
    for active, centres in zip(BANK.active, BANK.centres, strict=True):
        seconds = 0.032 + 0.02 * np.flatnonzero(active)  # clips are padded to five seconds
        offset = (5 - 4) / 2
        inside = [(seconds > a + offset - 0.05) & (seconds < a + 1.05 + offset) for a in (0.5, 2.5)]
        assert np.all(inside[0] | inside[1])
        assert 90 <= active.sum() <= 110
        assert set(centres) <= set(np.flatnonzero(active))
    loud = BANK.power[0][BANK.active[0] > 0]
    assert loud.mean() == pytest.approx(1.0, rel=0.05)
    few = BANK.subset(BANK.labels == 1)
    assert len(few) == 4
    assert few.classes == 3
    with pytest.raises(BadSampleRate, match="resample"):
        sounds.sound_bank(some_sounds(3, rate=8000))


def test_pauses_are_bridged():
    frames = np.zeros(30, bool)
    frames[[2, 7, 20]] = True
    assert np.flatnonzero(sounds.bridged(frames, 5)).tolist() == [2, 3, 4, 5, 6, 7, 20]
    assert np.array_equal(sounds.bridged(frames, 4), frames)


def test_crops_show_the_sound():
    pictures = sounds.crops(BANK, 3)
    assert pictures.shape == (12, 3, sounds.FRAMES, 64)
    assert np.all(pictures.max(axis=(2, 3)) > 0)


def test_training_examples():
    draw = sounds.batches(BANK, 64)
    pictures, targets = (part.numpy() for part in draw())
    assert pictures.shape == (64, 128, 64)
    assert targets.shape == (64, 17, 3)
    shares = targets[:, 0].sum(axis=1)
    assert set(np.round(shares, 5)) <= {0.0, 1.0}
    empty = shares < 0.5
    assert 1 <= empty.sum() <= 25
    assert not targets[empty].any()
    assert targets[:, 1:].min() >= 0
    assert targets[:, 1:].max() <= 1
    plain = sounds.batches(BANK, 64, mixed=0.0, noisy=0.0, empty=0.0)
    pictures, targets = (part.numpy() for part in plain())
    named = targets[:, 0].argmax(axis=1)
    assert np.all(targets[:, 0].max(axis=1) == 1)
    others = targets[:, 1:].copy()
    others[np.arange(64), :, named] = 0
    assert not others.any()  # only the class that is named is present
    assert 0.1 < targets[:, 1:].sum(axis=2).mean() < 0.9  # and not all the time
    heard = targets[np.arange(64), 1:, named]
    level = pictures.reshape(64, 16, 8 * 64).max(axis=2)
    on = [row[h > 0.9].mean() - row[h < 0.1].mean() for row, h in zip(level, heard, strict=True)]
    assert np.nanmean(on) > 10  # louder where it is said to be present


def test_a_jury_is_the_mean(model):
    pictures = np.random.default_rng(1).normal(-40, 10, (5, 128, 64)).astype(np.float32)
    names, presence = model.ask(pictures, batch=2)
    alone = [sounds.SoundModel([one], "abc").ask(pictures) for one in model.networks]
    np.testing.assert_allclose(names, (alone[0][0] + alone[1][0]) / 2, atol=1e-4)
    np.testing.assert_allclose(presence, (alone[0][1] + alone[1][1]) / 2, atol=1e-5)
    p = model.probabilities(BANK, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(model.name(pictures), np.exp(names), atol=1e-6)


@pytest.mark.slow
def test_it_learns_tones_and_when_they_sound():
    model, history = experiment.train(BANK, "abc", steps=60, jury=1)
    assert history.loss[-1] < history.loss[0] or len(history.loss) == 1
    assert np.mean(model.probabilities(BANK).argmax(axis=1) == BANK.labels) > 0.8
    result = experiment.hear(model, experiment.fold_stream(some_sounds(), 1, 30, snr_db=(20, 20)))
    assert result["presence"].shape == result["sliding"].shape
    assert np.isfinite(result["presence"]).all()


# --- the experiment -------------------------------------------------------------------------------


def test_statistics_and_what_is_made_of_them():
    x = np.array([experiment.statistics(power) for power in BANK.power])
    assert x.shape == (12, 6 * 64)
    assert np.isfinite(x).all()
    flat = experiment.statistics(np.ones((10, 4)))
    assert flat.tolist() == [0.0] * 24
    plain, better = experiment.described(BANK)
    assert np.array_equal(plain, x)
    assert better.shape == (12, 2 * 64 + 3 * 20 + 32 + 9)
    assert np.isfinite(better).all()
    assert better[0, -1] == pytest.approx(BANK.active[0].mean())
    one = experiment.sounding_statistics(BANK.power[0], np.eye(247)[100])
    assert np.isfinite(one).all()  # a click that fills one frame
    said = experiment.nearest_mean(x[:6], BANK.labels[:6], x[6:])
    assert said.tolist() == BANK.labels[6:].tolist()
    p = experiment.forest_probabilities(x[:6], BANK.labels[:6], x[6:], 4)
    assert p.shape == (6, 4)
    assert not p[:, 3].any()
    assert p.argmax(axis=1).tolist() == BANK.labels[6:].tolist()
    mixed = experiment.together([[1.0, 0.0]], [[0.0, 1.0]], 0.25)
    assert mixed.tolist() == [[0.75, 0.25]]


def made_up_run(fold, best):
    """A run whose events are best found with the threshold number `best`."""
    classes, t = 10, len(experiment.THRESHOLDS)
    hits = np.zeros((len(experiment.BRIDGES), t, classes), int)
    hits[1, best] = 8
    found = np.full_like(hits, 10)
    alarms = {
        "hits": np.full((len(experiment.WIDTHS), t, classes), 2),
        "false": np.full((len(experiment.WIDTHS), t, classes), 4),
        "repeats": np.zeros((len(experiment.WIDTHS), t, classes), int),
        "delay": np.ones((len(experiment.WIDTHS), t)),
    }
    alarms["hits"][:, best] = 7
    alarms["false"][:, best] = 1
    counts = experiment.written({"hits": hits, "found": found})
    return {
        "accuracies": dict.fromkeys(experiment.METHODS, 0.8 + fold / 100),
        "single": [0.7, 0.8],
        "said": " ".join(["0"] * 80),
        "truth": " ".join(["0"] * 80),
        "events": " ".join(["10"] * classes),
        "presence": counts,
        "sliding": counts,
        "alarms": experiment.written(alarms),
        "growth": 0.0,
        "kept": 1,
        "hour_seconds": 1.0,
        "core_seconds": 2.0,
        "parameters": 100,
        "date": "2026-01-01",
        "commit": "c",
        "machine": "m",
        "versions": "v",
    }


def test_thresholds_come_from_the_next_fold():
    runs = {
        name: made_up_run(fold, best=5 if fold != 3 else 7)
        for name, (fold, _) in experiment.plan().items()
    }
    found = experiment.summary({"runs": runs})
    # fold 3 prefers another setting than its neighbours: it is judged by that of fold 4, and it is
    # by its setting that fold 2 is judged
    np.testing.assert_allclose(found["events"]["presence"], [0.8, 0, 0, 0.8, 0.8])
    alarms = found["alarms"][experiment.WIDTHS[0]]
    np.testing.assert_allclose(alarms["recall"], [0.7, 0.2, 0.2, 0.7, 0.7])
    np.testing.assert_allclose(alarms["false"], [1, 4, 4, 1, 1])
    assert found["accuracy"]["networks"].tolist() == pytest.approx([0.81, 0.82, 0.83, 0.84, 0.85])
    assert found["confusion"].sum() == found["confusion"][0, 0] == 15 * 80
    text = experiment.table({"runs": runs})
    assert "83.0" in text
    assert "2026-01-01" in text
    assert "| 0.16 s | 50 % | 2.2 | 1.00 s |" in experiment.table_of_alarms({"runs": runs})


def test_counts_as_text_and_back():
    counts = np.arange(24).reshape(2, 3, 4)
    assert np.array_equal(experiment.from_text(experiment.as_text(counts)), counts)
    late = np.array([[0.5, np.nan], [1.25, 2.0]])
    text = experiment.written({"delay": late, "hits": counts})["delay"]
    np.testing.assert_allclose(experiment.from_text(text)[:, :, 0] / 1000, late)


def test_an_incomplete_file_says_so():
    name = next(iter(experiment.plan()))
    assert "1 runs are on file" in experiment.table({"runs": {name: made_up_run(1, 5)}})


def test_the_plan():
    assert len(experiment.plan()) == 15
    assert experiment._next((5, 2)) == (1, 2)
