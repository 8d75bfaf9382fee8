from dataclasses import replace

import numpy as np
import pytest

from helpers.datasets import Clips


@pytest.fixture
def clips():
    return Clips(
        audio=[np.arange(1, n + 1, dtype=np.float32) / 10 for n in (1, 2, 5)],
        labels=[7, 8, 9],
        speakers=["ann", "bob", "ann"],
        names=["a", "b", "c"],
        sample_rate=1,
        source="builtin",
        origin="built-in",
        licence="CC0",
        citation="none",
        credit="",
        takes=[0, 1, 2],
    )


def test_subsets(clips):
    for which in ([2, 0], np.array([2, 0])):
        part = clips.subset(which)
        assert part.names.tolist() == ["c", "a"] and part.takes.tolist() == [2, 0]
        assert part.audio[0] is clips.audio[2]
    assert clips.subset(clips.speakers == "ann").labels.tolist() == [7, 9]
    assert len(clips.subset([])) == 0
    assert replace(clips, takes=None).subset([1]).takes is None
    for wrong in (np.ones(2, bool), [0.5], [[0]]):
        with pytest.raises(ValueError, match="mask"):
            clips.subset(wrong)
    with pytest.raises(IndexError):
        clips.subset([3])


def test_padding_worked_by_hand(clips):
    centred = clips.padded(3)
    assert centred.dtype == np.float32
    np.testing.assert_allclose(centred * 10, [[0, 1, 0], [1, 2, 0], [2, 3, 4]], atol=1e-5)
    at_start = clips.padded(3, where="start")
    np.testing.assert_allclose(at_start * 10, [[1, 0, 0], [1, 2, 0], [1, 2, 3]], atol=1e-5)
    assert clips.subset([]).padded(2).shape == (0, 2)
    for seconds in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="positive length"):
            clips.padded(seconds)
    with pytest.raises(ValueError, match="centre"):
        clips.padded(1, where="end")


def test_columns_of_another_length_are_refused(clips):
    with pytest.raises(ValueError, match=r"labels has shape \(2,\), but there are 3 clips"):
        replace(clips, labels=[1, 2])
    with pytest.raises(ValueError, match="origin"):
        replace(clips, origin="somewhere")


def test_the_identity_follows_everything_that_matters(clips):
    louder = [x * 2 for x in clips.audio]
    ids = {
        clips.id,
        replace(clips, audio=louder).id,
        replace(clips, labels=[7, 8, 8]).id,
        replace(clips, speakers=["ann", "bob", "bob"]).id,
        replace(clips, sample_rate=2).id,
    }
    assert len(ids) == 5
    assert replace(clips, origin="cache").id == clips.id
    assert len(clips.id) == 12


def test_the_description(clips):
    assert clips.describe() == "built-in voices, 3 recordings of 2 voices (built in)"
