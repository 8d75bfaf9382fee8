"""Is a from-scratch layer equal to the framework's, forward and backward? Measured on given arrays.

The counterparts live beside this file, one module per chapter of Part 3. TensorFlow is loaded when
the first comparison is made.
"""

from typing import NamedTuple

import numpy as np

from helpers.errors import ShapeError


class Difference(NamedTuple):
    """Largest differences from the framework, relative to the largest value if that exceeds 1.

    `output`: of the forward results. `gradient`: of the gradients, against automatic
    differentiation. Chapter: 3.1
    """

    output: float
    gradient: float


def differences(layer, backward, reference, arrays, *, seed=0, **options):
    """Run a layer and its counterpart on the same arrays; their `Difference`.

    layer(*arrays, **options): the NumPy output, one array or a tuple of arrays.
    backward(d_output, *arrays, **options): one gradient for each of `arrays`; None where a
    gradient is not defined, such as for whole numbers. reference(*tensors, **options): the same
    output from the framework. The gradient that arrives, `d_output`, is drawn from a standard
    normal distribution with `seed`. An array given as None is passed on as None.

    Raises ShapeError if output or gradients differ in shape or number, or if only one of the two
    has a gradient that is not zero.

    Chapter: 3.1
    """
    import tensorflow as tf

    tensors = [None if a is None else tf.constant(a) for a in arrays]
    watched = [t for t in tensors if t is not None and t.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(watched)
        expected = _several(reference(*tensors, **options))
        rng = np.random.default_rng(seed)
        arriving = [rng.standard_normal(e.shape).astype(e.dtype.name) for e in expected]
        loss = sum(tf.reduce_sum(e * d) for e, d in zip(expected, arriving, strict=True))
    wanted = iter(tape.gradient(loss, watched))

    output = layer(*arrays, **options)
    single = not isinstance(output, tuple)
    d_arrays = _several(backward(arriving[0] if single else tuple(arriving), *arrays, **options))
    if len(d_arrays) != len(arrays):
        raise ShapeError(f"{len(d_arrays)} gradients for {len(arrays)} arrays")
    largest = 0.0
    for tensor, found in zip(tensors, d_arrays, strict=True):
        if tensor is None or not tensor.dtype.is_floating:
            continue
        automatic = next(wanted)
        automatic = tf.zeros_like(tensor) if automatic is None else tf.convert_to_tensor(automatic)
        found = np.zeros(tensor.shape) if found is None else found
        largest = max(largest, apart(found, automatic.numpy()))
    pairs = zip(_several(output), expected, strict=True)
    return Difference(max(apart(o, e.numpy()) for o, e in pairs), largest)


def apart(found, expected):
    """Largest difference of two arrays, divided by the largest expected size if that exceeds 1.

    Raises ShapeError if their shapes differ. Chapter: 3.1
    """
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape:
        raise ShapeError(f"shape {found.shape}, where the framework has {expected.shape}")
    if expected.size == 0:
        return 0.0
    return float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))


def _several(result):
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)
