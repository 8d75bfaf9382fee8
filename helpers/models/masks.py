"""Networks that take noise away from speech: a gain for every frequency of every frame.

They see a stretch as a whole, what comes later as well as what came before: they are for
recordings, not for conversations. Chapter: 6.3
"""

from dataclasses import dataclass

import numpy as np

from helpers import audio
from helpers.features import FrontEnd, hann, hz_to_mel, istft, pad_ends, stft
from helpers.models import keras, tf
from helpers.models.frontend import decibels

layers = keras.layers

RATE = 16000
FRONT_END = FrontEnd(sample_rate=RATE, n_fft=512, hop=256, fmax=8000.0)
"""Frames of 32 ms, a new one every 16 ms."""
BINS = FRONT_END.n_fft // 2 + 1
BANDS = 48
"""Points on the mel scale, from 0 Hz to the top, at which the network looks and decides."""
KINDS = ("magnitude", "signal")
"""What a mask is trained for: the magnitudes alone, or the signal that comes out as well."""
WIDTH = 128
FLOOR = 0.1
"""The smallest gain, −20 dB: a little of the noise stays and covers what the mask tears."""
RANGE = 1e-8
"""Power, relative to the mean of the stretch, below which the network does not look."""

PIECE, BATCH = 2 * RATE, 12
"""Of training: samples of a mixture, and mixtures a step."""
SNRS = (-5.0, 15.0)
TWICE = 0.5
"""How often a second noise is added to the first."""
SPEED, SPEECH_DB, NOISE_DB = 0.35, 2.0, 4.0
"""How far noises are played slower or faster (natural logarithm), and the spread of the random
filters on speech and on noise."""
SHARE = 0.2
"""Of the magnitudes in the loss of a mask that is trained for the signal."""
QUIET = 0.1
"""Power, relative to typical speech, that is the least a piece of speech counts as."""


def hats():
    """How bands become bins: float32 (BANDS, BINS), each column adds up to 1.

    A bin between two points takes from both, the more the nearer. Chapter: 6.3
    """
    bins = hz_to_mel(np.linspace(0, RATE / 2, BINS))
    places = bins / bins[-1] * (BANDS - 1)
    return np.maximum(0, 1 - np.abs(places - np.arange(BANDS)[:, None])).astype(np.float32)


@keras.saving.register_keras_serializable("listening_machines")
class Relative(layers.Layer):
    """Power to levels: (batch, t, BINS) → (batch, t, 2 · BINS).

    In units of 20 dB: relative to the mean power of the stretch, so that a stretch played louder
    looks the same, and relative to what the bin is on average. Chapter: 6.3
    """

    def call(self, power):
        level = tf.reduce_mean(power, axis=(1, 2), keepdims=True) + 1e-9
        x = decibels(power / level + RANGE) / 20.0 + 1.0
        return tf.concat([x, x - tf.reduce_mean(x, axis=1, keepdims=True)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2 * input_shape[-1])


@keras.saving.register_keras_serializable("listening_machines")
class InBands(layers.Layer):
    """Levels of bins to their means in bands: (batch, t, 2 · BINS) → (batch, t, 2 · BANDS).

    Chapter: 6.3
    """

    def call(self, levels):
        means = tf.constant((hats() / hats().sum(axis=1, keepdims=True)).T)
        both = tf.split(levels, 2, axis=-1)
        return tf.concat([tf.matmul(one, means) for one in both], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2 * BANDS)


@keras.saving.register_keras_serializable("listening_machines")
class Thresholds(layers.Layer):
    """Logits of gains from what is known and seen: (b, t, h), (b, t, 2 · BINS) → (b, t, BINS).

    A dense layer gives three numbers a band, an offset a and two slopes, and `hats` carries them to
    the bins. With x the level of a bin relative to its mean, and p how far it stands out from the
    two bins on either side, the logit is a + (1 + b)·x + (1 + c)·p. Where the network knows nothing
    yet, loud bins pass and soft ones do not. Chapter: 6.3
    """

    def build(self, input_shapes):
        small = keras.initializers.RandomNormal(stddev=0.01)
        self.dense = layers.Dense(3 * BANDS, kernel_initializer=small, name="rules")
        self.dense.build(input_shapes[0])

    def call(self, inputs):
        known, levels = inputs
        x = levels[..., BINS:]
        wide = tf.pad(x, [[0, 0], [0, 0], [2, 2]], "SYMMETRIC")
        sides = (wide[..., :-4] + wide[..., 1:-3] + wide[..., 3:-1] + wide[..., 4:]) / 4
        rules = tf.split(self.dense(known), 3, axis=-1)
        a, b, c = (tf.matmul(rule, tf.constant(hats())) for rule in rules)
        return a + (1 + b) * x + (1 + c) * (x - sides)

    def compute_output_shape(self, input_shapes):
        return (*input_shapes[1][:-1], BINS)


def mask_network(kind="signal", width=WIDTH):
    """Power of a noisy stretch to logits of gains: (batch, t, BINS) → (batch, t, BINS), float32.

    Every frame goes through a dense layer, a GRU runs forwards and another backwards, and
    `Thresholds` decides on each bin. kind: one of KINDS, for the name and for `mask_loss`.

    Raises ValueError for another kind or a width below 1. Chapter: 6.3
    """
    if kind not in KINDS or width < 1:
        raise ValueError(f"kind {kind!r} and width {width}: give one of {KINDS}, and at least 1")
    power = keras.Input((None, BINS), name="power")
    levels = Relative(name="relative")(power)
    frame = layers.Dense(width, name="frame")(InBands(name="in_bands")(levels))
    frame = layers.Activation("gelu", name="bend")(layers.LayerNormalization(name="level")(frame))
    gru = layers.GRU(width, return_sequences=True)
    around = layers.Bidirectional(gru, name="before_and_after")(frame)
    known = layers.LayerNormalization(name="norm")(layers.Concatenate(name="both")([frame, around]))
    logits = Thresholds(name="thresholds")([known, levels])
    return keras.Model(power, logits, name=f"{kind}_mask")


def parameter_count(width=WIDTH):
    """Parameters of `mask_network(width=width)`: an int. Chapter: 6.3

    Into the frame and its norm, two GRUs with two biases, the second norm, three rules a band.
    """
    frame = (2 * BANDS + 1) * width + 2 * width
    grus = 2 * 3 * width * (2 * width + 2)
    return frame + grus + 2 * 3 * width + (3 * width + 1) * 3 * BANDS


def apply_mask(logits, noisy, floor=FLOOR):
    """The cleaned spectrum: float32 (b, t, BINS), complex64 (b, t, BINS) → complex64 (b, t, BINS).

    Gains lie between `floor` and 1. Chapter: 6.3
    """
    gain = floor + (1 - floor) * tf.sigmoid(logits)
    return tf.complex(gain * tf.math.real(noisy), gain * tf.math.imag(noisy))


def clean(network, samples, floor=FLOOR):
    """The speech in a sound at 16 kHz, as a trained mask sees it: float (n,) → float32 (n,).

    floor: the smallest gain, 0 … 1. Raises ValueError for another floor, AudioError for samples
    that are not sound.

    Chapter: 6.3
    """
    if not 0 <= floor <= 1:
        raise ValueError(f"floor is {floor}; it must lie in [0, 1], such as {FLOOR}")
    noisy = stft(pad_ends(samples, FRONT_END), FRONT_END)
    return istft(gains(network, noisy, floor) * noisy, FRONT_END, len(samples))


def gains(network, noisy, floor=FLOOR):
    """Gains for a spectrum: complex64 (t, BINS) → float32 (t, BINS). Chapter: 6.3"""
    power = np.square(np.abs(noisy)).astype(np.float32)
    logits = _in_graph(network)(tf.constant(power[None]))
    return (floor + (1 - floor) * tf.sigmoid(logits)).numpy()[0]


def _in_graph(network):
    """The network as one graph for stretches of any length: step by step, a GRU is slow."""
    if not hasattr(network, "_as_graph"):
        any_length = tf.TensorSpec((1, None, BINS), tf.float32)
        network._as_graph = tf.function(
            lambda power: network(power, training=False), input_signature=[any_length]
        )
    return network._as_graph


# --- training ------------------------------------------------------------------------------------


@dataclass
class Bank:
    """Sounds end to end, to cut pieces from.

    samples float32 (n,), each sound at an RMS of 0.1; edges int64 (k + 1,), where each begins.

    Chapter: 6.3
    """

    samples: np.ndarray
    edges: np.ndarray


def bank(sounds):
    """Sounds to cut pieces from: list of float (n_i,) → `Bank`.

    Digital silence at the ends of a sound is cut off, and sounds that are nothing else are left
    out. Raises ValueError where nothing is left, AudioError for what is no sound. Chapter: 6.3
    """
    kept = []
    for i, sound in enumerate(sounds):
        x = audio.check_samples(sound, f"sounds[{i}]")
        loud = np.flatnonzero(np.abs(x) > 1e-4)
        if len(loud):
            x = x[loud[0] : loud[-1] + 1].astype(np.float32)
            kept.append(x * np.float32(0.1 / audio.rms(x)))
    if not kept:
        raise ValueError("there is no sound that can be heard: nothing to cut from")
    return Bank(np.concatenate(kept), np.cumsum([0, *map(len, kept)]))


def spectra(samples):
    """`helpers.features.stft` of each row, in the graph: (b, n) → complex64 (b, frames, BINS).

    Chapter: 6.3
    """
    return tf.signal.stft(samples, FRONT_END.n_fft, FRONT_END.hop)


def mixtures(speech, noises, shares=None, batch=BATCH, piece=PIECE):
    """A function without arguments that draws a batch, for `training.fit_stages`.

    speech: a `Bank`; noises: a list of them; shares: of the batch, one for each (equal by default).
    It gives power (batch, frames, BINS) and, as targets, the spectra of speech and mixture,
    complex64 (2, batch, frames, BINS). Every noise is played forwards or backwards, slower or
    faster, and goes round if it is too short; speech and noise pass random filters.

    Raises ValueError for other shares, one that rounds to no mixture, or too little speech.

    Chapter: 6.3
    """
    shares = np.ones(len(noises)) if shares is None else np.asarray(shares, float)
    if len(shares) != len(noises) or not len(noises) or shares.min() <= 0:
        raise ValueError(f"{len(noises)} banks of noise, shares {shares.tolist()}: give one each")
    ends = np.round(batch * np.cumsum(shares) / shares.sum()).astype(int)
    counts = np.diff(ends, prepend=0).tolist()
    if min(counts) < 1:
        raise ValueError(f"shares give {counts} mixtures of {batch}: each bank needs one or more")
    if len(speech.samples) <= piece:
        raise ValueError(f"{len(speech.samples)} samples of speech, pieces of {piece}: too little")
    voices = tf.constant(speech.samples)
    tensors = [(tf.constant(one.samples), tf.constant(one.edges, tf.int32)) for one in noises]
    typical = float(0.01 * np.sum(hann(FRONT_END.n_fft) ** 2))

    def noise():
        parts = [_pieces(*one, n, piece) for one, n in zip(tensors, counts, strict=True)]
        return tf.concat(parts, axis=0)

    def draw():
        start = tf.random.uniform((batch, 1), 0, len(speech.samples) - piece, tf.int32)
        said = spectra(tf.gather(voices, start + tf.range(piece))) * _filters(batch, SPEECH_DB)
        second = tf.random.uniform((batch, 1)) * tf.cast(
            tf.random.uniform((batch, 1)) < TWICE, "float32"
        )
        added = noise() + second * tf.random.shuffle(noise())
        added = spectra(added) * _filters(batch, NOISE_DB)
        power = tf.reduce_mean(tf.square(tf.abs(added)), axis=(1, 2), keepdims=True)
        snr = tf.random.uniform((batch, 1, 1), *SNRS)
        gain = tf.sqrt(typical / tf.maximum(power, 0.01 * typical)) * 10 ** (-snr / 20)
        noisy = said + tf.cast(gain, tf.complex64) * added
        return tf.square(tf.abs(noisy)), tf.stack([said, noisy])

    return draw


def _pieces(samples, edges, count, piece):
    """Pieces of noises, backwards or forwards at any speed: float32 (count, piece)."""
    which = tf.random.uniform((count,), 0, len(edges) - 1, tf.int32)
    first, last = tf.gather(edges, which)[:, None], tf.gather(edges, which + 1)[:, None]
    length = tf.cast(last - first, tf.float32)
    speed = tf.exp(tf.random.uniform((count, 1), -SPEED, SPEED))
    speed *= tf.sign(tf.random.uniform((count, 1)) - 0.3)
    at = tf.random.uniform((count, 1)) * length + speed * tf.range(piece, dtype=tf.float32)
    at = tf.math.floormod(at, length)
    low = tf.minimum(tf.cast(at, tf.int32), last - first - 1)
    high = tf.math.floormod(low + 1, last - first)
    part = at - tf.cast(low, tf.float32)
    return (1 - part) * tf.gather(samples, first + low) + part * tf.gather(samples, first + high)


def _filters(batch, spread_db):
    """Random smooth gains over the bins, as factors: complex64 (batch, 1, BINS)."""
    where = np.linspace(0, 7, BINS) - np.arange(8)[:, None]
    hats = np.maximum(0, 1 - np.abs(where)).astype(np.float32)
    levels = tf.matmul(spread_db * tf.random.normal((batch, 8)), hats)
    return tf.cast(10 ** (levels / 20), tf.complex64)[:, None]


def mask_loss(kind="signal"):
    """A loss for `fit_stages`: (network, power, targets of `mixtures`) → a number, ().

    "magnitude": the mean squared difference of magnitudes to the power 0.3, times 100. "signal":
    that, weight SHARE, and the ratio of error to speech in dB, phases included, each piece for
    itself: a signal-to-distortion ratio upside down.

    Raises ValueError for another kind. Chapter: 6.3
    Source: [erdogan2015phase] for the error of the signal
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; give one of {KINDS}")
    least = QUIET * 0.01 * float(np.sum(hann(FRONT_END.n_fft) ** 2))

    def loss(network, power, targets):
        said, noisy = targets[0], targets[1]
        found = apply_mask(network(power, training=True), noisy)
        scale = tf.reduce_mean(tf.square(tf.abs(said)), axis=(1, 2), keepdims=True) + least
        a, b = ((tf.square(tf.abs(x)) / scale + 1e-5) ** 0.15 for x in (said, found))
        magnitudes = 100 * tf.reduce_mean(tf.square(a - b))
        if kind == "magnitude":
            return magnitudes
        error = tf.square(tf.abs(said - found)) / scale
        signal = tf.reduce_mean(decibels(tf.reduce_mean(error, axis=(1, 2)) + 1e-3))
        return SHARE * magnitudes + (1 - SHARE) * signal

    return loss
