"""Convolution, pooling, dense layers and normalisation in NumPy, with their gradients."""

import numpy as np

from helpers.errors import ShapeError
from helpers.scratch._shapes import sizes

PICTURE = "batch frames bands channels"
AXES = ("frames", "bands")


def output_size(size, taps, stride=1, padding="valid", dilation=1):
    """Entries that come out of a convolution or pooling along one axis; a whole number.

    size: entries that go in. taps: of the kernel or the pooling window, which lie `dilation` apart
    and move on by `stride`. padding: "valid" keeps to places where the whole kernel lies inside,
    "same" adds zeros so that ceil(size / stride) come out.

    Raises ShapeError if the kernel is longer than what is there, ValueError for another padding.

    Chapter: 3.1
    Source: [dumoulin2016guide]
    """
    reach = (taps - 1) * dilation + 1
    if padding == "same":
        return -(-size // stride)
    if padding != "valid":
        raise ValueError(f"padding is {padding!r}; it must be 'valid' or 'same'")
    if size < reach:
        raise ShapeError(f"{size} entries, but {taps} taps with dilation {dilation} need {reach}")
    return (size - reach) // stride + 1


def receptive_field(layers):
    """How many entries of the input one output of a stack can see, and the step between outputs.

    layers: (taps, stride, dilation) of each layer along one axis, from input to output. Returns
    (field, step), both in entries of the input: neighbouring outputs see fields `step` apart.

    Chapter: 3.1
    Source: [dumoulin2016guide]
    """
    field, step = 1, 1
    for taps, stride, dilation in layers:
        field += (taps - 1) * dilation * step
        step *= stride
    return field, step


def conv2d(x, kernel, bias, stride=1, padding="valid", dilation=1):
    """Convolution over frames and bands: a sum under a kernel that slides and is not flipped.

    x (batch, frames, bands, channels), kernel (taps_t, taps_m, channels, units), bias (units,).
    stride, dilation: one whole number, or one for frames and one for bands. padding: "valid" or
    "same". Returns (batch, frames', bands', units), sizes as `output_size` gives them.

    Raises ShapeError, naming the axis, if shapes do not fit or the kernel is larger than x;
    ValueError for other options, and for stride and dilation both above 1, which Keras forbids.

    Chapter: 3.1
    Source: [lecun1989backpropagation]
    """
    sizes(x=(x, PICTURE), kernel=(kernel, "taps_t taps_m channels units"), bias=(bias, "units"))
    padded, places, _ = _places(x, kernel.shape[:2], stride, padding, dilation)
    return bias + sum(np.tensordot(padded[place], kernel[tap], 1) for tap, place in places.items())


def conv2d_backward(d_output, x, kernel, bias, stride=1, padding="valid", dilation=1):
    """Gradients of conv2d: (d_x, d_kernel, d_bias), each of its argument's shape.

    Chapter: 3.1
    """
    sizes(x=(x, PICTURE), kernel=(kernel, "taps_t taps_m channels units"), bias=(bias, "units"))
    padded, places, inside = _places(x, kernel.shape[:2], stride, padding, dilation)
    _arrives(d_output, padded, places, kernel.shape[3])
    d_padded, d_kernel = np.zeros_like(padded), np.empty_like(kernel)
    for tap, place in places.items():
        d_padded[place] += np.tensordot(d_output, kernel[tap].T, 1)
        d_kernel[tap] = np.tensordot(padded[place], d_output, axes=((0, 1, 2), (0, 1, 2)))
    return d_padded[inside], d_kernel, d_output.sum(axis=(0, 1, 2))


def depthwise_conv2d(x, kernel, bias, stride=1, padding="valid", dilation=1):
    """Convolution of every channel with a kernel of its own; channels are not mixed.

    x (batch, frames, bands, channels), kernel (taps_t, taps_m, channels), bias (channels,).
    Options, result and errors as conv2d.

    Chapter: 3.1
    Source: [chollet2017xception]
    """
    sizes(x=(x, PICTURE), kernel=(kernel, "taps_t taps_m channels"), bias=(bias, "channels"))
    padded, places, _ = _places(x, kernel.shape[:2], stride, padding, dilation)
    return bias + sum(padded[place] * kernel[tap] for tap, place in places.items())


def depthwise_conv2d_backward(d_output, x, kernel, bias, stride=1, padding="valid", dilation=1):
    """Gradients of depthwise_conv2d: (d_x, d_kernel, d_bias), each of its argument's shape.

    Chapter: 3.1
    """
    sizes(x=(x, PICTURE), kernel=(kernel, "taps_t taps_m channels"), bias=(bias, "channels"))
    padded, places, inside = _places(x, kernel.shape[:2], stride, padding, dilation)
    _arrives(d_output, padded, places, kernel.shape[2])
    d_padded, d_kernel = np.zeros_like(padded), np.empty_like(kernel)
    for tap, place in places.items():
        d_padded[place] += d_output * kernel[tap]
        d_kernel[tap] = (padded[place] * d_output).sum(axis=(0, 1, 2))
    return d_padded[inside], d_kernel, d_output.sum(axis=(0, 1, 2))


def separable_conv2d(x, kernel, mix, bias, stride=1, padding="valid", dilation=1):
    """Depthwise-separable convolution: each channel on its own, then a mix of the channels.

    x (batch, frames, bands, channels), kernel (taps_t, taps_m, channels), mix (channels, units),
    bias (units,). Options, result and errors as conv2d.

    Chapter: 3.1
    Source: [chollet2017xception]
    """
    sizes(mix=(mix, "channels units"), kernel=(kernel, "taps_t taps_m channels"))
    nothing = np.zeros_like(mix[:, 0])
    inner = depthwise_conv2d(x, kernel, nothing, stride, padding, dilation)
    return conv2d(inner, mix[None, None], bias)


def separable_conv2d_backward(
    d_output, x, kernel, mix, bias, stride=1, padding="valid", dilation=1
):
    """Gradients of separable_conv2d: (d_x, d_kernel, d_mix, d_bias).

    Chapter: 3.1
    """
    sizes(mix=(mix, "channels units"), kernel=(kernel, "taps_t taps_m channels"))
    nothing = np.zeros_like(mix[:, 0])
    options = (stride, padding, dilation)
    inner = depthwise_conv2d(x, kernel, nothing, *options)
    d_inner, d_mix, d_bias = conv2d_backward(d_output, inner, mix[None, None], bias)
    d_x, d_kernel, _ = depthwise_conv2d_backward(d_inner, x, kernel, nothing, *options)
    return d_x, d_kernel, d_mix[0, 0], d_bias


def max_pool2d(x, pool=2, stride=None, padding="valid"):
    """The largest entry under a window that moves over frames and bands, channel by channel.

    x (batch, frames, bands, channels). pool, stride: one whole number, or one for frames and one
    for bands; by default the windows lie side by side. What "same" adds is never the largest.
    Returns (batch, frames', bands', channels), sizes as `output_size` gives them; errors as conv2d.

    Chapter: 3.1
    """
    sizes(x=(x, PICTURE))
    padded, places, _ = _places(x, pool, pool if stride is None else stride, padding, fill=-np.inf)
    return np.max([padded[place] for place in places.values()], axis=0)


def max_pool2d_backward(d_output, x, pool=2, stride=None, padding="valid"):
    """Gradient of max_pool2d: (d_x,). Each window's gradient goes to its largest entry; among
    equal ones to the first, frame by frame and within a frame from the lowest band.

    Chapter: 3.1
    """
    sizes(x=(x, PICTURE))
    stride = pool if stride is None else stride
    padded, places, inside = _places(x, pool, stride, padding, fill=-np.inf)
    _arrives(d_output, padded, places, x.shape[3])
    largest = max_pool2d(x, pool, stride, padding)
    d_padded, free = np.zeros_like(padded), np.ones(largest.shape, bool)
    for place in places.values():
        hit = free & (padded[place] == largest)
        d_padded[place] += d_output * hit
        free &= ~hit
    return (d_padded[inside],)


def average_pool2d(x, pool=2, stride=None, padding="valid"):
    """The mean of the entries under a window that moves over frames and bands.

    Arguments, result and errors as max_pool2d. What "same" adds is not counted: a window at the
    edge gives the mean of the entries of x that it covers.

    Chapter: 3.1
    """
    sizes(x=(x, PICTURE))
    padded, places, inside = _places(x, pool, pool if stride is None else stride, padding)
    count = _counts(padded, places, inside)
    return sum(padded[place] for place in places.values()) / count


def average_pool2d_backward(d_output, x, pool=2, stride=None, padding="valid"):
    """Gradient of average_pool2d: (d_x,). Each window shares its gradient among its entries.

    Chapter: 3.1
    """
    sizes(x=(x, PICTURE))
    padded, places, inside = _places(x, pool, pool if stride is None else stride, padding)
    _arrives(d_output, padded, places, x.shape[3])
    share, d_padded = d_output / _counts(padded, places, inside), np.zeros_like(padded)
    for place in places.values():
        d_padded[place] += share
    return (d_padded[inside],)


def global_average_pool2d(x):
    """The mean over all frames and bands. x (batch, frames, bands, channels).

    Returns (batch, channels). Raises ShapeError for another number of axes.

    Chapter: 3.1
    """
    sizes(x=(x, PICTURE))
    return x.mean(axis=(1, 2))


def global_average_pool2d_backward(d_output, x):
    """Gradient of global_average_pool2d: (d_x,). Every place gets the same share.

    Chapter: 3.1
    """
    sizes(d_output=(d_output, "batch channels"), x=(x, PICTURE))
    share = d_output / (x.shape[1] * x.shape[2])
    return (np.broadcast_to(share[:, None, None], x.shape).copy(),)


def relu(x):
    """The larger of x and 0, entry by entry. x: any shape; the output has its shape.

    Chapter: 3.1
    """
    _along(0, x=x)
    return np.maximum(x, 0)


def relu_backward(d_output, x):
    """Gradient of relu: (d_x,). It passes where x > 0; at 0 itself it is taken to be 0.

    Chapter: 3.1
    """
    _along(0, d_output=d_output, x=x)
    return (d_output * (x > 0),)


def dense(x, kernel, bias):
    """A dense layer, Y = X W + b. x (batch, features), kernel (features, units), bias (units,).

    Returns (batch, units). Raises ShapeError, naming the axis, if shapes do not fit.

    Chapter: 3.1
    """
    sizes(x=(x, "batch features"), kernel=(kernel, "features units"), bias=(bias, "units"))
    return x @ kernel + bias


def dense_backward(d_output, x, kernel, bias):
    """Gradients of a dense layer: (d_x, d_kernel, d_bias), each of its argument's shape.

    d_output (batch, units) is the loss's gradient with respect to the output.

    Chapter: 3.1
    """
    sizes(
        d_output=(d_output, "batch units"),
        x=(x, "batch features"),
        kernel=(kernel, "features units"),
        bias=(bias, "units"),
    )
    return d_output @ kernel.T, x.T @ d_output, d_output.sum(axis=0)


def softmax(z, axis=-1):
    """Probabilities from logits along an axis: P = exp(z - max z) / sum of exp(z - max z).

    z: any shape, finite; the output has its shape. Large logits do not overflow. Raises ShapeError
    for an axis that z does not have.

    Chapter: 3.1
    """
    _along(axis, z=z)
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def softmax_backward(d_output, z, axis=-1):
    """Gradient of softmax: (d_z,), of z's shape; P (d_output - sum of d_output P), entry by entry.

    Chapter: 3.1
    """
    _along(axis, d_output=d_output, z=z)
    p = softmax(z, axis)
    return (p * (d_output - (d_output * p).sum(axis=axis, keepdims=True)),)


def log_softmax(z, axis=-1):
    """Logarithm of softmax(z), without the rounding and underflow of taking the logarithm after.

    z: any shape, finite; the output has its shape. Raises ShapeError for an axis that z does not
    have.

    Chapter: 3.1
    """
    _along(axis, z=z)
    shifted = z - z.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def log_softmax_backward(d_output, z, axis=-1):
    """Gradient of log_softmax: (d_z,), of z's shape.

    Chapter: 3.1
    """
    _along(axis, d_output=d_output, z=z)
    return (d_output - softmax(z, axis) * d_output.sum(axis=axis, keepdims=True),)


def cross_entropy(z, labels):
    """Mean over the batch of -log softmax(z)[label], in nats. z (batch, classes), labels (batch,).

    labels: whole numbers from 0 to classes - 1. Returns one number of z's dtype, shape (). Raises
    ShapeError if there is not one label for each row, TypeError for labels that are no whole
    numbers, ValueError for labels outside the classes.

    Chapter: 3.1
    """
    rows = _labels(z, labels)
    return -log_softmax(z)[rows, labels].mean()


def cross_entropy_backward(d_output, z, labels):
    """Gradients of cross_entropy: (d_z, None), d_z (batch, classes); labels have no gradient.

    d_output: one number, or an array of shape (). d_z = d_output (P - Y) / batch, with P the
    probabilities and Y the labels, one row of zeros and a one for each.

    Chapter: 3.1
    """
    rows = _labels(z, labels)
    if np.shape(d_output) != ():
        raise ShapeError(f"d_output has shape {np.shape(d_output)}; the loss is one number, ()")
    d_z = softmax(z)
    d_z[rows, labels] -= 1
    return d_z * (np.asarray(d_output, z.dtype) / len(z)), None


def batch_norm(x, gamma, bias, epsilon=1e-3):
    """Batch normalisation as in training: gamma (x - mean) / sqrt(variance + epsilon) + bias.

    x (batch, ..., features), gamma and bias (features,). Mean and variance of each feature are
    taken over the batch and all axes between; the variance divides by their number. Returns x's
    shape.

    Chapter: 3.1
    Source: [ioffe2015batch]
    """
    axes = _batched(x=x, gamma=gamma, bias=bias)
    hat, _ = _standardised(x, axes, epsilon)
    return gamma * hat + bias


def batch_norm_backward(d_output, x, gamma, bias, epsilon=1e-3):
    """Gradients of batch_norm, through mean and variance too: (d_x, d_gamma, d_bias).

    Chapter: 3.1
    """
    axes = _batched(x=x, d_output=d_output, gamma=gamma, bias=bias)
    hat, scale = _standardised(x, axes, epsilon)
    d_x = _standardised_backward(d_output * gamma, hat, scale, axes)
    return d_x, (d_output * hat).sum(axis=axes), d_output.sum(axis=axes)


def batch_norm_inference(x, gamma, bias, mean, variance, epsilon=1e-3):
    """Batch normalisation as in use: with a mean and a variance (features,) that are kept.

    x (batch, ..., features). Each example is treated alike, whatever else is in the batch. Raises
    ValueError for a negative variance.

    Chapter: 3.1
    Source: [ioffe2015batch]
    """
    scale = _kept_scale(x, gamma, bias, mean, variance, epsilon)
    return gamma * (x - mean) * scale + bias


def batch_norm_inference_backward(d_output, x, gamma, bias, mean, variance, epsilon=1e-3):
    """Gradients of batch_norm_inference: (d_x, d_gamma, d_bias, d_mean, d_variance).

    Chapter: 3.1
    """
    axes = _batched(x=x, d_output=d_output, gamma=gamma, bias=bias)
    scale = _kept_scale(x, gamma, bias, mean, variance, epsilon)
    hat, d_hat = (x - mean) * scale, d_output * gamma
    d_mean = -scale * d_hat.sum(axis=axes)
    d_variance = -(scale**2) * (d_hat * hat).sum(axis=axes) / 2
    d_gamma, d_bias = (d_output * hat).sum(axis=axes), d_output.sum(axis=axes)
    return d_hat * scale, d_gamma, d_bias, d_mean, d_variance


def moving_statistics(x, mean, variance, momentum=0.99):
    """Mean and variance to keep, moved towards those of one more batch: (mean, variance).

    x (batch, ..., features), mean and variance (features,). Raises ValueError for a momentum
    outside [0, 1].

    Chapter: 3.1
    Source: [ioffe2015batch]
    """
    axes = _batched(x=x, gamma=mean, bias=variance)
    if not 0 <= momentum <= 1:
        raise ValueError(f"momentum is {momentum!r}; it must lie in [0, 1]")
    return (
        momentum * mean + (1 - momentum) * x.mean(axis=axes),
        momentum * variance + (1 - momentum) * x.var(axis=axes),
    )


def layer_norm(x, gamma, bias, epsilon=1e-3):
    """Normalise along the last axis: gamma (x - mean) / sqrt(variance + epsilon) + bias.

    x (..., features) with any number of axes before; gamma and bias (features,). Mean and variance
    are taken over the features of each place on its own; the variance divides by their number.

    Chapter: 3.1
    Source: [ba2016layer]
    """
    _features(x=x, gamma=gamma, bias=bias)
    hat, _ = _standardised(x, -1, epsilon)
    return gamma * hat + bias


def layer_norm_backward(d_output, x, gamma, bias, epsilon=1e-3):
    """Gradients of layer_norm: (d_x, d_gamma, d_bias), each of its argument's shape.

    Chapter: 3.1
    """
    _features(x=x, d_output=d_output, gamma=gamma, bias=bias)
    hat, scale = _standardised(x, -1, epsilon)
    others = tuple(range(x.ndim - 1))
    d_x = _standardised_backward(d_output * gamma, hat, scale, -1)
    return d_x, (d_output * hat).sum(axis=others), d_output.sum(axis=others)


# --- shared by the layers above -------------------------------------------------------------------


def _places(x, taps, stride, padding, dilation=1, fill=0.0):
    """x with its padding, and for each tap of a kernel the places of it that the tap meets.

    Returns (padded, {(i, j): indices}, inside): `padded[indices]` is (batch, frames', bands',
    channels), what tap (i, j) meets at every position; `padded[inside]` is x.
    """
    taps, stride = _pair("taps", taps), _pair("stride", stride)
    dilation = _pair("dilation", dilation)
    if max(stride) > 1 and max(dilation) > 1:
        raise ValueError(f"stride {stride} and dilation {dilation}: only one may be above 1")
    added, walks = [], []
    for axis, n, p, s, d in zip(AXES, x.shape[1:3], taps, stride, dilation, strict=True):
        try:
            out = output_size(n, p, s, padding, d)
        except ShapeError as error:
            raise ShapeError(f"axis {axis!r} of x, of shape {x.shape}, is short: {error}") from None
        total = max(0, (out - 1) * s + (p - 1) * d + 1 - n) if padding == "same" else 0
        added.append((total // 2, total - total // 2))
        walks.append([slice(i * d, i * d + (out - 1) * s + 1, s) for i in range(p)])
    padded = np.pad(x, ((0, 0), *added, (0, 0)), constant_values=fill) if np.any(added) else x
    places = {
        (i, j): (slice(None), rows, columns)
        for i, rows in enumerate(walks[0])
        for j, columns in enumerate(walks[1])
    }
    inside = tuple(slice(a, a + n) for (a, _), n in zip(added, x.shape[1:3], strict=True))
    return padded, places, (slice(None), *inside)


def _pair(name, value):
    """An option as two whole numbers of at least 1, for frames and for bands."""
    pair = (value, value) if np.ndim(value) == 0 else tuple(value)
    if len(pair) != 2 or not all(isinstance(v, (int, np.integer)) and v >= 1 for v in pair):
        raise ValueError(f"{name} is {value!r}; give one or two whole numbers of at least 1")
    return pair


def _arrives(d_output, padded, places, units):
    """Check that d_output has the shape of the output that belongs to these places."""
    wanted = dict(zip(PICTURE.split(), padded[places[0, 0]].shape, strict=True), channels=units)
    for axis, size in sizes(d_output=(d_output, PICTURE)).items():
        if size != wanted[axis]:
            raise ShapeError(
                f"axis {axis!r} of d_output is {size}, of shape {d_output.shape}; "
                f"the output has {wanted[axis]}"
            )


def _counts(padded, places, inside):
    """How many entries of x lie under a pooling window: (1, frames', bands', 1)."""
    ones = np.zeros((1, *padded.shape[1:3], 1), padded.dtype)
    ones[inside] = 1
    return sum(ones[place] for place in places.values())


def _batched(x, gamma, bias, **others):
    """Check x (batch, …, features) and two vectors (features,); the axes that are averaged over."""
    _features(x, gamma, bias, **others)
    if x.ndim < 2:
        raise ShapeError(f"x has shape {x.shape}; it needs at least two axes, (batch, features)")
    return tuple(range(x.ndim - 1))


def _kept_scale(x, gamma, bias, mean, variance, epsilon):
    """1 / sqrt(variance + epsilon), after a check of all arguments of batch_norm_inference."""
    _batched(x, gamma, bias)
    _features(x, mean, variance)
    if not epsilon > 0 or variance.min() < 0:
        raise ValueError("epsilon must be positive, and the variance not negative")
    return 1 / np.sqrt(variance + np.asarray(epsilon, x.dtype))


def _standardised(x, axes, epsilon):
    """(x - mean) / sqrt(variance + epsilon) over `axes`, and the 1 / sqrt(…) by which it scales."""
    if not epsilon > 0:
        raise ValueError(f"epsilon is {epsilon!r}; it must be positive")
    centred = x - x.mean(axis=axes, keepdims=True)
    variance = (centred * centred).mean(axis=axes, keepdims=True)
    scale = 1 / np.sqrt(variance + np.asarray(epsilon, x.dtype))
    return centred * scale, scale


def _standardised_backward(d_hat, hat, scale, axes):
    """The gradient through mean and variance as well: what changes both is taken out of d_hat."""
    mean = d_hat.mean(axis=axes, keepdims=True)
    along = (d_hat * hat).mean(axis=axes, keepdims=True)
    return scale * (d_hat - mean - hat * along)


def _along(axis, **arrays):
    """Check arrays that share one shape, whatever its number of axes, and that `axis` is one."""
    first = next(iter(arrays.values()))
    names = " ".join(f"axis{i}" for i in range(np.ndim(first)))
    sizes(**{name: (array, names) for name, array in arrays.items()})
    if not -first.ndim <= axis < first.ndim:
        raise ShapeError(f"axis is {axis}, but {next(iter(arrays))} has the shape {first.shape}")


def _features(x, gamma, bias, **others):
    """Check x and arrays of its shape, (..., features), against two vectors (features,)."""
    names = " ".join(f"axis{i}" for i in range(np.ndim(x) - 1)) + " features"
    shaped = {name: (array, names) for name, array in {"x": x, **others}.items()}
    sizes(**shaped, gamma=(gamma, "features"), bias=(bias, "features"))


def _labels(z, labels):
    """Check logits (batch, classes) and labels (batch,); the row numbers (batch,)."""
    batch, classes = sizes(z=(z, "batch classes")).values()
    if not isinstance(labels, np.ndarray) or not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(f"labels must be a NumPy array of whole numbers, not {labels!r}")
    if labels.shape != (batch,):
        raise ShapeError(
            f"axis 'batch' is {batch} in z, of shape {z.shape}, but labels has shape {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels must lie from 0 to {classes - 1}; there are {classes} classes")
    return np.arange(batch)
