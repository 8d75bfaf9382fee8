"""The recipe of chapter 5.2 carried to machines: what it looks at, and what it is trained on."""

from dataclasses import dataclass, replace

import numpy as np

from helpers.features import FrontEnd, mel_power
from helpers.models import tf
from helpers.models.augmentation import (
    FOR_PEOPLE,
    NONE,
    Augmentation,
    add_noise,
    augment_power,
    colour,
    mask_stripes,
    throat,
)
from helpers.models.frontend import RelativeLevel, decibels
from helpers.models.small import answers

COARSE = FrontEnd(n_mels=32)
"""Frames of 32 ms every 10 ms, as for speech: the impacts of a bearing melt into one another."""

FINE = FrontEnd(n_fft=64, hop=20, n_mels=16, fmin=100.0)
"""Frames of 8 ms every 2.5 ms, with half as many bands: single impacts can be seen."""

SAME_PICTURE = FrontEnd(n_mels=16, hop=20, fmin=100.0)
"""Frames of 32 ms, for the rest as `FINE`: the same bands and nearly as many frames."""

FOR_MACHINES = replace(NONE, shift=(0.8, 1.25), colour_db=4.0, snr_db=(15.0, 50.0))
"""Other resonances, other microphones, other noise; nothing that changes when things happen."""


@dataclass(frozen=True)
class Recipe:
    """A front end and the changes made in training. Chapter: 8.5"""

    front_end: FrontEnd
    augmentation: Augmentation


RECIPES = {
    "as for speech": Recipe(COARSE, FOR_PEOPLE),
    "coarse, unchanged": Recipe(COARSE, NONE),
    "coarse, often, unchanged": Recipe(SAME_PICTURE, NONE),
    "fine, as for speech": Recipe(FINE, FOR_PEOPLE),
    "fine, unchanged": Recipe(FINE, NONE),
    "fine, for machines": Recipe(FINE, FOR_MACHINES),
}
"""What is tried. Chapter: 8.5"""


def powers(clips, front_end):
    """Mel power of all clips, which are equally long: float32 (n, frames, n_mels).

    Raises as `features.mel_power`, ValueError for clips of different lengths. Chapter: 8.5
    """
    found = [mel_power(x, front_end) for x in clips.audio]
    if len({len(p) for p in found}) > 1:
        raise ValueError("the clips differ in length: cut them to one length first")
    return np.stack(found)


def levelled(power):
    """Power (n, frames, n_mels) as the network sees it: float32, the loudest point at 1.

    Chapter: 8.5
    """
    return RelativeLevel()(decibels(tf.constant(power))).numpy()


def machine_batches(power, labels, recipe, size=32):
    """A function without arguments that draws a batch for `training.fit`.

    power (n, frames, n_mels), labels (n,). Gives pictures (size, frames, n_mels) and labels
    (size,). Where nothing is done to time, no time is spent on it.

    Chapter: 8.5
    """
    data, targets = tf.constant(power), tf.constant(labels, tf.int32)
    settings, front_end, frames = recipe.augmentation, recipe.front_end, power.shape[1]
    level = RelativeLevel()
    still = settings.stretch == (1.0, 1.0) and not (settings.wobble or settings.echo)

    def draw():
        chosen = tf.random.uniform([size], 0, len(labels), tf.int32)
        loud = tf.gather(data, chosen)
        if settings == NONE:
            return level(decibels(loud)), tf.gather(targets, chosen)
        if still:
            loud = tf.matmul(loud, throat(size, front_end, settings), transpose_b=True)
            loud = add_noise(colour(loud, settings), settings)
        else:
            loud = augment_power(loud, tf.fill([size], frames), front_end, settings)
        picture = mask_stripes(level(decibels(loud + 1e-9)), settings, value=-1.0)
        return picture, tf.gather(targets, chosen)

    return draw


def damage_scores(network, power):
    """Log-odds of damage: power (n, frames, n_mels) → float (n,). Chapter: 8.5"""
    logits = answers(network, levelled(power))
    return logits[:, 1] - logits[:, 0]


def statistics(power):
    """Mean and spread over time of each band's level, in dB: (n, frames, m) → float (n, 2 m).

    The mean level of a clip is taken out. Chapter: 8.5
    """
    level = 10 * np.log10(power)
    means = level.mean(axis=1)
    return np.concatenate([means - means.mean(axis=1, keepdims=True), level.std(axis=1)], axis=1)


def strangeness(features, reference, spread):
    """How unlike a machine's own healthy clips each clip is: float (n,).

    features (n, k), of the clips; reference (m, k), of clips of the same machine that are known to
    be healthy; spread (k,), how far healthy clips of one machine lie from one another. The root
    mean square, over the features, of the distance from the reference's mean in units of the
    spread.

    Raises ValueError for an empty reference or a spread that is not above 0. Chapter: 8.5
    """
    spread = np.asarray(spread, float)
    if not len(reference) or not np.all(spread > 0):
        raise ValueError(f"{len(reference)} clips of reference, least spread {spread.min():g}")
    distance = (np.asarray(features) - np.mean(reference, axis=0)) / spread
    return np.sqrt(np.mean(distance**2, axis=1))
