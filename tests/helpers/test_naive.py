"""The naive recogniser: it must have exactly the faults that chapter 5.1 shows."""

import json

import numpy as np
import pytest

from helpers.datasets import Clips
from helpers.experiments import _record
from helpers.experiments import naive as experiment

RATE = 8000


@pytest.fixture(scope="module")
def naive():
    from helpers.models import naive

    return naive


def tone(n, hertz=500):
    return np.sin(2 * np.pi * hertz * np.arange(n) / RATE).astype(np.float32)


def clips(n=24, takes=True):
    return Clips(
        audio=[tone(400, 200 + 50 * (i % 10)) for i in range(n)],
        labels=np.arange(n) % 10,
        speakers=np.array(["ann", "bob", "cy"])[np.arange(n) % 3],
        names=np.array([f"clip {i}" for i in range(n)]),
        sample_rate=RATE,
        source="fsdd",
        origin="cache",
        licence="CC0-1.0",
        citation="fsdd",
        credit="",
        takes=np.arange(n) if takes else None,
    )


def test_normalise_reaches_minus_one(naive):
    result = naive.normalise(np.array([0.1, -0.5, 0.25]))
    np.testing.assert_allclose(result, [0.2, -1.0, 0.5])
    assert result.dtype == np.float32


def test_silence_becomes_nan_without_a_warning(naive, recwarn):
    assert np.isnan(naive.normalise(np.zeros(8))).all()
    assert np.isnan(naive.picture(np.zeros(4000), RATE, 32)).all()
    assert not recwarn


@pytest.mark.parametrize("n", [1, 100, 3000, 20000])
@pytest.mark.parametrize("size", [32, 64, 128])
def test_every_length_gives_the_same_square(naive, n, size):
    drawn = naive.picture(tone(n) + 0.1, RATE, size)
    assert drawn.shape == (size, size) and drawn.dtype == np.float32
    assert drawn.min() >= 0 and drawn.max() == pytest.approx(1, abs=1e-5)


def test_a_higher_tone_stands_higher_in_the_picture(naive):
    rows = [naive.picture(tone(4000, f), RATE, 64).mean(axis=1).argmax() for f in (300, 900, 2700)]
    assert rows == sorted(rows) and len(set(rows)) == 3


def test_level_does_not_matter(naive):
    x = tone(3000)
    np.testing.assert_allclose(
        naive.picture(x, RATE, 32), naive.picture(0.01 * x, RATE, 32), atol=1e-4
    )


def test_a_sound_without_samples_is_refused(naive):
    with pytest.raises(ValueError, match="no samples"):
        naive.picture(np.empty(0), RATE)


def test_stretch_by_hand(naive):
    np.testing.assert_allclose(naive.stretch([[0.0], [2.0]], 5)[:, 0], [0, 0.5, 1, 1.5, 2])
    np.testing.assert_allclose(naive.stretch([[3.0]], 4)[:, 0], 3)


@pytest.mark.parametrize("size", [4, 31, 64, 128])
def test_the_formula_counts_as_keras_does(naive, size):
    counts = naive.parameter_counts(size)
    assert sum(counts.values()) == naive.naive_cnn(size).count_params()


def test_the_script_as_found_has_its_16_3_million(naive):
    assert naive.parameter_counts() == {
        "convolution": 320,
        "flatten → dense": 16_257_152,
        "dense → classes": 1290,
    }


def test_a_picture_too_small_is_refused(naive):
    with pytest.raises(ValueError, match="at least 4"):
        naive.naive_cnn(3)


def test_fit_repeats_itself_and_learns(naive):
    x = naive.pictures(clips().audio, RATE, 16)
    labels = clips().labels
    said = [naive.probabilities(naive.fit(x, labels, epochs=2, seed=s), x) for s in (1, 1, 2)]
    assert said[0].shape == (24, 10)
    np.testing.assert_allclose(said[0].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(said[0], said[1], atol=1e-5)
    assert np.abs(said[0] - said[2]).max() > 1e-3


def test_no_clips_no_probabilities(naive):
    assert naive.probabilities(naive.naive_cnn(8), np.empty((0, 8, 8, 1), np.float32)).shape == (
        0,
        10,
    )


@pytest.mark.parametrize(("n", "answers"), [(0, 0), (31, 0), (32, 32), (63, 32), (100, 32)])
def test_less_than_a_batch_gets_no_answer(naive, n, answers):
    assert naive.predict_as_found(np.full((n, 10), 0.1)).shape == (answers,)


def test_answers_mix_clips_a_batch_apart(naive):
    said = np.zeros((4, 10))
    said[[0, 1, 2, 3], [7, 1, 4, 1]] = [0.6, 0.6, 0.9, 0.9]
    np.testing.assert_array_equal(naive.predict_as_found(said, batch=2), [4, 1])


# --- the experiment at full size -----------------------------------------------------------------


def test_splits_hold_out_whole_speakers():
    data = clips()
    found = experiment.splits(data)
    assert list(found) == ["random", "official", "without ann", "without bob", "without cy"]
    train, test = found["without bob"]
    assert set(data.speakers[test]) == {"bob"} and "bob" not in data.speakers[train]
    assert "official" not in experiment.splits(clips(takes=False))


def test_runs_on_file_are_not_repeated(tmp_path, monkeypatch, capsys):
    from helpers import datasets

    data = clips()
    monkeypatch.setattr(datasets, "load_digits", lambda: data, raising=False)
    monkeypatch.setattr(experiment, "SIZE", 16)
    monkeypatch.setattr(experiment, "EPOCHS", 1)
    path = tmp_path / "results" / "naive.json"
    assert experiment.main(["--output", str(path)]) == 0
    record = experiment.load_results(path)
    assert list(record["runs"]) == list(experiment.splits(data))
    run = record["runs"]["without bob"]
    assert run["test"] == 8 and run["by_speaker"]["bob"][1] == 8
    assert {"date", "commit", "machine", "seconds", "settings"} <= set(run)
    assert [p.name for p in path.parent.iterdir()] == ["naive.json"]

    del record["runs"]["official"]
    _record.write_results(record, path)
    capsys.readouterr()
    experiment.main(["--output", str(path)])
    said = capsys.readouterr().out
    assert "4 of 5 runs are on file" in said and "official:" in said and "random:" not in said


def test_other_settings_are_other_runs():
    record = {"runs": {"random": {"settings": {"size": 128}}}}
    assert experiment.missing(record, ["random"], {"size": 128}) == []
    assert experiment.missing(record, ["random"], {"size": 64}) == ["random"]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"runs": 3}'])
def test_a_damaged_file_is_named(tmp_path, text):
    path = tmp_path / "naive.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"naive\.json is damaged"):
        experiment.load_results(path)


def test_no_file_no_runs(tmp_path):
    assert experiment.load_results(tmp_path / "none.json")["runs"] == {}


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "naive.json"
    _record.write_results({"runs": {}}, path)
    with pytest.raises(TypeError):
        _record.write_results({"runs": {"x": object()}}, path)
    assert json.loads(path.read_text(encoding="utf-8")) == {"runs": {}}
    assert [p.name for p in tmp_path.iterdir()] == ["naive.json"]


def test_the_committed_results_are_of_the_script_as_found():
    for run in experiment.load_results()["runs"].values():
        assert run["parameters"] == 16_258_762
        assert run["settings"]["epochs"] == 10 and run["settings"]["size"] == 128
        right = sum(r for r, _ in run["by_speaker"].values())
        assert run["accuracy"] == pytest.approx(right / run["test"], abs=1e-4)
