"""How good an answer is: accuracy, confusion, calibration; how near a sound is to another."""

import math
from dataclasses import dataclass

import numpy as np

from helpers.audio import check_rate, check_samples, is_silent
from helpers.errors import AudioError, AudioSilent, AudioTooShort, BadSampleRate, ShapeError


def accuracy(predictions, labels):
    """Fraction of predictions (n,) that equal labels (n,); raises ValueError if n is 0 or differs.

    Chapter: 5.2
    """
    predictions, labels = _paired(predictions, labels)
    return float(np.mean(predictions == labels))


def accuracy_by_group(predictions, labels, groups):
    """Accuracy of each group, such as each speaker: a dict in sorted order. Chapter: 5.2"""
    predictions, labels = _paired(predictions, labels)
    groups = np.asarray(groups)
    return {
        str(g): accuracy(predictions[groups == g], labels[groups == g]) for g in np.unique(groups)
    }


def confusion_matrix(predictions, labels, classes=10):
    """Counts, int64 (classes, classes): row is what was said, column what was heard.

    Raises ValueError for a label outside 0 … classes − 1. Chapter: 5.2
    """
    predictions, labels = _paired(predictions, labels)
    both = np.concatenate([predictions, labels])
    if both.min() < 0 or both.max() >= classes:
        raise ValueError(
            f"labels run from {both.min()} to {both.max()}, not within 0 … {classes - 1}"
        )
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, predictions), 1)
    return matrix


def softmax(logits, temperature=1.0):
    """Probabilities (n, classes) from logits (n, classes) divided by a temperature > 0.

    Raises ValueError for another temperature. Chapter: 5.2
    """
    if not temperature > 0:
        raise ValueError(f"the temperature is {temperature}; it must be above 0")
    z = np.asarray(logits, np.float64) / temperature
    z = np.exp(z - z.max(axis=-1, keepdims=True))
    return z / z.sum(axis=-1, keepdims=True)


def expected_calibration_error(probabilities, labels, bins=10):
    """Mean gap between confidence and accuracy over equal bins of confidence, in [0, 1].

    probabilities (n, classes), labels (n,). Each bin counts by how many answers fall into it.

    Chapter: 5.2
    Source: [guo2017calibration]
    """
    probabilities = np.asarray(probabilities)
    confidence = probabilities.max(axis=1)
    predictions, labels = _paired(probabilities.argmax(axis=1), labels)
    right = predictions == labels
    where = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        np.sum(where == b) * abs(right[where == b].mean() - confidence[where == b].mean())
        for b in np.unique(where)
    ]
    return float(np.sum(gaps) / len(labels))


def fit_temperature(logits, labels):
    """The temperature that makes held-out logits (n, classes) least surprising; a float.

    Minimises the mean negative log-likelihood over temperatures from 0.05 to 20.

    Chapter: 5.2
    Source: [guo2017calibration]
    """
    from scipy.optimize import minimize_scalar

    labels = np.asarray(labels)

    def surprise(log_temperature):
        p = softmax(logits, np.exp(log_temperature))[np.arange(len(labels)), labels]
        return -np.mean(np.log(np.maximum(p, 1e-300)))

    found = minimize_scalar(surprise, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(found.x))


@dataclass(frozen=True)
class TokenErrors:
    """How one string of tokens differs from what was said.

    steps: the cheapest edit, a tuple of pairs (said or None, heard or None) in order: a pair of
    equals is right, of others a substitution, (said, None) a deletion, (None, heard) an insertion.

    Chapter: 5.3
    """

    steps: tuple[tuple[int | None, int | None], ...]

    @property
    def substitutions(self):
        """Words taken for others; an int. Chapter: 5.3"""
        return sum(None not in pair and pair[0] != pair[1] for pair in self.steps)

    @property
    def deletions(self):
        """Words left out; an int. Chapter: 5.3"""
        return sum(heard is None for _, heard in self.steps)

    @property
    def insertions(self):
        """Words made up; an int. Chapter: 5.3"""
        return sum(said is None for said, _ in self.steps)

    @property
    def total(self):
        """The edit distance; an int. Chapter: 5.3"""
        return self.substitutions + self.deletions + self.insertions


def token_errors(heard, said):
    """Align what was heard with what was said, at the smallest number of edits: `TokenErrors`.

    heard, said: sequences of tokens, either may be empty. Among edits of equal cost, substitutions
    come before deletions before insertions, read from the end.

    Chapter: 5.3
    Source: [levenshtein1966binary]; [wagner1974string] for the table
    """
    said, heard = list(said), list(heard)
    cost = np.zeros((len(said) + 1, len(heard) + 1), int)
    cost[:, 0], cost[0] = np.arange(len(said) + 1), np.arange(len(heard) + 1)
    for i, s in enumerate(said, 1):
        for j, h in enumerate(heard, 1):
            cost[i, j] = min(cost[i - 1, j - 1] + (s != h), cost[i - 1, j] + 1, cost[i, j - 1] + 1)
    steps, i, j = [], len(said), len(heard)
    while i or j:
        if i and j and cost[i, j] == cost[i - 1, j - 1] + (said[i - 1] != heard[j - 1]):
            i, j = i - 1, j - 1
            steps.append((said[i], heard[j]))
        elif i and cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
            steps.append((said[i], None))
        else:
            j -= 1
            steps.append((None, heard[j]))
    return TokenErrors(tuple(reversed(steps)))


def token_error_rate(heard, said):
    """Edits needed per token that was said, over many strings; a float, above 1 if worse than none.

    heard, said: lists of equal length of sequences of tokens. Raises ValueError for lists of
    different lengths or if nothing was said.

    Chapter: 5.3
    """
    if len(heard) != len(said) or not sum(len(s) for s in said):
        raise ValueError(
            f"{len(heard)} strings heard, {len(said)} said: give one each, not all empty"
        )
    edits = sum(token_errors(h, s).total for h, s in zip(heard, said, strict=True))
    return edits / sum(len(s) for s in said)


def roc(scores, positive):
    """False and true positive rates of every threshold: (fpr, tpr), each (k,), from 0 to 1.

    scores (n,): higher means a surer yes; positive (n,) bool, the truth: a frame with speech, a
    member of a training set, a genuine recording. Equal scores pass a threshold together. Raises
    ValueError unless there are both kinds, and for scores that are not finite.

    Chapter: 6.4
    Source: [fawcett2006introduction]
    """
    scores, positive = np.asarray(scores, dtype=float), np.asarray(positive, dtype=bool)
    if scores.shape != positive.shape or scores.ndim != 1:
        raise ValueError(f"scores {scores.shape} and truths {positive.shape}: give one for each")
    if not np.all(np.isfinite(scores)):
        raise ValueError("the scores must be finite numbers")
    if positive.all() or not positive.any():
        raise ValueError("a ROC needs both kinds, yes and no; one of the two is missing")
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits = np.cumsum(positive[order])[last]
    tpr = np.append(0.0, hits / positive.sum())
    fpr = np.append(0.0, (last + 1 - hits) / (~positive).sum())
    return fpr, tpr


def auc(scores, positive):
    """Area under the ROC: the chance that a yes scores above a no, ties by half; 0 to 1.

    Raises as `roc`. Chapter: 6.4
    Source: [fawcett2006introduction]
    """
    fpr, tpr = roc(scores, positive)
    return float(np.trapezoid(tpr, fpr))


def equal_error_rate(scores, positive):
    """The error rate at the threshold where both kinds of error are equally frequent: 0 to 1.

    Of the thresholds that the scores allow, the one where false alarms and misses differ least is
    taken, and the mean of the two rates returned. Raises as `roc`. Chapter: 8.7
    """
    fpr, tpr = roc(scores, positive)
    at = int(np.argmin(np.abs(fpr - (1 - tpr))))
    return float(fpr[at] + 1 - tpr[at]) / 2


def log_spectral_distance(estimate, reference, front_end, range_db=50.0):
    """Log-spectral distance in dB: float (n,), float (n,) → a float, 0 for equal sounds.

    Root mean square difference, over the bins of a frame, of the two levels in dB, averaged over
    frames. Levels more than `range_db` below the reference's loudest bin count as that low. Unlike
    a ratio of samples it does not ask for phases.

    Raises ShapeError for different lengths, AudioSilent if the reference is silent, ValueError for
    a range that is not above 0, and as `helpers.features.stft`.

    Chapter: 6.3
    Source: [gray1976distance]
    """
    from helpers.features import stft

    estimate, reference = check_samples(estimate, "estimate"), check_samples(reference, "reference")
    if len(estimate) != len(reference):
        raise ShapeError(f"estimate has {len(estimate)} samples, reference {len(reference)}")
    if not range_db > 0:
        raise ValueError(f"range_db is {range_db}; it must be above 0")
    a, b = np.abs(stft(estimate, front_end)), np.abs(stft(reference, front_end))
    floor = b.max() * 10 ** (-range_db / 20)
    if floor == 0:
        raise AudioSilent("the reference is silent, so there is no distance")
    apart = 20 * np.log10(np.maximum(a, floor) / np.maximum(b, floor))
    return float(np.mean(np.sqrt(np.mean(apart**2, axis=1))))


def si_sdr(estimate, reference):
    """Scale-invariant signal-to-distortion ratio in dB: float (n,), float (n,) → a float.

    The estimate is split into a multiple of the reference, α·reference with
    α = ⟨estimate, reference⟩ / ‖reference‖², and a remainder, which is at right angles to it; the
    ratio of their powers does not change when either sound is made louder. `inf` if there is no
    remainder, `-inf` if the estimate holds nothing of the reference.

    Raises ShapeError for different lengths, AudioSilent if either is silent, and AudioError for
    samples that are not sound.

    Chapter: 2.2
    Source: [leroux2019sdr]
    """
    estimate, reference = check_samples(estimate, "estimate"), check_samples(reference, "reference")
    if len(estimate) != len(reference):
        raise ShapeError(f"estimate has {len(estimate)} samples, reference {len(reference)}")
    for name, x in (("estimate", estimate), ("reference", reference)):
        if is_silent(x):
            raise AudioSilent(f"{name} is silent, so there is no ratio")
    estimate, reference = estimate.astype(np.float64), reference.astype(np.float64)
    target = np.dot(estimate, reference) / np.dot(reference, reference) * reference
    signal, distortion = np.sum(target**2), np.sum((estimate - target) ** 2)
    if distortion == 0:
        return math.inf
    return 10 * math.log10(signal / distortion) if signal > 0 else -math.inf


def stoi(estimate, reference, sample_rate):
    """Short-time objective intelligibility: float (n,), float (n,) → a float, 1 for equal sounds.

    How well the envelopes of the estimate go with those of the reference, in 15 bands of a third of
    an octave up to 5 kHz and over stretches of 0.4 s, frames without speech left out. It foretells
    the order in which listeners understand, not how many words.

    Raises AudioTooShort for less than half a second, or if so little of the reference is loud that
    nothing can be compared, and as `si_sdr`; BadSampleRate.

    Chapter: 6.3
    Source: [taal2011algorithm]
    """
    import warnings

    from pystoi import stoi as measure

    rate = check_rate(sample_rate)
    estimate, reference = _as_long(estimate, reference)
    short = "STOI needs half a second of speech or more"
    if len(reference) < rate // 2:
        raise AudioTooShort(f"{len(reference) / rate:.2f} s are too little: {short}")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(measure(reference, estimate, rate, extended=False))
        except RuntimeWarning as warning:
            raise AudioTooShort(f"the reference holds hardly any speech: {short}") from warning


def pesq(estimate, reference, sample_rate):
    """Perceptual evaluation of speech quality, ITU-T P.862: float (n,), float (n,) → a float.

    A listeners' mark that a model of hearing foretells, from 1.0 to 4.6. At 16 kHz in wide band
    (P.862.2), at 8 kHz in narrow band; the two are not to be compared.

    Raises ImportError where the package pesq, which needs a C compiler, is not installed,
    BadSampleRate for another rate, AudioError where the model finds no utterance, and as `si_sdr`.

    Chapter: 6.3
    Source: [itu2007pesq]
    """
    rate = check_rate(sample_rate)
    if rate not in (8000, 16000):
        raise BadSampleRate(f"PESQ takes 8000 or 16000 Hz, not {rate}: use audio.resample")
    estimate, reference = _as_long(estimate, reference)
    try:
        import pesq as measure
    except ImportError as missing:
        raise ImportError(
            "PESQ needs the package pesq, which is compiled on installation: pip install pesq"
        ) from missing
    try:
        return float(measure.pesq(rate, reference, estimate, "wb" if rate == 16000 else "nb"))
    except measure.PesqError as failure:
        raise AudioError(f"PESQ cannot judge this pair: {failure}") from failure


def _as_long(estimate, reference):
    """Both as float64 (n,); raises as `si_sdr` does."""
    estimate, reference = check_samples(estimate, "estimate"), check_samples(reference, "reference")
    if len(estimate) != len(reference):
        raise ShapeError(f"estimate has {len(estimate)} samples, reference {len(reference)}")
    for name, x in (("estimate", estimate), ("reference", reference)):
        if is_silent(x):
            raise AudioSilent(f"{name} is silent, so there is nothing to compare")
    return estimate.astype(np.float64), reference.astype(np.float64)


def _paired(predictions, labels):
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    if predictions.shape != labels.shape or predictions.ndim != 1 or len(labels) == 0:
        raise ValueError(
            f"predictions {predictions.shape} and labels {labels.shape} must both be (n,), n > 0"
        )
    return predictions, labels
