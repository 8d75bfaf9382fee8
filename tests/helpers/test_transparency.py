"""The experiment on maps and probes."""

import numpy as np
import pytest

from helpers.experiments import transparency


def test_everybody_is_left_out_once():
    plan = transparency.plan(["a", "b"])
    assert plan["without b"] == ("maps", "b", 1)
    assert plan["pitch without a"] == ("pitch", "a", 0)
    assert len(plan) == 4
    record = {"runs": {name: 10 * i for i, name in enumerate(plan)}}
    assert transparency.of_speakers(record) == {"a": 0, "b": 10}
    assert transparency.of_speakers(record, "pitch without") == {"a": 20, "b": 30}


def test_a_beep_is_where_its_cells_say():
    word = 0.2 * np.random.default_rng(0).normal(size=4000).astype(np.float32)
    rng = np.random.default_rng(1)
    centres = []
    for number in range(transparency.BEEPS):
        both, alone = transparency.planted(word, number, rng)
        assert len(both) == len(alone) == 4000
        assert np.abs(both).max() == pytest.approx(1.0)
        assert np.count_nonzero(alone) <= 800
        cells = transparency.beep_cells(alone)
        wide = transparency.beep_cells(alone, 30.0)
        assert wide[cells].all()
        assert cells.sum() < wide.sum() < 6 * cells.sum()
        assert cells.shape == (100, 32)
        frames, bands = np.nonzero(cells)
        assert np.ptp(frames) <= 13
        assert np.ptp(bands) <= 4
        offset = (8176 - 4000) // 2
        middle = offset + np.flatnonzero(alone).mean()
        assert abs(80 * frames.mean() + 128 - middle) < 160
        centres.append(bands.mean())
    assert np.all(np.diff(centres) > 2)


def test_beeps_are_refused_or_cut():
    with pytest.raises(ValueError, match="beep number"):
        transparency.beep(5)
    both, alone = transparency.planted(np.ones(300, np.float32), 0, np.random.default_rng(0))
    assert both.shape == alone.shape == (300,)


def test_areas():
    curves = np.array([[1.0, 1.0, 1.0], [1.0, 0.5, 0.0]])
    assert transparency.area(curves).tolist() == [100.0, 50.0]


def test_word_cells_are_those_that_sound():
    picture = np.full((10, 4), -1.75, np.float32)
    picture[3, 1] = picture[6, 2] = 0.0
    assert np.argwhere(transparency.word_cells(picture)).tolist() == [[3, 1], [6, 2]]


def test_pitch_of_a_known_sound():
    t = np.arange(4000) / 8000
    x = sum(np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 6)).astype(np.float32)
    assert transparency.pitch_of(0.2 * x) == pytest.approx(np.log2(150), abs=0.02)
    noise = np.random.default_rng(0).normal(size=4000).astype(np.float32)
    assert np.isnan(transparency.pitch_of(0.2 * noise))


def test_following_counts_neither_words_nor_durations():
    rng = np.random.default_rng(0)
    words = np.repeat(np.arange(4), 25)
    frames = rng.integers(20, 90, 100)
    true = rng.normal(size=100) + 10 * words

    def follows(said, about=true):
        return transparency.follows(said, about, words, frames)

    assert follows(2 * true + 7) == pytest.approx(1.0)
    assert follows(-true) == pytest.approx(-1.0)
    assert abs(follows(10.0 * words + rng.normal(size=100))) < 0.3
    assert follows(10.0 * words) == 0.0
    assert abs(follows(np.log(frames), true + 50 * np.log(frames))) < 0.3


def test_clips_get_another_pitch():
    from helpers.datasets import load_digits

    clips = load_digits("builtin", quiet=True)
    clips = clips.subset(np.arange(0, 40, 8))
    moved, moves, own = transparency.with_pitches(clips, 3)
    assert np.abs(moves).max() <= transparency.PITCH_OCTAVES
    assert [len(x) for x in moved.audio] == [len(x) for x in clips.audio]
    heard = [
        transparency.pitch_of(a) - transparency.pitch_of(b)
        for a, b in zip(moved.audio, own.audio, strict=True)
    ]
    close = np.abs(np.array(heard) - moves) < 0.1
    assert close.sum() >= 3
    assert np.array_equal(moves, transparency.with_pitches(clips, 3)[1])


def test_what_is_left_within_groups():
    left = transparency.within([[1.0, 4.0], [3.0, 4.0], [7.0, 8.0]], np.array([0, 0, 1]))
    assert left.tolist() == [[-1, 0], [1, 0], [0, 0]]


def test_beeps_are_put_into_every_clip():
    from helpers.datasets import load_digits

    clips = load_digits("builtin", quiet=True)
    clips = clips.subset(np.arange(6))
    beeped, numbers, cells, skirts = transparency.with_beeps(clips, 1)
    again = transparency.with_beeps(clips, 1)
    assert len(beeped) == 6
    assert set(numbers) <= set(range(transparency.BEEPS))
    assert cells.any(axis=(1, 2)).all()
    assert not (cells & skirts).any()
    assert np.array_equal(cells, again[2])
    assert all(np.array_equal(a, b) for a, b in zip(beeped.audio, again[0].audio, strict=True))
    assert not np.array_equal(numbers, transparency.with_beeps(clips, 2)[1])


def test_numbers_by_speaker():
    record = {"runs": {"without a": {"cue": {"x": [1.0, 3.0]}}, "without b": {"cue": {"x": 5.0}}}}
    assert transparency.by_speaker(record, "cue", "x") == {"a": 2.0, "b": 5.0}
    with pytest.raises(KeyError):
        transparency.by_speaker(record, "cue", "y")


def test_probes_read_what_was_put_in():
    class Glass:
        def maps(self, pictures):
            return [pictures[..., None]]

    rng = np.random.default_rng(0)

    def clips(n):
        labels, who = rng.integers(0, 10, n), rng.integers(0, 3, n)
        pitch = rng.normal(size=n)
        pictures = np.zeros((n, 5, 16), np.float32)
        pictures[np.arange(n), :, labels] = 1
        pictures[np.arange(n), :, 10 + who] = 1
        pictures[:, :, 14] = pitch[:, None]
        pictures += 0.05 * rng.normal(size=pictures.shape)
        return {
            "pictures": pictures,
            "labels": labels,
            "speakers": np.array(["a", "b", "c"])[who],
            "pitch": pitch,
            "late": np.arange(n) % 2 == 1,
        }

    answers = transparency.probed(Glass(), clips(600), clips(200))
    for question, numbers in answers.items():
        assert len(numbers) == 2, question
    assert answers["digit"][0] > 95
    assert answers["speaker"][1] > 95
    assert answers["pitch"][0] > 0.9
    assert answers["control"][0] < 80


def test_results_on_file_are_complete_and_were_made_with_these_settings():
    from helpers.experiments._record import FOLDER, load_results

    if not (FOLDER / "transparency.json").exists():
        pytest.skip("no results on file yet")
    record = load_results("transparency")
    speakers = ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]
    assert list(record["runs"]) == list(transparency.plan(speakers))
    for name, run in record["runs"].items():
        assert run["settings"]["steps"] == transparency.STEPS, name
    for run in transparency.of_speakers(record).values():
        assert set(run["likeness"]) == set(transparency.METHODS)
    for run in transparency.of_speakers(record, "pitch without").values():
        assert len(run["trained"]) == len(run["untrained"]) == 6


def test_the_control_table_of_the_runs():
    table = transparency.control_table(5)
    assert table.shape == (5, 10)
    assert set(table.ravel().tolist()) == set(range(5))
    assert np.array_equal(table, np.random.default_rng([84, 0]).integers(0, 5, (5, 10)))
    assert not np.array_equal(table, transparency.control_table(5, seed=1))
