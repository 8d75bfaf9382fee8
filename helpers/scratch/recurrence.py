"""Recurrent layers in NumPy, with backpropagation through time: simple RNN, LSTM and GRU.

Weights have Keras's layout: `kernel` meets the input, `recurrent` the state, and the gates lie side
by side along the last axis. Every layer takes its initial state and returns all later ones.
"""

import numpy as np

from helpers.errors import ShapeError
from helpers.scratch._shapes import sizes

ACTIVATIONS = {
    "tanh": (np.tanh, lambda h: 1 - h * h),
    "relu": (lambda u: np.maximum(u, 0), lambda h: (h > 0).astype(h.dtype)),
    "linear": (lambda u: u, np.ones_like),
}
"""Each activation and its derivative, the latter as a function of the activation's result."""


def simple_rnn(x, initial, kernel, recurrent, bias, activation="tanh"):
    """A simple recurrent layer, h[t] = activation(x[t] W + h[t-1] R + b).

    x (batch, time, features), initial (batch, units), kernel W (features, units), recurrent R
    (units, units), bias (units,). activation: "tanh", "relu" or "linear".
    Returns the states h[1] … h[T], (batch, time, units).

    Raises ShapeError, naming the axis, if shapes do not fit; ValueError for another activation.

    Chapter: 3.2
    Source: [elman1990finding]
    """
    _check(1, x, initial, kernel, recurrent, bias)
    function, _ = _activation(activation)
    inputs = x @ kernel + bias
    states, state = [], initial
    for t in range(x.shape[1]):
        state = function(inputs[:, t] + state @ recurrent)
        states.append(state)
    return np.stack(states, axis=1)


def simple_rnn_backward(d_output, x, initial, kernel, recurrent, bias, activation="tanh"):
    """Backpropagation through time: (d_x, d_initial, d_kernel, d_recurrent, d_bias).

    d_output (batch, time, units) is the loss's gradient with respect to the states, as far as they
    act on it directly; what they do to later states is added here.

    Chapter: 3.2
    Source: [werbos1990backpropagation]
    """
    _check(1, x, initial, kernel, recurrent, bias, d_output=d_output)
    _, slope = _activation(activation)
    states = simple_rnn(x, initial, kernel, recurrent, bias, activation)
    d_u, d_state = np.empty_like(states), np.zeros_like(initial)
    for t in reversed(range(x.shape[1])):
        d_u[:, t] = (d_output[:, t] + d_state) * slope(states[:, t])
        d_state = d_u[:, t] @ recurrent.T
    before = _shifted(initial, states)
    return d_u @ kernel.T, d_state, _summed(x, d_u), _summed(before, d_u), d_u.sum(axis=(0, 1))


def lstm(x, initial, initial_cell, kernel, recurrent, bias):
    """An LSTM. Gates in the order input, forget, candidate, output, as in Keras.

    x (batch, time, features), initial and initial_cell (batch, units), kernel (features, 4 units),
    recurrent (units, 4 units), bias (4 units,).
    Returns the states (batch, time, units) and the last cell state (batch, units).

    Raises ShapeError, naming the axis, if shapes do not fit.

    Chapter: 3.2
    Source: [hochreiter1997long]; the forget gate [gers2000learning].
    """
    _check(4, x, initial, kernel, recurrent, bias, initial_cell=initial_cell)
    states, cells, _ = _lstm_steps(x, initial, initial_cell, kernel, recurrent, bias)
    return np.stack(states[1:], axis=1), cells[-1]


def lstm_backward(d_output, x, initial, initial_cell, kernel, recurrent, bias):
    """Gradients of an LSTM: (d_x, d_initial, d_initial_cell, d_kernel, d_recurrent, d_bias).

    d_output: a pair, the loss's gradient with respect to the states (batch, time, units) and to the
    last cell state (batch, units).

    Chapter: 3.2
    """
    d_states, d_cell = d_output
    more = {"initial_cell": initial_cell, "d_states": d_states, "d_cell": d_cell}
    _check(4, x, initial, kernel, recurrent, bias, **more)
    states, cells, gates = _lstm_steps(x, initial, initial_cell, kernel, recurrent, bias)
    admit, forget, candidate, emit = (np.stack(gate, axis=1) for gate in zip(*gates, strict=True))
    before, cell_before = np.stack(states[:-1], axis=1), np.stack(cells[:-1], axis=1)
    squashed = np.tanh(np.stack(cells[1:], axis=1))
    factors = np.concatenate(
        (
            candidate * admit * (1 - admit),
            cell_before * forget * (1 - forget),
            admit * (1 - candidate**2),
            squashed * emit * (1 - emit),
        ),
        axis=2,
    )
    shown = emit * (1 - squashed**2)
    d_u, d_state = np.empty_like(factors), np.zeros_like(initial)
    for t in reversed(range(x.shape[1])):
        d_state = d_states[:, t] + d_state
        d_cell = d_cell + d_state * shown[:, t]
        d_u[:, t] = np.concatenate((d_cell, d_cell, d_cell, d_state), axis=1) * factors[:, t]
        d_state, d_cell = d_u[:, t] @ recurrent.T, d_cell * forget[:, t]
    d_weights = _summed(x, d_u), _summed(before, d_u), d_u.sum(axis=(0, 1))
    return d_u @ kernel.T, d_state, d_cell, *d_weights


def _lstm_steps(x, initial, initial_cell, kernel, recurrent, bias):
    """The states h[0] … h[T], the cells c[0] … c[T], and the four gates of every step, as lists."""
    inputs = x @ kernel + bias
    states, cells, gates = [initial], [initial_cell], []
    for t in range(x.shape[1]):
        blocks = (inputs[:, t] + states[-1] @ recurrent).reshape(len(x), 4, -1)
        open_by = _sigmoid(blocks)
        admit, forget, emit = open_by[:, 0], open_by[:, 1], open_by[:, 3]
        candidate = np.tanh(blocks[:, 2])
        cells.append(forget * cells[-1] + admit * candidate)
        states.append(emit * np.tanh(cells[-1]))
        gates.append((admit, forget, candidate, emit))
    return states, cells, gates


def gru(x, initial, kernel, recurrent, bias, reset_after=True):
    """A GRU. Gates in the order update, reset, candidate, as in Keras.

    x (batch, time, features), initial (batch, units), kernel (features, 3 units), recurrent
    (units, 3 units). reset_after=True: the reset gate acts on the product of state and weights, and
    there are two biases, bias (2, 3 units), for the input and for the state. reset_after=False, as
    first published: it acts on the state, bias (3 units,).
    Returns the states (batch, time, units).

    Raises ShapeError, naming the axis, if shapes do not fit.

    Chapter: 3.2
    Source: [cho2014learning]
    """
    _check(3, x, initial, kernel, recurrent, bias, rows=2 if reset_after else None)
    states, _ = _gru_steps(x, initial, kernel, recurrent, bias, reset_after)
    return np.stack(states[1:], axis=1)


def gru_backward(d_output, x, initial, kernel, recurrent, bias, reset_after=True):
    """Gradients of a GRU: (d_x, d_initial, d_kernel, d_recurrent, d_bias).

    d_output (batch, time, units) is the loss's gradient with respect to the states.

    Chapter: 3.2
    """
    rows = 2 if reset_after else None
    _check(3, x, initial, kernel, recurrent, bias, rows=rows, d_output=d_output)
    states, gates = _gru_steps(x, initial, kernel, recurrent, bias, reset_after)
    update, reset, candidate, gated = (np.stack(g, axis=1) for g in zip(*gates, strict=True))
    before, units = np.stack(states[:-1], axis=1), initial.shape[1]
    to_update = (before - candidate) * update * (1 - update)
    to_reset = gated * reset * (1 - reset)
    to_candidate = (1 - update) * (1 - candidate**2)
    both, last = slice(0, 2 * units), slice(2 * units, None)
    d_u, d_v = (np.empty((*x.shape[:2], 3 * units), x.dtype) for _ in range(2))
    d_state = np.zeros_like(initial)
    for t in reversed(range(x.shape[1])):
        d_state = d_output[:, t] + d_state
        d_candidate = d_state * to_candidate[:, t]
        d_product = d_candidate if reset_after else d_candidate @ recurrent[:, last].T
        d_gates = d_state * to_update[:, t], d_product * to_reset[:, t]
        d_u[:, t] = np.concatenate((*d_gates, d_candidate), axis=1)
        d_v[:, t] = d_u[:, t]
        if reset_after:
            d_v[:, t, last] *= reset[:, t]
            d_state = d_state * update[:, t] + d_v[:, t] @ recurrent.T
        else:
            d_state = d_state * update[:, t] + d_v[:, t, both] @ recurrent[:, both].T
            d_state += d_product * reset[:, t]
    met = before if reset_after else reset * before
    d_recurrent = np.hstack([_summed(before, d_v[..., both]), _summed(met, d_v[..., last])])
    d_bias = np.stack([d_u.sum(axis=(0, 1)), d_v.sum(axis=(0, 1))])
    d_bias = d_bias if reset_after else d_bias[0]
    return d_u @ kernel.T, d_state, _summed(x, d_u), d_recurrent, d_bias


def _gru_steps(x, initial, kernel, recurrent, bias, reset_after):
    """The states h[0] … h[T], and of every step update, reset, candidate and what reset meets."""
    bias, other = bias if reset_after else (bias, np.zeros_like(bias))
    inputs, units = x @ kernel + bias, initial.shape[1]
    both, last = slice(0, 2 * units), slice(2 * units, None)
    states, gates = [initial], []
    for t in range(x.shape[1]):
        state = states[-1]
        open_by = _sigmoid(inputs[:, t, both] + state @ recurrent[:, both] + other[both])
        update, reset = open_by[:, :units], open_by[:, units:]
        gated = state @ recurrent[:, last] + other[last] if reset_after else state
        product = reset * gated if reset_after else (reset * gated) @ recurrent[:, last]
        candidate = np.tanh(inputs[:, t, last] + product)
        states.append(update * state + (1 - update) * candidate)
        gates.append((update, reset, candidate, gated))
    return states, gates


def _activation(name):
    if name not in ACTIVATIONS:
        raise ValueError(f"activation is {name!r}; it must be one of {list(ACTIVATIONS)}")
    return ACTIVATIONS[name]


def _sigmoid(u):
    """The logistic function, by way of tanh, which does not overflow."""
    return 0.5 * (1 + np.tanh(0.5 * u))


def _shifted(initial, states):
    """The state before each step: h[0] … h[T-1]."""
    return np.concatenate([initial[:, None], states[:, :-1]], axis=1)


def _summed(left, d_u):
    """The gradient of weights: leftᵀ d_u, added up over examples and steps."""
    return np.tensordot(left, d_u, axes=((0, 1), (0, 1)))


def _check(gates, x, initial, kernel, recurrent, bias, *, rows=None, **others):
    """Do the shapes fit, with `gates` blocks of units side by side in the weights?

    rows: biases the layer has, where more than one. others: further arrays by name, each
    (batch, units), or (batch, time, units) for d_output and d_states.
    """
    units = initial.shape[-1] if isinstance(initial, np.ndarray) and initial.ndim else 0
    wide = "units" if gates == 1 else f"{gates}*units"
    found = sizes(
        x=(x, "batch time features"),
        initial=(initial, "batch units"),
        kernel=(kernel, f"features {wide}"),
        recurrent=(recurrent, f"units {wide}"),
        bias=(bias, f"biases {wide}" if rows else wide),
        **{
            name: (a, "batch time units" if name in ("d_output", "d_states") else "batch units")
            for name, a in others.items()
            if a is not None
        },
    )
    if found[wide] != gates * units:
        raise ShapeError(
            f"axis {wide!r} of kernel is {found[wide]}, but the layer has {units} units, "
            f"so it must be {gates * units}"
        )
    if rows and found["biases"] != rows:
        raise ShapeError(f"axis 'biases' of bias is {found['biases']}; it must be {rows}")
