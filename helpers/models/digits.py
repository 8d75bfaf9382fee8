"""The sound recogniser of chapter 5.2: what it looks at, and how a batch is made."""

from dataclasses import asdict, dataclass

import keras
import numpy as np
import tensorflow as tf

from helpers import audio
from helpers.features import FrontEnd, mel_power
from helpers.models.augmentation import (
    FOR_PEOPLE,
    FOR_VOICES,
    Augmentation,
    augment_power,
    mask_stripes,
)
from helpers.models.frontend import LogMel, LogSoftmax, RelativeLevel, Throat, decibels

FRONT_END = FrontEnd(n_mels=32)
FRAMES = 100
SAMPLES = FRONT_END.n_fft + (FRAMES - 1) * FRONT_END.hop
"""The recogniser looks at 100 frames: 8 176 samples, 1.022 s at 8 kHz."""


def loudest_window(samples, length=SAMPLES):
    """The stretch of `length` samples with the most energy, at peak 1: float32 (≤ length,).

    Shorter sounds are kept whole. Raises AudioError for samples that are not sound, AudioSilent
    where there is nothing to scale up.

    Chapter: 5.2
    """
    from helpers.errors import AudioSilent

    x = audio.check_samples(samples)
    if audio.is_silent(x):
        raise AudioSilent("the sound is silent from end to end: there is no word to recognise")
    if len(x) > length:
        energy = np.concatenate(([0.0], np.cumsum(x.astype(np.float64) ** 2)))
        start = int(np.argmax(energy[length:] - energy[:-length]))
        x = x[start : start + length]
    return audio.peak_normalise(x, 1.0)


def window(samples):
    """What the recogniser takes: the loudest window, centred in zeros, float32 (8176,).

    Raises as `loudest_window`. Chapter: 5.2
    """
    return audio.fix_length(loudest_window(samples), SAMPLES)


@dataclass
class Pictures:
    """Mel-power pictures, and how they may be changed when they are drawn.

    power (n, 100, n_mels) float32, the clip in the first frames; lengths (n,) int32 frames;
    labels (n,) int32; augmentation, an `Augmentation`; share, the part of each batch that is drawn
    from them, relative to the shares of the other sets.

    Chapter: 5.2
    """

    power: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray
    augmentation: Augmentation
    share: float = 1.0


def pictures(clips, augmentation=None, share=1.0, front_end=FRONT_END):
    """Turn Clips into Pictures; by default people get `FOR_PEOPLE` and voices `FOR_VOICES`.

    Raises as `loudest_window`. Chapter: 5.2
    """
    if augmentation is None:
        augmentation = FOR_VOICES if clips.source == "builtin" else FOR_PEOPLE
    power = np.full((len(clips), FRAMES, front_end.n_mels), 1e-9, np.float32)
    lengths = np.zeros(len(clips), np.int32)
    for i, samples in enumerate(clips.audio):
        p = word_power(samples, front_end)
        power[i, : len(p)], lengths[i] = p, len(p)
    return Pictures(power, lengths, clips.labels.astype(np.int32), augmentation, share)


def word_power(samples, front_end=FRONT_END):
    """Mel power of the loudest window of a sound: (frames, n_mels), one frame or more.

    Raises as `loudest_window`. Chapter: 5.2
    """
    x = loudest_window(samples)
    return mel_power(audio.fix_length(x, max(len(x), front_end.n_fft)), front_end)


def share_counts(sets, size):
    """How many of `size` examples each of `sets` gives, by its `share`: an array of int.

    Chapter: 5.2
    """
    reach = np.cumsum([s.share for s in sets]) / sum(s.share for s in sets)
    return np.diff(np.round(size * reach).astype(int), prepend=0)


def batches(sets, front_end=FRONT_END, size=64):
    """A function without arguments that draws and augments a batch, for `training.fit`.

    `sets`: a list of Pictures; each fills its share of the batch, rounded, with clips drawn at
    random and changed as its `augmentation` says. The function gives pictures (size, 100, n_mels)
    as the network sees them, and labels (size,).

    Raises ValueError if a set is empty, or if its share would round to no clip at all.

    Chapter: 5.2
    """
    if not sets or not all(len(s.labels) for s in sets):
        raise ValueError(
            "a batch is drawn from one set of pictures or more, none of it with no clips"
        )
    counts = share_counts(sets, size)
    if counts.min() < 1:
        raise ValueError(
            f"shares give {counts.tolist()} clips of {size}: each set needs one or more"
        )
    tensors = [tuple(map(tf.constant, (s.power, s.lengths, s.labels))) for s in sets]
    level = RelativeLevel()

    def draw():
        drawn = []
        for (power, lengths, labels), count, s in zip(tensors, counts, sets, strict=True):
            chosen = tf.random.uniform([count], 0, len(s.labels), tf.int32)
            power, lengths = tf.gather(power, chosen), tf.gather(lengths, chosen)
            loud = augment_power(power, lengths, front_end, s.augmentation)
            picture = mask_stripes(level(decibels(loud + 1e-9)), s.augmentation, value=-1.0)
            drawn.append((picture, tf.gather(labels, chosen)))
        inputs, targets = zip(*drawn, strict=True)
        return tf.concat(inputs, axis=0), tf.concat(targets, axis=0)

    return draw


THROATS = (0.92, 1.0, 1.09)
"""Factors on frequency under which the recogniser looks at each sound."""


def assemble(networks, front_end=FRONT_END, throats=THROATS):
    """Front end and networks in one model: sound (batch, 8176) → logits (batch, 10).

    Each of the `networks` looks at the picture once for each of `throats`, each band read at that
    factor times its frequency. The logits are the means of all their log-probabilities.

    Raises ValueError for an empty list and for a factor that is not above 0.

    Chapter: 5.2
    """
    if not networks or not throats or min(throats) <= 0:
        raise ValueError(
            f"{len(networks)} networks and throats {throats}: give one network or more, and one "
            "factor above 0 or more, such as (1.0,)"
        )
    sound = keras.Input((SAMPLES,), name="sound")
    picture = RelativeLevel()(LogMel(asdict(front_end))(sound))
    opinions = []
    for i, factor in enumerate(throats):
        look = Throat(factor, asdict(front_end), name=f"throat_{i}")(picture)
        for j, network in enumerate(networks):
            opinions.append(LogSoftmax(name=f"opinion_{i}_{j}")(network(look)))
    logits = keras.layers.Average(name="logits")(opinions) if len(opinions) > 1 else opinions[0]
    return keras.Model(sound, logits, name="digit_recogniser")


def logits_of(model, clips, batch=256):
    """Logits of a recogniser on Clips: float32 (n, 10). Raises as `window`. Chapter: 5.2"""
    sound = np.stack([window(x) for x in clips.audio])
    parts = [model(sound[i : i + batch], training=False) for i in range(0, len(sound), batch)]
    return np.concatenate([p.numpy() for p in parts])
