"""Exercises of chapter 8.5, Generalisation."""

from dataclasses import is_dataclass

import numpy as np

from helpers.exercises import Exercise, Wrong, close, function, number

# --- 8.5.1 ---------------------------------------------------------------------------------------


def check_together(answer):
    points = number(answer, "the points that no single loss explains")
    if close(points, 24.0):
        raise Wrong(
            "That is the whole loss of the stranger in the room. Take off what the two cost."
        )
    if close(points, 18.0):
        raise Wrong(
            "That is what the two cost one by one. Compare it with what they cost together."
        )
    if close(points, -6.0):
        raise Wrong("Together minus one by one: they cost more together, so it is above zero.")
    if close(points, 16.0) or close(points, 14.0):
        raise Wrong("Only one of the two single losses is taken off.")
    if close(points, 8.0) or close(points, 10.0):
        raise Wrong("That is one of the two single losses. What do both cost together?")
    if not close(points, 6.0):
        raise Wrong("All losses are counted from 98: what do both cost, and what does each cost?")


def solve_together():
    """One by one they cost $(98 - 88) + (98 - 90) = 18$ points, together $98 - 74 = 24$: six points
    come from their meeting. Whoever measures shifts one at a time does not see them."""
    return (98 - 74) - ((98 - 88) + (98 - 90))


# --- 8.5.2 ---------------------------------------------------------------------------------------


def check_own(answer):
    advantage = function(answer)
    gains = np.array([[6.0, 1.0, 2.0], [0.0, 3.0, 3.0], [5.0, 1.0, 0.0]])
    own, before = np.array([0, 1, 2]), gains.copy()
    value = number(advantage(gains, own), "the advantage")
    if not np.array_equal(gains, before):
        raise Wrong("The table itself has changed: work on a copy.")
    diagonal = np.diag(gains)
    if close(value, diagonal.mean()):
        raise Wrong("That is the gain in the own condition. What is gained elsewhere comes off.")
    if close(value, (diagonal - gains.mean(axis=1)).mean()):
        raise Wrong("The mean over *other* conditions leaves the own one out.")
    if not close(value, _own(gains, own)):
        raise Wrong("For each row: its own column minus the mean of the others; then the mean.")
    both = np.array([[4.0, 0.0, 1.0], [2.0, 1.0, 5.0]])
    again = number(advantage(both, np.array([0, 0])), "the advantage of another table")
    if not close(again, _own(both, np.array([0, 0]))):
        raise Wrong(
            "`own` says which column belongs to each row: two rows may share one, and the table "
            "need not be square."
        )


def _own(gains, own):
    rows = np.arange(len(own))
    mine = gains[rows, own]
    others = (gains.sum(axis=1) - mine) / (gains.shape[1] - 1)
    return float((mine - others).mean())


def solve_own(gains, own):
    """Row by row: the own gain, and the sum of the row without it divided by one column less. Where
    a column helps every row, this is above zero without any row belonging to it: the chapter takes
    off what the other rows gain there, too."""
    mine = gains[np.arange(len(own)), own]
    others = (gains.sum(axis=1) - mine) / (gains.shape[1] - 1)
    return (mine - others).mean()


def _own_only(gains, own):
    return gains[np.arange(len(own)), own].mean()


def _own_and_all(gains, own):
    return (gains[np.arange(len(own)), own] - gains.mean(axis=1)).mean()


def _own_diagonal(gains, own):
    return _own(gains, np.arange(len(gains)))


# --- 8.5.3 ---------------------------------------------------------------------------------------


def check_boldness(answer):
    bold = function(answer)
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (50, 10))
    labels = rng.integers(0, 10, 50)
    labels[:20] = logits[:20].argmax(axis=1)
    for temperature in (2.5, 0.6):
        value = number(bold(logits.copy(), labels.copy(), temperature), "the over-confidence")
        right = _boldness(logits, labels, temperature)
        if close(value, -right):
            raise Wrong("Confidence minus accuracy: positive where the network is too bold.")
        if close(value, _boldness(logits, labels, 1.0)):
            raise Wrong("The temperature is not used: divide the logits by it first.")
        if close(value, _boldness(logits, labels, 1 / temperature)):
            raise Wrong("Divide by the temperature: above 1 it makes a network more modest.")
        if close(value, _in_label(logits, labels, temperature)):
            raise Wrong("The confidence is the probability of the answer, not of the true digit.")
        if close(value, 100 * right):
            raise Wrong("As a fraction, not in points.")
        if not close(value, right):
            raise Wrong("Softmax of logits / temperature; mean of the largest, minus accuracy.")
    with np.errstate(all="ignore"):
        value = bold(1000 * logits, labels.copy(), 1.0)
    if not close(number(np.nan_to_num(value, nan=9.0)), _boldness(1000 * logits, labels, 1.0)):
        raise Wrong(
            "Logits in the thousands overflow in `exp`: take the largest off each row first, which "
            "changes no softmax."
        )


def _probabilities(logits, temperature):
    z = logits / temperature
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _boldness(logits, labels, temperature):
    p = _probabilities(logits, temperature)
    return float(p.max(axis=1).mean() - (p.argmax(axis=1) == labels).mean())


def _in_label(logits, labels, temperature):
    p = _probabilities(logits, temperature)
    return float(p[np.arange(len(p)), labels].mean() - (p.argmax(axis=1) == labels).mean())


def _overflowing(logits, labels, temperature):
    e = np.exp(logits / temperature)
    p = e / e.sum(axis=1, keepdims=True)
    return p.max(axis=1).mean() - (p.argmax(axis=1) == labels).mean()


def solve_boldness(logits, labels, temperature):
    """The answer does not depend on the temperature, so only the first mean moves with it."""
    z = logits / temperature
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p.max(axis=1).mean() - (p.argmax(axis=1) == labels).mean()


# --- 8.5.4 ---------------------------------------------------------------------------------------


def check_luck(answer):
    chance = number(answer, "the chance")
    if close(chance, 7 * 0.025):
        raise Wrong("That adds the chances, an upper bound: two may pass at once. Ask for none.")
    if close(chance, 0.975**7):
        raise Wrong("That is the chance that *none* passes.")
    if close(chance, 0.025**7):
        raise Wrong("That is the chance that *all* pass.")
    if close(chance, 1 - 0.95**7):
        raise Wrong("Half of the five per cent lie on the other side, where it seems to harm.")
    if close(chance, 100 * (1 - 0.975**7), rtol=0.02):
        raise Wrong("In per cent that is right; give the chance as a fraction, from 0 to 1.")
    if close(chance, 0.025):
        raise Wrong("That is the chance for one of them. There are seven.")
    if not close(chance, 1 - 0.975**7, rtol=0.02):
        raise Wrong("Each stays below the line with chance 0.975; what if all seven must?")


def solve_luck():
    """None passes with chance $0.975^7$, so at least one does with $1 - 0.975^7$, about 0.16. With
    an interval of $1 - 0.05 / 7$ for each it would be below one in forty again. The chapter's seven
    are not independent, as all are compared with the same networks."""
    return 1 - 0.975**7


# --- 8.5.5 ---------------------------------------------------------------------------------------


def check_rate(answer):
    find = function(answer)
    for rate, seed, per_second in (
        (84.0, 1, 8000),
        (126.0, 2, 8000),
        (240.0, 3, 11025),
        (30.0, 4, 8000),
    ):
        x = _impacts(rate, seed, per_second)
        value = number(find(x.copy(), per_second), "the rate of the impacts")
        if value > 600:
            raise Wrong(
                "That is where the casing rings. The rate is in how fast its loudness changes: "
                "square the sound, or take its envelope, before the Fourier transform."
            )
        if abs(value) < 5:
            raise Wrong("That is the mean of the envelope, at 0 Hz: take it off first.")
        if close(value, 1.5 * rate, rtol=0.02):
            raise Wrong("A bin is not a hertz: `np.fft.rfftfreq(n, 1 / rate)` says which it is.")
        if per_second != 8000 and close(value, rate * 8000 / per_second, rtol=0.02):
            raise Wrong("Not every sound has 8000 samples a second: use `sample_rate`.")
        if any(close(k * value, rate, rtol=0.02) for k in (2, 3, 4, 5)):
            raise Wrong(
                f"You found {value:.0f} Hz, a whole fraction of {rate:.0f}: several gaps repeat as "
                "well as one does. Take the shortest lag, the highest rate."
            )
        if not close(value, rate, rtol=0.02):
            raise Wrong(
                f"You found {value:.0f} Hz where impacts come {rate:.0f} times a second: look for "
                "the largest value between 20 and 300 Hz in the spectrum of the squared sound."
            )


def _impacts(rate, seed, per_second):
    """A second and a half of ringing at 1900 Hz, `rate` times a second, with noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(1.5 * per_second)) / per_second
    since = t % (1 / rate)
    sound = np.exp(-since / 0.004) * np.cos(2 * np.pi * 1900 * since)
    return (sound + 0.1 * rng.standard_normal(len(t))).astype(np.float32)


def solve_rate(x, sample_rate):
    """The square has the sound's loudness in it, changing as fast as the impacts come. The carrier
    moves to twice its frequency, out of the way."""
    squared = x.astype(float) ** 2
    amplitudes = np.abs(np.fft.rfft(squared - squared.mean()))
    rates = np.fft.rfftfreq(len(x), 1 / sample_rate)
    low = (rates > 20) & (rates < 300)
    return rates[low][np.argmax(amplitudes[low])]


def _rate_of_sound(x, sample_rate):
    amplitudes = np.abs(np.fft.rfft(x))
    return np.fft.rfftfreq(len(x), 1 / sample_rate)[np.argmax(amplitudes)]


def _rate_with_mean(x, sample_rate):
    return np.fft.rfftfreq(len(x), 1 / sample_rate)[np.argmax(np.abs(np.fft.rfft(x**2)))]


def _rate_at_8000(x, sample_rate):
    return solve_rate(x, 8000)


def _rate_of_three_gaps(x, sample_rate):
    return solve_rate(x, sample_rate) / 3


def _rate_in_bins(x, sample_rate):
    return solve_rate(x, sample_rate) * len(x) / sample_rate


# --- 8.5.6 ---------------------------------------------------------------------------------------


def check_programme(answer, *, score, first):
    if not is_dataclass(answer) or not hasattr(answer, "snr_db"):
        raise Wrong("Hand in an `Augmentation`, for example `replace(ablation.FULL, echo=0.0)`.")
    if answer == first:
        raise Wrong("That is the programme of the chapter. Change one thing.")
    yours, theirs = score(answer), score(first)
    if yours < theirs + 1:
        raise Wrong(
            f"A point more is asked. Yours led to {yours:.1f} % in the mean over conditions, the "
            f"chapter's to {theirs:.1f} %. In which condition did you lose, and which setting "
            "belongs to it?"
        )


def solve_programme(*, first, **_):
    """Left out, the echo lost the stranger nothing in the picture of parts; without it there is
    less to learn, and few steps go further. A guess from six speakers and other steps, so that the
    check may still refuse it on other data: no rule is sure to win on one stranger."""
    from dataclasses import replace

    return replace(first, echo=0.0)


MEASURED = {"all": 66.6, "all but echo": 75.3, "none": 61.5}
"""What the chapter's `score` gave on FSDD, in %: {variant: accuracy}."""


def given_programme():
    """The chapter's data, with scores looked up among `MEASURED` instead of training networks."""
    from helpers.models.ablation import FULL, programme

    return {
        "score": lambda settings: next(
            x for variant, x in MEASURED.items() if programme(variant) == settings
        ),
        "first": FULL,
    }


def _nothing(**_):
    from helpers.models.augmentation import NONE

    return NONE


EXERCISES = (
    Exercise(
        id="8.5.1",
        title="More than the sum",
        asks="value",
        check=check_together,
        hints=(
            "Count all losses from 98, the known people as recorded.",
            "Three losses: the stranger's as recorded, the known people's in the room, and both.",
        ),
        solution=solve_together,
        wrong_answers=((24, "whole loss"), (18, "one by one"), (-6, "above zero")),
    ),
    Exercise(
        id="8.5.2",
        title="Where does it help?",
        asks="function",
        check=check_own,
        hints=(
            "`gains[np.arange(len(own)), own]` picks one column in each row.",
            "A row's sum without its own column is that of the others. How many are they?",
        ),
        solution=solve_own,
        wrong_answers=(
            (_own_only, "comes off"),
            (_own_and_all, "leaves the own one out"),
            (_own_diagonal, "two rows may share"),
        ),
    ),
    Exercise(
        id="8.5.3",
        title="Too bold",
        asks="function",
        check=check_boldness,
        hints=(
            "Softmax over the last axis of `logits / temperature`.",
            "The confidence of a clip is its largest probability.",
        ),
        solution=solve_boldness,
        wrong_answers=(
            (lambda z, y, t: -_boldness(z, y, t), "Confidence minus accuracy"),
            (lambda z, y, t: _boldness(z, y, 1.0), "not used"),
            (lambda z, y, t: _boldness(z, y, 1 / t), "more modest"),
            (_in_label, "not of the true digit"),
            (_overflowing, "overflow"),
        ),
    ),
    Exercise(
        id="8.5.4",
        title="Seven chances",
        asks="value",
        check=check_luck,
        hints=(
            "Begin with the chance that none of the seven passes.",
            "One that does nothing stays below with chance 0.975.",
        ),
        solution=solve_luck,
        wrong_answers=((7 * 0.025, "adds the chances"), (0.975**7, "none"), (0.025, "seven")),
    ),
    Exercise(
        id="8.5.5",
        title="How often does it knock?",
        asks="function",
        check=check_rate,
        hints=(
            "The square of a sound that rings in bursts rises and falls with the bursts.",
            "Transform the square, and look between 20 and 300 Hz, so not at its mean, at 0 Hz.",
        ),
        solution=solve_rate,
        wrong_answers=(
            (_rate_of_sound, "casing rings"),
            (_rate_with_mean, "mean of the envelope"),
            (_rate_in_bins, "not a hertz"),
            (_rate_at_8000, "use `sample_rate`"),
            (_rate_of_three_gaps, "shortest lag"),
        ),
    ),
    Exercise(
        id="8.5.6",
        title="Project: a better programme",
        check=check_programme,
        given=given_programme,
        hints=(
            "`ablation.FULL` shows all settings; `dataclasses.replace` changes one.",
            "Which column of the upper picture of parts is below zero nearly everywhere?",
        ),
        solution=solve_programme,
        wrong_answers=(
            (lambda first, **_: first, "Change one thing"),
            (_nothing, "In which condition"),
            (lambda **_: 3, "Hand in"),
        ),
    ),
)
