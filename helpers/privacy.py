"""What a model gives away about who trained it: attacks, guarantees, and how both are counted."""

import numpy as np

from helpers.metrics import roc

ORDERS = tuple(range(2, 257))
"""Orders α of Rényi divergence that the accountant tries; whole numbers have a short formula."""


# --- attacks -------------------------------------------------------------------------------------


def example_losses(logits, labels):
    """Cross-entropy of each clip, nats (n,). logits (n, classes), labels (n,) whole numbers.

    Raises ValueError if they do not fit. Chapter: 8.3
    """
    logits, labels = np.asarray(logits, dtype=float), np.asarray(labels)
    if logits.ndim != 2 or labels.shape != (len(logits),):
        raise ValueError(
            f"logits of shape {logits.shape} and labels of shape {labels.shape}: one row of "
            "logits and one label are needed for each clip"
        )
    top = logits.max(axis=1)
    total = np.log(np.sum(np.exp(logits - top[:, None]), axis=1))
    return total + top - logits[np.arange(len(labels)), labels]


def log_odds(losses):
    """ln(p / (1 − p)) of the right answer's probability p = exp(−loss): (n,), nearly Gaussian.

    Losses are held within 1e-7 and 30 nats, beyond which float32 logits say no more.
    Raises ValueError for a negative loss. Chapter: 8.3
    Source: [carlini2022membership]
    """
    losses = np.asarray(losses, dtype=float)
    if np.any(losses < -1e-6):
        raise ValueError(f"a cross-entropy of {losses.min():.3g} nats is below zero")
    losses = np.clip(losses, 1e-7, 30.0)
    return -losses - np.log(-np.expm1(-losses))


def rate_at(scores, members, fpr=0.01):
    """The highest true positive rate at a false positive rate of `fpr` at most: a float.

    Raises as `metrics.roc`. Chapter: 8.3
    Source: [carlini2022membership]
    """
    false, true = roc(scores, members)
    return float(true[false <= fpr + 1e-12].max())


def likelihood_ratio(target, shadows, inside):
    """LiRA: how much likelier a clip's log-odds are for a member than for a non-member: (n,).

    target (n,): `log_odds` of the network under attack. shadows (k, n): those of networks that the
    attacker trained on similar clips; inside (k, n) bool: which of them saw the clip; NaN shadows
    are left out. Each clip gets a mean with and a mean without it, and all clips share one spread
    for each, which is what few shadows allow. The score is ln N(target; in) − ln N(target; out).

    Raises ValueError if the shapes do not fit, or if a clip has no shadow on one of the two sides.

    Chapter: 8.3
    Source: [carlini2022membership], with global variances.
    """
    target, shadows = np.asarray(target, dtype=float), np.asarray(shadows, dtype=float)
    inside = np.asarray(inside, dtype=bool)
    if shadows.ndim != 2 or shadows.shape != inside.shape or target.shape != shadows.shape[1:]:
        raise ValueError(
            f"target {target.shape}, shadows {shadows.shape}, inside {inside.shape}: give (n,), "
            "(k, n) and (k, n)"
        )
    scores = np.zeros(len(target))
    for side, sign in ((inside, 1.0), (~inside, -1.0)):
        used = side & np.isfinite(shadows)
        count = used.sum(axis=0)
        if count.min() < 1:
            raise ValueError(
                f"clip {int(np.argmin(count))} has no shadow network that "
                f"{'saw' if sign > 0 else 'never saw'} it: train more of them"
            )
        mean = np.where(used, shadows, 0.0).sum(axis=0) / count
        free = np.maximum(used.sum() - len(target), 1)
        spread = np.sqrt(np.where(used, (shadows - mean) ** 2, 0.0).sum() / free)
        spread = max(spread, 1e-6)
        scores += sign * (-((target - mean) ** 2) / (2 * spread**2) - np.log(spread))
    return scores


def epsilon_seen(found, members, accused, others, delta, confidence=0.95):
    """The ε that an attack proves: ln((TPR − δ) / FPR), with both rates taken at their worse end.

    found of `members`, accused of `others`: counts of an attack whose threshold was set on other
    clips. An (ε, δ)-private training allows no more. The ends are exact (Clopper and Pearson), the
    lower one of TPR and the upper one of FPR, and both hold together with `confidence`. 0 where
    nothing is proven. Raises ValueError for counts that are not possible.

    Chapter: 8.3
    Source: [clopper1934use]
    """
    from scipy.stats import beta

    if not (0 <= found <= members and 0 <= accused <= others and members and others):
        raise ValueError(f"{found} of {members} and {accused} of {others} are no counts")
    tail = (1 - confidence) / 2
    least = beta.ppf(tail, found, members - found + 1) if found else 0.0
    most = beta.ppf(1 - tail, accused + 1, others - accused) if accused < others else 1.0
    return float(np.log(max((least - delta) / most, 1.0)))


# --- what a guarantee allows ---------------------------------------------------------------------


def roc_bound(fpr, epsilon, delta):
    """The highest true positive rate that (ε, δ)-differential privacy allows: like `fpr`.

    The smaller of e^ε · FPR + δ and 1 − e^−ε (1 − δ − FPR), which say the same of the two data
    sets in turn, and of 1. Raises ValueError for ε below 0 or δ outside [0, 1].

    Chapter: 8.3
    Source: [kairouz2015composition]
    """
    _check_guarantee(epsilon, delta)
    fpr = np.asarray(fpr, dtype=float)
    rising = np.exp(min(epsilon, 700.0)) * fpr + delta
    flat = 1 - np.exp(-epsilon) * (1 - delta - fpr)
    return np.minimum(1.0, np.minimum(rising, flat))


def auc_bound(epsilon, delta=0.0):
    """The largest area under a ROC that (ε, δ)-differential privacy allows: a float.

    With δ = 0 it is e^ε / (1 + e^ε). Raises as `roc_bound`. Chapter: 8.3
    Source: [kairouz2015composition]
    """
    _check_guarantee(epsilon, delta)
    corner = (1 - delta) / (1 + np.exp(min(epsilon, 700.0)))
    left = corner * (delta + 1 - corner) / 2
    right = (1 - delta - corner) * (2 - corner) / 2
    return float(left + right + delta)


def _check_guarantee(epsilon, delta):
    if epsilon < 0 or not 0 <= delta <= 1:
        raise ValueError(f"ε = {epsilon} and δ = {delta}: ε must not be negative, δ lies in [0, 1]")


# --- the accountant ------------------------------------------------------------------------------


def renyi_step(rate, noise, orders=ORDERS):
    """Rényi divergence that one step of DP-SGD may cause, for each order α: (len(orders),), nats.

    Each clip is drawn with probability `rate` on its own, and the sum gets Gaussian noise of
    standard deviation `noise` times the clipping length. For whole orders,
    exp((α − 1) ρ) = Σ_k C(α, k) (1 − q)^(α−k) q^k exp(k (k − 1) / 2σ²), k from 0 to α.

    Raises ValueError for a rate outside [0, 1], noise that is not above 0, or other orders.

    Chapter: 8.3
    Source: [mironov2019renyi]
    """
    from scipy.special import gammaln, logsumexp, xlogy

    if not 0 <= rate <= 1 or not noise > 0:
        raise ValueError(f"rate {rate} and noise {noise}: a rate in [0, 1] and noise above 0")
    if any(a != int(a) or a < 2 for a in orders):
        raise ValueError("orders must be whole numbers of 2 or more")
    found = []
    for order in orders:
        k = np.arange(order + 1)
        ways = gammaln(order + 1) - gammaln(k + 1) - gammaln(order - k + 1)
        chance = xlogy(order - k, 1 - rate) + xlogy(k, rate)
        found.append(logsumexp(ways + chance + k * (k - 1) / (2 * noise**2)) / (order - 1))
    return np.array(found)


def epsilon(rate, noise, steps, delta, orders=ORDERS):
    """The ε of (ε, δ)-differential privacy after `steps` steps of DP-SGD: a float.

    Rényi divergences add up over steps; each order gives an ε, and the smallest is kept. It is for
    neighbouring data sets that differ by one clip, added or removed.

    Raises as `renyi_step`, and ValueError for δ outside (0, 1) or a negative number of steps.

    Chapter: 8.3
    Source: [mironov2017renyi]; [mironov2019renyi]; [canonne2020discrete] for the last step
    """
    if not 0 < delta < 1 or steps < 0:
        raise ValueError(f"δ = {delta} and {steps} steps: δ lies between 0 and 1, steps from 0 up")
    if steps == 0:
        return 0.0
    a = np.asarray(orders, dtype=float)
    spent = steps * renyi_step(rate, noise, orders)
    found = spent + np.log1p(-1 / a) - (np.log(delta) + np.log(a)) / (a - 1)
    return float(max(0.0, found.min()))


def noise_for(target, rate, steps, delta):
    """The least noise, in clipping lengths, with which DP-SGD keeps ε ≤ `target`: a float.

    By bisection, to a thousandth. Raises as `epsilon`, and ValueError for a target that is not
    above 0 or that not even a noise of 1000 keeps.

    Chapter: 8.3
    """
    if not target > 0:
        raise ValueError(f"ε = {target}: a target above 0 is needed")
    low, high = 0.05, 1000.0
    if epsilon(rate, high, steps, delta) > target:
        raise ValueError(f"ε = {target} cannot be kept over {steps} steps at rate {rate}")
    while high - low > 1e-3 * low:
        middle = np.sqrt(low * high)
        low, high = (
            (low, middle) if epsilon(rate, middle, steps, delta) <= target else (middle, high)
        )
    return float(high)


# --- what an update gives away -------------------------------------------------------------------


def labels_from_bias(gradient, size, guess=None):
    """How many clips of each class a batch holds, read from the last layer's bias gradient.

    gradient (classes,): the mean over the batch of softmax − one-hot; size: clips in the batch;
    guess (classes,): the mean softmax that the attacker expects, uniform if None. Whole numbers
    (classes,) that add up to `size`, the closest to size · (guess − gradient).

    Raises ValueError for a gradient whose parts do not add up to zero. Chapter: 8.3
    Source: [zhao2020idlg] for one clip.
    """
    gradient = np.asarray(gradient, dtype=float)
    if gradient.ndim != 1 or abs(gradient.sum()) > 1e-3:
        raise ValueError("the bias gradient of a softmax is one number per class, with sum zero")
    guess = np.full(len(gradient), 1 / len(gradient)) if guess is None else np.asarray(guess)
    wanted = np.maximum(0.0, size * (guess - gradient))
    wanted *= size / max(wanted.sum(), 1e-12)
    counts = np.floor(wanted).astype(int)
    for k in np.argsort(counts - wanted, kind="stable")[: size - counts.sum()]:
        counts[k] += 1
    return counts
