"""Measures of scores against a yes or no, by hand and against counting pairs."""

import numpy as np
import pytest

from helpers import metrics

ORDER = [True, False, True, False]


def test_a_roc_by_hand():
    fpr, tpr = metrics.roc([4.0, 3.0, 2.0, 1.0], ORDER)
    assert fpr == pytest.approx([0, 0, 0.5, 0.5, 1])
    assert tpr == pytest.approx([0, 0.5, 0.5, 1, 1])
    assert metrics.auc([4.0, 3.0, 2.0, 1.0], ORDER) == pytest.approx(0.75)


def test_equal_scores_pass_a_threshold_together():
    fpr, tpr = metrics.roc([1.0, 1.0, 1.0], [True, False, False])
    assert (fpr.tolist(), tpr.tolist()) == ([0, 1], [0, 1])
    assert metrics.auc([1.0, 1.0, 1.0], [True, False, False]) == pytest.approx(0.5)


def test_the_area_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(0)
    scores, yes = rng.integers(0, 9, 60).astype(float), rng.random(60) < 0.4
    pairs = scores[yes][:, None] - scores[~yes]
    assert metrics.auc(scores, yes) == pytest.approx(np.mean((pairs > 0) + (pairs == 0) / 2))
    assert metrics.auc(yes, yes) == 1.0
    assert metrics.auc(-scores, yes) == pytest.approx(1 - metrics.auc(scores, yes))


def test_the_equal_error_rate_by_hand():
    four = np.arange(8) < 4
    assert metrics.equal_error_rate([2, 3, 0, 1], ORDER[::2] + ORDER[1::2]) == 0.0
    assert metrics.equal_error_rate([1, 3, 5, 7, 0, 2, 4, 6], four) == pytest.approx(0.5)
    assert metrics.equal_error_rate([1, 5, 6, 7, 0, 0, 0, 2], four) == pytest.approx(0.25)
    assert metrics.equal_error_rate(np.ones(8), four) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("scores", "positive", "message"),
    [
        ([1.0, 2.0], [True, True], "both kinds"),
        ([1.0, 2.0], [False, False], "both kinds"),
        ([1.0, np.nan], [True, False], "finite"),
        ([1.0], [True, False], "one for each"),
    ],
)
def test_a_roc_needs_both_kinds(scores, positive, message):
    for measure in (metrics.roc, metrics.auc, metrics.equal_error_rate):
        with pytest.raises(ValueError, match=message):
            measure(scores, positive)
