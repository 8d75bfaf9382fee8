"""A wake word: a small network that looks at a sliding window, and the stream around it.

The network answers one question, "does this window end with the word?", about 1.2 seconds of sound
at a time; `Spotter` asks it every 80 milliseconds of a stream that comes in blocks of any size, and
`Trigger` turns its probabilities into single events. Chapter: 6.1
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from helpers import audio
from helpers.features import FrontEnd, mel_power
from helpers.models.augmentation import FOR_PEOPLE, colour, mask_stripes, throat
from helpers.models.cnn import digit_cnn
from helpers.models.frontend import RelativeLevel, decibels

FRONT_END = FrontEnd(sample_rate=16000, n_fft=512, hop=160, n_mels=40, fmin=60.0, fmax=7600.0)
FRAMES = 120
HOP = 8
STEP = HOP * FRONT_END.hop / FRONT_END.sample_rate
"""Seconds from one answer to the next: 0.08."""
SAMPLES = FRONT_END.n_fft + (FRAMES - 1) * FRONT_END.hop
"""The network looks at 120 frames: 19 552 samples, 1.222 s at 16 kHz."""

MIDDLE = 70
"""In training, the frame of the window at which the middle of the word lies, give or take …"""
EARLIER, LATER = 25, 12
"""… so many frames: the word may have ended a while ago, or be just over."""
SNR_DB = (0.0, 40.0)
WORD_SHARE = 0.375
BEGINNINGS = 0.15
"""How many of the other windows begin with digital silence, so that its end is no word."""
SILENCE = 1e-9
LEAST_DB = -75.0
"""A window whose loudest point lies below this level holds nothing to be heard."""


@dataclass
class WakeBank:
    """Mel power to draw training windows from, frames of many sounds one behind the other.

    word, other, noise: float32 (frames, 40), recordings with the word, other sounds and speech,
    and what is laid over both. middles: (m,) float32, frame in `word` at which the middle of each
    word lies. starts, ends: (m,) int32, the frames of `word` that belong to each recording.

    Chapter: 6.1
    """

    word: np.ndarray
    other: np.ndarray
    noise: np.ndarray
    middles: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def wake_bank(calls, others, noises):
    """Turn sounds at 16 kHz into a `WakeBank`; each argument is an iterable of float32 (n,).

    Sounds that come one by one are held one at a time, only `calls` together. These have the word
    somewhere; its middle is taken to be that of the 0.8 seconds with the most energy.

    Raises ValueError for an empty argument or fewer than 2 · FRAMES frames in others or noises, and
    AudioError for what is not sound.

    Chapter: 6.1
    """
    calls = list(calls)
    powers, other, noise = ([frames_of(x) for x in part] for part in (calls, others, noises))
    if not powers or not other or not noise:
        raise ValueError("calls, others and noises must each hold one sound or more")
    lengths = np.array([len(p) for p in powers])
    starts = np.cumsum(lengths) - lengths
    middles = starts + np.array([_loudest_frame(x) for x in calls])
    other, noise = np.concatenate(other), np.concatenate(noise)
    if min(len(other), len(noise)) < 2 * FRAMES:
        raise ValueError(
            f"others have {len(other)} frames and noises {len(noise)}: give {2 * FRAMES} or more"
        )
    return WakeBank(
        np.concatenate(powers),
        other,
        noise,
        middles.astype(np.float32),
        starts.astype(np.int32),
        (starts + lengths).astype(np.int32),
    )


def frames_of(samples):
    """Mel power of a sound at 16 kHz: float32 (n,) → float32 (frames, 40), one frame or more.

    Raises AudioError for what is not sound. Chapter: 6.1
    """
    x = audio.check_samples(samples)
    return mel_power(audio.fix_length(x, max(len(x), FRONT_END.n_fft), "start"), FRONT_END)


def _loudest_frame(samples, seconds=0.8):
    """The frame in the middle of the `seconds` with the most energy."""
    n = round(seconds * FRONT_END.sample_rate)
    energy = np.concatenate(([0.0], np.cumsum(np.square(samples, dtype=np.float64))))
    start = int(np.argmax(energy[n:] - energy[:-n])) if len(samples) > n else 0
    return (start + min(n, len(samples)) / 2) / FRONT_END.hop


def wake_batches(bank, size=64, augmentation=FOR_PEOPLE):
    """A function without arguments that draws a batch, for `training.fit`.

    `WORD_SHARE` of the windows end with the word; the rest begin anywhere in the other sounds. All
    are changed in speed, throat and colour as `augmentation` says and mixed with noise, 0 to 40 dB
    below them. Gives pictures (size, FRAMES, 40) and labels (size,), 1 for the word.

    Raises ValueError for a size below 4. Chapter: 6.1
    """
    if size < 4:
        raise ValueError(f"size is {size}: a batch takes 4 windows or more")
    words = round(size * WORD_SHARE)
    word, other, noise, middles, starts, ends = map(
        tf.constant, (bank.word, bank.other, bank.noise, bank.middles, bank.starts, bank.ends)
    )
    frames = tf.range(FRAMES, dtype=tf.float32)
    labels = tf.constant([1] * words + [0] * (size - words), tf.int32)
    low, high = np.log(augmentation.stretch)
    level = RelativeLevel()

    def draw():
        factor = tf.exp(tf.random.uniform([size, 1], low, high))
        which = tf.random.uniform([words], 0, len(bank.middles), tf.int32)
        middle = tf.gather(middles, which) + tf.random.uniform([words], -LATER, EARLIER)
        at = tf.cast(tf.round(middle[:, None] + (frames - MIDDLE) / factor[:words]), tf.int32)
        first, last = tf.gather(starts, which)[:, None], tf.gather(ends, which)[:, None] - 1
        inside = (at >= first) & (at <= last)
        said = tf.where(inside[:, :, None], tf.gather(word, tf.clip_by_value(at, first, last)), 0.0)
        begin = tf.random.uniform([size - words], 0, len(other) - 2 * FRAMES, tf.int32)
        at = begin[:, None] + tf.cast(frames / factor[words:], tf.int32)
        x = tf.concat([said, tf.gather(other, at)], axis=0)
        x = tf.matmul(x, throat(size, FRONT_END, augmentation), transpose_b=True)
        x = colour(x, augmentation)
        x = _begun(x + _noise_for(x, noise), words)
        return mask_stripes(level(decibels(x + SILENCE)), augmentation, value=-1.0), labels

    return draw


def _begun(x, words):
    """Some of the windows without the word begin with nothing, as when a stream begins."""
    others = tf.shape(x)[0] - words
    start = tf.random.uniform([others, 1], 0, FRAMES, tf.int32)
    start = tf.where(tf.random.uniform([others, 1]) < BEGINNINGS, start, 0)
    start = tf.concat([tf.zeros([words, 1], tf.int32), start], axis=0)
    return tf.where((tf.range(FRAMES)[None] >= start)[:, :, None], x, 0.0)


def _noise_for(x, noise):
    """Stretches of noise as loud as the ratios that are drawn ask for, of the shape of x."""
    size = tf.shape(x)[0]
    begin = tf.random.uniform([size], 0, len(noise) - FRAMES, tf.int32)
    n = tf.gather(noise, begin[:, None] + tf.range(FRAMES)[None])
    ratio = tf.reduce_mean(x, axis=(1, 2)) / (tf.reduce_mean(n, axis=(1, 2)) + 1e-12)
    below = tf.pow(10.0, -tf.random.uniform([size], *SNR_DB) / 10.0)
    return n * (ratio * below)[:, None, None]


def wake_network():
    """A network for windows: (batch, FRAMES, 40) → logits (batch, 2), "other" and the word.

    `helpers.models.cnn.digit_cnn` with two classes; its formula gives the parameters.

    Chapter: 6.1
    """
    return digit_cnn(FRAMES, FRONT_END.n_mels, classes=2)


class Spotter:
    """A wake word in a stream: blocks of samples in, a probability for every 80 ms out.

    The network is asked about the last 1.22 s each time; before the first sound lies silence.
    Where the loudest point of a window is below `LEAST_DB` the answer is 0, whatever the network
    says. What is kept is the last window and the samples that do not fill a frame yet, however long
    the stream. `step` is 0.08 s; an answer is there as soon as the last of its samples.

    Chapter: 6.1
    """

    step = STEP
    sample_rate = FRONT_END.sample_rate
    LARGEST = 256
    """Windows that the network is asked about at once."""

    def __init__(self, network):
        self.network = network
        level = RelativeLevel()

        def probabilities(power):
            picture = level(decibels(power + SILENCE))
            return tf.nn.softmax(network(picture, training=False))[:, 1]

        shape = tf.TensorSpec([None, FRAMES, FRONT_END.n_mels], tf.float32)
        self._asked = tf.function(probabilities, input_signature=[shape])
        self.reset()

    def reset(self):
        """Forget what was heard."""
        silence = np.full((FRAMES - HOP, FRONT_END.n_mels), FRONT_END.floor, np.float32)
        self._frames = silence
        self._rest = np.zeros(FRONT_END.n_fft - FRONT_END.hop, np.float32)

    @property
    def held(self):
        """Numbers that are kept between blocks."""
        return self._frames.size + self._rest.size

    def push(self, block):
        """Take float32 (n,) samples at 16 kHz; return the new probabilities, float32 (k,).

        Raises AudioError for what is not sound. Chapter: 6.1
        """
        x = np.concatenate([self._rest, audio.check_samples(block, "block")])
        count = FRONT_END.frames(len(x))
        self._rest = x[count * FRONT_END.hop :]
        if not count:
            return np.zeros(0, np.float32)
        used = x[: FRONT_END.n_fft + (count - 1) * FRONT_END.hop]
        frames = np.concatenate([self._frames, mel_power(used, FRONT_END)])
        answers = (len(frames) - (FRAMES - HOP)) // HOP
        self._frames = frames[answers * HOP :]
        if not answers:
            return np.zeros(0, np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(frames, FRAMES, axis=0)
        windows = windows[: answers * HOP : HOP].transpose(0, 2, 1)
        return np.concatenate(
            [self._ask(windows[i : i + self.LARGEST]) for i in range(0, answers, self.LARGEST)]
        )

    def _ask(self, windows):
        windows = np.ascontiguousarray(windows)
        heard = windows.max(axis=(1, 2)) > 10 ** (LEAST_DB / 10)
        return np.where(heard, self._asked(tf.constant(windows)).numpy(), 0).astype(np.float32)
