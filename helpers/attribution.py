"""Which parts of a picture a network's answer rests on, and what those parts sound like.

NumPy only; the network comes in as a function that scores pictures. Chapter: 4.1
"""

import numpy as np

from helpers.errors import ShapeError


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
