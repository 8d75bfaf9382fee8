"""Which parts of a picture a network's answer rests on, and what those parts sound like.

NumPy only; the network comes in as functions of pictures: one that scores them, one that gives the
gradient of the score. `helpers.models.attributions` makes both from a Keras model. Chapter: 4.1
"""

import numpy as np

from helpers.errors import ShapeError
from helpers.metrics import auc


def occlusion(score, picture, patch=(10, 4), stride=None, fill=None, batch=256):
    """What hiding each place of a picture costs: float (frames, bands) → float64 (frames, bands).

    A patch of `patch` = (frames, bands) cells, filled with `fill`, is laid on the picture at every
    multiple of `stride` (by default half a patch; the last patches are moved inwards so that the
    whole picture is covered). A cell's relevance is the mean, over the patches that cover it, of
    how far the score falls, in the score's unit; it is negative where hiding helps.

    score: a function of pictures (batch, frames, bands) that gives one number for each, such as
    the log-probability of a class; it is asked about at most `batch` pictures at a time, and not
    at all where a patch would change nothing. fill: by default the least value of the picture.

    Raises ShapeError for a picture that is not a matrix, a patch that does not fit into it, or
    scores that are not one number per picture; ValueError for a stride that leaves gaps.

    Chapter: 4.1
    Source: [zeiler2013visualizing]
    """
    picture = np.asarray(picture)
    if picture.ndim != 2:
        raise ShapeError(f"the picture has shape {picture.shape}; it must be (frames, bands)")
    stride = stride or tuple(max(1, side // 2) for side in patch)
    if not all(1 <= side <= whole for side, whole in zip(patch, picture.shape, strict=True)):
        raise ShapeError(f"a patch of {patch} does not fit into a picture of {picture.shape}")
    if not all(1 <= step <= side for step, side in zip(stride, patch, strict=True)):
        raise ValueError(f"stride {stride} leaves gaps between patches of {patch}: make it smaller")
    fill = picture.min() if fill is None else fill
    corners = [
        sorted({*range(0, whole - side, step), whole - side})
        for whole, side, step in zip(picture.shape, patch, stride, strict=True)
    ]
    places = [(t, m) for t in corners[0] for m in corners[1]]

    def under(place):
        return picture[place[0] : place[0] + patch[0], place[1] : place[1] + patch[1]]

    places.sort(key=lambda place: np.all(under(place) == fill))
    asked = sum(bool(np.any(under(place) != fill)) for place in places)
    hidden = np.repeat(picture[None], 1 + asked, axis=0)
    for one, (t, m) in zip(hidden[1:], places[:asked], strict=True):
        one[t : t + patch[0], m : m + patch[1]] = fill
    parts = [np.asarray(score(hidden[i : i + batch])) for i in range(0, len(hidden), batch)]
    if any(p.ndim != 1 for p in parts) or sum(map(len, parts)) != len(hidden):
        shapes = [p.shape for p in parts]
        raise ShapeError(f"score gave shapes {shapes}; it must give one number per picture")
    whole, *rest = np.concatenate(parts).astype(np.float64)
    falls = [whole - score for score in rest] + [0.0] * (len(places) - asked)

    total, covers = np.zeros(picture.shape), np.zeros(picture.shape)
    for (t, m), fall in zip(places, falls, strict=True):
        total[t : t + patch[0], m : m + patch[1]] += fall
        covers[t : t + patch[0], m : m + patch[1]] += 1
    return total / covers


def integrated_gradients(gradient, picture, baseline, steps=32, batch=256):
    """What each cell adds to the score on the way from a baseline: float64 (frames, bands).

    The gradient is averaged over `steps` places, the middles of equal parts of the straight line
    from `baseline` to `picture` (both (frames, bands)), and multiplied by their difference. With
    enough steps the attributions add up to score(picture) − score(baseline), whatever the network.

    gradient: a function of pictures (batch, frames, bands) that gives the gradient of each one's
    score, of the same shape; it is asked about at most `batch` pictures at a time.

    Raises ShapeError for a picture that is not a matrix, a baseline that is not of its shape, or
    gradients that are not of the pictures' shape; ValueError for fewer than one step.

    Chapter: 8.4
    Source: [sundararajan2017axiomatic]
    """
    picture, baseline = np.asarray(picture), np.asarray(baseline)
    if picture.ndim != 2 or baseline.shape != picture.shape:
        raise ShapeError(
            f"picture {picture.shape} and baseline {baseline.shape} must both be (frames, bands)"
        )
    if steps < 1:
        raise ValueError(f"steps is {steps}; it must be 1 or more")
    places = ((np.arange(steps) + 0.5) / steps)[:, None, None]
    way = (baseline + places * (picture - baseline)).astype(picture.dtype)
    total = np.zeros(picture.shape)
    for i in range(0, steps, batch):
        slopes = np.asarray(gradient(way[i : i + batch]), dtype=np.float64)
        if slopes.shape != way[i : i + batch].shape:
            raise ShapeError(
                f"gradient gave shape {slopes.shape} for pictures {way[i : i + batch].shape}"
            )
        total += slopes.sum(axis=0)
    return (picture.astype(np.float64) - baseline) * total / steps


def removal(score, picture, values, fill, shares, inside=None, insert=False, batch=256):
    """The score while cells are replaced in the order of a map: float64 (len(shares),).

    values (frames, bands): cells with the highest are replaced first, of equal ones the first.
    fill: what replaces them, a number or a picture. shares: which parts of the cells are replaced,
    from 0 to 1. inside: bool (frames, bands), the cells that take part, by default all. `insert`
    goes the other way: all cells inside are replaced at first, and the highest are put back.

    Raises ShapeError for values or cells that do not fit the picture, ValueError for shares outside
    [0, 1] or where no cell takes part.

    Chapter: 8.4
    Source: [samek2015evaluating]; [petsiuk2018rise] for putting back.
    """
    picture, values = np.asarray(picture), np.asarray(values)
    inside = np.ones(picture.shape, bool) if inside is None else np.asarray(inside, dtype=bool)
    if values.shape != picture.shape or inside.shape != picture.shape:
        raise ShapeError(
            f"values {values.shape} and inside {inside.shape} must be {picture.shape}, as the "
            "picture"
        )
    shares = np.asarray(shares, dtype=float)
    if not inside.any() or shares.min() < 0 or shares.max() > 1:
        raise ValueError("give shares from 0 to 1, and at least one cell inside")
    cells = np.flatnonzero(inside)
    order = cells[np.argsort(-values.ravel()[cells], kind="stable")]
    replaced = np.broadcast_to(np.asarray(fill, dtype=picture.dtype), picture.shape).ravel()
    flat = np.repeat(picture.reshape(1, -1), len(shares), axis=0)
    for one, share in zip(flat, shares, strict=True):
        count = round(share * len(order))
        gone = order[count:] if insert else order[:count]
        one[gone] = replaced[gone]
    pictures = flat.reshape(-1, *picture.shape)
    parts = [np.asarray(score(pictures[i : i + batch])) for i in range(0, len(pictures), batch)]
    return np.concatenate(parts).astype(np.float64)


def neighbours(picture, reach=(21, 9)):
    """Each cell's mean over a box around it: float (frames, bands) → the same shape.

    reach: frames and bands of the box, odd numbers; beyond its border the picture goes on as it
    ends. Raises ValueError for even numbers. Chapter: 8.4
    """
    from scipy.ndimage import uniform_filter

    if min(reach) < 1 or any(side % 2 == 0 for side in reach):
        raise ValueError(f"reach is {reach}; give odd numbers, so that a box has a middle")
    return uniform_filter(np.asarray(picture), reach, mode="nearest")


def rank_correlation(a, b):
    """Spearman's correlation of two arrays of the same shape: from −1 to 1, a float.

    It compares orders, not values; cells of equal value share their mean rank. It is 0 where one
    of them is the same everywhere, which ranks nothing.

    Raises ShapeError for arrays of different shapes or fewer than two values. Chapter: 8.4
    """
    from scipy.stats import spearmanr

    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.size < 2:
        raise ShapeError(f"shapes {a.shape} and {b.shape} must be equal, of two values or more")
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(spearmanr(a.ravel(), b.ravel()).statistic)


def found(values, target, inside=None):
    """How often a cell of `target` has a higher value than another cell: a share, as a float.

    values (frames, bands); target: bool, the cells that ought to be found; inside: bool, the cells
    that take part, by default all. Equal values count half, so that a map without any order gives
    0.5: the area under the receiver operating characteristic.

    Raises ShapeError for different shapes, ValueError unless there are cells of both kinds.

    Chapter: 8.4
    """
    values, target = np.asarray(values), np.asarray(target, dtype=bool)
    inside = np.ones(values.shape, bool) if inside is None else np.asarray(inside, dtype=bool)
    if not values.shape == target.shape == inside.shape:
        raise ShapeError(
            f"values {values.shape}, target {target.shape} and inside {inside.shape} must be of "
            "one shape"
        )
    wanted = target[inside]
    yes, no = wanted.sum(), (~wanted).sum()
    if not yes or not no:
        raise ValueError(f"{yes} cells of the target and {no} others: both are needed")
    return auc(values[inside], wanted)


def linear_probe(given, targets, asked, width=40, ridge=0.01):
    """What a linear reader, fitted on descriptions, says of others: float64 (m, k).

    given (n, d) with targets (n, k), numbers or rows of zeros with a single 1; asked (m, d). All
    are reduced to the `width` leading principal components of `given`, each scaled to the same
    spread, and read by a ridge regression with a constant.

    Raises ShapeError where the shapes do not fit together. Chapter: 8.4
    Source: [alain2016understanding]
    """
    given, targets, asked = (np.asarray(x, dtype=np.float64) for x in (given, targets, asked))
    shapes = [x.shape for x in (given, targets, asked)]
    if any(x.ndim != 2 for x in (given, targets, asked)) or (
        len(given) != len(targets) or given.shape[1] != asked.shape[1]
    ):
        raise ShapeError(f"shapes {shapes} must be (n, d), (n, k) and (m, d)")
    centre, middle = given.mean(axis=0), targets.mean(axis=0)
    directions = np.linalg.svd(given - centre, full_matrices=False)[2][:width].T
    given, asked = (given - centre) @ directions, (asked - centre) @ directions
    scale = given.std(axis=0) + 1e-9
    given, asked = given / scale, asked / scale
    gram = given.T @ given + ridge * len(given) * np.eye(given.shape[1])
    return asked @ np.linalg.solve(gram, given.T @ (targets - middle)) + middle


def highest(values, share):
    """The cells with the highest values: float, any shape → bool of that shape.

    share: which part of all cells, above 0 and at most 1, rounded to whole cells and at least one;
    of equal values the first ones count. Raises ValueError for another share.

    Chapter: 4.1
    """
    values = np.asarray(values)
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}; it must be above 0 and at most 1, such as 0.1")
    chosen = np.zeros(values.size, bool)
    count = max(1, round(share * values.size))
    chosen[np.argsort(-values.ravel(), kind="stable")[:count]] = True
    return chosen.reshape(values.shape)


def keep(samples, mask, front_end):
    """The part of a sound that a mask on its mel picture lets through: float32 (n,) → (n,).

    mask: float or bool (frames, n_mels), from 0 (silence) to 1 (as it is), a factor on the
    amplitude. It is spread from mel bands to the bins of the short-time Fourier transform, straight
    lines between the bands' centres; the phase is kept, and the sound put together again. So
    `keep(x, mask, fe) + keep(x, 1 - mask, fe)` is `x`, and what a mask of ones keeps is all of it.

    Raises ShapeError if the mask does not fit the sound's picture, ValueError for values outside
    [0, 1], and as `helpers.features.stft`.

    Chapter: 4.1
    """
    from helpers.features import hz_to_mel, istft, mel_to_hz, stft

    mask, n, fe = np.asarray(mask, dtype=np.float64), len(samples), front_end
    if mask.shape != (fe.frames(n), fe.n_mels):
        raise ShapeError(
            f"the mask has shape {mask.shape}; the picture of {n} samples has shape "
            f"({fe.frames(n)}, {fe.n_mels})"
        )
    if mask.size and not (mask.min() >= 0 and mask.max() <= 1):
        raise ValueError("the mask must lie between 0 and 1")
    lead = -(-fe.n_fft // fe.hop)  # frames of zeros in front, so that frames stay where they are
    padded = np.pad(samples, (lead * fe.hop, lead * fe.hop + -n % fe.hop))
    spectrum = stft(padded, fe)
    edges = np.linspace(hz_to_mel(fe.fmin), hz_to_mel(fe.fmax), fe.n_mels + 2)
    bins = np.fft.rfftfreq(fe.n_fft, 1 / fe.sample_rate)
    gains = np.stack([np.interp(bins, mel_to_hz(edges[1:-1]), row) for row in mask])
    nearest = np.clip(np.arange(len(spectrum)) - lead, 0, len(mask) - 1)
    return istft(spectrum * gains[nearest], fe)[lead * fe.hop :][:n]
