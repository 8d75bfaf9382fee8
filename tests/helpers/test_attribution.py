"""Occlusion on scores whose relevance is known, and masks on sounds whose parts are known."""

import numpy as np
import pytest

from helpers.attribution import highest, keep, occlusion
from helpers.errors import ShapeError
from helpers.features import FrontEnd, log_mel

FE = FrontEnd(n_mels=32)


def tone(hz, n=8000):
    return (0.4 * np.sin(2 * np.pi * hz * np.arange(n) / 8000)).astype(np.float32)


# --- occlusion -----------------------------------------------------------------------------------


def test_relevance_of_a_linear_score_is_weight_times_value():
    rng = np.random.default_rng(0)
    picture, weights = rng.normal(size=(2, 9, 5))
    found = occlusion(lambda p: np.sum(weights * p, axis=(1, 2)), picture, (1, 1), fill=0.5)
    assert np.allclose(found, weights * (picture - 0.5))


def test_only_patches_that_touch_the_clue_are_relevant():
    picture = np.zeros((20, 8))
    picture[11, 5] = 3.0
    found = occlusion(lambda p: p[:, 11, 5], picture, (4, 2), (2, 1))
    assert np.allclose(found[8:14, 4:7] > 0, True)
    assert found[11, 5] == found.max() == 3.0
    assert np.count_nonzero(found) == 6 * 3


@pytest.mark.parametrize("stride", [None, (3, 2), (7, 3)])
def test_every_cell_is_covered(stride):
    found = occlusion(lambda p: p.sum(axis=(1, 2)), np.ones((23, 8)), (7, 3), stride, fill=0.0)
    assert np.allclose(found, 21.0)


def test_the_picture_is_left_alone_and_batches_do_not_matter():
    picture = np.random.default_rng(1).normal(size=(12, 6)).astype(np.float32)
    before, sizes = picture.copy(), []

    def score(p):
        sizes.append(len(p))
        return np.square(p).sum(axis=(1, 2))

    small = occlusion(score, picture, (4, 2), batch=5)
    assert max(sizes) == 5
    assert np.allclose(small, occlusion(score, picture, (4, 2)))
    assert np.array_equal(picture, before)


def test_only_what_changes_is_asked():
    picture, asked = np.zeros((30, 6)), []
    picture[2, 3] = 1.0

    def score(p):
        asked.append(len(p))
        return p.sum(axis=(1, 2))

    found = occlusion(score, picture, (3, 2), (3, 2))
    assert asked == [2]
    assert found.sum() == 6.0
    assert found[0:3, 2:4].all()


def test_occlusion_refuses():
    def score(p):
        return p.sum(axis=(1, 2))

    with pytest.raises(ShapeError, match="frames, bands"):
        occlusion(score, np.zeros(5))
    with pytest.raises(ShapeError, match="does not fit"):
        occlusion(score, np.zeros((5, 5)), (6, 2))
    with pytest.raises(ValueError, match="gaps"):
        occlusion(score, np.zeros((9, 9)), (2, 2), (3, 1))
    with pytest.raises(ShapeError, match="one number"):
        occlusion(lambda p: p.sum(axis=1), np.zeros((9, 9)), (2, 2))


# --- highest -------------------------------------------------------------------------------------


def test_highest_takes_the_share():
    values = np.array([[3.0, 1.0], [3.0, 2.0], [0.0, -1.0]])
    assert highest(values, 1 / 3).tolist() == [[True, False], [True, False], [False, False]]
    assert highest(values, 1e-6).sum() == 1
    assert highest(values, 1).all()
    assert highest(np.ones(10), 0.3).tolist() == [True] * 3 + [False] * 7


@pytest.mark.parametrize("share", [0, -0.1, 1.5])
def test_highest_refuses(share):
    with pytest.raises(ValueError, match="share"):
        highest(np.zeros(4), share)


# --- keep ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [256, 300, 8176])
def test_all_is_kept_and_parts_add_up(n):
    x = np.random.default_rng(2).normal(0, 0.1, n).astype(np.float32)
    shape = (FE.frames(n), FE.n_mels)
    mask = np.random.default_rng(3).uniform(size=shape)
    assert keep(x, np.ones(shape), FE).shape == (n,)
    assert np.allclose(keep(x, np.ones(shape), FE), x, atol=1e-5)
    assert np.allclose(keep(x, mask, FE) + keep(x, 1 - mask, FE), x, atol=1e-5)
    assert np.array_equal(keep(x, np.zeros(shape), FE), np.zeros(n))


def test_of_two_tones_the_lower_one_is_kept():
    low, high = tone(500), tone(2500)
    mask = np.zeros((FE.frames(8000), 32))
    mask[:, :18] = 1
    error = keep(low + high, mask, FE) - low
    assert np.sqrt(np.mean(error**2)) < 0.01


def test_frames_stay_where_they_are():
    x = tone(1000)
    mask = np.zeros((FE.frames(8000), 32), bool)
    mask[40:60] = True
    level = log_mel(keep(x, mask, FE), FE).max(axis=1)
    full = log_mel(x, FE).max()
    assert np.all(level[45:55] > full - 0.5)
    assert np.all(level[:36] < -60)
    assert np.all(level[64:] < -60)


def test_keep_refuses():
    with pytest.raises(ShapeError, match="mask has shape"):
        keep(tone(500), np.ones((10, 32)), FE)
    with pytest.raises(ValueError, match="between 0 and 1"):
        keep(tone(500), np.full((FE.frames(8000), 32), 1.5), FE)
