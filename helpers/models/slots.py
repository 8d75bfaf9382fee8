"""Understanding an order: a network that spells the words of its slots, and how it is trained.

A picture of the whole order goes through convolutions over about 1.4 seconds; for every step of
40 ms come log-probabilities of `helpers.phrases.WORDS` and of "nothing new" (CTC). Built-in voices
teach it the words. Of recorded orders only the slots are known, not in which order they were said:
`helpers.phrases.arranged` guesses that, and the network learns from the guess. Chapter: 6.1
"""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from helpers import audio
from helpers.features import FrontEnd, mel_power
from helpers.models.augmentation import Augmentation, colour, mask_stripes, throat
from helpers.models.frontend import RelativeLevel, decibels
from helpers.models.transcriber import FRAMES_PER_STEP, encoder
from helpers.phrases import BLANK

FRONT_END = FrontEnd(sample_rate=16000, n_fft=512, hop=160, n_mels=40, fmin=60.0, fmax=7600.0)
CHANNELS, WIDTH = (16, 24, 32, 48), 96
SILENCE = 1e-9

VOICES = Augmentation(
    stretch=(0.8, 1.25), shift=(0.85, 1.18), wobble=0.0, colour_db=6.0, sway_db=0.0,
    snr_db=(3.0, 45.0), mask_frames=8, mask_bands=6,
)
PEOPLE = Augmentation(
    stretch=(0.85, 1.18), shift=(0.9, 1.12), wobble=0.0, colour_db=4.0, sway_db=0.0,
    snr_db=(3.0, 45.0), mask_frames=8, mask_bands=6,
)


def speller(channels=CHANNELS, width=WIDTH, dropout=0.1, n_mels=FRONT_END.n_mels):
    picture = keras.Input((None, n_mels), name="picture")
    steps = encoder(n_mels, channels, width, dropout)(picture)
    return keras.Model(picture, layers.Dense(BLANK + 1, name="logits")(steps), name="speller")


@dataclass
class Bank:
    """Mel power of sounds, one behind the other, and the words said in each."""

    power: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    tokens: np.ndarray
    augmentation: Augmentation
    share: float = 1.0


def power_of(samples):
    return mel_power(audio.fix_length(samples, max(len(samples), FRONT_END.n_fft), "start"), FRONT_END)


def bank(powers, words, augmentation, share=1.0):
    lengths = np.array([len(p) for p in powers], np.int32)
    most = max(map(len, words))
    tokens = np.array([[*w, *[-1] * (most - len(w))] for w in words], np.int32)
    return Bank(np.concatenate(powers).astype(np.float32), np.cumsum(lengths) - lengths, lengths,
                tokens, augmentation, share)


def batches(banks, noise, frames, size, most_words):
    """noise: (N, mels) power of noises one behind the other."""
    level = RelativeLevel()
    shares = np.array([b.share for b in banks], float)
    counts = np.diff(np.round(size * np.cumsum(shares) / shares.sum()).astype(int), prepend=0)
    sets = []
    for b, count in zip(banks, counts):
        fits = np.flatnonzero(b.lengths * b.augmentation.stretch[0] <= frames)
        assert len(fits)
        tok = b.tokens[fits]
        tok = np.pad(tok, ((0, 0), (0, max(0, most_words - tok.shape[1]))), constant_values=-1)[:, :most_words]
        sets.append((tf.constant(b.power), tf.constant(b.starts[fits].astype(np.int32)),
                     tf.constant(b.lengths[fits]), tf.constant(tok), int(count), b.augmentation))
    noise_t = tf.constant(noise)

    def draw():
        pictures, lengths, tokens = [], [], []
        for power, starts, lens, toks, count, a in sets:
            c = tf.random.uniform([count], 0, len(starts), tf.int32)
            start, used, tok = tf.gather(starts, c), tf.gather(lens, c), tf.gather(toks, c)
            usedf = tf.cast(used, tf.float32)
            f = tf.exp(tf.random.uniform([count], np.log(a.stretch[0]), np.log(a.stretch[1])))
            f = tf.minimum(f, frames / usedf)
            src = tf.range(frames, dtype=tf.float32)[None] / f[:, None]
            lo = tf.minimum(tf.cast(src, tf.int32), used[:, None] - 1)
            hi = tf.minimum(lo + 1, used[:, None] - 1)
            w = tf.clip_by_value(src - tf.cast(lo, tf.float32), 0., 1.)[:, :, None]
            x = (1 - w) * tf.gather(power, start[:, None] + lo) + w * tf.gather(power, start[:, None] + hi)
            x = tf.where(src[:, :, None] < usedf[:, None, None], x, SILENCE)
            x = tf.matmul(x, throat(count, FRONT_END, a), transpose_b=True)
            x = colour(x, a)
            at = tf.random.uniform([count], 0, len(noise_t) - frames, tf.int32)
            n = tf.gather(noise_t, at[:, None] + tf.range(frames)[None])
            loud = tf.reduce_mean(tf.reduce_sum(x, 2), 1) * frames / usedf
            nl = tf.reduce_mean(tf.reduce_sum(n, 2), 1)
            snr = tf.random.uniform([count], *a.snr_db)
            x += n * (loud / (nl + 1e-12) * tf.pow(10., -snr / 10.))[:, None, None]
            pictures.append(mask_stripes(level(decibels(x + SILENCE)), a, value=-1.0))
            lengths.append(tf.minimum(frames, tf.cast(tf.math.ceil(usedf * f), tf.int32)))
            tokens.append(tok)
        return (tf.concat(pictures, 0), tf.concat(lengths, 0)), tf.concat(tokens, 0)

    return draw


def loss(network, inputs, tokens):
    picture, lengths = inputs
    logits = network(picture, training=True)
    there = tf.where(tokens >= 0)
    targets = tf.SparseTensor(there, tf.gather_nd(tokens, there), tf.shape(tokens, tf.int64))
    steps = tf.minimum(-(-lengths // FRAMES_PER_STEP), tf.shape(logits)[1])
    nats = tf.nn.ctc_loss(targets, logits, None, steps, logits_time_major=False, blank_index=BLANK)
    words = tf.reduce_sum(tf.cast(tokens >= 0, tf.float32), axis=1)
    return tf.reduce_mean(nats / tf.maximum(words, 1.0))


def log_probabilities(networks, power):
    """(frames, mels) power → (steps, words + 1)."""
    x = RelativeLevel()(decibels(tf.constant(np.maximum(power, SILENCE)[None])))
    return sum(tf.nn.log_softmax(n(x, training=False))[0].numpy() for n in networks) / len(networks)
