"""The Keras counterparts of `helpers.scratch.layers`, as functions of tensors.

`stateless_call` runs a Keras layer with the weights it is given, so that automatic differentiation
sees them as arguments.
"""


def dense(x, kernel, bias):
    """`keras.layers.Dense` on tensors x (batch, D), kernel (D, D'), bias (D',). Chapter: 3.1"""
    import keras

    layer = keras.layers.Dense(kernel.shape[1], dtype=x.dtype.name)
    layer.build(x.shape)
    return layer.stateless_call([kernel, bias], [], x)[0]


def conv2d(x, kernel, bias, stride=1, padding="valid", dilation=1):
    """`keras.layers.Conv2D` on tensors, shapes as in `helpers.scratch.layers`. Chapter: 3.1"""
    weights = [kernel, bias]
    return _convolved("Conv2D", weights, x, stride, padding, dilation, filters=kernel.shape[3])


def depthwise_conv2d(x, kernel, bias, stride=1, padding="valid", dilation=1):
    """`keras.layers.DepthwiseConv2D` on tensors; its strides must be equal. Chapter: 3.1"""
    weights = [kernel[..., None], bias]
    return _convolved("DepthwiseConv2D", weights, x, stride, padding, dilation)


def separable_conv2d(x, kernel, mix, bias, stride=1, padding="valid", dilation=1):
    """`keras.layers.SeparableConv2D` on tensors; its strides must be equal. Chapter: 3.1"""
    weights = [kernel[..., None], mix[None, None], bias]
    return _convolved(
        "SeparableConv2D", weights, x, stride, padding, dilation, filters=mix.shape[1]
    )


def _convolved(name, weights, x, stride, padding, dilation, **sizes):
    """The output of one of Keras' convolutions whose first weight is its kernel."""
    import keras

    layer = getattr(keras.layers, name)(
        kernel_size=weights[0].shape[:2],
        strides=stride,
        padding=padding,
        dilation_rate=dilation,
        dtype=x.dtype.name,
        **sizes,
    )
    layer.build(x.shape)
    return layer.stateless_call(weights, [], x)[0]


def max_pool2d(x, pool=2, stride=None, padding="valid"):
    """`keras.layers.MaxPooling2D` on a tensor. Chapter: 3.1"""
    import keras

    return keras.layers.MaxPooling2D(pool, stride, padding, dtype=x.dtype.name)(x)


def average_pool2d(x, pool=2, stride=None, padding="valid"):
    """`keras.layers.AveragePooling2D` on a tensor. Chapter: 3.1"""
    import keras

    return keras.layers.AveragePooling2D(pool, stride, padding, dtype=x.dtype.name)(x)


def global_average_pool2d(x):
    """`keras.layers.GlobalAveragePooling2D` on a tensor. Chapter: 3.1"""
    import keras

    return keras.layers.GlobalAveragePooling2D(dtype=x.dtype.name)(x)


def relu(x):
    """`keras.ops.relu`. Chapter: 3.1"""
    import keras

    return keras.ops.relu(x)


def softmax(z, axis=-1):
    """`keras.layers.Softmax` on a tensor. Chapter: 3.1"""
    import keras

    return keras.layers.Softmax(axis, dtype=z.dtype.name)(z)


def log_softmax(z, axis=-1):
    """`keras.ops.log_softmax`. Chapter: 3.1"""
    import keras

    return keras.ops.log_softmax(z, axis)


def cross_entropy(z, labels):
    """`keras.ops.sparse_categorical_crossentropy` of logits, mean over the batch. Chapter: 3.1"""
    import keras

    each = keras.ops.sparse_categorical_crossentropy(labels, z, from_logits=True)
    return keras.ops.mean(each)


def batch_norm(x, gamma, bias, epsilon=1e-3):
    """`keras.layers.BatchNormalization` with training=True, on tensors. Chapter: 3.1"""
    layer = _batch_norm(x, epsilon)
    return layer.stateless_call([gamma, bias], _kept(layer), x, training=True)[0]


def batch_norm_inference(x, gamma, bias, mean, variance, epsilon=1e-3):
    """`keras.layers.BatchNormalization` with training=False, on tensors. Chapter: 3.1"""
    layer = _batch_norm(x, epsilon)
    kept = [*_kept(layer)[:-2], mean, variance]
    return layer.stateless_call([gamma, bias], kept, x, training=False)[0]


def moving_statistics(x, mean, variance, momentum=0.99):
    """What `keras.layers.BatchNormalization` keeps after one more batch. Chapter: 3.1"""
    layer = _batch_norm(x, 1e-3, momentum)
    weights = [v.value for v in layer.trainable_variables]
    kept = [*_kept(layer)[:-2], mean, variance]
    moved = layer.stateless_call(weights, kept, x, training=True)[1]
    return tuple(moved[-2:])


def layer_norm(x, gamma, bias, epsilon=1e-3):
    """`keras.layers.LayerNormalization` over the last axis, on tensors. Chapter: 3.1"""
    import keras

    layer = keras.layers.LayerNormalization(epsilon=epsilon, dtype=x.dtype.name)
    layer.build(x.shape)
    return layer.stateless_call([gamma, bias], [], x)[0]


def _batch_norm(x, epsilon, momentum=0.99):
    import keras

    layer = keras.layers.BatchNormalization(epsilon=epsilon, momentum=momentum, dtype=x.dtype.name)
    layer.build(x.shape)
    return layer


def _kept(layer):
    return [variable.value for variable in layer.non_trainable_variables]
