"""The sound network of chapter 6.4: one trunk that names a clip and says when it is heard.

Trained on clips with one label each. Every 160 ms the trunk gives a row of features; one dense
layer turns a row into evidence for the classes, whose mean over time names the clip, another into
the probability that a class is present just then. When it is present is taken from the energy of
the clip before it is mixed with others and with noise.
"""

from dataclasses import dataclass
from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from helpers import audio
from helpers.features import FrontEnd, mel_power
from helpers.models.augmentation import Augmentation, add_noise, colour, mask_stripes, throat
from helpers.models.frontend import RelativeLevel, decibels
from helpers.rooms import coloured_noise

FRONT_END = FrontEnd(
    sample_rate=16000, n_fft=1024, hop=320, n_mels=64, fmin=50.0, fmax=8000.0, floor=1e-9
)
"""Frames of 64 ms every 20 ms."""
FRAMES = 128
"""Frames that the network looks at at once: 2.6 s."""
STEP_FRAMES = 8
"""Frames to a step of the network: 160 ms."""
SECONDS = 5.0
"""Clips are brought to this length."""
CHANNELS = (16, 24, 32, 48, 64)
STRIDES = ((2, 2), (2, 2), (2, 2), (1, 2), (1, 2))
"""Of the layers, in time and in frequency."""
RANGE_DB = 60.0
TOP_DB, PAUSE = 25.0, 0.4
"""A sound is where a clip is at most so many dB below its loudest; pauses below that many seconds
belong to it."""
CENTRES = 64
CROPS = 5
"""Crops of a clip that are averaged when it is named."""

CHANGES = Augmentation(
    stretch=(1.0, 1.0),
    shift=(0.9, 1.11),
    wobble=0.0,
    colour_db=4.0,
    sway_db=0.0,
    snr_db=(15.0, 60.0),
    mask_frames=20,
    mask_bands=10,
)
"""How clips are changed in training."""
MIXED, NOISY, EMPTY = 0.5, 0.3, 0.1
"""Shares of the training examples: two clips mixed; with noise; and noise alone."""
NOISE_DB = (5.0, 35.0)
"""How far noise may lie below the clip's mean power, in dB."""
NOISES = 96
HEARD_DB = 12.0
"""A clip in a mixture counts as present if it is at most so far below the other."""


def sound_network(classes, channels=CHANNELS, dropout=0.3, n_mels=FRONT_END.n_mels):
    """A CNN for pictures of any length: (batch, frames, n_mels) in dB → two arrays.

    Returns [evidence, presence], logits both, of shape (batch, steps, classes) with a step for
    every eight frames, rounded up. A 5×5 convolution and 3×3 ones, each with batch normalisation
    and ReLU, with the strides STRIDES; what is left of the frequency axis, two bands, stays apart.
    With channels c₁ … c₅ it has

        25 c₁ + 9 Σ cᵢ₋₁ cᵢ + 4 Σ cᵢ + 2 (2 c₅ + 1) · classes

    parameters (4 cᵢ for the normalisation, half of which are running statistics).

    Raises ValueError unless there are as many channels as strides and n_mels is a multiple of 32.

    Chapter: 6.4
    Source: [zhou2015learning] for evidence in place whose mean decides.
    """
    if len(channels) != len(STRIDES) or n_mels % 32:
        raise ValueError(
            f"{len(channels)} layers and {n_mels} bands; use {len(STRIDES)} layers and a multiple "
            "of 32 bands, which the strides halve five times"
        )
    inputs = keras.Input((None, n_mels), name="picture")
    x = RelativeLevel(RANGE_DB)(inputs)
    x = layers.Reshape((-1, n_mels, 1))(x)
    for i, (c, strides) in enumerate(zip(channels, STRIDES, strict=True)):
        size = 5 if i == 0 else 3
        x = layers.Conv2D(c, size, strides=strides, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    x = layers.Reshape((-1, n_mels // 32 * channels[-1]))(x)
    x = layers.Dropout(dropout)(x)
    evidence = layers.Dense(classes, name="evidence")(x)
    presence = layers.Dense(classes, name="presence", bias_initializer=rarely)(x)
    return keras.Model(inputs, [evidence, presence])


def rarely(shape, dtype=None):
    """A bias at which a class is present with probability 0.12: −2. Chapter: 6.4"""
    return tf.constant(-2.0, dtype or tf.float32, shape)


def parameter_count(classes, channels=CHANNELS, n_mels=FRONT_END.n_mels):
    """The number of parameters of `sound_network`, by its formula; an int. Chapter: 6.4"""
    convolutions = 25 * channels[0] + sum(9 * a * b for a, b in pairwise(channels))
    heads = 2 * (n_mels // 32 * channels[-1] + 1) * classes
    return convolutions + 4 * sum(channels) + heads


# --- clips ----------------------------------------------------------------------------------------


@dataclass
class SoundBank:
    """Clips as mel power, and where in them there is something to hear.

    power (n, frames, n_mels) float32, each with a mean of 1 where it is loud; active (n, frames)
    float32, 1 where the sound is and 0 elsewhere; centres (n, 64) int32, loud frames, spread
    evenly; labels (n,) int32; classes, how many.

    Chapter: 6.4
    """

    power: np.ndarray
    active: np.ndarray
    centres: np.ndarray
    labels: np.ndarray
    classes: int

    def __len__(self):
        return len(self.labels)

    def subset(self, which):
        """The clips of a mask (n,) or of indices. Chapter: 6.4"""
        parts = (self.power, self.active, self.centres, self.labels)
        return SoundBank(*(part[which] for part in parts), self.classes)


def sound_bank(sounds):
    """A `SoundBank` of `Sounds`, brought to five seconds each.

    Raises BadSampleRate unless they come at 16 kHz, AudioError as `check_samples`.

    Chapter: 6.4
    """
    from helpers.errors import BadSampleRate

    if sounds.sample_rate != FRONT_END.sample_rate:
        raise BadSampleRate(
            f"the sounds have {sounds.sample_rate} Hz, the network takes {FRONT_END.sample_rate}: "
            "use audio.resample"
        )
    length = round(SECONDS * FRONT_END.sample_rate)
    power, active, centres = [], [], []
    for samples in sounds.audio:
        one = mel_power(audio.fix_length(samples, length), FRONT_END)
        loud = loud_frames(one)
        power.append(one / max(float(one[loud].mean()), FRONT_END.floor))
        active.append(bridged(loud, round(PAUSE * FRONT_END.sample_rate / FRONT_END.hop)))
        middles = (np.arange(CENTRES) + 0.5) * loud.sum() / CENTRES
        centres.append(np.flatnonzero(loud)[middles.astype(int)])
    return SoundBank(
        np.array(power, np.float32),
        np.array(active, np.float32),
        np.array(centres, np.int32),
        np.asarray(sounds.labels, np.int32),
        len(sounds.classes),
    )


def loud_frames(power, top_db=TOP_DB):
    """Which frames are at most `top_db` below the loudest: (frames, n_mels) → bool (frames,).

    Chapter: 6.4
    """
    level = np.asarray(power).mean(axis=1)
    return level >= level.max() * 10 ** (-top_db / 10)


def bridged(frames, length):
    """Fill gaps of fewer than `length` frames: bool (k,) → bool (k,). Chapter: 6.4"""
    from scipy.ndimage import binary_closing

    return binary_closing(np.pad(frames, length), np.ones(length, bool))[length:-length]


def crops(bank, count=CROPS):
    """Pictures of clips, spread over what is loud: float32 (n, count, FRAMES, n_mels) in dB.

    Chapter: 6.4
    """
    frames = bank.power.shape[1]
    at = bank.centres[:, np.linspace(0, CENTRES - 1, count).astype(int)]  # (n, count)
    starts = np.clip(at - FRAMES // 2, 0, max(0, frames - FRAMES))
    index = starts[:, :, None] + np.arange(FRAMES)
    cut = bank.power[np.arange(len(bank))[:, None, None], np.minimum(index, frames - 1)]
    return (10 * np.log10(cut + 1e-6)).astype(np.float32)


def noise_pictures(count=NOISES, seed=0):
    """Mel power of steady noises that differ in colour: float32 (count, FRAMES, n_mels), mean 1.

    Each is the sum of two noises that fall by 0 to 9 dB per octave. Chapter: 6.4
    """
    rng = np.random.default_rng(seed)
    n = FRONT_END.n_fft + (FRAMES - 1) * FRONT_END.hop
    pictures = []
    for _ in range(count):
        slopes, level_db = rng.uniform(-9, 0, 2), rng.uniform(-20, 0)
        first, second = (coloured_noise(n, slope, rng) for slope in slopes)
        power = mel_power(first + np.float32(10 ** (level_db / 20)) * second, FRONT_END)
        pictures.append(power / power.mean())
    return np.array(pictures, np.float32)


def batches(bank, size=32, changes=CHANGES, mixed=MIXED, noisy=NOISY, empty=EMPTY):
    """A function that draws training examples in the graph, for `helpers.training.fit_stages`.

    It gives pictures (size, FRAMES, n_mels) in dB and targets (size, 1 + steps, classes): first the
    shares of the classes, which add up to 1 (0 where there is only noise), then for each step how
    much of it a class is heard in. A crop lies around a loud frame; a share `mixed` of the crops is
    mixed with another clip's, with amplitudes r and 1 − r, which are also the shares. A share
    `noisy` has one of `noise_pictures` added, and a share `empty` consists of it alone.

    Chapter: 6.4
    Source: [zhang2017mixup]; [tokozume2017learning], who mix sounds as we do, by their level.
    """
    frames = bank.power.shape[1]
    power, active = tf.constant(bank.power), tf.constant(bank.active)
    centres, labels = tf.constant(bank.centres), tf.constant(bank.labels)
    noises = tf.constant(noise_pictures())

    def drawn():
        which = tf.random.uniform([size], 0, len(bank), tf.int32)
        place = tf.random.uniform([size], 0, CENTRES, tf.int32)
        centre = tf.gather_nd(centres, tf.stack([which, place], axis=1))
        start = centre - tf.random.uniform([size], FRAMES // 8, FRAMES - FRAMES // 8, tf.int32)
        index = start[:, None] + tf.range(FRAMES)
        inside = tf.cast((index >= 0) & (index < frames), tf.float32)
        index = tf.clip_by_value(index, 0, frames - 1)
        cut, heard = (
            tf.gather(tf.gather(part, which), index, batch_dims=1) for part in (power, active)
        )
        heard = tf.reshape(heard * inside, [size, FRAMES // STEP_FRAMES, STEP_FRAMES])
        label = tf.one_hot(tf.gather(labels, which), bank.classes)
        return cut * inside[:, :, None], tf.reduce_mean(heard, axis=2), label

    def draw():
        (a, heard_a, label_a), (b, heard_b, label_b) = drawn(), drawn()
        share = tf.random.uniform([size, 1], 0.0, 1.0)
        share = tf.where(tf.random.uniform([size, 1]) < mixed, share, 1.0)
        of_a, of_b = tf.square(share), tf.square(1.0 - share)
        x = of_a[:, :, None] * a + of_b[:, :, None] * b
        x = tf.matmul(x, throat(size, FRONT_END, changes), transpose_b=True)
        x = colour(x, changes)
        full = tf.cast(tf.random.uniform([size, 1]) >= empty, tf.float32)
        noise = tf.gather(noises, tf.random.uniform([size], 0, len(noises), tf.int32))
        level = 10.0 ** (-tf.random.uniform([size, 1, 1], *NOISE_DB) / 10.0)
        level *= tf.cast(tf.random.uniform([size, 1, 1]) < noisy, tf.float32)
        level = tf.where(full[:, :, None] > 0, level, 1.0)
        x = full[:, :, None] * add_noise(x, changes) + level * noise
        x = decibels(x + 1e-6)
        lowest = tf.reduce_max(x, axis=(1, 2), keepdims=True) - RANGE_DB
        picture = mask_stripes(tf.maximum(x, lowest), changes, lowest)
        least = 10.0 ** (-HEARD_DB / 10.0)
        heard_a *= tf.cast(of_a > least * of_b, tf.float32)
        heard_b *= tf.cast(of_b > least * of_a, tf.float32)
        named = share * label_a + (1.0 - share) * label_b
        heard = tf.maximum(
            heard_a[:, :, None] * label_a[:, None], heard_b[:, :, None] * label_b[:, None]
        )
        return picture, full[:, :, None] * tf.concat([named[:, None], heard], axis=1)

    return draw


def sound_loss(network, pictures, targets):
    """Cross-entropy of the clip's name plus that of the presences, in nats: a mean, ().

    targets as `batches` gives them. Names count only where there is more than noise; presences are
    summed over classes and averaged over steps. Chapter: 6.4
    """
    evidence, presence = network(pictures, training=True)
    shares, heard = targets[:, 0], targets[:, 1:]
    smooth = 0.9 * shares + 0.1 * tf.reduce_mean(shares, axis=1, keepdims=True)
    named = tf.nn.softmax_cross_entropy_with_logits(smooth, tf.reduce_mean(evidence, axis=1))
    named *= tf.reduce_sum(shares, axis=1)
    steps = tf.nn.sigmoid_cross_entropy_with_logits(heard, presence)
    return tf.reduce_mean(named + tf.reduce_mean(tf.reduce_sum(steps, axis=2), axis=1))


# --- the jury -------------------------------------------------------------------------------------


class SoundModel:
    """Networks that are asked together.

    networks: a list of what `sound_network` makes; classes: their names.

    Chapter: 6.4
    """

    def __init__(self, networks, classes):
        self.networks, self.classes = list(networks), list(classes)
        self._ask = tf.function(
            self._both,
            input_signature=[tf.TensorSpec([None, None, FRONT_END.n_mels], tf.float32)],
        )

    def _both(self, pictures):
        names, presences = [], []
        for network in self.networks:
            evidence, presence = network(pictures, training=False)
            names.append(tf.nn.log_softmax(tf.reduce_mean(evidence, axis=1)))
            presences.append(tf.sigmoid(presence))
        return tf.add_n(names) / len(names), tf.add_n(presences) / len(presences)

    def ask(self, pictures, batch=128):
        """Pictures (n, frames, n_mels) in dB → names (n, classes), presence (n, steps, classes).

        Names are mean log-probabilities of the networks, presence a probability.

        Chapter: 6.4
        """
        parts = [
            self._ask(np.asarray(pictures[i : i + batch], np.float32))
            for i in range(0, len(pictures), batch)
        ]
        return tuple(np.concatenate([part[k].numpy() for part in parts]) for k in (0, 1))

    def presence(self, pictures):
        """When a class is heard: (n, frames, n_mels) in dB → (n, steps, classes). Chapter: 6.4"""
        return self.ask(pictures)[1]

    def name(self, pictures):
        """What each picture is as a whole: (n, frames, n_mels) → (n, classes). Chapter: 6.4"""
        return np.exp(self.ask(pictures)[0])

    def probabilities(self, bank, count=CROPS):
        """What each clip of a `SoundBank` is: (n, classes), rows that add up to 1.

        The log-probabilities of `count` crops are averaged. Chapter: 6.4
        """
        pictures = crops(bank, count)
        log_p = self.ask(pictures.reshape(-1, *pictures.shape[2:]))[0]
        log_p = log_p.reshape(len(bank), count, -1).mean(axis=1)
        p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)
