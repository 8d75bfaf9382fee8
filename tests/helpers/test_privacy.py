"""Privacy: attacks whose ROC is known by hand, bounds, and ε against published values."""

import numpy as np
import pytest

from helpers import metrics, privacy

# --- attacks -------------------------------------------------------------------------------------


def test_losses_are_those_of_the_definition():
    logits = np.array([[0.0, np.log(3.0)], [1000.0, 0.0]])
    assert privacy.example_losses(logits, [1, 0]) == pytest.approx([np.log(4 / 3), 0.0])
    with pytest.raises(ValueError, match="one row"):
        privacy.example_losses(logits, [1])


def test_log_odds_undo_the_logistic_function():
    odds = np.array([-5.0, 0.0, 3.0])
    assert privacy.log_odds(np.log1p(np.exp(-odds))) == pytest.approx(odds)
    assert np.all(np.isfinite(privacy.log_odds([0.0, 1e6])))
    with pytest.raises(ValueError, match="below zero"):
        privacy.log_odds([-1.0])


def test_the_rate_at_a_false_positive_rate_does_not_exceed_it():
    scores = np.concatenate([np.arange(50) + 100.0, np.arange(150)])
    members = np.arange(200) < 50
    assert privacy.rate_at(scores, members, 0.0) == 0.0
    assert privacy.rate_at(scores, members, 1 / 150) == pytest.approx(1 / 50)
    assert privacy.rate_at(scores, members, 1.0) == 1.0


def _two_gaussians(gap, clips=4000, shadows=6, seed=0):
    """Log-odds of a target and shadows: clips of different difficulty, `gap` higher if seen."""
    rng = np.random.default_rng(seed)
    difficulty = 3 * rng.normal(size=clips)
    members = rng.random(clips) < 0.5
    inside = np.arange(shadows)[:, None] % 2 == (rng.random(clips) < 0.5)
    noise = rng.normal(size=(shadows + 1, clips))
    return (
        difficulty + gap * members + noise[0],
        difficulty + gap * inside + noise[1:],
        inside,
        members,
    )


def test_a_likelihood_ratio_knows_which_clips_are_hard():
    target, shadows, inside, members = _two_gaussians(1.5)
    ratio = privacy.likelihood_ratio(target, shadows, inside)
    assert metrics.auc(target, members) < 0.66
    assert metrics.auc(ratio, members) > 0.78


def test_a_likelihood_ratio_finds_nothing_where_there_is_nothing():
    target, shadows, inside, members = _two_gaussians(0.0)
    ratio = privacy.likelihood_ratio(target, shadows, inside)
    assert metrics.auc(ratio, members) == pytest.approx(0.5, abs=0.03)


def test_shadows_that_are_missing_are_left_out():
    target, shadows, inside, _ = _two_gaussians(1.0, clips=50)
    more = np.concatenate([shadows, np.full((1, 50), np.nan)])
    with_nan = privacy.likelihood_ratio(
        target, more, np.concatenate([inside, np.ones((1, 50), bool)])
    )
    assert with_nan == pytest.approx(privacy.likelihood_ratio(target, shadows, inside))


def test_each_clip_needs_a_shadow_on_both_sides():
    with pytest.raises(ValueError, match="never saw"):
        privacy.likelihood_ratio(np.zeros(2), np.zeros((3, 2)), np.ones((3, 2), bool))
    with pytest.raises(ValueError, match="give"):
        privacy.likelihood_ratio(np.zeros(2), np.zeros((3, 4)), np.ones((3, 4), bool))


def test_an_attack_proves_an_epsilon():
    many = 10**8
    proven = privacy.epsilon_seen(many // 2, many, many // 10, many, 0.0)
    assert proven == pytest.approx(np.log(5), abs=1e-3)
    assert privacy.epsilon_seen(many // 2, many, many // 10, many, 0.1) == pytest.approx(
        np.log(4), abs=1e-3
    )


def test_few_clips_prove_less_and_chance_proves_nothing():
    """All 5 of 5 found, none of 5 accused: the exact ends are 0.025^(1/5) and 1 − 0.025^(1/5)."""
    end = 0.025**0.2
    assert privacy.epsilon_seen(5, 5, 0, 5, 0.0) == pytest.approx(max(0, np.log(end / (1 - end))))
    assert privacy.epsilon_seen(39, 300, 30, 300, 0.0) == 0.0
    assert privacy.epsilon_seen(0, 10, 10, 10, 0.0) == 0.0
    with pytest.raises(ValueError, match="no counts"):
        privacy.epsilon_seen(6, 5, 0, 5, 0.0)


# --- what a guarantee allows ---------------------------------------------------------------------


def test_no_epsilon_is_no_attack():
    rates = np.linspace(0, 1, 5)
    assert privacy.roc_bound(rates, 0.0, 0.0) == pytest.approx(rates)
    assert privacy.auc_bound(0.0) == pytest.approx(0.5)


def test_the_bound_meets_the_best_attack_on_randomised_response():
    """Tell the truth with probability e^ε / (1 + e^ε): its ROC has one corner, on the bound."""
    truth = np.exp(1.2) / (1 + np.exp(1.2))
    assert privacy.roc_bound(1 - truth, 1.2, 0.0) == pytest.approx(truth)
    assert privacy.auc_bound(1.2) == pytest.approx(truth)


@pytest.mark.parametrize(("epsilon", "delta"), [(0.5, 0.0), (2.0, 0.01), (8.0, 1e-4), (0.0, 0.3)])
def test_the_area_is_that_under_the_bound(epsilon, delta):
    fpr = np.linspace(0, 1, 200_001)
    under = np.trapezoid(privacy.roc_bound(fpr, epsilon, delta), fpr)
    assert privacy.auc_bound(epsilon, delta) == pytest.approx(under, abs=2e-5)


def test_bounds_refuse_what_is_no_guarantee():
    with pytest.raises(ValueError, match="negative"):
        privacy.roc_bound(0.1, -1.0, 0.0)
    with pytest.raises(ValueError, match="δ"):
        privacy.auc_bound(1.0, 2.0)


# --- the accountant ------------------------------------------------------------------------------


def test_without_sampling_it_is_the_gaussian_mechanism():
    orders = (2, 7, 40)
    expected = [a / (2 * 3.0**2) for a in orders]
    assert privacy.renyi_step(1.0, 3.0, orders) == pytest.approx(expected)
    assert privacy.renyi_step(0.0, 3.0, orders) == pytest.approx(np.zeros(3), abs=1e-12)


def test_the_smallest_order_by_hand():
    q, noise = 0.3, 1.7
    expected = np.log((1 - q) ** 2 + 2 * q * (1 - q) + q**2 * np.exp(1 / noise**2))
    assert privacy.renyi_step(q, noise, (2,)) == pytest.approx([expected])


@pytest.mark.parametrize(
    ("rate", "noise", "steps", "delta", "expected"),
    [
        (0.01, 4.0, 10_000, 1e-5, 1.0354900660362436),
        (0.1, 1.0, 150, 1e-4, 8.407243979052339),
        (0.1, 3.5, 150, 1e-4, 1.3416670117757468),
        (0.2, 2.0, 150, 1e-4, 6.066068062848366),
        (1.0, 20.0, 100, 1e-5, 2.1680106367839715),
    ],
)
def test_epsilon_agrees_with_googles_accountant(rate, noise, steps, delta, expected):
    """dp-accounting 0.6.0, RdpAccountant with the same orders, computed once and written down."""
    assert privacy.epsilon(rate, noise, steps, delta) == pytest.approx(expected, rel=1e-9)


def test_the_example_of_abadi_and_others():
    """q = 0.01, σ = 4, 10 000 steps, δ = 1e-5: about 1.26 by their conversion, less by ours."""
    orders = np.array(privacy.ORDERS)
    spent = 10_000 * privacy.renyi_step(0.01, 4.0)
    assert np.min(spent + np.log(1e5) / (orders - 1)) == pytest.approx(1.26, abs=0.005)
    assert privacy.epsilon(0.01, 4.0, 10_000, 1e-5) < 1.26


def test_more_noise_less_epsilon_more_steps_more():
    values = [privacy.epsilon(0.1, s, 100, 1e-4) for s in (0.6, 1.0, 3.0)]
    assert values == sorted(values, reverse=True)
    assert privacy.epsilon(0.1, 1.0, 50, 1e-4) < values[1]
    assert privacy.epsilon(0.1, 1.0, 0, 1e-4) == 0.0


def test_noise_for_is_the_least_that_keeps_epsilon():
    noise = privacy.noise_for(2.0, 0.1, 100, 1e-4)
    assert privacy.epsilon(0.1, noise, 100, 1e-4) <= 2.0
    assert privacy.epsilon(0.1, 0.995 * noise, 100, 1e-4) > 2.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: privacy.renyi_step(1.5, 1.0), "rate"),
        (lambda: privacy.renyi_step(0.5, 0.0), "noise above 0"),
        (lambda: privacy.renyi_step(0.5, 1.0, (1.5,)), "whole numbers"),
        (lambda: privacy.epsilon(0.1, 1.0, 10, 0.0), "between 0 and 1"),
        (lambda: privacy.noise_for(0.0, 0.1, 10, 1e-4), "above 0"),
        (lambda: privacy.noise_for(1e-9, 1.0, 10, 1e-4), "cannot be kept"),
    ],
)
def test_the_accountant_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- what an update gives away -------------------------------------------------------------------


def test_one_clip_is_read_off_the_bias():
    probabilities = np.array([0.2, 0.5, 0.3])
    gradient = probabilities - np.array([0, 0, 1])
    assert privacy.labels_from_bias(gradient, 1).tolist() == [0, 0, 1]


def test_a_batch_is_counted_exactly_where_the_softmax_is_known():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 10, 32)
    softmax = rng.dirichlet(np.ones(10), 32)
    counts = np.bincount(labels, minlength=10)
    gradient = softmax.mean(axis=0) - counts / 32
    found = privacy.labels_from_bias(gradient, 32, softmax.mean(axis=0))
    assert found.tolist() == counts.tolist()
    assert privacy.labels_from_bias(gradient, 32).sum() == 32


def test_a_gradient_that_is_none_is_refused():
    with pytest.raises(ValueError, match="sum zero"):
        privacy.labels_from_bias(np.ones(10), 4)
