"""One small network that repairs sounds, trained anew for each kind of damage.

It reads the spectrogram of the damaged sound and how much of each frame is known. What it answers
with depends on its head: "mask", a complex factor for every bin; "magnitude", the levels
themselves, for gaps that something has filled whose levels are wrong. Chapter: 6.3
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from helpers.audio import check_samples
from helpers.errors import ShapeError
from helpers.features import FrontEnd, hann, istft, pad_ends, stft

FRONT_END = FrontEnd(sample_rate=16000, n_fft=512, hop=128, fmin=0.0, fmax=8000.0)
BINS = FRONT_END.n_fft // 2 + 1
WIDTH, DEPTH = 96, 4
HEADS = ("mask", "magnitude")
LEVEL = 0.1
"""RMS to which the known samples are brought before the network sees them. Chapter: 6.3"""
FLOOR = 1e-4
_WINDOW = hann(FRONT_END.n_fft).astype(np.float32)
_SCALE = 2 / float(_WINDOW.sum())
_SHARE = (_WINDOW**2 / np.sum(_WINDOW**2)).astype(np.float32)


def restorer(head, width=WIDTH, depth=DEPTH):
    """A U-shaped network over time: (batch, frames, 3·bins + 1) → (batch, frames, 2·bins).

    `depth` times, two convolutions over three frames with residuals and a halving of the frames;
    then back up, with what was seen at each height added. All layers have `width` channels. It
    begins by changing nothing with the head "mask", and by drawing all levels towards a fixed one
    with the head "magnitude". The numbers that go in are those of `features`, those that come out
    are for `restored_spectra`. Any number of frames.

    Raises ValueError for another head, a width below 1 or a depth below 0.

    Chapter: 6.3
    """
    if head not in HEADS:
        raise ValueError(f"head is {head!r}; give one of {', '.join(HEADS)}")
    if width < 1 or depth < 0:
        raise ValueError(f"width is {width} and depth {depth}; give at least 1 and 0")
    inputs = keras.Input((None, 3 * BINS + 1))
    x = layers.Dense(width)(Padded(2**depth)(inputs))
    heights = []
    for _ in range(depth):
        x = _two_convolutions(x, width)
        heights.append(x)
        x = layers.Conv1D(width, 2, strides=2)(x)
    x = _two_convolutions(x, width)
    for seen in reversed(heights):
        x = layers.UpSampling1D(2)(x)
        x = _two_convolutions(layers.Add()([x, seen]), width)
    x = layers.LayerNormalization()(x)
    out = layers.Dense(2 * BINS, kernel_initializer="zeros", name=head)(x)
    return keras.Model(inputs, Cropped()([out, inputs]))


def _two_convolutions(x, width):
    for _ in range(2):
        y = layers.Conv1D(width, 3, padding="same")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Activation("gelu")(y)])
    return x


class Padded(keras.layers.Layer):
    """Frames of zeros at the end, up to a multiple. Chapter: 6.3"""

    def __init__(self, multiple, **kwargs):
        super().__init__(**kwargs)
        self.multiple = multiple

    def call(self, x):
        return tf.pad(x, [[0, 0], [0, -tf.shape(x)[1] % self.multiple], [0, 0]])

    def compute_output_shape(self, shape):
        return (shape[0], None, shape[2])


class Cropped(keras.layers.Layer):
    """The first of two sequences, cut to the length of the second. Chapter: 6.3"""

    def call(self, inputs):
        return inputs[0][:, : tf.shape(inputs[1])[1]]

    def compute_output_shape(self, shapes):
        return (shapes[0][0], shapes[1][1], shapes[0][2])


def spectra(samples):
    """Spectra of sounds in TensorFlow: (batch, n) → complex64 (batch, frames, bins).

    Scaled so that a sine of amplitude 1 gives about 1. Chapter: 6.3
    """
    frames = tf.signal.frame(samples, FRONT_END.n_fft, FRONT_END.hop)
    return tf.signal.rfft(frames * _WINDOW) * _SCALE


def features(spectrum, known):
    """What the network reads: (batch, frames, bins) and known (batch, n) → (…, 3·bins + 1).

    Log magnitudes, compressed real and imaginary parts, and the share of each frame's window whose
    samples are known. Chapter: 6.3
    """
    strength = tf.abs(spectrum)
    squeezed = spectrum * _complex((strength + FLOOR) ** -0.5)
    share = tf.signal.frame(tf.cast(known, tf.float32), FRONT_END.n_fft, FRONT_END.hop) * _SHARE
    parts = [_log(strength), tf.math.real(squeezed), tf.math.imag(squeezed)]
    return tf.concat([*parts, tf.reduce_sum(share, axis=-1, keepdims=True)], axis=-1)


def _log(strength):
    return tf.math.log(strength + FLOOR) / 4 + 1.5


def restored_spectra(network, spectrum, known, training=False):
    """The spectra that the network makes of damaged ones: complex64, as `spectrum`.

    With the head "mask", each bin times 1 + a + ib, where a and b are the network's; with
    "magnitude", each bin's log magnitude x becomes x + σ(a − 1)(b − x), and its phase is kept; 0
    where there is nothing.

    Chapter: 6.3
    """
    out = network(features(spectrum, known), training=training)
    first, second = out[..., :BINS], out[..., BINS:]
    if head_of(network) == "mask":
        return spectrum * tf.complex(1 + first, second)
    x = _log(tf.abs(spectrum))
    x += tf.sigmoid(first - 1) * (second - x)
    strength = tf.maximum(tf.exp((x - 1.5) * 4) - FLOOR, 0.0)
    heard = tf.abs(spectrum)
    phase = tf.where(heard > 1e-9, spectrum / _complex(tf.maximum(heard, 1e-9)), 1)
    return _complex(strength) * phase


def _complex(x):
    return tf.complex(x, tf.zeros_like(x))


def head_of(network):
    """The head that a network was built with. Chapter: 6.3"""
    return next(layer.name for layer in network.layers if layer.name in HEADS)


def loss(network, inputs, targets):
    """For `helpers.training.fit_stages`: inputs (batch, n, 2), damaged and known, targets clean.

    "mask": ln of the ratio of what is not a multiple of the clean spectra to what is, over all
    bins of a piece (SI-SDR, upside down), plus ten times the mean distance of root magnitudes.
    "magnitude": the log-spectral distance, frames counting by how much of them is a gap.

    Chapter: 6.3
    """
    damaged, known = inputs[..., 0], inputs[..., 1]
    heard, clean = spectra(damaged), spectra(targets)
    found = restored_spectra(network, heard, known, training=True)
    if head_of(network) == "mask":
        both = tf.reduce_sum(tf.math.real(found * tf.math.conj(clean)), axis=(1, 2))
        power = tf.reduce_sum(tf.abs(clean) ** 2, axis=(1, 2)) + 1e-6
        signal = both**2 / power + 1e-6
        missed = tf.reduce_sum(tf.abs(found) ** 2, axis=(1, 2)) - signal
        ratio = tf.maximum(missed, 0.0) / signal
        apart = (tf.abs(found) + FLOOR) ** 0.5 - (tf.abs(clean) + FLOOR) ** 0.5
        return tf.reduce_mean(tf.math.log(ratio + 1e-4)) + 10 * tf.reduce_mean(tf.abs(apart))
    frames = tf.signal.frame(known, FRONT_END.n_fft, FRONT_END.hop)
    missing = 1 - tf.reduce_sum(frames * _SHARE, axis=-1)
    squared = (_log(tf.abs(found)) - _log(tf.abs(clean))) ** 2
    apart = tf.sqrt(tf.reduce_mean(squared, axis=-1) + 1e-6)
    return tf.reduce_sum(missing * apart) / (tf.reduce_sum(missing) + 1e-3)


def batches(clean, damaged, known, size):
    """For `fit_stages`: a function that draws `size` pairs, each brought to one level.

    clean, damaged: float32 (pieces, n); known: bool (pieces, n). Where a whole piece is unknown its
    damage is everywhere alike, and nothing is marked. Raises ShapeError for arrays of
    different shapes.

    Chapter: 6.3
    """
    if not clean.shape == damaged.shape == known.shape or clean.ndim != 2:
        raise ShapeError(
            f"clean {clean.shape}, damaged {damaged.shape}, known {known.shape}: give three "
            "(pieces, n)"
        )
    known = known | ~known.any(axis=1, keepdims=True)
    factor = np.array([_factor(x, k) for x, k in zip(damaged, known, strict=True)])[:, None]
    clean = tf.constant((clean * factor).astype(np.float32))
    damaged, known = tf.constant((damaged * factor).astype(np.float32)), tf.constant(known)

    def draw():
        some = tf.random.uniform([size], 0, len(clean), tf.int32)
        x, k = tf.gather(damaged, some), tf.cast(tf.gather(known, some), tf.float32)
        return tf.stack([x, k], axis=-1), tf.gather(clean, some)

    return draw


def _factor(damaged, known):
    power = np.sum(np.square(damaged, dtype=np.float64) * known) / max(1, known.sum())
    return LEVEL / max(np.sqrt(power), 1e-6)


def restore(network, samples, known=None, iterations=5):
    """Repair a sound with a trained network: float32 (n,) at 16 kHz → float32 (n,).

    known: bool (n,), True where a sample is right as it is; such samples come back unchanged. None
    means that none is. With the head "magnitude" gaps should hold a first guess: phases begin
    as they are there and are improved in `iterations` rounds between the network's magnitudes and
    the known samples, as Griffin and Lim do.

    Raises ShapeError unless known is (n,), AudioError for samples that are not sound.

    Chapter: 6.3
    Source: [griffin1984signal] for the phases
    """
    samples = check_samples(samples)
    fixed = np.zeros(len(samples), bool) if known is None else np.asarray(known)
    if fixed.shape != samples.shape:
        raise ShapeError(f"known has shape {fixed.shape}; give {samples.shape}")
    present = np.ones(len(samples), bool) if known is None else fixed
    factor = np.float32(_factor(samples, present))
    heard = samples * factor
    padded = pad_ends(heard, FRONT_END)
    before = FRONT_END.n_fft
    flags = np.ones(len(padded), np.float32)
    flags[before : before + len(samples)] = present
    spectrum = spectra(padded[None])
    found = restored_spectra(network, spectrum, tf.constant(flags[None])).numpy()[0] / _SCALE
    sound = istft(found, FRONT_END, len(samples))
    if known is None:
        return sound / factor
    sound = np.where(fixed, heard, sound if head_of(network) == "mask" else heard)
    if head_of(network) == "magnitude":
        for start, stop in _stretches(~fixed):
            _find_phases(sound, start, stop, np.abs(found), fixed, iterations)
    return (sound / factor).astype(np.float32)


def _stretches(flags):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags, [0]])))
    return zip(edges[::2], edges[1::2], strict=True)


def _find_phases(sound, start, stop, strength, fixed, iterations):
    """Fill sound[start:stop], in place, with what fits the magnitudes and the samples around."""
    hop, reach = FRONT_END.hop, 2 * FRONT_END.n_fft
    first = max(0, start - reach) // hop
    part = sound[first * hop : stop + reach]
    keep, missing = part.copy(), ~fixed[first * hop : stop + reach]
    now = stft(pad_ends(part, FRONT_END), FRONT_END)
    wanted = strength[first : first + len(now)]
    phases = np.angle(now)
    for _ in range(iterations):
        part = np.where(missing, istft(wanted * np.exp(1j * phases), FRONT_END, len(part)), keep)
        phases = np.angle(stft(pad_ends(part, FRONT_END), FRONT_END))
    inside = slice(start - first * hop, stop - first * hop)
    sound[start:stop] = part[inside]
