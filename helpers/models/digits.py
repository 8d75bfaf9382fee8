"""The sound recogniser of chapter 5.2: what it looks at, and how a batch is made."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from helpers import audio
from helpers.features import FrontEnd, mel_power
from helpers.models.augmentation import augment_power, mask_stripes
from helpers.models.frontend import LogMel, RelativeLevel, decibels

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
    """Mel-power pictures ready for augmentation.

    power (n, 100, n_mels) float32, the clip in the first frames; lengths (n,) int32 frames;
    labels (n,) int32; weights (n,) float64, how often each is drawn, relative to the others.

    Chapter: 5.2
    """

    power: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


def pictures(clips, front_end=FRONT_END, share=1.0):
    """Turn Clips into Pictures; `share` is the part of each batch that comes from them.

    Raises as `loudest_window`. Chapter: 5.2
    """
    power = np.full((len(clips), FRAMES, front_end.n_mels), 1e-9, np.float32)
    lengths = np.zeros(len(clips), np.int32)
    for i, samples in enumerate(clips.audio):
        x = loudest_window(samples)
        x = audio.fix_length(x, max(len(x), front_end.n_fft))
        p = mel_power(x, front_end)
        power[i, : len(p)], lengths[i] = p, len(p)
    weights = np.full(len(clips), share / len(clips))
    return Pictures(power, lengths, clips.labels.astype(np.int32), weights)


def join(first, second):
    """Put two sets of Pictures together. Chapter: 5.2"""
    pairs = zip(vars(first).values(), vars(second).values(), strict=True)
    return Pictures(*(np.concatenate(pair) for pair in pairs))


def batches(data, settings, front_end=FRONT_END, size=64):
    """A function without arguments that draws and augments a batch, for `training.fit`.

    It gives pictures (size, 100, n_mels) as the network sees them, and labels (size,).

    Chapter: 5.2
    """
    power, lengths = tf.constant(data.power), tf.constant(data.lengths)
    labels = tf.constant(data.labels)
    reach = tf.constant(np.cumsum(data.weights / data.weights.sum()), tf.float32)
    level = RelativeLevel()

    def draw():
        chosen = tf.searchsorted(reach, tf.random.uniform([size]))
        chosen = tf.minimum(chosen, len(data.labels) - 1)
        loud = augment_power(
            tf.gather(power, chosen), tf.gather(lengths, chosen), front_end, settings
        )
        picture = mask_stripes(level(decibels(loud + 1e-9)), settings, value=-1.0)
        return picture, tf.gather(labels, chosen)

    return draw


def assemble(network, front_end=FRONT_END):
    """Front end and network in one model: sound (batch, 8176) → logits (batch, 10).

    Chapter: 5.2
    """
    sound = keras.Input((SAMPLES,), name="sound")
    front = LogMel(vars(front_end))
    picture = RelativeLevel()(front(sound))
    return keras.Model(sound, network(picture), name="digit_recogniser")


def logits_of(model, clips, batch=256):
    """Logits of a recogniser on Clips: float32 (n, 10). Raises as `window`. Chapter: 5.2"""
    sound = np.stack([window(x) for x in clips.audio])
    parts = [model(sound[i : i + batch], training=False) for i in range(0, len(sound), batch)]
    return np.concatenate([p.numpy() for p in parts])
