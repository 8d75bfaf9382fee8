"""The log-mel front end as Keras layers, so that a saved model takes sound, not pictures.

`helpers.features` has the same in NumPy; `tests/helpers/test_frontend.py` keeps the two equal.
"""

from dataclasses import asdict

import keras
import tensorflow as tf

from helpers.features import FrontEnd, hann, mel_matrix, warp_matrix


@keras.saving.register_keras_serializable("listening_machines")
class LogMel(keras.layers.Layer):
    """Sound to log-mel in dB: float32 (batch, n) → float32 (batch, frames, n_mels).

    Equal to `helpers.features.log_mel` on each row. `settings` are the fields of a `FrontEnd`.

    Chapter: 5.2
    """

    def __init__(self, settings=None, **kwargs):
        kwargs.setdefault("name", "log_mel")
        kwargs.setdefault("trainable", False)
        super().__init__(**kwargs)
        self.front_end = FrontEnd(**(settings or {}))

    def call(self, samples):
        fe = self.front_end
        frames = tf.signal.frame(samples, fe.n_fft, fe.hop)  # (batch, frames, n_fft)
        spectrum = tf.signal.rfft(frames * tf.constant(hann(fe.n_fft), tf.float32))
        power = tf.square(tf.abs(spectrum) * (2.0 / hann(fe.n_fft).sum()))
        mel = tf.maximum(tf.matmul(power, tf.constant(mel_matrix(fe))), fe.floor)
        return decibels(mel)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.front_end.frames(input_shape[1]), self.front_end.n_mels)

    def get_config(self):
        return {**super().get_config(), "settings": asdict(self.front_end)}


@keras.saving.register_keras_serializable("listening_machines")
class RelativeLevel(keras.layers.Layer):
    """Level out of the picture: dB relative to the clip's loudest point, cut off below.

    x (batch, frames, n_mels) → clip(x − max x, −range_db, 0) / 20 + 1, same shape, so that a
    clip played louder or softer is the same picture.

    Chapter: 5.2
    """

    def __init__(self, range_db=55.0, **kwargs):
        kwargs.setdefault("name", "relative_level")
        kwargs.setdefault("trainable", False)
        super().__init__(**kwargs)
        self.range_db = range_db

    def call(self, x):
        x = x - tf.reduce_max(x, axis=(1, 2), keepdims=True)
        return tf.maximum(x, -self.range_db) / 20.0 + 1.0

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "range_db": self.range_db}


@keras.saving.register_keras_serializable("listening_machines")
class Throat(keras.layers.Layer):
    """The picture as it would be from another throat: x (batch, frames, n_mels) → same shape.

    Each band is read at `factor` times its frequency, see `helpers.features.warp_matrix`;
    `settings` are the fields of the `FrontEnd` that made the picture.

    Chapter: 5.2
    """

    def __init__(self, factor=1.0, settings=None, **kwargs):
        kwargs.setdefault("trainable", False)
        super().__init__(**kwargs)
        self.factor = factor
        self.front_end = FrontEnd(**(settings or {}))

    def call(self, x):
        return tf.matmul(x, tf.constant(warp_matrix(self.front_end, self.factor)))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "factor": self.factor,
            "settings": asdict(self.front_end),
        }


@keras.saving.register_keras_serializable("listening_machines")
class LogSoftmax(keras.layers.Layer):
    """Logits (batch, classes) to log-probabilities of the same shape, so that they can be averaged.

    Chapter: 5.2
    """

    def call(self, logits):
        return tf.nn.log_softmax(logits)

    def compute_output_shape(self, input_shape):
        return input_shape


def decibels(power):
    """10 log10 of a positive tensor of any shape, float32. Chapter: 5.2"""
    return (10.0 / tf.math.log(10.0)) * tf.math.log(power)
