"""A Keras classifier of pictures, opened up: scores, gradients, Grad-CAM, random weights."""

import keras
import numpy as np
import tensorflow as tf

from helpers.errors import ShapeError

SILENCE = -1.75
"""What `helpers.models.frontend.RelativeLevel` makes of all that is 55 dB below the loudest."""


class Explainer:
    """What the methods of `helpers.attribution` ask a network about.

    `network`: a Keras model, pictures (batch, frames, bands) → logits (batch, classes), such as
    `helpers.models.cnn.digit_cnn`. The score of a class is its logit minus the mean of all logits,
    in nats: it compares the class with the others, and does not saturate as a probability does.

    Raises ShapeError for a network that takes or gives something else.

    Chapter: 8.4
    """

    def __init__(self, network):
        if len(network.input_shape) != 3 or len(network.output_shape) != 2:
            raise ShapeError(
                f"the network leads from {network.input_shape} to {network.output_shape}; it must "
                "lead from (batch, frames, bands) to (batch, classes)"
            )
        self.network = network
        self.size = tuple(network.input_shape[1:])
        self._opened = {}
        self._maps = [x.output for x in network.layers if isinstance(x, keras.layers.ReLU)]
        self._graphs = {}

    @staticmethod
    def _margin(logits, labels):
        return tf.gather(logits, labels, batch_dims=1) - tf.reduce_mean(logits, axis=1)

    def _scores(self, pictures, labels):
        return self._margin(self.network(pictures, training=False), labels)

    def _slopes(self, pictures, labels):
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            total = tf.reduce_sum(self._scores(pictures, labels))
        return tape.gradient(total, pictures)

    def _probabilities(self, pictures, labels):
        odds = tf.nn.softmax(self.network(pictures, training=False))
        return tf.gather(odds, labels, batch_dims=1)

    def _graph(self, function):
        """`function` of pictures and labels, traced once for batches of any size."""
        if function.__name__ not in self._graphs:
            pictures = tf.TensorSpec([None, *self.size], tf.float32)
            labels = tf.TensorSpec([None], tf.int32)
            traced = tf.function(function).get_concrete_function(pictures, labels)
            self._graphs[function.__name__] = traced
        return self._graphs[function.__name__]

    def _of(self, function, label):
        def answer(pictures):
            labels = tf.fill([len(pictures)], int(label))
            return self._graph(function)(tf.constant(pictures, tf.float32), labels).numpy()

        return answer

    def score(self, label):
        """A function of pictures (n, frames, bands): the class's score in nats, float32 (n,).

        Chapter: 8.4
        """
        return self._of(self._scores, label)

    def probability(self, label):
        """A function of pictures: the probability of the class, float32 (n,). Chapter: 8.4"""
        return self._of(self._probabilities, label)

    def gradient(self, label):
        """A function of pictures: the gradient of the score, of their shape. Chapter: 8.4"""
        return self._of(self._slopes, label)

    def answers(self, pictures, batch=256):
        """The class with the highest logit: int (n,). Chapter: 8.4"""
        parts = [
            self.network(pictures[i : i + batch], training=False).numpy().argmax(axis=1)
            for i in range(0, len(pictures), batch)
        ]
        return np.concatenate(parts)

    def maps(self, pictures, batch=256):
        """What each convolution puts out behind its ReLU: a list of float32 (n, T', M', C').

        Chapter: 8.4
        """
        inside = keras.Model(self.network.input, self._maps)
        parts = [
            tf.nest.flatten(inside(pictures[i : i + batch], training=False))
            for i in range(0, len(pictures), batch)
        ]
        return [np.concatenate([np.asarray(p[k]) for p in parts]) for k in range(len(self._maps))]

    def centres(self, layer, axis):
        """Where in the picture the places of a map look, on average: float64 (T',) or (M',).

        In frames (axis 0) or bands (axis 1), by kernels, strides and padding of the convolutions
        up to `layer`. "Same" padding sets the first place of a stride of 2 off from the border
        only where the side is odd, so the centres are not in the middles of equal parts.

        Chapter: 8.4
        """
        side, steps = self.size[axis], []
        kernels = [x for x in self.network.layers if isinstance(x, keras.layers.Conv2D)]
        for conv in kernels[: 1 + layer % len(self._maps)]:
            kernel, stride = conv.kernel_size[axis], conv.strides[axis]
            if conv.padding == "same":
                places = -(-side // stride)
                before = max((places - 1) * stride + kernel - side, 0) // 2
            else:
                places, before = (side - kernel) // stride + 1, 0
            steps.append((stride, (kernel - 1) / 2 - before))
            side = places
        at = np.arange(side, dtype=float)
        for stride, shift in reversed(steps):
            at = at * stride + shift
        return at

    def _cam(self, inside, pictures, labels):
        with tf.GradientTape() as tape:
            maps, logits = inside(pictures, training=False)
            total = tf.reduce_sum(self._margin(logits, labels))
        weights = tf.reduce_mean(tape.gradient(total, maps), axis=(1, 2), keepdims=True)
        return tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1, keepdims=True))

    def grad_cam(self, picture, label, layer=-1):
        """Where the channels of a layer that raise the score are active: (frames, bands), ≥ 0.

        The maps of a convolution (`layer`, counted from 0, behind its ReLU) are added up, each
        with the mean of the score's gradient over its places as weight; what is negative is cut
        off, and the sum is drawn on the grid of the picture: each place at its centre, in straight
        lines between centres.

        Raises ShapeError for a picture of another size, IndexError for a layer that is not there.

        Chapter: 8.4
        Source: [selvaraju2017gradcam]
        """
        picture = np.asarray(picture, np.float32)
        if picture.shape != self.size:
            raise ShapeError(f"the picture has shape {picture.shape}; it must be {self.size}")
        output = self._maps[layer]
        if layer not in self._opened:
            inside = keras.Model(self.network.input, [output, self.network.output])
            self._opened[layer] = tf.function(
                lambda pictures, labels: self._cam(inside, pictures, labels)
            ).get_concrete_function(
                tf.TensorSpec([1, *self.size], tf.float32), tf.TensorSpec([1], tf.int32)
            )
        coarse = self._opened[layer](tf.constant(picture[None]), tf.constant([int(label)]))
        drawn = coarse.numpy()[0, :, :, 0].astype(np.float64)
        for axis, side in enumerate(self.size):
            at = self.centres(layer, axis)
            drawn = np.apply_along_axis(
                lambda row, at=at, side=side: np.interp(np.arange(side), at, row), axis, drawn
            )
        return drawn


def randomised(network, count, pictures, seed=0):
    """A copy of the network in which the upper `count` layers with weights know nothing.

    Counted from the output down. The weights of such a layer keep their values and change places
    at random, so that only what was learnt is lost; a normalisation behind it gets scale 1, offset
    0, and the mean and variance of what `pictures` (n, frames, bands) give there.

    Raises ValueError for a count that is below 0 or above the number of layers with weights.

    Chapter: 8.4
    Source: [adebayo2018sanity]
    """
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    kinds = (keras.layers.Conv2D, keras.layers.Dense)
    layers = [layer for layer in copy.layers if isinstance(layer, kinds)]
    if not 0 <= count <= len(layers):
        raise ValueError(f"count is {count}; there are {len(layers)} layers with weights")
    rng = np.random.default_rng(seed)
    chosen = {id(layer) for layer in layers[len(layers) - count :]}
    after = False
    for layer in copy.layers:
        if id(layer) in chosen:
            old = layer.get_weights()
            layer.set_weights([rng.permutation(w.ravel()).reshape(w.shape) for w in old])
            after = True
        elif after and isinstance(layer, keras.layers.BatchNormalization):
            x = keras.Model(copy.input, layer.input)(pictures, training=False).numpy()
            axes = tuple(range(x.ndim - 1))
            ones = np.ones(x.shape[-1], np.float32)
            layer.set_weights([ones, 0 * ones, x.mean(axes), x.var(axes)])
            after = False
    return copy


def with_holes(draw, fill=SILENCE):
    """`draw` of `digits.batches`, but two pictures of three lose a part of their cells.

    The part is drawn evenly between none and all; half of these pictures lose single cells, half
    blocks of 10 frames by 4 bands. Lost cells hold `fill`, which is silence. So a network can
    learn to do with what is left, and a picture with holes is nothing new to it.

    Chapter: 8.4
    """

    def holed():
        pictures, labels = draw()
        n, frames, bands = pictures.shape
        part = tf.random.uniform([n, 1, 1])
        single = tf.random.uniform([n, frames, bands]) < part
        coarse = tf.random.uniform([n, -(-frames // 10), -(-bands // 4)]) < part
        blocks = tf.repeat(tf.repeat(coarse, 10, axis=1), 4, axis=2)[:, :frames, :bands]
        gone = tf.where(tf.random.uniform([n, 1, 1]) < 0.5, single, blocks)
        gone &= tf.random.uniform([n, 1, 1]) < 2 / 3
        return tf.where(gone, fill, pictures), labels

    return holed
