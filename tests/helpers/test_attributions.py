"""Attributions whose right answers are known: linear scores, planted cells, networks by hand."""

import numpy as np
import pytest

from helpers.attribution import (
    found,
    integrated_gradients,
    linear_probe,
    neighbours,
    rank_correlation,
    removal,
)
from helpers.errors import ShapeError

RNG = np.random.default_rng(0)


# --- integrated gradients ------------------------------------------------------------------------


def test_attributions_of_a_linear_score_are_weight_times_difference():
    picture, baseline, weights = RNG.normal(size=(3, 7, 4))
    for steps in (1, 5):
        got = integrated_gradients(
            lambda p: np.broadcast_to(weights, p.shape), picture, baseline, steps
        )
        assert np.allclose(got, weights * (picture - baseline))


def test_attributions_add_up():
    picture, baseline = RNG.normal(size=(2, 6, 5))

    def score(p):
        return np.sum(p**3, axis=(1, 2)) + p[:, 0, 0] * p[:, 5, 4]

    def gradient(p):
        slope = 3 * p**2
        slope[:, 0, 0] += p[:, 5, 4]
        slope[:, 5, 4] += p[:, 0, 0]
        return slope

    whole = np.diff(score(np.stack([baseline, picture])))[0]
    gaps = [
        abs(integrated_gradients(gradient, picture, baseline, n).sum() - whole) for n in (1, 8, 64)
    ]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-3 * max(1, abs(whole))


def test_a_cell_that_does_not_differ_gets_nothing_and_batches_do_not_matter():
    picture, baseline = RNG.normal(size=(2, 6, 5))
    picture[2] = baseline[2]
    asked = []

    def gradient(p):
        asked.append(len(p))
        return p**2

    small = integrated_gradients(gradient, picture, baseline, 10, batch=4)
    assert asked == [4, 4, 2]
    assert np.all(small[2] == 0)
    assert np.allclose(small, integrated_gradients(gradient, picture, baseline, 10))


def test_integrated_gradients_refuse():
    with pytest.raises(ShapeError, match="baseline"):
        integrated_gradients(lambda p: p, np.ones((3, 4)), np.ones((4, 3)))
    with pytest.raises(ValueError, match="steps"):
        integrated_gradients(lambda p: p, np.ones((3, 4)), np.ones((3, 4)), 0)
    with pytest.raises(ShapeError, match="gradient gave"):
        integrated_gradients(lambda p: p[:, 0], np.ones((3, 4)), np.zeros((3, 4)))


# --- removal -------------------------------------------------------------------------------------


def test_cells_go_in_the_order_of_the_map_and_come_back():
    picture = np.arange(1.0, 13.0).reshape(4, 3)

    def score(p):
        return p.sum(axis=(1, 2))

    shares = [0, 1 / 12, 0.5, 1]
    assert removal(score, picture, picture, 0.0, shares).tolist() == [78, 66, 21, 0]
    assert removal(score, picture, picture, 0.0, shares, insert=True).tolist() == [0, 12, 57, 78]
    assert picture.sum() == 78


def test_only_cells_inside_take_part():
    picture = np.arange(1.0, 13.0).reshape(4, 3)
    inside = np.zeros((4, 3), bool)
    inside[:2] = True
    scores = removal(
        lambda p: p.sum(axis=(1, 2)), picture, -picture, 10 * picture, [0.5, 1], inside, batch=1
    )
    assert scores.tolist() == [78 + 9 * (1 + 2 + 3), 78 + 9 * 21]


def test_removal_refuses():
    def score(p):
        return p.sum(axis=(1, 2))

    with pytest.raises(ShapeError, match="inside"):
        removal(score, np.ones((3, 4)), np.ones((3, 3)), 0, [0.5])
    with pytest.raises(ValueError, match="shares"):
        removal(score, np.ones((3, 4)), np.ones((3, 4)), 0, [1.5])
    with pytest.raises(ValueError, match="at least one"):
        removal(score, np.ones((3, 4)), np.ones((3, 4)), 0, [0.5], np.zeros((3, 4), bool))


def test_neighbours_are_means_of_a_box():
    picture = np.zeros((9, 7))
    picture[4, 3] = 15.0
    blurred = neighbours(picture, (5, 3))
    assert np.allclose(blurred[2:7, 2:5], 1.0)
    assert blurred.sum() == pytest.approx(15.0)
    assert np.allclose(neighbours(np.full((9, 7), 2.0)), 2.0)
    with pytest.raises(ValueError, match="odd"):
        neighbours(picture, (4, 3))


# --- comparing maps ------------------------------------------------------------------------------


def test_rank_correlation():
    a = RNG.normal(size=(5, 4))
    assert rank_correlation(a, np.exp(a)) == pytest.approx(1.0)
    assert rank_correlation(a, -a) == pytest.approx(-1.0)
    assert rank_correlation(a, np.ones((5, 4))) == 0.0
    assert rank_correlation(np.array([1, 2, 3]), np.array([1, 3, 2])) == pytest.approx(0.5)
    with pytest.raises(ShapeError, match="equal"):
        rank_correlation(a, a[:3])


def test_found_counts_pairs():
    values = np.array([[5.0, 1.0], [3.0, 4.0]])
    target = np.array([[True, False], [True, False]])
    assert found(values, target) == pytest.approx(3 / 4)
    assert found(np.ones((2, 2)), target) == 0.5
    inside = np.array([[True, True], [True, False]])
    assert found(values, target, inside) == 1.0
    with pytest.raises(ValueError, match="both"):
        found(values, np.ones((2, 2), bool))
    with pytest.raises(ShapeError, match="one shape"):
        found(values, np.ones((3, 2), bool))


# --- probes --------------------------------------------------------------------------------------


def test_a_probe_reads_what_is_linear_and_nothing_else():
    x = RNG.normal(size=(400, 6))
    y = np.stack([x @ np.arange(6.0) + 3, RNG.normal(size=400)], axis=1)
    read = linear_probe(x[:300], y[:300], x[300:])
    assert np.corrcoef(read[:, 0], y[300:, 0])[0, 1] > 0.99
    assert abs(np.corrcoef(read[:, 1], y[300:, 1])[0, 1]) < 0.4
    assert read.mean(axis=0)[0] == pytest.approx(y[300:, 0].mean(), abs=0.3)


def test_a_narrow_probe_sees_the_widest_directions_only():
    x = RNG.normal(size=(300, 2)) * [10.0, 0.1]
    read = linear_probe(x[:200], x[:200], x[200:], width=1)
    assert np.corrcoef(read[:, 0], x[200:, 0])[0, 1] > 0.99
    assert read[:, 1].std() < 0.5 * x[200:, 1].std()
    with pytest.raises(ShapeError, match="n, d"):
        linear_probe(x, x[:5], x)
