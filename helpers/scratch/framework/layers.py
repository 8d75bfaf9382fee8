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
