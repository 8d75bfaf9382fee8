import numpy as np
import pytest

from helpers.datasets import Clips, by_speaker, official_split, random_split


def clips(takes=True, speakers=("ann", "bob", "cid"), each=10):
    n = len(speakers) * each
    return Clips(
        audio=[np.zeros(3, np.float32)] * n,
        labels=np.arange(n) % 10,
        speakers=np.repeat(speakers, each),
        names=[str(i) for i in range(n)],
        sample_rate=8000,
        source="fsdd" if takes else "builtin",
        origin="built-in",
        licence="CC0",
        citation="none",
        credit="",
        takes=np.tile(np.arange(each), len(speakers)) if takes else None,
    )


def test_the_official_split_is_takes_0_to_4():
    train, test = official_split(clips())
    assert test.tolist() == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24]
    assert sorted([*train, *test]) == list(range(30))


def test_there_is_no_official_split_without_takes():
    with pytest.raises(ValueError, match=r'"builtin" does not number its takes.*by_speaker'):
        official_split(clips(takes=False))
    with pytest.raises(ValueError, match="Pass the whole set"):
        official_split(clips(each=5))


def test_no_speaker_is_on_two_sides():
    data = clips()
    train, validation, test = by_speaker(data, test="bob", validation=["cid"])
    assert set(data.speakers[test]) == {"bob"}
    assert set(data.speakers[validation]) == {"cid"}
    assert set(data.speakers[train]) == {"ann"}
    assert sorted([*train, *validation, *test]) == list(range(30))
    train, test = by_speaker(data, test=("ann", "cid"))
    assert set(data.speakers[train]) == {"bob"} and len(test) == 20


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"test": "eve"}, "No recordings by eve.*ann, bob, cid"),
        ({"test": []}, "No test speaker is named"),
        ({"test": "ann", "validation": []}, "No validation speaker is named"),
        ({"test": "ann", "validation": ["ann", "bob"]}, "ann cannot be validation and test"),
        ({"test": ["ann", "bob", "cid"]}, "nobody is left"),
        ({"test": ["ann", "bob"], "validation": "cid"}, "nobody is left"),
    ],
)
def test_a_split_by_speaker_that_makes_no_sense(given, said):
    with pytest.raises(ValueError, match=said):
        by_speaker(clips(), **given)


def test_a_random_split_is_fixed_by_its_seed():
    train, test = random_split(100, 0.2, seed=1)
    assert len(test) == 20 and sorted([*train, *test]) == list(range(100))
    assert test.tolist() == random_split(100, 0.2, seed=1)[1].tolist()
    assert test.tolist() != random_split(100, 0.2, seed=2)[1].tolist()


@pytest.mark.parametrize(
    ("n", "fraction"), [(10, 0), (10, 1), (10, float("nan")), (1, 0.5), (0, 1)]
)
def test_a_random_split_with_an_empty_side(n, fraction):
    with pytest.raises(ValueError, match="leaves one side empty"):
        random_split(n, fraction, seed=0)
