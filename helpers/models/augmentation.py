"""Augmentation of mel-power pictures, inside the graph: each epoch hears every clip anew.

A batch of pictures is (batch, frames, n_mels), mel *power*, in which the clip occupies the first
`lengths` frames and the rest is (almost) zero. In power, noise and echoes simply add, a filter is
a factor per band, and speed and pitch are a change of the two axes: all of it costs a few small
matrix products, so that training spends its time on the network.
"""

from dataclasses import dataclass

import tensorflow as tf

from helpers.features import hz_to_mel, mel_to_hz


@dataclass(frozen=True)
class Augmentation:
    """How far each change may go; drawn anew for each clip. Zero or (1, 1) switches one off.

    `stretch`: factor on duration. `shift`: factor on frequency (a shorter or longer vocal tract).
    `echo`: probability of a room. `colour_db`, `sway_db`: standard deviation of a random filter's
    gain over frequency, and of loudness over time. `snr_db`: range of signal-to-noise ratio at the
    loudest point. `wobble`: standard deviation, in frames, by which six points along the clip are
    moved, so that parts of a word come early or late. `mask_frames`, `mask_bands`: the longest
    stripe that is blanked out.

    The defaults are the strong programme of `FOR_VOICES`; `FOR_PEOPLE` is gentler. Echoes are there
    to be tried and are off: on clean recordings they cost accuracy.

    Chapter: 5.2
    Source: [park2019specaugment] for the stripes, [jaitly2013vtlp] for `shift`.
    """

    stretch: tuple[float, float] = (0.75, 1.35)
    shift: tuple[float, float] = (0.85, 1.18)
    wobble: float = 3.0
    echo: float = 0.0
    colour_db: float = 6.0
    sway_db: float = 7.0
    snr_db: tuple[float, float] = (18.0, 58.0)
    mask_frames: int = 10
    mask_bands: int = 8


FOR_VOICES = Augmentation()
"""For built-in voices, which share one synthesiser: far enough to reach people."""

FOR_PEOPLE = Augmentation(
    stretch=(0.85, 1.18),
    shift=(0.85, 1.18),
    wobble=0.0,
    colour_db=4.0,
    sway_db=0.0,
    snr_db=(20.0, 60.0),
    mask_frames=8,
    mask_bands=5,
)
"""For recordings of people, who differ enough by themselves."""

NONE = Augmentation((1.0, 1.0), (1.0, 1.0), 0.0, 0.0, 0.0, 0.0, (200.0, 200.0), 0, 0)
"""No change, but for where the clip lies in the picture."""


def augment_power(power, lengths, front_end, settings, time=None):
    """Change a batch as `settings` allows: float32 (batch, frames, n_mels) → the same shape.

    `lengths` (batch,): frames that each clip occupies. The clip is put at a random place. `time`:
    what `time_matrix` has drawn, if something else is to move along with it.

    Chapter: 5.2
    """
    frames = power.shape[1]
    if time is None:
        time = time_matrix(frames, lengths, settings)
    frequency = throat(tf.shape(power)[0], front_end, settings)
    power = colour(tf.matmul(tf.matmul(time, power), frequency, transpose_b=True), settings)
    power *= _random_curve(tf.shape(power)[0], frames, 12, settings.sway_db)[:, :, None]
    return add_noise(power, settings)


def stretch_factor(batch, settings):
    """Factors on duration, (batch,). Chapter: 5.2"""
    return _log_uniform(batch, *settings.stretch)


def throat(batch, front_end, settings):
    """Matrices that read each band at another frequency: (batch, n_mels, n_mels).

    Chapter: 5.2
    Source: [jaitly2013vtlp]
    """
    low, high = float(hz_to_mel(front_end.fmin)), float(hz_to_mel(front_end.fmax))
    width = (high - low) / (front_end.n_mels + 1)
    centres = mel_to_hz([low + width * (i + 1) for i in range(front_end.n_mels)])
    hz = tf.constant(centres, tf.float32) * _log_uniform(batch, *settings.shift)[:, None]
    mel = 2595.0 / tf.math.log(10.0) * tf.math.log(1.0 + hz / 700.0)
    return _hat(
        tf.clip_by_value((mel - low) / width - 1.0, 0.0, front_end.n_mels - 1.0), front_end.n_mels
    )


def colour(power, settings):
    """A random filter for each clip: power (batch, frames, n_mels) → the same. Chapter: 5.2"""
    curve = _random_curve(tf.shape(power)[0], power.shape[2], 5, settings.colour_db)
    return power * curve[:, None, :]


def add_noise(power, settings):
    """Add coloured noise below the loudest point; its power fluctuates as a periodogram's does.

    power (batch, frames, n_mels) → the same shape. Chapter: 5.2
    """
    batch, frames, bands = tf.shape(power)[0], power.shape[1], power.shape[2]
    tint = _random_curve(batch, bands, 5, 5.0)
    tint /= tf.reduce_mean(tint, axis=1, keepdims=True)
    speckle = -tf.math.log(tf.random.uniform([batch, frames, bands], 1e-4, 1.0))
    below = tf.random.uniform([batch, 1, 1], *settings.snr_db)
    peak = tf.reduce_max(power, axis=(1, 2), keepdims=True)
    return power + peak * tf.pow(10.0, -below / 10.0) * tint[:, None, :] * speckle


def mask_stripes(picture, settings, value):
    """Blank one stripe of frames and one of bands per clip (SpecAugment).

    picture (batch, frames, n_mels) → the same, with `value` in the stripes.

    Chapter: 5.2
    Source: [park2019specaugment]
    """
    batch, frames, bands = tf.shape(picture)[0], picture.shape[1], picture.shape[2]
    keep_frames = _stripe(batch, frames, settings.mask_frames)[:, :, None]
    keep_bands = _stripe(batch, bands, settings.mask_bands)[:, None, :]
    return tf.where(keep_frames & keep_bands, picture, value)


def _log_uniform(batch, low, high):
    return tf.exp(tf.random.uniform([batch], tf.math.log(low), tf.math.log(high)))


def _hat(positions, n):
    """Linear interpolation as a matrix: positions (batch, out) → weights (batch, out, n)."""
    return tf.nn.relu(1.0 - tf.abs(positions[:, :, None] - tf.range(n, dtype=tf.float32)))


def time_matrix(frames, lengths, settings):
    """Stretch, place, wobble and echo: (batch, frames, frames), drawn anew for each clip.

    The rows say which old frames make up each new one; `lengths` as in `augment_power`.

    Chapter: 5.2
    """
    batch = tf.shape(lengths)[0]
    factor = stretch_factor(batch, settings)
    room = frames - tf.cast(lengths, tf.float32) * factor  # may be negative: then it is cut
    start = room * tf.random.uniform([batch])
    index = tf.range(frames, dtype=tf.float32)
    source = (index[None] - start[:, None]) / factor[:, None]  # (batch, frames): read from here
    if settings.wobble:
        along = tf.clip_by_value(source / tf.cast(lengths, tf.float32)[:, None], 0.0, 1.0) * 5.0
        moves = tf.random.normal([batch, 6]) * settings.wobble
        source += tf.reduce_sum(_hat(along, 6) * moves[:, None, :], axis=2)
    stretched = _hat(source, frames)
    if not settings.echo:
        return stretched
    decay = tf.random.uniform([batch, 1, 1], 3.0, 25.0)  # frames until power falls to 1/e
    wet = tf.pow(10.0, tf.random.uniform([batch, 1, 1], -1.5, -0.2))
    wet = tf.where(tf.random.uniform([batch, 1, 1]) < settings.echo, wet, 0.0)
    ago = index[:, None] - index[None, :]
    tail = tf.where(ago > 0, tf.exp(-tf.nn.relu(ago) / decay) / decay, 0.0)
    return tf.matmul(tf.eye(frames) + 3.0 * wet * tail, stretched)


def _random_curve(batch, n, knots, spread_db):
    """A random gain in power that changes smoothly: (batch, n), lines between `knots` points."""
    lines = _hat(tf.linspace(0.0, knots - 1.0, n)[None], knots)[0]  # (n, knots)
    gain_db = tf.matmul(tf.random.normal([batch, knots]) * spread_db, lines, transpose_b=True)
    return tf.pow(10.0, gain_db / 10.0)


def _stripe(batch, n, longest):
    """True where kept: (batch, n), all but one stripe of at most `longest`."""
    width = tf.random.uniform([batch, 1], 0.0, float(longest))
    start = tf.random.uniform([batch, 1]) * (n - width)
    index = tf.range(n, dtype=tf.float32)[None]
    return (index < start) | (index >= start + width)
