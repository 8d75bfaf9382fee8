"""Exercises of chapter 1.1, A listening tour."""

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 1.1.1 ---------------------------------------------------------------------------------------


def check_lifetime(answer):
    years = number(answer, "the number of years")
    if close(years, 680_000 / 24 / 365, rtol=0.02):
        raise Wrong("That is somebody who never sleeps. Eight hours of each day are for listening.")
    if close(years, 680_000 / 8, rtol=0.02):
        raise Wrong("Those are days. How many of them make a year?")
    if close(years, 680_000 / 365, rtol=0.02):
        raise Wrong("You counted one hour a day. There are eight.")
    if not close(years, 680_000 / (8 * 365), rtol=0.01):
        raise Wrong("How many hours does this person hear in one year? Divide by that.")


def solve_lifetime():
    """In a year, $8 \\cdot 365 = 2920$ hours are heard; more than two hundred years are needed."""
    return 680_000 / (8 * 365)


# --- 1.1.2 ---------------------------------------------------------------------------------------


def check_nearest(answer):
    nearest = function(answer)
    rng = np.random.default_rng(5)
    for n, k in ((12, 10), (3, 4), (1, 2)):
        means = rng.standard_normal((k, 6, 5)) * 3
        pictures = means[rng.integers(0, k, n)] + rng.standard_normal((n, 6, 5))
        if n == 12:  # near the first mean, but for one value that lies far beyond the second
            pictures[0] = 0.6 * means[0] + 0.4 * means[1]
            pictures[0, 0, 0] = means[1, 0, 0] + 100 * np.sign(means[1, 0, 0] - means[0, 0, 0])
        found = array(nearest(pictures, means), what=f"the answers to {n} pictures")
        distances = np.sum((pictures[:, None] - means[None]) ** 2, axis=(2, 3))
        if found.shape != (n,):
            if found.shape == (k,):
                raise Wrong(
                    f"{k} answers came back for {n} pictures: one for each mean. The smallest "
                    "distance is to be looked for along the other axis."
                )
            raise Wrong(f"For {n} pictures an array of shape {found.shape} came back, not ({n},).")
        if np.array_equal(found, distances.argmax(axis=1)):
            raise Wrong("Those are the means that are farthest away.")
        absolute = np.sum(np.abs(pictures[:, None] - means[None]), axis=(2, 3)).argmin(axis=1)
        if np.array_equal(found, absolute) and np.any(absolute != distances.argmin(axis=1)):
            raise Wrong("You added up absolute differences. Square them: large ones count more.")
        if not np.array_equal(found, distances.argmin(axis=1)):
            raise Wrong(
                "Some pictures go to a mean that is not the nearest. Square the differences before "
                "you add them up, over both axes of the picture."
            )


def solve_nearest(pictures, means):
    """New axes make every picture meet every mean: shapes $(n, 1, f, b)$ and $(1, k, f, b)$. The
    squared differences are added up over $f$ and $b$, and the smallest is looked for along $k$."""
    differences = pictures[:, None] - means[None]
    return np.sum(differences**2, axis=(2, 3)).argmin(axis=1)


def _nearest_pictures(pictures, means):
    return np.sum((pictures[:, None] - means[None]) ** 2, axis=(2, 3)).argmin(axis=0)


def _farthest(pictures, means):
    return np.sum((pictures[:, None] - means[None]) ** 2, axis=(2, 3)).argmax(axis=1)


def _absolute(pictures, means):
    return np.sum(np.abs(pictures[:, None] - means[None]), axis=(2, 3)).argmin(axis=1)


def _without_squares(pictures, means):
    return np.sum(pictures[:, None] - means[None], axis=(2, 3)).argmin(axis=1)


# --- 1.1.3 ---------------------------------------------------------------------------------------


def check_clash(answer):
    clash = function(answer)
    cases = (
        ((72, 67, 64, 48), False, "C major"),
        ((72, 71, 64, 48), True, "C and the B below it"),
        ((71, 67, 64, 60), True, "C and the B above it, a major seventh"),
        ((84, 67, 64, 47), True, "a B and a C three octaves and a semitone higher"),
        ((74, 67, 64, 60), False, "a chord with a D, a whole tone from its C"),
        ((72, 72, 60, 48), False, "the same note in every voice"),
        ((-1, 67, 64, 60), False, "a chord with a silent soprano"),
        ((-1, 71, 67, 55), False, "a silent voice beside a B (−1 is no pitch)"),
        ((-1, -1, -1, -1), False, "silence"),
    )
    for chord, right, name in cases:
        for kind in (tuple, np.array):
            said = clash(kind(chord))
            if not isinstance(said, bool | np.bool_):
                raise Wrong(f"Give back True or False; {said!r} came back.")
            if bool(said) != right:
                if -1 in chord:
                    raise Wrong(f"{name}: leave the silent voices out before you compare.")
                if max(chord) - min(chord) > 12 and right:
                    raise Wrong(f"{name}: it clashes. The octave should not matter: `% 12`.")
                if right:
                    raise Wrong(
                        f"{name}, {chord}: it clashes, and False came back. Is every pair of notes "
                        "compared, and is a major seventh (11 semitones) looked for as well?"
                    )
                raise Wrong(f"{name}, {chord}: nothing clashes in it, and True came back.")


def solve_clash(chord):
    """Differences are taken modulo 12, so that the octave drops out; a semitone is then 1, a major
    seventh 11. Silent voices are left out first, or $-1$ would count as a very low note."""
    notes = [int(pitch) for pitch in chord if pitch != -1]
    return any((a - b) % 12 in (1, 11) for a in notes for b in notes)


def _neighbours_only(chord):
    return bool(np.any(np.abs(np.diff([p for p in chord if p >= 0])) == 1))


def _silence_counts(chord):
    return any((int(a) - int(b)) % 12 in (1, 11) for a in chord for b in chord)


def _as_number(chord):
    return sum((int(a) - int(b)) % 12 in (1, 11) for a in chord for b in chord)


# --- 1.1.4 ---------------------------------------------------------------------------------------


def check_temperature(answer):
    at_temperature = function(answer)
    p = np.array([0.5, 0.3, 0.2, 0.0])
    kept = p.copy()
    for temperature in (1.0, 0.5, 2.0, 0.25):
        q = array(at_temperature(p, temperature), what=f"the result at temperature {temperature}")
        if not np.array_equal(p, kept):
            raise Wrong("Your function changed the array that it was given. Work on a copy.")
        if q.shape != (4,):
            raise Wrong(f"Four probabilities went in, and shape {q.shape} came out.")
        if temperature == 1 and not close(q, p):
            raise Wrong("At temperature 1 the probabilities should stay what they are.")
        if not close(np.sum(q), 1.0):
            raise Wrong(f"At temperature {temperature} the sum is {np.sum(q):.3g}. Bring it to 1.")
        if temperature < 1 and q[0] < p[0]:
            raise Wrong("A low temperature should make the likely likelier. Yours evens out.")
        right = p ** (1 / temperature)
        if temperature != 1 and close(q, p):
            raise Wrong("Nothing changed: dividing all of them alike drops out of the sum again.")
        if not close(q, right / right.sum()):
            raise Wrong("Raise each probability to the power of one over the temperature.")


def solve_temperature(p, temperature):
    """$p_i^{1/\\tau} / \\sum_j p_j^{1/\\tau}$. Zero to a positive power is zero, so the impossible
    stays impossible."""
    q = p ** (1 / temperature)
    return q / q.sum()


def _not_normalised(p, temperature):
    return p ** (1 / temperature)


def _the_wrong_way(p, temperature):
    return p**temperature / np.sum(p**temperature)


def _divided(p, temperature):
    return (p / temperature) / np.sum(p / temperature)


# --- 1.1.5 ---------------------------------------------------------------------------------------


def check_tenfold(answer):
    years_to_tenfold = function(answer)
    dates = np.array([2016.0, 2018.5, 2019.0, 2021.0, 2024.0])
    for years in (4.0, 2.5):
        sizes = 3e6 * 10 ** ((dates - 2016) / years)
        said = number(years_to_tenfold(dates, sizes), "the number of years")
        if close(said, 1 / years):
            raise Wrong("That is the slope, in factors of ten per year. How long does one take?")
        if close(said, years / np.log(10)):
            raise Wrong("You took the natural logarithm: that is the time to grow e-fold.")
        if said > 1000 or said < 1e-4:
            raise Wrong("Fit the line to the *logarithm* of the sizes, not to the sizes.")
        if not close(said, years, rtol=1e-3):
            raise Wrong(f"Sizes that grow tenfold in {years:g} years gave {said:.3g}.")
    rng = np.random.default_rng(2)
    sizes = 3e6 * 10 ** ((dates - 2016) / 4 + rng.normal(0, 0.3, len(dates)))
    right = 1 / np.polyfit(dates - 2020, np.log10(sizes), 1)[0]
    if not close(number(years_to_tenfold(dates, sizes), "the years"), right, rtol=1e-3):
        raise Wrong("With sizes that scatter it is off: use all of them, not the first and last.")


def solve_tenfold(dates, sizes):
    """The slope of the line is in factors of ten per year; its inverse is years per factor of ten.
    The mean is taken off the dates because a fit around the year 2020 is exact to more digits."""
    slope, _ = np.polyfit(dates - np.mean(dates), np.log10(sizes), 1)
    return 1 / slope


def _slope(dates, sizes):
    return np.polyfit(dates - np.mean(dates), np.log10(sizes), 1)[0]


def _e_fold(dates, sizes):
    return 1 / np.polyfit(dates - np.mean(dates), np.log(sizes), 1)[0]


def _first_and_last(dates, sizes):
    return (dates[-1] - dates[0]) / np.log10(sizes[-1] / sizes[0])


# --- 1.1.6 ---------------------------------------------------------------------------------------


def _tones(seed, sample_rate=8000):
    """Five tones between pauses, clean and in white noise at 5 dB: two float32 (20000,)."""
    from helpers.audio import mix_at_snr

    rng = np.random.default_rng(seed)
    t = np.arange(4000) / sample_rate
    fade = np.minimum(1, np.minimum(t, t[::-1]) / 0.02)
    clean = []
    for f in rng.uniform(150, 1500, 5):
        tone = np.sin(2 * np.pi * f * t) + 0.5 * np.sin(4 * np.pi * f * t)
        clean.append(0.2 * fade * tone * (t < 0.35))
    clean = np.concatenate(clean).astype(np.float32)
    noise = rng.standard_normal(len(clean)).astype(np.float32)
    return clean, mix_at_snr(clean, noise, 5.0)


def check_denoise(answer):
    from helpers.metrics import si_sdr

    denoise = function(answer)
    gains = []
    for seed in range(4):
        clean, noisy = _tones(seed)
        result = array(denoise(noisy, 8000), what="the cleaned sound").astype(np.float32)
        if result.shape != noisy.shape:
            raise Wrong(f"{len(noisy)} samples went in and shape {result.shape} came out.")
        if not np.all(np.isfinite(result)) or not np.any(result):
            raise Wrong("What came back has no sound in it, or values that are not finite.")
        gains.append(si_sdr(result, clean) - si_sdr(noisy, clean))
    gain = float(np.mean(gains))
    if abs(gain) < 0.01:
        raise Wrong("Nothing was gained: making a sound softer or louder does not change SI-SDR.")
    if gain < 0:
        raise Wrong(f"It got worse, by {-gain:.1f} dB. Listen to what was lost.")
    if gain < 3:
        raise Wrong(
            f"{gain:.1f} dB were gained. Look at single frequencies in short frames: where is "
            "there more than is usual at that frequency?"
        )
    with np.errstate(all="ignore"):
        silence = np.asarray(denoise(np.zeros(8000, np.float32), 8000), dtype=float)
    if silence.shape != (8000,) or np.any(silence != 0):
        raise Wrong("Silence should come back as silence of the same length. What divides by 0?")
    return f"It gains {gain:.1f} dB on these tones."


def solve_denoise(samples, sample_rate):
    """A gate for every frequency: what is usual there (the median over time) is taken for noise,
    and every frame that is not clearly stronger is turned down. The edge between open and closed
    is soft, which avoids most of the warbling. It knows nothing of speech."""
    from scipy.signal import istft, stft

    _, _, spectra = stft(samples, sample_rate, nperseg=256, noverlap=192)
    power = np.abs(spectra) ** 2
    usual = np.median(power, axis=1, keepdims=True) / np.log(2)
    excess = np.maximum(power - 3 * usual, 0)
    gain = np.maximum(excess / np.maximum(power, 1e-20), 0.03)
    _, sound = istft(gain * spectra, sample_rate, nperseg=256, noverlap=192)
    return sound[: len(samples)].astype(np.float32)


def _as_it_is(samples, sample_rate):
    return samples


def _softer(samples, sample_rate):
    return 0.5 * samples


def _smoothed(samples, sample_rate):
    return np.convolve(samples, np.ones(3) / 3, mode="same")


def _loud_samples_only(samples, sample_rate):
    return np.where(np.abs(samples) > 0.5 * np.abs(samples).max(), samples, 0.0)


EXERCISES = (
    Exercise(
        id="1.1.1",
        title="A lifetime of listening",
        check=check_lifetime,
        hints=(
            "Count the hours that are heard in one year.",
            "Eight hours on each of 365 days; how often does that go into 680 000?",
        ),
        solution=solve_lifetime,
        wrong_answers=(
            (680_000 / 24 / 365, "never sleeps"),
            (680_000 / 8, "Those are days"),
            (680_000 / 365, "one hour a day"),
            (12, "in one year"),
        ),
    ),
    Exercise(
        id="1.1.2",
        title="The nearest average",
        asks="function",
        check=check_nearest,
        hints=(
            "You need a table of distances, one row per picture, one column per mean.",
            "`pictures[:, None] - means[None]` has the shape (n, k, f, b).",
        ),
        solution=solve_nearest,
        wrong_answers=(
            (_nearest_pictures, "along the other axis"),
            (_farthest, "farthest away"),
            (_without_squares, "Square the differences"),
            (_absolute, "absolute differences"),
        ),
    ),
    Exercise(
        id="1.1.3",
        title="Does this chord clash?",
        asks="function",
        check=check_clash,
        hints=(
            "Compare every note with every other; what is the same in all octaves?",
            "`(a - b) % 12` is 1 or 11 for a semitone and for a major seventh, in any octave.",
        ),
        solution=solve_clash,
        wrong_answers=(
            (_neighbours_only, "major seventh"),
            (_silence_counts, "leave the silent voices out"),
            (_as_number, "True or False"),
        ),
    ),
    Exercise(
        id="1.1.4",
        title="Temperature",
        asks="function",
        check=check_temperature,
        hints=(
            "The text above says what happens to each probability, and what to do with the sum.",
            "`p ** (1 / temperature)`, divided by its own sum.",
        ),
        solution=solve_temperature,
        wrong_answers=(
            (_not_normalised, "Bring it to 1"),
            (_the_wrong_way, "evens out"),
            (_divided, "drops out"),
        ),
    ),
    Exercise(
        id="1.1.5",
        title="Years to tenfold",
        asks="function",
        check=check_tenfold,
        hints=(
            "`np.polyfit(dates, np.log10(sizes), 1)` gives slope and intercept.",
            "The slope says how many factors of ten there are in a year.",
        ),
        solution=solve_tenfold,
        wrong_answers=(
            (_slope, "That is the slope"),
            (_e_fold, "natural logarithm"),
            (_first_and_last, "first and last"),
        ),
    ),
    Exercise(
        id="1.1.6",
        title="Project: a denoiser of your own",
        asks="function",
        check=check_denoise,
        hints=(
            "`stft(samples, sample_rate, nperseg=256, noverlap=192)` gives frequencies, times and "
            "spectra, one row per frequency. Frames of some 30 ms are a good beginning.",
            "The median of the power over time, `np.median(np.abs(spectra) ** 2, axis=1)`, is a "
            "guess at the noise of each frequency, if nothing sounds there most of the time.",
            "Multiply the spectra by a gain from 0 to 1 that is small where the power is not far "
            "above that guess; `istft` with the same settings puts them together again.",
        ),
        solution=solve_denoise,
        wrong_answers=(
            (_as_it_is, "Nothing was gained"),
            (_softer, "Nothing was gained"),
            (_smoothed, "single frequencies"),
            (_loud_samples_only, "It got worse"),
        ),
    ),
)
