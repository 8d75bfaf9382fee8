"""Exercises of chapter 8.7, Ethics and law."""

import math

import numpy as np

from helpers import audio, watermark
from helpers.exercises import Exercise, Wrong, close, function, number

# --- 8.7.1 ---------------------------------------------------------------------------------------

WORST = np.array([40.0, 60.0, 35.0, 50.0, 55.0, 30.0])
HOME = np.array([20.0, 45.0, 10.0, 35.0, 30.0, 15.0])


def _three(answer, what):
    try:
        mean, low, high = answer
    except (TypeError, ValueError):
        raise Wrong(f"Give back three numbers for {what}: the mean gap, low and high.") from None
    return tuple(
        number(v, name) for v, name in zip((mean, low, high), ("mean", "low", "high"), strict=True)
    )


def check_gap(answer):
    gap = function(answer)
    mean, low, high = _three(gap(WORST, HOME), "six voices")
    d = WORST - HOME
    if close(mean, -d.mean()):
        raise Wrong(
            "The sign: the gap is the error on the worst accent minus that on the home one."
        )
    if not close(mean, d.mean()):
        raise Wrong("The mean gap is the mean of each voice's difference.")
    half = (high - low) / 2
    spread = d.std(ddof=1) / math.sqrt(len(d))
    apart = math.sqrt((WORST.var(ddof=1) + HOME.var(ddof=1)) / len(d))
    if half > 1.8 * 2.5706 * spread or close(half, 1.96 * apart, rtol=1e-3):
        raise Wrong(
            "That interval treats the two accents as if different voices had spoken them. Take "
            "each voice's difference first: what makes a voice hard in both then cancels."
        )
    if close(half, 1.96 * spread, rtol=1e-2):
        raise Wrong("1.96 is for many voices. With six, Student's quantile for 5 degrees is 2.57.")
    if close(half, 2.5706 * d.std() / math.sqrt(len(d)), rtol=1e-3):
        raise Wrong("Divide the sum of squares by n − 1 (`ddof=1`): the mean was estimated too.")
    if not (close(low, d.mean() - 2.5706 * spread, rtol=1e-3) and high > mean):
        raise Wrong(
            "The half-width is the quantile of t times the standard error of the differences."
        )
    mean, low, high = _three(gap(WORST[:3], HOME[:3]), "three voices")
    if not close(high - low, 2 * 4.3027 * np.std(WORST[:3] - HOME[:3], ddof=1) / 3**0.5, rtol=1e-3):
        raise Wrong("With three voices Student's quantile is another: it depends on n − 1.")


def solve_gap(worst, home):
    """One difference for each voice, then Student's interval over the voices:
    $\\bar d \\pm t_{0.975,\\,n-1}\\, s_d / \\sqrt n$."""
    from scipy.stats import t

    d = np.asarray(worst) - np.asarray(home)
    half = t.ppf(0.975, len(d) - 1) * np.std(d, ddof=1) / np.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half


def _gap_unpaired(worst, home):
    from scipy.stats import t

    n, d = len(worst), np.mean(worst) - np.mean(home)
    half = 2 * t.ppf(0.975, n - 1) * np.sqrt((np.var(worst, ddof=1) + np.var(home, ddof=1)) / n)
    return d, d - half, d + half


def _gap_normal(worst, home):
    d = np.asarray(worst) - np.asarray(home)
    half = 1.96 * np.std(d, ddof=1) / np.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half


def _gap_turned(worst, home):
    return solve_gap(home, worst)


# --- 8.7.2 ---------------------------------------------------------------------------------------


def check_auc(answer):
    area = function(answer)
    value = number(area(np.array([1.0, 3.0]), np.array([0.0, 2.0])), "the area")
    if close(value, 0.25):
        raise Wrong("Turned round: count the pairs in which the *genuine* clip scores higher.")
    if close(value, 3.0):
        raise Wrong("That is the number of pairs. Divide by how many pairs there are.")
    if not close(value, 0.75):
        raise Wrong("Of the four pairs of [1, 3] and [0, 2], in how many is the first higher?")
    tied = number(area(np.ones(3), np.ones(4)), "equal scores")
    if close(tied, 0.0) or close(tied, 1.0):
        raise Wrong(
            "A detector that gives every clip the same score knows nothing: ties count half."
        )
    if not close(tied, 0.5):
        raise Wrong("Where all scores are equal, every pair is a tie, and counts one half.")


def solve_auc(genuine, synthetic):
    """Compare each genuine clip with each synthetic one. Broadcasting makes all pairs at once."""
    a, b = genuine[:, None], synthetic[None, :]
    return np.mean((a > b) + 0.5 * (a == b))


def _auc_no_ties(genuine, synthetic):
    return np.mean(genuine[:, None] > synthetic[None, :])


def _auc_turned(genuine, synthetic):
    return 1.0 - solve_auc(genuine, synthetic)


# --- 8.7.3 ---------------------------------------------------------------------------------------


def check_threshold(answer):
    threshold = function(answer)
    value = number(threshold(1e-6, 256), "a millionth over 256 places")
    right = math.sqrt(2 * math.log(256 / 1e-6))
    if close(value, math.sqrt(2 * math.log(1e6))):
        raise Wrong(
            "That is for one place. A detector that tries 256 places has 256 chances to be wrong."
        )
    if close(value, right**2):
        raise Wrong("That is z². Take the root.")
    if close(value, math.sqrt(math.log(256 / 1e-6))):
        raise Wrong("The 2 in exp(−z² / 2) is missing.")
    if not close(value, right):
        raise Wrong("Solve places · exp(−z² / 2) = false_alarm for z.")
    if not close(number(threshold(math.exp(-8), 1), "one place"), 4.0):
        raise Wrong("For one place and a chance of exp(−8), z must be 4.")


def solve_threshold(false_alarm, places):
    """The chance at all places together is at most the sum of the chances, so
    $N e^{-z^2/2} = p$ for $N$ places and a chance $p$, and $z = \\sqrt{2 \\ln (N / p)}$."""
    return math.sqrt(2 * math.log(places / false_alarm))


def _threshold_one_place(false_alarm, places):
    return math.sqrt(2 * math.log(1 / false_alarm))


def _threshold_squared(false_alarm, places):
    return 2 * math.log(places / false_alarm)


# --- 8.7.4 ---------------------------------------------------------------------------------------


def check_publish(answer):
    may = function(answer)

    def says(parts, licence):
        value = may(parts, licence)
        if not isinstance(value, bool | np.bool_):
            raise Wrong("Give back True or False.")
        return bool(value)

    if says(["CC BY-SA", "CC0"], "CC BY"):
        raise Wrong(
            "Share-alike: what is adapted from a CC BY-SA recording stays under CC BY-SA, whatever "
            "else is mixed in."
        )
    if not says(["CC BY-SA", "CC BY"], "CC BY-SA"):
        raise Wrong(
            "A CC BY recording may go into a CC BY-SA mix, with credit: nothing forbids it."
        )
    if says(["CC BY-NC", "CC BY"], "CC BY"):
        raise Wrong(
            "A non-commercial part may not be passed on under a licence that allows selling."
        )
    if says(["CC BY-SA", "CC BY-NC"], "CC BY-SA") or says(["CC BY-SA", "CC BY-NC"], "CC BY-NC"):
        raise Wrong("One part asks for CC BY-SA, the other forbids it: no licence satisfies both.")
    if says(["CC BY"], "CC0"):
        raise Wrong("CC0 asks for no credit, but a CC BY part does: it cannot be promised away.")
    for parts, licence in ((["CC0"], "CC0"), (["CC0", "CC BY"], "CC BY-NC"), ([], "CC BY")):
        if not says(parts, licence):
            raise Wrong(f"{parts} under {licence}: no part asks for more than {licence} gives.")


def solve_publish(parts, licence):
    """Each part says which licences keep what it asks for. The mix may be published under those
    that *all* parts allow, an intersection that can be empty."""
    allowed = {
        "CC0": {"CC0", "CC BY", "CC BY-SA", "CC BY-NC"},
        "CC BY": {"CC BY", "CC BY-SA", "CC BY-NC"},
        "CC BY-SA": {"CC BY-SA"},
        "CC BY-NC": {"CC BY-NC"},
    }
    return all(licence in allowed[part] for part in parts)


def _publish_any(parts, licence):
    return True


def _publish_same(parts, licence):
    return all(part == licence for part in parts)


# --- 8.7.5 ---------------------------------------------------------------------------------------


def _sound(seed, seconds=6.0):
    rng = np.random.default_rng(seed)
    slow = np.repeat(rng.uniform(0.2, 1.0, round(seconds * 10)), watermark.RATE // 10)
    noise = np.convolve(rng.standard_normal(len(slow)), np.ones(4) / 4, mode="same")
    return (0.1 * slow * noise).astype(np.float32)


def check_speeds(answer):
    find = function(answer)

    def asked(x, key):
        try:
            z, line = find(x, key)
        except (TypeError, ValueError):
            raise Wrong("Give back two numbers: the best score and its threshold.") from None
        return number(z, "the score"), number(line, "the threshold")

    marked = watermark.embed(_sound(0), watermark.RATE, 11)
    for rate in (16000, 16160, 15880):
        z, line = asked(audio.resample(marked, watermark.RATE, rate), 11)
        if z <= line:
            raise Wrong(
                f"A marked sound at {16000 / rate:.4f} times its speed was not found (score "
                f"{z:.1f}, threshold {line:.1f}). Try speeds between 0.98 and 1.02, no coarser "
                "than 0.0025 apart: a tile is only 31 Hz high."
            )
    if line <= watermark.threshold() + 1e-9:
        raise Wrong(
            "The threshold is that of a single place. Each speed you try is another chance for a "
            "false alarm: raise it by `places=`."
        )
    z, line = asked(_sound(1), 11)
    if z > line:
        raise Wrong("A sound without a mark was said to have one.")


def solve_speeds(samples, key):
    """Play the sound back at each speed that is suspected and keep the best score. The threshold
    pays for the search: seventeen speeds cost about half a unit of $z$."""
    scores = []
    for factor in np.linspace(0.98, 1.02, 17):
        turned = audio.resample(samples, watermark.RATE, round(watermark.RATE * factor))
        scores.append(watermark.detect(turned, watermark.RATE, key, aligned=True).z)
    return max(scores), watermark.threshold(places=len(scores))


def _speeds_one(samples, key):
    found = watermark.detect(samples, watermark.RATE, key, aligned=True)
    return found.z, found.threshold


def _speeds_unpaid(samples, key):
    return solve_speeds(samples, key)[0], watermark.threshold()


EXERCISES = (
    Exercise(
        id="8.7.1",
        title="A gap with its interval",
        asks="function",
        check=check_gap,
        hints=("Each voice spoke both accents: it is its own control.", "`scipy.stats.t.ppf`."),
        solution=solve_gap,
        wrong_answers=(
            (_gap_unpaired, "different voices"),
            (_gap_normal, "1.96"),
            (_gap_turned, "sign"),
        ),
    ),
    Exercise(
        id="8.7.2",
        title="The area by counting",
        asks="function",
        check=check_auc,
        hints=("All pairs of a genuine and a synthetic clip.", "`genuine[:, None] > synthetic`."),
        solution=solve_auc,
        wrong_answers=((_auc_no_ties, "ties count half"), (_auc_turned, "Turned round")),
    ),
    Exercise(
        id="8.7.3",
        title="A threshold that pays for its search",
        asks="function",
        check=check_threshold,
        hints=("Write the chance for one place, then for all.", "Take the logarithm."),
        solution=solve_threshold,
        wrong_answers=(
            (_threshold_one_place, "for one place"),
            (_threshold_squared, "Take the root"),
        ),
    ),
    Exercise(
        id="8.7.4",
        title="May this mix be published?",
        asks="function",
        check=check_publish,
        hints=(
            "List for each licence under which licences its adaptation may appear.",
            "Every part must agree: `all(…)`.",
        ),
        solution=solve_publish,
        wrong_answers=((_publish_any, "Share-alike"), (_publish_same, "nothing forbids it")),
    ),
    Exercise(
        id="8.7.5",
        title="Project: find it at any speed",
        asks="function",
        check=check_speeds,
        hints=(
            "Undo the speed before you look: `audio.resample`.",
            "`watermark.threshold(places=…)` for as many speeds as you try.",
        ),
        solution=solve_speeds,
        wrong_answers=((_speeds_one, "was not found"), (_speeds_unpaid, "another chance")),
    ),
)
