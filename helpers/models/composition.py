"""Strings of words as pictures, set together anew for every batch, inside the graph."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from helpers.models.augmentation import (
    FOR_PEOPLE,
    FOR_VOICES,
    Augmentation,
    add_noise,
    colour,
    mask_stripes,
    stretch_factor,
    throat,
)
from helpers.models.digits import FRONT_END, share_counts, word_power
from helpers.models.frontend import RelativeLevel, decibels

PAUSE = (2, 30)
"""Frames of 10 ms before, between and after words, drawn evenly."""
SPREAD_DB = 1.5
RECIPES = 4000
SILENCE = 1e-9


@dataclass
class WordBank:
    """The mel-power frames of many words, one word behind the other.

    power (N + 1, n_mels) float32, of which the last frame is silence; starts, lengths, labels
    (words,) int; speakers (words,) str; augmentation, how a string of them may be changed; share,
    the part of each batch that is made of them, relative to the shares of other banks.

    Chapter: 5.3
    """

    power: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray
    speakers: np.ndarray
    augmentation: Augmentation
    share: float = 1.0


def word_bank(clips, augmentation=None, share=1.0, front_end=FRONT_END):
    """Turn Clips into a WordBank; by default people get `FOR_PEOPLE` and voices `FOR_VOICES`.

    Raises as `helpers.models.digits.loudest_window`. Chapter: 5.3
    """
    if augmentation is None:
        augmentation = FOR_VOICES if clips.source == "builtin" else FOR_PEOPLE
    parts = [word_power(samples, front_end) for samples in clips.audio]
    lengths = np.array([len(p) for p in parts])
    silence = np.full((1, front_end.n_mels), SILENCE)
    return WordBank(
        power=np.concatenate([*parts, silence]).astype(np.float32),
        starts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        labels=clips.labels,
        speakers=clips.speakers,
        augmentation=augmentation,
        share=share,
    )


def string_batches(banks, frames, words, *, size=32, seed=0, front_end=FRONT_END):
    """A function without arguments that composes and changes a batch, for `training.fit`.

    Each string is one speaker's: from words[0] to words[1] words, or as many as fit into `frames`,
    with pauses between them and levels of their own. Which words follow each other is drawn
    beforehand, some thousand strings; speed, throat, colour and noise are drawn for each batch as
    the bank's `augmentation` says, and one noise lies over the whole string and goes on behind its
    end. The function gives (pictures (size, frames, n_mels) as the network sees them, lengths
    (size,) int32, the frames that each string lasts) and tokens (size, words[1]) int32, in which
    -1 stands behind the last.

    Raises ValueError for no bank, an empty one, a range that is not 1 ≤ low ≤ high words, shares
    that round to no string, or frames too few for one word.

    Chapter: 5.3
    """
    if not banks or not all(len(b.labels) for b in banks):
        raise ValueError("strings are composed from one bank of words or more, none of it empty")
    if not 1 <= words[0] <= words[1]:
        raise ValueError(f"words is {words}: give the lower end of the range first, from 1 up")
    counts = share_counts(banks, size)
    if counts.min() < 1:
        raise ValueError(f"shares give {counts.tolist()} strings of {size}: each needs one or more")
    longest = max(int(b.lengths.max()) for b in banks)
    if frames < longest + PAUSE[1]:
        raise ValueError(f"{frames} frames are too few: the longest word alone has {longest}")
    rng = np.random.default_rng(seed)
    sets = []
    for bank, count in zip(banks, counts, strict=True):
        recipes = _recipes(bank, frames, words, rng)
        sets.append((tf.constant(bank.power), *map(tf.constant, recipes), count, bank.augmentation))
    level = RelativeLevel()

    def draw():
        pictures, lengths, tokens = [], [], []
        for power, index, gain, used, said, count, settings in sets:
            chosen = tf.random.uniform([count], 0, RECIPES, tf.int32)
            index_of, gain_of = tf.gather(index, chosen), tf.gather(gain, chosen)
            x, lasts = _spoken(power, index_of, gain_of, tf.gather(used, chosen), settings)
            x = tf.matmul(x, throat(count, front_end, settings), transpose_b=True)
            x = add_noise(colour(x, settings), settings)
            pictures.append(mask_stripes(level(decibels(x + SILENCE)), settings, value=-1.0))
            lengths.append(lasts)
            tokens.append(tf.gather(said, chosen))
        return (tf.concat(pictures, 0), tf.concat(lengths, 0)), tf.concat(tokens, 0)

    return draw


def _recipes(bank, frames, words, rng):
    """Draw strings: index (n, frames) into the bank's frames, gain in dB, frames used, tokens."""
    index = np.full((RECIPES, frames), len(bank.power) - 1, np.int32)
    gain = np.zeros((RECIPES, frames), np.float32)
    used = np.zeros(RECIPES, np.float32)
    tokens = np.full((RECIPES, words[1]), -1, np.int32)
    by_speaker = [np.flatnonzero(bank.speakers == s) for s in np.unique(bank.speakers)]
    for i in range(RECIPES):
        mine = by_speaker[rng.integers(len(by_speaker))]
        at = rng.integers(*PAUSE, endpoint=True)
        for place, word in enumerate(rng.choice(mine, rng.integers(*words, endpoint=True))):
            n = bank.lengths[word]
            if at + n > frames:
                break
            index[i, at : at + n] = np.arange(bank.starts[word], bank.starts[word] + n)
            gain[i, at : at + n] = SPREAD_DB * rng.standard_normal()
            tokens[i, place] = bank.labels[word]
            at += n + rng.integers(*PAUSE, endpoint=True)
        used[i] = min(at, frames)
    return index, gain, used, tokens


def _spoken(power, index, gain, used, settings):
    """Look the frames up, faster or slower, but never so slow that the last word is cut off.

    Returns power (batch, frames, n_mels) and how many frames each lasts, (batch,) int32.
    """
    frames = index.shape[1]
    factor = tf.minimum(stretch_factor(tf.shape(index)[0], settings), frames / used)
    source = tf.range(frames, dtype=tf.float32)[None] / factor[:, None]  # (batch, frames)
    before = tf.minimum(tf.cast(source, tf.int32), frames - 1)
    after = tf.minimum(before + 1, frames - 1)
    part = tf.clip_by_value(source - tf.cast(before, tf.float32), 0.0, 1.0)[:, :, None]
    heard = (1 - part) * tf.gather(power, tf.gather(index, before, batch_dims=1))
    heard += part * tf.gather(power, tf.gather(index, after, batch_dims=1))
    louder = tf.pow(10.0, tf.gather(gain, before, batch_dims=1) / 10.0)
    heard = tf.where(source[:, :, None] < used[:, None, None], heard * louder[:, :, None], SILENCE)
    return heard, tf.cast(tf.math.ceil(used * factor), tf.int32)
