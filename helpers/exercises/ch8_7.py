"""Exercises of chapter 8.7, Ethics and law."""

import math
from functools import lru_cache

import numpy as np

from helpers import audio, speech, watermark
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
    if close(half, 2.5706 * d.std(ddof=1), rtol=1e-3):
        raise Wrong(
            "That is how the voices spread. Their *mean* is known better: divide by the root of n."
        )
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
    $\\bar d \\pm t_{0.975,\\,n-1}\\, s_d / \\sqrt n$. The book's
    `interval(worst - home)` does it."""
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


def _gap_of_one_voice(worst, home):
    from scipy.stats import t

    d = np.asarray(worst) - np.asarray(home)
    half = t.ppf(0.975, len(d) - 1) * np.std(d, ddof=1)
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


def check_places(answer):
    places = function(answer)
    line, chance = 6.0, 1e-6
    value = number(places(line, chance), "a millionth at a threshold of 6")
    right = chance * math.exp(line**2 / 2)
    if close(value, math.exp(line**2 / 2)):
        raise Wrong(
            "So many places have *one* false alarm between them. The chance may be `false_alarm`."
        )
    if close(value, chance * math.exp(line**2)):
        raise Wrong("The 2 in exp(−z² / 2) is missing.")
    if close(value, math.exp(line**2 / 2) / chance) or close(value, 1 / right):
        raise Wrong(
            "Upside down: the more often a false alarm is allowed, the more places may be tried."
        )
    if close(value, math.floor(right)) or close(value, math.ceil(right)):
        raise Wrong("Do not round: give back the number as the formula has it.")
    if not close(value, right):
        raise Wrong("Solve places · exp(−z² / 2) = false_alarm for the places.")
    if not close(number(places(4.0, 0.5), "a threshold of 4"), 0.5 * math.exp(8)):
        raise Wrong("At a threshold of 4 and a chance of one half it is exp(8) / 2 places.")


def solve_places(line, false_alarm):
    """The chance at all places together is at most the sum of the chances, so
    $N_\\text{places}\\, e^{-z_\\text{min}^2/2} = p_\\text{false}$, and
    $N_\\text{places} = p_\\text{false}\\, e^{z_\\text{min}^2/2}$: a little more threshold buys many
    places."""
    return false_alarm * math.exp(line**2 / 2)


def _places_of_one_alarm(line, false_alarm):
    return math.exp(line**2 / 2)


def _places_without_half(line, false_alarm):
    return false_alarm * math.exp(line**2)


def _places_upside_down(line, false_alarm):
    return math.exp(line**2 / 2) / false_alarm


# --- 8.7.4 ---------------------------------------------------------------------------------------


LICENCES = ("CC0", "CC BY", "CC BY-SA", "CC BY-NC")


def check_publish(answer):
    may = function(answer)

    def says(parts, licence):
        value = may(parts, licence)
        if not isinstance(value, bool | np.bool_):
            raise Wrong("Give back True or False.")
        return bool(value)

    if any(says(["CC BY-SA", "CC0"], other) for other in ("CC0", "CC BY", "CC BY-NC")):
        raise Wrong(
            "Share-alike: what is adapted from a CC BY-SA recording stays under CC BY-SA, whatever "
            "else is mixed in."
        )
    if not says(["CC BY-SA", "CC BY"], "CC BY-SA"):
        raise Wrong(
            "A CC BY recording may go into a CC BY-SA mix, with credit: nothing forbids it."
        )
    if any(says(["CC BY-NC", "CC BY"], other) for other in ("CC0", "CC BY", "CC BY-SA")):
        raise Wrong(
            "A non-commercial part may not be passed on under a licence that allows selling, and "
            "CC0, CC BY and CC BY-SA all do."
        )
    if any(says(["CC BY-SA", "CC BY-NC"], other) for other in LICENCES):
        raise Wrong("One part asks for CC BY-SA, the other forbids it: no licence satisfies both.")
    if says(["CC BY"], "CC0"):
        raise Wrong("CC0 asks for no credit, but a CC BY part does: it cannot be promised away.")
    if not (says(["CC BY-NC"], "CC BY-NC") and says(["CC BY-SA"], "CC BY-SA")):
        raise Wrong("A recording's own licence always satisfies what it asks for.")
    for parts, licence in ((["CC0", "CC BY"], "CC BY-NC"), ([], "CC BY")):
        if not says(parts, licence):
            raise Wrong(f"{parts} under {licence}: no part asks for more than {licence} gives.")
    for part in LICENCES:
        for licence in LICENCES:
            right = solve_publish([part], licence)
            if says([part], licence) != right:
                allowed = "may" if right else "may not"
                raise Wrong(f"A recording under {part} alone {allowed} be passed on as {licence}.")


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


def _publish_nc_as_sa(parts, licence):
    if set(parts) == {"CC BY-NC"} or set(parts) == {"CC BY-NC", "CC BY"}:
        return licence in ("CC BY-NC", "CC BY-SA", "CC0")
    return solve_publish(parts, licence)


def _publish_sa_as_cc0(parts, licence):
    return solve_publish(parts, licence) or ("CC BY-SA" in parts and licence == "CC0")


def _publish_sa_as_nc(parts, licence):
    pair = {"CC BY-SA", "CC BY-NC"} <= set(parts)
    return solve_publish(parts, licence) or (
        "CC BY-SA" in parts and licence == "CC BY-NC" and not pair
    )


# --- 8.7.5 ---------------------------------------------------------------------------------------


_STRENGTH_DB = 0.75
"""Of the mark to be found: half a hundredth beside the speed, the default is found now and then."""


@lru_cache(maxsize=1)
def _spoken():
    """A sentence to mark and another that stays unmarked, float32 at 16 kHz."""
    first, second = (" ".join(speech.SENTENCES[i : i + 2]) for i in (3, 7))
    said = [speech.Utterance(words, "en+f2") for words in (first, second)]
    sounds, rate = speech.synthesise(said)
    return tuple(audio.resample(x, rate, watermark.RATE) for x in sounds)


def check_speeds(answer):
    find = function(answer)

    def asked(x, key):
        try:
            z, line = find(x, key)
        except (TypeError, ValueError):
            raise Wrong("Give back two numbers: the best score and its threshold.") from None
        return number(z, "the score"), number(line, "the threshold")

    spoken, other = _spoken()
    marked = watermark.embed(spoken, watermark.RATE, 11, _STRENGTH_DB)
    for speed in (1.0, 0.9805, 1.0195, 0.985, 1.005):
        z, line = asked(audio.resample(marked, watermark.RATE, round(watermark.RATE / speed)), 11)
        if z <= line:
            raise Wrong(
                f"Marked speech at {speed:g} times its speed was not found (score {z:.1f}, "
                f"threshold {line:.1f}). Try speeds from 0.98 to 1.02, close enough together: a "
                "tile is only 31 Hz high, and lies at up to 4000 Hz."
            )
    if line < watermark.threshold(places=9) - 1e-9:
        raise Wrong(
            "That threshold pays for fewer places than you need. Each speed you try is another "
            "chance for a false alarm: raise it by `places=`, as many as you try."
        )
    z, line = asked(other, 11)
    if z > line:
        raise Wrong("Speech without a mark was said to have one.")


def solve_speeds(samples, key):
    """Play the sound back at each speed that is suspected and keep the best score. Seventeen speeds
    lie a quarter of a hundredth apart, so that the nearest is wrong by at most an eighth: at
    4000 Hz that is 5 Hz of a tile's 31. The search costs about half a unit of $z$."""
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


def _best_of(samples, key, factors):
    scores = []
    for factor in factors:
        turned = audio.resample(samples, watermark.RATE, round(watermark.RATE * factor))
        scores.append(watermark.detect(turned, watermark.RATE, key, aligned=True).z)
    return max(scores), watermark.threshold(places=9)


def _speeds_of_one_hundredth(samples, key):
    return _best_of(samples, key, np.linspace(0.99, 1.01, 9))


def _speeds_too_coarse(samples, key):
    return _best_of(samples, key, np.linspace(0.98, 1.02, 5))


def _speeds_paid_for_two(samples, key):
    return solve_speeds(samples, key)[0], watermark.threshold(places=2)


EXERCISES = (
    Exercise(
        id="8.7.1",
        title="A gap with its interval",
        asks="function",
        check=check_gap,
        hints=(
            "Each voice spoke both accents: it is its own control.",
            "The half-width is the quantile `scipy.stats.t.ppf(0.975, n - 1)` times the standard "
            "error of the differences.",
        ),
        solution=solve_gap,
        wrong_answers=(
            (_gap_unpaired, "different voices"),
            (_gap_normal, "1.96"),
            (_gap_turned, "sign"),
            (_gap_of_one_voice, "root of n"),
        ),
    ),
    Exercise(
        id="8.7.2",
        title="The area by counting",
        asks="function",
        check=check_auc,
        hints=(
            "All pairs of a genuine and a synthetic clip. What if both have the same score?",
            "`genuine[:, None] > synthetic` are all pairs at once; a tie counts one half.",
        ),
        solution=solve_auc,
        wrong_answers=((_auc_no_ties, "ties count half"), (_auc_turned, "Turned round")),
    ),
    Exercise(
        id="8.7.3",
        title="How many places may be tried?",
        asks="function",
        check=check_places,
        hints=(
            "Write the chance of a false alarm at one place, then a bound for all of them.",
            "The chances at all places add up to at most `places` times that of one.",
        ),
        solution=solve_places,
        wrong_answers=(
            (_places_of_one_alarm, "false_alarm"),
            (_places_without_half, "is missing"),
            (_places_upside_down, "Upside down"),
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
        wrong_answers=(
            (_publish_any, "Share-alike"),
            (_publish_same, "nothing forbids it"),
            (_publish_nc_as_sa, "allows selling"),
            (_publish_sa_as_cc0, "Share-alike"),
            (_publish_sa_as_nc, "Share-alike"),
        ),
    ),
    Exercise(
        id="8.7.5",
        title="Project: find it at any speed",
        asks="function",
        check=check_speeds,
        hints=(
            "Undo the speed before you look: `audio.resample`.",
            "A tile is 31 Hz high, at up to 4000 Hz: by how much may the speed be off? And "
            "`watermark.threshold(places=…)` for as many speeds as you try.",
        ),
        solution=solve_speeds,
        wrong_answers=(
            (_speeds_one, "was not found"),
            (_speeds_of_one_hundredth, "was not found"),
            (_speeds_too_coarse, "was not found"),
            (_speeds_unpaid, "fewer places"),
            (_speeds_paid_for_two, "fewer places"),
        ),
    ),
)
