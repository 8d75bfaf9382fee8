"""The Keras counterparts of `helpers.scratch.recurrence`, as functions of tensors.

`stateless_call` runs a Keras layer with the weights it is given, so that automatic differentiation
sees them as arguments.
"""


def simple_rnn(x, initial, kernel, recurrent, bias, activation="tanh"):
    """`keras.layers.SimpleRNN`, all its states, from the state `initial`. Chapter: 3.2"""
    import keras

    layer = keras.layers.SimpleRNN(
        recurrent.shape[0], activation=activation, return_sequences=True, dtype=x.dtype.name
    )
    return _run(layer, x, [kernel, recurrent, bias], initial)


def lstm(x, initial, initial_cell, kernel, recurrent, bias):
    """`keras.layers.LSTM`: all its states, and the last cell state. Chapter: 3.2"""
    import keras

    layer = keras.layers.LSTM(
        recurrent.shape[0], return_sequences=True, return_state=True, dtype=x.dtype.name
    )
    states, _, cell = _run(layer, x, [kernel, recurrent, bias], [initial, initial_cell])
    return states, cell


def gru(x, initial, kernel, recurrent, bias, reset_after=True):
    """`keras.layers.GRU`, all its states, from the state `initial`. Chapter: 3.2"""
    import keras

    layer = keras.layers.GRU(
        recurrent.shape[0], reset_after=reset_after, return_sequences=True, dtype=x.dtype.name
    )
    return _run(layer, x, [kernel, recurrent, bias], initial)


def _run(layer, x, weights, initial):
    layer.build(x.shape)
    kept = [variable.value for variable in layer.non_trainable_variables]
    return layer.stateless_call(weights, kept, x, initial_state=initial)[0]
