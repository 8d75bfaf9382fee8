"""Understanding an order: a network that spells the words of its slots, and how it is trained.

A picture of the whole order goes through convolutions over 1.4 seconds; for every step of 40 ms
come log-probabilities of `helpers.phrases.WORDS` and of "nothing new", as CTC needs them. Built-in
voices teach it the words. Of recorded orders only the slots are known, not in which order they were
said: `helpers.phrases.arranged` guesses that, and the network learns from the guess.
"""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from helpers.models.augmentation import Augmentation, colour, mask_stripes, stretch_factor, throat
from helpers.models.digits import share_counts
from helpers.models.frontend import RelativeLevel, decibels
from helpers.models.spotter import FRONT_END, SILENCE, frames_of
from helpers.models.transcriber import FRAMES_PER_STEP, encoder
from helpers.phrases import BLANK, arranged, spelled

CHANNELS, WIDTH = (16, 24, 32, 48), 96

OF_VOICES = Augmentation(
    stretch=(0.8, 1.25),
    shift=(0.85, 1.18),
    wobble=0.0,
    colour_db=6.0,
    sway_db=0.0,
    snr_db=(3.0, 45.0),
    mask_frames=8,
    mask_bands=6,
)
"""For built-in voices. `snr_db` is the ratio of the sound to recorded noise that is mixed in."""

OF_PEOPLE = Augmentation(
    stretch=(0.85, 1.18),
    shift=(0.9, 1.12),
    wobble=0.0,
    colour_db=4.0,
    sway_db=0.0,
    snr_db=(3.0, 45.0),
    mask_frames=8,
    mask_bands=6,
)
"""For recordings of people, who differ enough by themselves."""


def order_speller(channels=CHANNELS, width=WIDTH, dropout=0.1, n_mels=FRONT_END.n_mels):
    """A network for pictures of orders: (batch, frames, n_mels) → (batch, ⌈frames/4⌉, words + 1).

    The encoder of chapter 5.3 and a dense layer; the blank is the last label. Raises as `encoder`.

    Chapter: 6.1
    Source: [graves2006connectionist] for what its outputs mean
    """
    picture = keras.Input((None, n_mels), name="picture")
    steps = encoder(n_mels, channels, width, dropout)(picture)
    return keras.Model(picture, layers.Dense(BLANK + 1, name="logits")(steps), name="order_speller")


@dataclass
class OrderBank:
    """The mel-power frames of many sounds, one sound behind the other, and the words in each.

    power (frames, 40) float32; starts, lengths (n,) int32; tokens (n, most words) int32, -1 behind
    the last; augmentation, how a sound may be changed; share, the part of each batch that is drawn
    from it, relative to the shares of other banks.

    Chapter: 6.1
    """

    power: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    tokens: np.ndarray
    augmentation: Augmentation
    share: float = 1.0


def order_bank(powers, words, augmentation, share=1.0):
    """Put sounds into an `OrderBank`: a list of float32 (frames, 40), see `frames_of`, and a list
    of the words said in each, tuples of int.

    Raises ValueError for lists of different lengths, no sound, or a sound without a word, of which
    CTC has nothing to learn.

    Chapter: 6.1
    """
    if not len(powers) or len(powers) != len(words):
        raise ValueError(f"{len(powers)} sounds and {len(words)} strings of words: give one each")
    if not all(len(said) for said in words):
        raise ValueError("a sound has no word: leave it out")
    lengths = np.array([len(p) for p in powers], np.int32)
    most = max(len(said) for said in words)
    tokens = [[*said, *[-1] * (most - len(said))] for said in words]
    return OrderBank(
        power=np.concatenate(powers).astype(np.float32),
        starts=(np.cumsum(lengths) - lengths).astype(np.int32),
        lengths=lengths,
        tokens=np.array(tokens, np.int32),
        augmentation=augmentation,
        share=share,
    )


def order_batches(banks, noise, frames, size=8, words=16):
    """A function without arguments that draws and changes a batch, for `training.fit_stages`.

    noise: float32 (m, 40), mel power that is mixed in. Each bank gives its share of `size` sounds,
    of those that fit into `frames` and have at most `words` words. They are changed in speed,
    throat and colour and mixed with noise as the bank's augmentation says. Gives (pictures (size,
    frames, 40), lengths (size,) int32) and tokens (size, words) int32, -1 behind the last.

    Raises ValueError for no bank, one of which nothing fits, shares that round to no sound, or
    noise of fewer than `frames` frames.

    Chapter: 6.1
    """
    if not banks or len(noise) <= frames:
        raise ValueError(
            f"{len(banks)} banks and {len(noise)} frames of noise: give one bank or more, and more "
            f"than {frames} frames"
        )
    counts = share_counts(banks, size)
    if counts.min() < 1:
        raise ValueError(f"shares give {counts.tolist()} sounds of {size}: each needs one or more")
    sets = [(*_fitting(b, frames, words), int(n)) for b, n in zip(banks, counts, strict=True)]
    noise, level = tf.constant(noise), RelativeLevel()

    def draw():
        drawn = [_drawn(*one, noise, frames, level) for one in sets]
        pictures, lengths, tokens = (tf.concat(part, 0) for part in zip(*drawn, strict=True))
        return (pictures, lengths), tokens

    return draw


def _fitting(bank, frames, words):
    said = np.sum(bank.tokens >= 0, axis=1)
    fits = np.flatnonzero((bank.lengths <= frames) & (said <= words))
    if not len(fits):
        raise ValueError(f"no sound of a bank has at most {frames} frames and {words} words")
    tokens = np.full((len(fits), words), -1, np.int32)
    some = bank.tokens[fits, :words]
    tokens[:, : some.shape[1]] = some
    columns = (bank.power, bank.starts[fits], bank.lengths[fits], tokens)
    return (*map(tf.constant, columns), bank.augmentation)


def _drawn(power, starts, lengths, tokens, settings, count, noise, frames, level):
    which = tf.random.uniform([count], 0, len(starts), tf.int32)
    start, used = tf.gather(starts, which)[:, None], tf.gather(lengths, which)[:, None]
    lasts = tf.cast(used, tf.float32)
    factor = tf.minimum(stretch_factor(count, settings)[:, None], frames / lasts)
    source = tf.range(frames, dtype=tf.float32)[None] / factor
    before = tf.minimum(tf.cast(source, tf.int32), used - 1)
    part = tf.clip_by_value(source - tf.cast(before, tf.float32), 0.0, 1.0)[:, :, None]
    x = (1 - part) * tf.gather(power, start + before)
    x += part * tf.gather(power, start + tf.minimum(before + 1, used - 1))
    x = tf.where((source < lasts)[:, :, None], x, SILENCE)
    x = colour(tf.matmul(x, throat(count, FRONT_END, settings), transpose_b=True), settings)
    begin = tf.random.uniform([count, 1], 0, len(noise) - frames, tf.int32)
    n = tf.gather(noise, begin + tf.range(frames)[None])
    loud = tf.reduce_mean(x, axis=(1, 2)) * frames / (lasts * factor)[:, 0]
    below = tf.pow(10.0, -tf.random.uniform([count], *settings.snr_db) / 10.0)
    x += n * (loud * below / (tf.reduce_mean(n, axis=(1, 2)) + 1e-12))[:, None, None]
    picture = mask_stripes(level(decibels(x + SILENCE)), settings, value=-1.0)
    return picture, tf.cast(tf.math.ceil(lasts * factor), tf.int32)[:, 0], tf.gather(tokens, which)


def order_loss(network, inputs, tokens):
    """CTC's loss in nats per word, a loss for `training.fit_stages`: () from a batch.

    inputs: (pictures (batch, frames, n_mels), lengths (batch,) int32 frames); tokens (batch, n)
    int32, -1 behind the last, one word or more each.

    Chapter: 6.1
    Source: [graves2006connectionist]
    """
    pictures, lengths = inputs
    logits = network(pictures, training=True)
    there = tf.where(tokens >= 0)
    targets = tf.SparseTensor(there, tf.gather_nd(tokens, there), tf.shape(tokens, tf.int64))
    steps = tf.minimum(-(-lengths // FRAMES_PER_STEP), tf.shape(logits)[1])
    nats = tf.nn.ctc_loss(targets, logits, None, steps, logits_time_major=False, blank_index=BLANK)
    return tf.reduce_mean(nats / tf.reduce_sum(tf.cast(tokens >= 0, tf.float32), axis=1))


class OrderReader:
    """From sound, or its mel power, to log-probabilities of words, by one network or several.

    Several networks are asked together: their log-probabilities are averaged. Chapter: 6.1
    """

    def __init__(self, *networks):
        if not networks:
            raise ValueError("give one network or more")
        level = RelativeLevel()

        def log_p(power):
            picture = level(decibels(power + SILENCE))
            heard = [tf.nn.log_softmax(network(picture, training=False)) for network in networks]
            return tf.add_n(heard) / len(heard)

        shape = tf.TensorSpec([1, None, FRONT_END.n_mels], tf.float32)
        self._log_p = tf.function(log_p, input_signature=[shape])

    def of_power(self, power):
        """float32 (frames, 40) → float32 (⌈frames/4⌉, words + 1). Chapter: 6.1"""
        return self._log_p(tf.constant(power[None])).numpy()[0]

    def __call__(self, samples):
        """float32 (n,) at 16 kHz → float32 (steps, words + 1). Raises AudioError for what is not
        sound. Chapter: 6.1"""
        return self.of_power(frames_of(samples))


def guessed_words(reader, powers, slots):
    """In which order the phrases of each order were said, as the reader guesses: list of tuples.

    powers: list of n float32 (frames, 40). slots: list of n dicts {slot: value}, one slot or more
    each.

    Chapter: 6.1
    Source: the problem is that of [kuo2020transcripts], who solve it by attention
    """
    return [
        arranged(reader.of_power(power), [spelled(value) for value in said.values()])[0]
        for power, said in zip(powers, slots, strict=True)
    ]
