"""Exercises of chapter 8.3, Privacy."""

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 8.3.1 ---------------------------------------------------------------------------------------


def check_area(answer):
    area = function(answer)
    scores = np.array([3.0, 2.0, 2.0, 1.0])
    members = np.array([True, True, False, False])
    value = number(area(scores, members), "the area of a small case")
    if close(value, 3.5):
        raise Wrong("You counted the pairs. Which share of all pairs is that?")
    if close(value, 0.125):
        raise Wrong(
            "That is the chance that the *non-member* scores higher. Turn the comparison around."
        )
    if close(value, 0.75):
        raise Wrong("There is a tie in this case: a member and a non-member with score 2. It is ½.")
    if close(value, 1.0):
        raise Wrong("A tie is no victory: it counts half, not whole.")
    if not close(value, 0.875):
        raise Wrong(
            "Compare every member with every non-member: here four pairs, one of them even."
        )
    rng = np.random.default_rng(4)
    scores, members = rng.integers(0, 20, 90).astype(float), rng.random(90) < 0.3
    expected = solve_area(scores, members)
    if not close(number(area(scores, members), "the area of 90 clips"), expected):
        raise Wrong("With unequal numbers of members and others it is off. Divide by all *pairs*.")


def solve_area(scores, members):
    """All pairs at once by broadcasting, (members, 1) against (others,): the share that is in
    order, plus half of those that are even."""
    gaps = scores[members][:, None] - scores[~members]
    return np.mean((gaps > 0) + 0.5 * (gaps == 0))


def _area_pairs(scores, members):
    gaps = scores[members][:, None] - scores[~members]
    return np.sum((gaps > 0) + 0.5 * (gaps == 0))


def _area_turned(scores, members):
    return solve_area(-scores, members)


def _area_without_ties(scores, members):
    return np.mean(scores[members][:, None] > scores[~members])


def _area_ties_whole(scores, members):
    return np.mean(scores[members][:, None] >= scores[~members])


# --- 8.3.2 ---------------------------------------------------------------------------------------


def check_audit(answer):
    audit = function(answer)
    value = number(audit(0.2, 0.01, 0.0), "TPR 0.2 at FPR 0.01, δ = 0")
    if close(value, 20.0):
        raise Wrong("That is $e^\\varepsilon$. Take the logarithm.")
    if close(value, np.log10(20.0)):
        raise Wrong("The definition has $e^\\varepsilon$, so the logarithm is the natural one.")
    if not close(value, np.log(20.0)):
        raise Wrong("Solve $\\mathrm{TPR} \\le e^\\varepsilon \\mathrm{FPR} + \\delta$ for ε.")
    value = number(audit(0.3, 0.1, 0.1), "TPR 0.3 at FPR 0.1, δ = 0.1")
    if close(value, np.log(3.0)):
        raise Wrong("Take δ off the true positive rate first: so much is allowed for nothing.")
    value = number(audit(0.99, 0.5, 0.0), "TPR 0.99 at FPR 0.5, δ = 0")
    if close(value, np.log(0.99 / 0.5)):
        raise Wrong(
            "Here the *second* inequality proves more: almost no member was missed, and yet half "
            "of the others were cleared. Take the larger of the two."
        )
    if not close(value, np.log(50.0)):
        raise Wrong("Solve both inequalities for ε and take the larger answer.")
    if number(audit(0.1, 0.3, 0.0), "an attack that is worse than chance") < 0:
        raise Wrong("ε is never below 0. An attack that shows nothing proves 0.")
    for case in ((0.3, 0.1, 0.1), (0.6, 0.2, 0.05), (0.1, 0.3, 0.0)):
        if not close(number(audit(*case), f"TPR, FPR, δ = {case}"), solve_audit(*case)):
            raise Wrong(f"Try TPR, FPR, δ = {case} by hand, both inequalities.")


def solve_audit(tpr, fpr, delta):
    """Each inequality gives a lower bound on ε, and both hold, so the larger one counts. Where a
    numerator is not positive, nothing is proven."""
    found = tpr - delta, 1 - fpr - delta
    spent = max(found[0] / fpr, found[1] / (1 - tpr), 1.0)
    return np.log(spent)


def _audit_first_only(tpr, fpr, delta):
    return max(0.0, np.log(max(tpr - delta, 1e-12) / fpr))


def _audit_without_delta(tpr, fpr, delta):
    return max(0.0, np.log(tpr / fpr))


# --- 8.3.3 ---------------------------------------------------------------------------------------


def check_clip(answer):
    clipped = function(answer)
    gradients = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    kept = gradients.copy()
    result = np.asarray(clipped(gradients, 1.0))
    if not np.array_equal(gradients, kept):
        raise Wrong("The gradients that were passed in have changed. Work on a copy.")
    result = array(result, (2,), "the sum")
    if not np.all(np.isfinite(result)):
        raise Wrong("A gradient of length 0 has become NaN. Do not divide by its length.")
    if close(result, np.array([0.6, 0.8])):
        raise Wrong(
            "You shortened the *sum*. One loud clip would then drown the others: clip each."
        )
    if close(result, np.array([1.2, 1.6])):
        raise Wrong("You brought every gradient *to* length 1. Short ones stay as they are.")
    if close(result, np.array([1.3, 1.4])):
        raise Wrong("You clipped each number. The *length* of a gradient is what is bounded.")
    if not close(result, np.array([0.9, 1.2])):
        raise Wrong("Here the lengths are 5, 0.5 and 0: only the first is shortened, to 1.")
    rng = np.random.default_rng(2)
    gradients = rng.normal(size=(20, 7))
    if not close(np.asarray(clipped(gradients, 2.5)), solve_clip(gradients, 2.5)):
        raise Wrong("For another length and more clips it is off. Does `clip` appear twice?")


def solve_clip(gradients, clip):
    """A factor for each clip, $\\min(1, C / \\lVert g \\rVert)$, then a sum. Written as
    $C / \\max(C, \\lVert g \\rVert)$ it needs no exception for a gradient of length 0."""
    lengths = np.linalg.norm(gradients, axis=1)
    factors = clip / np.maximum(clip, lengths)
    return factors @ gradients


def _clip_the_sum(gradients, clip):
    total = gradients.sum(axis=0)
    return total * min(1.0, clip / np.linalg.norm(total))


def _clip_to_length(gradients, clip):
    lengths = np.maximum(np.linalg.norm(gradients, axis=1, keepdims=True), 1e-12)
    return np.sum(gradients / lengths * clip, axis=0)


def _clip_numbers(gradients, clip):
    return np.clip(gradients, -clip, clip).sum(axis=0)


# --- 8.3.4 ---------------------------------------------------------------------------------------


def check_account(answer):
    account = function(answer)
    value = number(account(20.0, 100, 1e-5), "σ = 20, 100 steps, δ = 1e-5")
    rho, log = 100 / (2 * 20.0**2), np.log(1e5)
    if close(value, 100 * (1 / (2 * 20.0**2) + 2 * np.sqrt(log / (2 * 20.0**2)))):
        raise Wrong(
            "You worked out ε for one step and multiplied. Add up ρ first, then turn it into ε: "
            "that is what Rényi divergences are for."
        )
    if close(value, 2 * np.sqrt(rho * log)):
        raise Wrong("The best α − 1 is right, but ε has ρ(α) with α, not with α − 1. Add the rest.")
    if value < rho + 2 * np.sqrt(rho * log) - 1e-6:
        raise Wrong("No order gives so small an ε. Put your best α into the rule and compare.")
    if not close(value, rho + 2 * np.sqrt(rho * log)):
        raise Wrong(
            "That is valid, or nearly, but not the best. Set the derivative with respect to α to 0."
        )
    for case in ((5.0, 30, 1e-4), (1.0, 1, 1e-3)):
        if not close(number(account(*case), f"σ, T, δ = {case}"), solve_account(*case)):
            raise Wrong(f"For σ, T, δ = {case} it is off. Where do they enter?")


def solve_account(noise, steps, delta):
    """With $a = T / 2\\sigma^2$ and $\\alpha = 1 + x$ the rule is
    $a + a x + \\ln(1/\\delta) / x$. Its derivative is zero at
    $x = \\sqrt{\\ln(1/\\delta) / a}$, and there it is
    $a + 2 \\sqrt{a \\ln(1/\\delta)}$: for small ε it grows with the root of the steps."""
    spent = steps / (2 * noise**2)
    return spent + 2 * np.sqrt(spent * np.log(1 / delta))


def _account_step_by_step(noise, steps, delta):
    return steps * solve_account(noise, 1, delta)


def _account_root_only(noise, steps, delta):
    return 2 * np.sqrt(steps / (2 * noise**2) * np.log(1 / delta))


def _account_at_two(noise, steps, delta):
    return 2 * steps / (2 * noise**2) + np.log(1 / delta)


# --- 8.3.5 ---------------------------------------------------------------------------------------


def check_mean(answer):
    mean = function(answer)
    weights = [np.array([[0.0, 4.0]]), np.array([[8.0, 0.0]])]
    result = np.asarray(mean(weights, [300, 100]))
    if result.shape == (2,) or result.shape == ():
        raise Wrong("The result has lost its shape: average over *clients*, axis 0, and no more.")
    result = array(result, (1, 2), "the mean of two clients")
    if close(result, np.array([[4.0, 2.0]])):
        raise Wrong("That is the plain mean. The first client has three times as many clips.")
    if close(result, np.array([[6.0, 1.0]])):
        raise Wrong("The shares are with the wrong clients.")
    if close(result, np.array([[800.0, 1200.0]])):
        raise Wrong("Divide by the number of all clips: the shares must add up to 1.")
    if not close(result, np.array([[2.0, 3.0]])):
        raise Wrong("The shares here are ¾ and ¼.")
    rng = np.random.default_rng(0)
    weights, sizes = [rng.normal(size=(3, 2)) for _ in range(4)], [5, 1, 7, 2]
    if not close(np.asarray(mean(weights, sizes)), solve_mean(weights, sizes)):
        raise Wrong("With four clients it is off. Is anything fixed to two?")


def solve_mean(weights, sizes):
    """$\\sum_k \\frac{n_k}{n} w_k$: `np.average` does it along the axis of the clients."""
    return np.average(np.stack(weights), axis=0, weights=sizes)


def _mean_plain(weights, sizes):
    return np.mean(np.stack(weights), axis=0)


def _mean_undivided(weights, sizes):
    return sum(n * w for n, w in zip(sizes, weights, strict=True))


def _mean_of_all(weights, sizes):
    return np.average([w.mean() for w in weights], weights=sizes)


# --- 8.3.6 ---------------------------------------------------------------------------------------


def check_project(answer, *, target, reference, members):
    from helpers import metrics, privacy

    scores = array(np.asarray(answer), (len(target),), "one score for each clip")
    if not np.all(np.isfinite(scores)):
        raise Wrong("Some scores are not finite. A loss of 0 has no logarithm.")
    if np.array_equal(scores.astype(bool), members) and len(set(scores.tolist())) == 2:
        raise Wrong("These are the answers themselves: an attacker does not have `members`.")
    mine, plain = metrics.auc(scores, members), metrics.auc(-target, members)
    if mine < 0.5:
        raise Wrong(
            f"An area of {mine:.3f} is below one half: the sign is wrong. A *low* loss of network "
            "1 speaks for a member."
        )
    if mine <= plain + 1e-9:
        raise Wrong(
            f"An area of {mine:.3f} does not beat the plain loss ({plain:.3f}). How hard is each "
            "clip for a network that did not see it? The reference knows."
        )
    found = privacy.rate_at(scores, members), privacy.rate_at(-target, members)
    return (
        f"An area of {mine:.3f} against {plain:.3f}; at one false alarm in 100 you find "
        f"{100 * found[0]:.1f} % of the members, the plain loss {100 * found[1]:.1f} %."
    )


def solve_project(target, reference, members):
    """Compare log-odds, which are nearly Gaussian, instead of losses, which are not: a clip on
    which network 1 is far surer than the reference was probably seen. `members` is only for
    judging."""
    from helpers import privacy

    return privacy.log_odds(target) - privacy.log_odds(reference)


def given_project():
    rng = np.random.default_rng(6)
    members = rng.random(400) < 0.5
    hard = rng.normal(2, 2, 400)
    odds = hard + 2 * members + rng.normal(0, 1, 400), hard + 2 * ~members + rng.normal(0, 1, 400)
    target, reference = (np.log1p(np.exp(-o)) for o in odds)
    return {"target": target, "reference": reference, "members": members}


EXERCISES = (
    Exercise(
        id="8.3.1",
        title="The area without a curve",
        asks="function",
        check=check_area,
        hints=(
            "`scores[members][:, None] - scores[~members]` compares all pairs at once.",
            "Take the mean of 1 where the gap is above 0, ½ where it is 0, and 0 elsewhere.",
        ),
        solution=solve_area,
        wrong_answers=(
            (_area_pairs, "share"),
            (_area_turned, "Turn the comparison"),
            (_area_without_ties, "tie"),
            (_area_ties_whole, "counts half"),
        ),
    ),
    Exercise(
        id="8.3.2",
        title="What does the audit prove?",
        asks="function",
        check=check_audit,
        hints=(
            "From the first inequality, $\\varepsilon \\ge \\ln((\\mathrm{TPR} - \\delta) / "
            "\\mathrm{FPR})$. What does the second one say?",
            "The second gives $\\ln((1 - \\mathrm{FPR} - \\delta) / (1 - \\mathrm{TPR}))$. Take "
            "the larger, and 0 if both are below.",
        ),
        solution=solve_audit,
        wrong_answers=(
            (lambda tpr, fpr, delta: tpr / fpr, "logarithm"),
            (_audit_first_only, "*second* inequality"),
            (_audit_without_delta, "Take δ off"),
        ),
    ),
    Exercise(
        id="8.3.3",
        title="Clip and add",
        asks="function",
        check=check_clip,
        hints=(
            "`np.linalg.norm(gradients, axis=1)` gives a length for each clip.",
            "Multiply each row by `min(1, clip / length)`, without dividing by 0, then add rows.",
        ),
        solution=solve_clip,
        wrong_answers=(
            (_clip_the_sum, "clip each"),
            (_clip_to_length, "Short ones"),
            (_clip_numbers, "*length*"),
        ),
    ),
    Exercise(
        id="8.3.4",
        title="An account on paper",
        asks="function",
        check=check_account,
        hints=(
            "Write $\\alpha = 1 + x$ and $a = T / 2\\sigma^2$. What is ε as a function of $x$?",
            "$a + a x + \\ln(1/\\delta) / x$ is smallest where $a = \\ln(1/\\delta) / x^2$.",
        ),
        solution=solve_account,
        wrong_answers=(
            (_account_step_by_step, "Add up ρ first"),
            (_account_root_only, "Add the rest"),
            (_account_at_two, "not the best"),
        ),
    ),
    Exercise(
        id="8.3.5",
        title="The server's mean",
        asks="function",
        check=check_mean,
        hints=(
            "The share of a client is its clips divided by the clips of all.",
            "`np.average(…, axis=0, weights=sizes)` of the stacked weights.",
        ),
        solution=solve_mean,
        wrong_answers=(
            (_mean_plain, "plain mean"),
            (_mean_undivided, "add up to 1"),
            (_mean_of_all, "lost its shape"),
        ),
    ),
    Exercise(
        id="8.3.6",
        title="Project: a better attack",
        check=check_project,
        given=given_project,
        hints=(
            "A clip with a low loss may be a member, or easy. What tells the two apart?",
            "Subtract what the reference says. Losses crowd at 0; `privacy.log_odds` spreads them.",
            "With a reference trained on built-in voices: `private.augmenting_drawer` and "
            "`load_practice_voices` of chapter 5.2.",
        ),
        solution=solve_project,
        wrong_answers=(
            (lambda target, **_: -target, "does not beat"),
            (lambda target, **_: target, "sign"),
            (lambda members, **_: members.astype(float), "answers themselves"),
        ),
    ),
)
