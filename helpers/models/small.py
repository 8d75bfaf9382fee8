"""Networks made smaller: distilled, pruned, and written as files with 8-bit weights.

Pictures are the recogniser's of chapter 5.2, (100, 32) each. Chapter: 8.1
"""

import contextlib
import gzip
import io
import logging
import os
import sys
import time
import warnings

import keras
import numpy as np
import tensorflow as tf

from helpers.features import log_mel
from helpers.models.cnn import digit_cnn
from helpers.models.digits import FRAMES, FRONT_END, window

LARGE = (14, 28, 38, 50, 66)
"""Channels of the network that is to be made smaller; 61 708 parameters with ten classes."""
SMALL = (8, 16, 20, 24, 32)
"""Channels of the network that learns from it; 16 194 parameters."""
KINDS = ("float32", "float16", "weights int8", "int8")


def network_of(channels):
    """`digit_cnn` of these channels for the recogniser's pictures. Chapter: 8.1"""
    return digit_cnn(FRAMES, FRONT_END.n_mels, channels=channels)


def seen(sounds):
    """What the network sees of sounds, a list of float (samples,): float32 (n, 100, 32).

    The loudest second at peak 1, its log-mel relative to the loudest point, as
    `frontend.RelativeLevel` gives it. Raises as `helpers.models.digits.window`. Chapter: 8.1
    """
    pictures = np.stack([log_mel(window(x), FRONT_END) for x in sounds])
    top = pictures.max(axis=(1, 2), keepdims=True)
    return (np.maximum(pictures - top, -55.0) / 20 + 1).astype(np.float32)


# --- distillation --------------------------------------------------------------------------------


def distillation_loss(teacher, temperature, share=0.7):
    """A loss for `training.fit_stages`: learn from another network's answers, and from the labels.

    With logits z of the student and v of the teacher, p_T(z) = softmax(z / T) and y the label, it
    is share · T² · KL(p_T(v) ‖ p_T(z)) + (1 − share) · (−log p_1(z)[y]), mean over the batch, in
    nats. The factor T² keeps the gradients of the first part as large as those of the second.

    Raises ValueError unless temperature > 0 and 0 ≤ share ≤ 1.

    Chapter: 8.1
    Source: [hinton2015distilling]
    """
    if temperature <= 0 or not 0 <= share <= 1:
        raise ValueError(
            f"temperature is {temperature}, share is {share}; needed: above 0, from 0 to 1"
        )

    def loss(network, inputs, labels):
        wanted = tf.stop_gradient(tf.nn.softmax(teacher(inputs, training=False) / temperature))
        logits = network(inputs, training=True)
        soft = tf.nn.softmax_cross_entropy_with_logits(wanted, logits / temperature)
        soft += tf.reduce_sum(wanted * tf.math.log(wanted + 1e-12), axis=-1)  # minus its entropy
        hard = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.reduce_mean(share * temperature**2 * soft + (1 - share) * hard)

    return loss


# --- pruning -------------------------------------------------------------------------------------


def kernels(network):
    """The weights that pruning may remove: the kernels of convolutions and dense layers.

    Chapter: 8.1
    """
    return [layer.kernel for layer in network.layers if hasattr(layer, "kernel")]


def prune(network, share):
    """Set the smallest `share` of the network's kernel weights to zero, in place; return masks.

    One threshold on |w| for all kernels together. The masks are float32, 1 where a weight is kept,
    in the order and the shapes of `kernels`. Raises ValueError for a share outside [0, 1).

    Chapter: 8.1
    Source: [han2015learning]
    """
    if not 0 <= share < 1:
        raise ValueError(f"share is {share}; it must be from 0 to below 1")
    sizes = np.concatenate([np.abs(k.numpy()).ravel() for k in kernels(network)])
    gone = round(share * len(sizes))
    least = np.partition(sizes, gone)[gone]
    masks = []
    for kernel in kernels(network):
        masks.append((np.abs(kernel.numpy()) >= least).astype(np.float32))
        kernel.assign(kernel * masks[-1])
    return masks


def fine_tune(network, masks, make_batch, steps, learning_rate=1e-3):
    """Train on for `steps` batches while the weights that `masks` removed stay zero.

    make_batch: a function without arguments, traced into the graph, that gives (pictures, labels).
    Adam with a rate that falls to zero along a cosine. Raises ValueError for less than one step.

    Chapter: 8.1
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}; at least one is needed")
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(network.trainable_variables)
    fixed = [tf.constant(mask) for mask in masks]

    @tf.function
    def step():
        inputs, labels = make_batch()
        with tf.GradientTape() as tape:
            logits = network(inputs, training=True)
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(each)
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        for kernel, mask in zip(kernels(network), fixed, strict=True):
            kernel.assign(kernel * mask)

    for _ in range(steps):
        step()


# --- files ---------------------------------------------------------------------------------------


def convert(network, kind="float32", examples=None, per_channel=True):
    """A network as a LiteRT file, in memory: bytes.

    kind: "float32"; "float16", weights of 16 bits; "weights int8", weights of 8 bits and
    activations in float; "int8", weights, activations, input and output of 8 bits, for which
    `examples`, float32 (n, *shape of one input), say how large the activations get.
    per_channel=False gives all channels of a kernel one scale.

    The file's answers can differ from the network's without a warning: compare them (`answers`).
    Raises ValueError for another kind, or for "int8" without examples.

    Chapter: 8.1
    Source: [jacob2018quantization]
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; give one of {', '.join(KINDS)}")
    if kind == "int8" and (examples is None or not len(examples)):
        raise ValueError(
            '"int8" needs examples, pictures from the training data, to set its scales'
        )
    with _quiet():
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
        if kind != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if kind == "int8":
            rows = np.asarray(examples, np.float32)
            converter.representative_dataset = lambda: ([row[None]] for row in rows)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
            converter._experimental_disable_per_channel = not per_channel
        return bytes(converter.convert())


class LiteModel:
    """A LiteRT file at work on one core: `model(x)`, float32 (n, …) → float32 (n, classes).

    Where the file takes and gives 8-bit numbers, floats are turned into them and back by the scale
    s and the zero point z that it carries: x ≈ s (q − z).

    Chapter: 8.1
    """

    def __init__(self, content):
        with _quiet():
            self._interpreter = tf.lite.Interpreter(model_content=content, num_threads=1)
        self._rows = None

    def _prepare(self, rows):
        if rows != self._rows:
            place = self._interpreter.get_input_details()[0]
            shape = [rows, *place["shape"][1:]]
            with _quiet():
                self._interpreter.resize_tensor_input(place["index"], shape)
                self._interpreter.allocate_tensors()
            self._rows = rows
        return (
            self._interpreter.get_input_details()[0],
            self._interpreter.get_output_details()[0],
        )

    def __call__(self, x):
        into, out = self._prepare(len(x))
        self._interpreter.set_tensor(into["index"], quantise(x, into))
        self._interpreter.invoke()
        y = self._interpreter.get_tensor(out["index"])
        if out["dtype"] == np.int8:
            scale, zero = out["quantization"]
            y = scale * (y.astype(np.float32) - zero)
        return y.astype(np.float32)

    def seconds(self, x, repeats=30):
        """Seconds of the network alone on x, the fastest of `repeats` calls. Chapter: 8.1

        The fastest, because what else the machine does can only make a call slower.
        """
        into, _ = self._prepare(len(x))
        self._interpreter.set_tensor(into["index"], quantise(x, into))
        took = []
        for _ in range(repeats):
            began = time.perf_counter()
            self._interpreter.invoke()
            took.append(time.perf_counter() - began)
        return min(took)


def quantise(x, place):
    """Floats as the input that `place` (a LiteRT tensor's details) describes. Chapter: 8.1"""
    if place["dtype"] != np.int8:
        return np.asarray(x, np.float32)
    scale, zero = place["quantization"]
    return np.clip(np.round(np.asarray(x) / scale) + zero, -128, 127).astype(np.int8)


def answers(model, pictures, batch=250):
    """Logits of a network or a `LiteModel` for pictures: float32 (n, classes). Chapter: 8.1"""
    call = model if isinstance(model, LiteModel) else lambda x: model(x, training=False).numpy()
    parts = [call(pictures[i : i + batch]) for i in range(0, len(pictures), batch)]
    return np.concatenate(parts)


def zipped(content):
    """How many bytes a file has after gzip; zeros take next to nothing. Chapter: 8.1"""
    return len(gzip.compress(content, 9, mtime=0))


@contextlib.contextmanager
def _quiet():
    """Without the notes of converter and interpreter, which go to both outputs of a process."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    loggers = [logging.getLogger(name) for name in ("tensorflow", "absl")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        os.dup2(nothing, 2)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


# --- counting ------------------------------------------------------------------------------------


def multiply_adds(network):
    """Multiply-accumulates of one pass of a network: {layer: whole number}.

    A convolution with kernel k × l from a to b channels on an output of t × f costs t f k l a b, a
    dense layer a b for each of its positions. Normalisation is folded into the convolution before
    it when a network is converted, and adding a bias or comparing with 0 is no product.

    Raises ValueError if an axis that a layer needs has no fixed length. Chapter: 8.1
    """
    counts = {}
    for layer in network.layers:
        if not hasattr(layer, "kernel"):
            continue
        places = [int(n) if n else 0 for n in layer.output.shape[1:-1]]
        if 0 in places:
            raise ValueError(f"{layer.name}: give the network an input of fixed length")
        counts[layer.name] = int(np.prod(places, dtype=int) * np.prod(layer.kernel.shape))
    return counts
