"""Networks that write chorales: cell by cell from contexts, or token by token.

`composer` reads what the counting models read, a context for each cell, and answers with a move;
it may look back at what the same voice has done in this piece. `token_network` reads nothing but
the pitches, one after the other. Chapter: 6.2
"""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from helpers import parts
from helpers.models._options import check_dropout

WIDTH, HEADS, SIZE = 224, 4, 24
"""Of the composer: numbers a cell, heads, and numbers a head. Chapter: 6.2"""

DROPOUT, BLANK = 0.2, 0.1
"""Shares of inner numbers, and of a context's zeros and ones, dropped in training. Chapter: 6.2"""

LOOKS = ("nothing", "GRU", "attention")
"""How a composer may look back at its piece. Chapter: 6.2"""

SPAN = 256
"""Steps of a piece that are learned from at once. Chapter: 6.2"""

DISTANCES = 16
"""Classes of distance in time that attention tells apart, two for each doubling. Chapter: 6.2"""


# --- the composer --------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("listening_machines")
class OfEachVoice(layers.Layer):
    """A dense layer whose weights are those of all voices plus those of one.

    (batch, steps, 4, features) → (batch, 4, steps, width); features · width · 5 + 4 · width
    parameters. A voice's own weights begin at zero.

    Chapter: 6.2
    """

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width

    def build(self, shape):
        features = shape[-1]
        self.shared = self.add_weight(shape=(features, self.width), initializer="he_normal")
        self.own = self.add_weight(shape=(4, features, self.width), initializer="zeros")
        self.bias = self.add_weight(shape=(4, 1, self.width), initializer="zeros")

    def call(self, x):
        return tf.einsum("bsvf,vfd->bvsd", x, self.shared + self.own) + self.bias

    def get_config(self):
        return {**super().get_config(), "width": self.width}


@keras.saving.register_keras_serializable("listening_machines")
class LookBack(layers.Layer):
    """Attention of each cell to what its voice has done on earlier eighths of the piece.

    Inputs: cells (batch, 4, steps, width), the first E of them on the eighths 0, 2, 4 …; what came
    there, (batch, E, 4) moves; when each of the cells is, (batch, steps). A cell at step t looks at
    the eighths before t, and at a place of its own where there is nothing to find. Keys are made of
    cells, values of cells and moves. → (batch, 4, steps, heads · size).

    Chapter: 6.2
    Source: [vaswani2017attention]; [grave2016improving] for looking up what followed
    """

    def __init__(self, heads=HEADS, size=SIZE, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.size = heads, size

    def build(self, shapes):
        width, inner = shapes[0][-1], self.heads * self.size

        def weight(name, *shape, start="glorot_uniform"):
            return self.add_weight(name=name, shape=shape, initializer=start)

        self.query = weight("query", width, inner)
        self.key = weight("key", width, inner)
        self.value = weight("value", width, inner)
        self.move = weight("move", parts.MOVES, inner)
        self.distance = weight("distance", DISTANCES, self.heads, start="zeros")
        self.nowhere = weight("nowhere", self.heads, self.size, start="zeros")

    def call(self, inputs):
        cells, moves, times = inputs
        n, eighths = tf.shape(moves)[0], tf.shape(moves)[1]
        earlier = cells[:, :, :eighths]

        def split(x):
            return tf.reshape(x, [n, 4, -1, self.heads, self.size])

        query, key = split(cells @ self.query), split(earlier @ self.key)
        moved = tf.gather(self.move, tf.transpose(moves, [0, 2, 1]))
        value = split(earlier @ self.value + moved)
        scores = tf.einsum("bvshd,bvehd->bvhse", query, key) / self.size**0.5
        lag = times[:, :, None] - 2 * tf.range(eighths)
        bias = tf.gather(self.distance, distance_class(lag))
        scores += tf.transpose(bias, [0, 3, 1, 2])[:, None]
        scores = tf.where((lag > 0)[:, None, None], scores, -1e9)
        none = tf.einsum("bvshd,hd->bvhs", query, self.nowhere)[..., None] / self.size**0.5
        weights = tf.nn.softmax(tf.concat([scores, none], axis=-1))[..., :-1]
        found = tf.einsum("bvhse,bvehd->bvshd", weights, value)
        return tf.reshape(found, [n, 4, -1, self.heads * self.size])

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "size": self.size}


def distance_class(lag):
    """Class of a distance in steps, two for each doubling: int tensor → int32, 0 to 15.

    Chapter: 6.2
    """
    near = tf.cast(tf.maximum(lag, 1), tf.float32)
    return tf.minimum(tf.cast(2 * tf.math.log(near) / np.log(2.0) + 1e-4, tf.int32), DISTANCES - 1)


@keras.saving.register_keras_serializable("listening_machines")
class RunAlong(layers.Layer):
    """A GRU along the eighths of each voice; inputs as `LookBack`, → (batch, 4, steps, units).

    A cell at step t is given the state after the last eighth before t, zeros at the beginning.

    Chapter: 6.2
    """

    def __init__(self, units=HEADS * SIZE, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shapes):
        self.gru = layers.GRU(self.units, return_sequences=True)
        self.gru.build((None, None, shapes[0][-1] + parts.MOVES))

    def call(self, inputs):
        cells, moves, times = inputs
        n, eighths = tf.shape(moves)[0], tf.shape(moves)[1]
        came = tf.one_hot(tf.transpose(moves, [0, 2, 1]), parts.MOVES)
        x = tf.concat([cells[:, :, :eighths], came], axis=-1)
        x = tf.reshape(x, [4 * n, eighths, cells.shape[-1] + parts.MOVES])
        states = tf.reshape(self.gru(x), [n, 4, eighths, self.units])
        states = tf.pad(states, [[0, 0], [0, 0], [1, 0], [0, 0]])
        return tf.gather(states, (times + 1) // 2, axis=2, batch_dims=1)

    def compute_output_shape(self, shapes):
        return (*shapes[0][:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def composer(look="attention", width=WIDTH, dropout=DROPOUT, blank=BLANK):
    """A network that gives each cell a distribution over moves, from its context.

    Inputs: contexts as zeros and ones (batch, steps, 4, F), voices in the order WRITTEN, the first
    E steps being the eighths 0, 2, 4 … of the piece and the others in any order; moves of the
    eighths (batch, E, 4), times (batch, steps) in sixteenths. Output: logits
    (batch, 4, steps, MOVES). With w = width, F = FEATURES, M = MOVES, i = HEADS · SIZE it has

        5 F w + 4 w  +  2 · (2 w² + 4 w)  +  2 w + (w + 1) M

    parameters if it looks at "nothing"; "attention" adds 2 w + (3 w + M) i + 20 · 4 + … for looking
    back and (i + 1) w for using it: see `parameter_count`. `blank` of the zeros and ones and
    `dropout` of the inner numbers are dropped in training.

    Raises ValueError for another `look`, a width below 1 or shares outside [0, 1).

    Chapter: 6.2
    """
    if look not in LOOKS:
        raise ValueError(f"look is {look!r}; give one of {', '.join(LOOKS)}")
    if width < 1:
        raise ValueError(f"width is {width}; it must be at least 1")
    check_dropout(dropout)
    check_dropout(blank)
    context = keras.Input((None, 4, parts.FEATURES), dtype="uint8", name="context")
    moves = keras.Input((None, 4), dtype="int32", name="moves")
    times = keras.Input((None,), dtype="int32", name="times")
    x = layers.Dropout(blank)(AsNumbers(name="numbers")(context))
    x = layers.Activation("gelu")(OfEachVoice(width, name="cells")(x))
    x = _thought(layers.Dropout(dropout)(x), width, dropout, "first")
    if look != "nothing":
        layer = LookBack(name="look") if look == "attention" else RunAlong(name="look")
        found = layer([layers.LayerNormalization(name="look_norm")(x), moves, times])
        x = x + layers.Dropout(dropout)(layers.Dense(width, name="look_out")(found))
    x = _thought(x, width, dropout, "second")
    x = layers.LayerNormalization(name="last_norm")(x)
    return keras.Model([context, moves, times], layers.Dense(parts.MOVES, name="logits")(x))


@keras.saving.register_keras_serializable("listening_machines")
class AsNumbers(layers.Layer):
    """Zeros and ones of one byte as float32. Chapter: 6.2"""

    def call(self, x):
        return tf.cast(x, tf.float32)


def _thought(x, width, dropout, name):
    """x + dense(gelu(dense(LayerNorm(x)))): 2 w² + 4 w parameters."""
    y = layers.LayerNormalization(name=f"{name}_norm")(x)
    y = layers.Dense(width, activation="gelu", name=f"{name}_in")(y)
    return x + layers.Dropout(dropout)(layers.Dense(width, name=f"{name}_out")(y))


def parameter_count(look="attention", width=WIDTH):
    """The number of parameters of `composer`, by its formula; an int. Chapter: 6.2"""
    w, inner = width, HEADS * SIZE
    count = 5 * parts.FEATURES * w + 4 * w + 2 * (2 * w * w + 4 * w) + 2 * w + (w + 1) * parts.MOVES
    if look == "attention":
        count += (3 * w + parts.MOVES) * inner + DISTANCES * HEADS + inner
    elif look == "GRU":
        count += 3 * inner * (w + parts.MOVES + inner + 2)
    return count + (0 if look == "nothing" else 2 * w + (inner + 1) * w)


# --- what it learns from -------------------------------------------------------------------------


@dataclass
class Scores:
    """Pieces as a network wants them: contexts uint8 (N, 4, F), moves int32 (N, 4), first steps.

    `spans`: int32 (n, 2), first row and length of stretches of at most SPAN steps that cover all
    pieces; each begins at an even step. Chapter: 6.2
    """

    contexts: np.ndarray
    moves: np.ndarray
    starts: np.ndarray
    spans: np.ndarray


def scores(pieces):
    """Read pieces, a list of int (T, 4), once for training: Scores. Chapter: 6.2"""
    context, held = parts.cells(pieces)
    lengths = np.array([len(piece) for piece in pieces])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    spans = []
    for start, length in zip(starts, lengths, strict=False):
        pieces_of = max(1, -(-length // SPAN))
        firsts = np.linspace(0, max(0, length - SPAN), pieces_of) // 2 * 2
        spans += [(start + int(f), min(SPAN, length - int(f))) for f in firsts]
    rows = np.stack([parts.one_hot(c) for c in context], axis=1)
    return Scores(rows, held.astype(np.int32), starts, np.array(spans, np.int32))


def score_batches(data, size=2, odd=32):
    """A function that draws stretches of Scores for `fit_stages`, in the graph.

    It gives ((contexts, moves, times), (targets, weights)): `size` stretches, of each all eighths
    and `odd` of the sixteenths between them, where hardly anything happens; their weight makes up
    for those left out. Steps after the end of a piece weigh nothing.

    Raises ValueError unless 0 < odd ≤ SPAN / 2 and size ≥ 1.

    Chapter: 6.2
    """
    if not (0 < odd <= SPAN // 2 and size >= 1):
        raise ValueError(f"size is {size} and odd {odd}: at least 1, odd at most {SPAN // 2}")
    with tf.device("CPU"):
        contexts, moves = tf.constant(data.contexts), tf.constant(data.moves)
    spans, last = tf.constant(data.spans), len(data.moves) - 1
    eighths = SPAN // 2

    def draw():
        chosen = tf.gather(spans, tf.random.uniform([size], 0, len(data.spans), tf.int32))
        between = tf.argsort(tf.random.uniform([size, eighths]), axis=1)[:, :odd] * 2 + 1
        times = tf.concat([tf.tile(2 * tf.range(eighths)[None], [size, 1]), between], axis=1)
        rows = tf.minimum(chosen[:, :1] + times, last)
        weights = tf.concat([tf.ones([size, eighths]), tf.fill([size, odd], eighths / odd)], axis=1)
        weights = tf.where(times < chosen[:, 1:], weights, 0.0)
        came = tf.gather(moves, rows)
        return (tf.gather(contexts, rows), came[:, :eighths], times), (came, weights)

    return draw


def cell_loss(network, inputs, targets):
    """Mean surprise of the cells in nats, for `fit_stages`; targets: (moves, weights).

    Chapter: 6.2
    """
    came, weights = targets
    logits = network(inputs, training=True)
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.transpose(came, [0, 2, 1]), logits)
    return tf.reduce_sum(each * weights[:, None]) / (4 * tf.reduce_sum(weights))


class _Jury:
    """Networks that are asked together: `_answer` gives ln of their mean probability."""

    def __init__(self, *networks):
        self.networks, self._answer = networks, _together(networks)

    @property
    def parameters(self):
        """Number of parameters of all networks together."""
        return sum(one.count_params() for one in self.networks)


class Composer(_Jury):
    """Trained networks of `composer` as one model of chorales, as `helpers.counting.Counter` is.

    networks: one or more, which look back in the same way; what they answer is averaged,
    probability by probability. Raises ValueError for none. Chapter: 6.2
    """

    def log_distributions(self, pieces):
        """ln p of all moves of each cell: list of int (T, 4) → list of float32 (T, 4, MOVES).

        The second axis is in the order WRITTEN. Chapter: 6.2
        """
        found = []
        for piece in pieces:
            data = scores([piece])
            times = np.concatenate([np.arange(0, len(piece), 2), np.arange(1, len(piece), 2)])
            came = data.moves[0::2]
            log_p = self._answer(
                data.contexts[times][None], came[None], times[None].astype(np.int32)
            )
            back = np.empty((len(piece), 4, parts.MOVES), np.float32)
            back[times] = log_p.numpy()[0].transpose(1, 0, 2)
            found.append(back)
        return found

    def log_probabilities(self, pieces):
        """ln p of each cell: list of int (T, 4) → list of float (T, 4), columns as voices."""
        found = []
        for piece, log_p in zip(pieces, self.log_distributions(pieces), strict=True):
            held = parts.moves(piece)[:, parts.WRITTEN]
            of_cells = np.empty(piece.shape)
            of_cells[:, parts.WRITTEN] = np.take_along_axis(log_p, held[..., None], 2)[..., 0]
            found.append(of_cells)
        return found

    def writer(self, n):
        """What writes n pieces at once with these networks: see `helpers.compose.compose`."""
        return _Writers([_NetworkWriter(one, n) for one in self.networks])


def _together(networks):
    """A function from inputs to ln of the mean probability that networks give."""
    if not networks:
        raise ValueError("give at least one network")

    def answer(*inputs):
        each = [tf.nn.log_softmax(one(inputs, training=False)) for one in networks]
        return tf.reduce_logsumexp(tf.stack(each), axis=0) - np.log(len(networks))

    return tf.function(answer, reduce_retracing=True)


class _Writers:
    """Several writers that are asked together."""

    def __init__(self, writers):
        self.writers = writers

    def probabilities(self, context, voice):
        row = parts.one_hot(context).astype(np.float32)
        return sum(one.probabilities(row, voice) for one in self.writers) / len(self.writers)

    def wrote(self, moves, voice):
        for one in self.writers:
            one.wrote(moves, voice)


class _NetworkWriter:
    """The composer in NumPy, cell by cell; keeps keys and values, or states, of the eighths."""

    def __init__(self, network, n):
        self.w = {layer.name: layer.get_weights() for layer in network.layers}
        shared, own, bias = self.w["cells"]
        self.first, self.bias = shared + own, bias[:, 0]
        self.look = "nothing"
        if "look" in self.w:
            self.look = "attention" if len(self.w["look"]) == 6 else "GRU"
        inner = HEADS * SIZE
        self.keys = [np.zeros((n, 0, HEADS, SIZE), np.float32) for _ in range(4)]
        self.values = [np.zeros((n, 0, HEADS, SIZE), np.float32) for _ in range(4)]
        self.states = [np.zeros((n, inner), np.float32) for _ in range(4)]
        self.step = [-1] * 4

    def probabilities(self, row, voice):
        k = parts.WRITTEN.index(voice)
        self.step[k] += 1
        x = _gelu(row @ self.first[k] + self.bias[k])
        x = self._thought(x, "first")
        if self.look != "nothing":
            self.here = _norm(x, *self.w["look_norm"])
            found = self._attended(k) if self.look == "attention" else self.states[k]
            kernel, bias = self.w["look_out"]
            x = x + found @ kernel + bias
        x = _norm(self._thought(x, "second"), *self.w["last_norm"])
        kernel, bias = self.w["logits"]
        z = (x @ kernel + bias).astype(np.float64)
        p = np.exp(z - z.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    def wrote(self, moves, voice):
        k = parts.WRITTEN.index(voice)
        if self.look == "nothing" or self.step[k] % 2:
            return
        moves = np.asarray(moves)
        if self.look == "attention":
            _, key, value, move, _, _ = self.w["look"]
            n = len(moves)
            new_key = (self.here @ key).reshape(n, 1, HEADS, SIZE)
            new_value = (self.here @ value + move[moves]).reshape(n, 1, HEADS, SIZE)
            self.keys[k] = np.concatenate([self.keys[k], new_key], axis=1)
            self.values[k] = np.concatenate([self.values[k], new_value], axis=1)
        else:
            came = np.eye(parts.MOVES, dtype=np.float32)[moves]
            x = np.concatenate([self.here, came], axis=1)
            self.states[k] = _gru_step(x, self.states[k], *self.w["look"])

    def _thought(self, x, name):
        y = _norm(x, *self.w[f"{name}_norm"])
        kernel, bias = self.w[f"{name}_in"]
        y = _gelu(y @ kernel + bias)
        kernel, bias = self.w[f"{name}_out"]
        return x + y @ kernel + bias

    def _attended(self, k):
        query, _, _, _, distance, nowhere = self.w["look"]
        eighths = self.keys[k].shape[1]
        if eighths == 0:
            return np.zeros((len(self.here), HEADS * SIZE), np.float32)
        q = (self.here @ query).reshape(-1, HEADS, SIZE) / SIZE**0.5
        lag = self.step[k] - 2 * np.arange(eighths)
        seen = np.einsum("nhd,nehd->nhe", q, self.keys[k])
        seen += distance[distance_class(lag).numpy()].T
        none = np.einsum("nhd,hd->nh", q, nowhere)[..., None]
        z = np.concatenate([seen, none], axis=-1)
        weights = np.exp(z - z.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        found = np.einsum("nhe,nehd->nhd", weights[..., :-1], self.values[k])
        return found.reshape(len(q), -1)


def _gelu(x):
    from scipy.special import erf

    return (0.5 * x * (1 + erf(x * np.float32(0.5**0.5)))).astype(np.float32)


def _norm(x, scale, shift):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-3) * scale + shift


def _gru_step(x, state, kernel, recurrent, biases):
    units = state.shape[1]
    new, old = x @ kernel + biases[0], state @ recurrent + biases[1]
    update, reset = np.split(1 / (1 + np.exp(-(new + old)[:, : 2 * units])), 2, axis=1)
    candidate = np.tanh(new[:, 2 * units :] + reset * old[:, 2 * units :])
    return (update * state + (1 - update) * candidate).astype(np.float32)


# --- a network that is told nothing but the notes ------------------------------------------------

CONTEXT = 256
"""Tokens that `token_network` sees at once: four bars of four voices. Chapter: 6.2"""


def token_network(kind, width=96, dropout=0.2):
    """A language model of tokens: int (batch, CONTEXT) → logits (batch, CONTEXT, TOKENS).

    Position i of the output is about token i; it depends on the tokens before it, and on where in
    a bar i is. Beside the token just before it, the token four places before it is put in front of
    it, what the same voice had a step ago: small networks take long to find out that it matters.
    Inputs: the tokens one place back, TOKENS at the beginning, and places in the bar, 0 to 63.
    "Transformer": two pre-norm blocks of causal attention with four heads. "GRU": two layers.

    Raises ValueError for another kind.

    Chapter: 6.2
    """
    if kind not in ("GRU", "Transformer"):
        raise ValueError(f"kind is {kind!r}; give GRU or Transformer")
    check_dropout(dropout)
    line = keras.Input((CONTEXT,), dtype="int32")
    where = keras.Input((CONTEXT,), dtype="int32")
    x = layers.Embedding(parts.TOKENS + 1, width, name="tokens")(line)
    x = x + layers.Embedding(64, width, name="places")(where)
    same_voice = keras.ops.pad(line[:, :-3], [[0, 0], [3, 0]], constant_values=parts.TOKENS)
    x = x + layers.Embedding(parts.TOKENS + 1, width, name="same_voice")(same_voice)
    for _ in range(2):
        if kind == "GRU":
            x = layers.GRU(width + 32, return_sequences=True)(layers.Dropout(dropout)(x))
        else:
            y = layers.LayerNormalization()(x)
            y = layers.MultiHeadAttention(4, width // 4, dropout=dropout)(
                y, y, use_causal_mask=True
            )
            x = x + y
            y = layers.Dense(2 * width, activation="gelu")(layers.LayerNormalization()(x))
            x = x + layers.Dropout(dropout)(layers.Dense(width)(y))
    x = layers.LayerNormalization()(x)
    return keras.Model([line, where], layers.Dense(parts.TOKENS, name="logits")(x))


def token_batches(pieces, size=8, keys=(-5, 6)):
    """A function that draws stretches of token lines for `fit_stages`, in the graph, in any key.

    keys: the range of semitones by which a stretch is moved, where its pitches have tokens for it.
    Gives ((tokens before, places), (tokens, weights)). Chapter: 6.2
    """
    lines = [parts.tokens(piece) for piece in pieces]
    starts, lengths = [], []
    at = 0
    for line in lines:
        firsts = range(0, max(1, len(line) - CONTEXT // 2), 64)
        starts += [at + f for f in firsts]
        lengths += [min(CONTEXT, len(line) - f) for f in firsts]
        at += len(line)
    begun = np.concatenate([np.arange(0, max(1, len(x) - CONTEXT // 2), 64) for x in lines])
    whole = tf.constant(np.concatenate([*lines, np.zeros(CONTEXT, int)]).astype(np.int32))
    table = tf.constant(np.stack([starts, lengths, begun], axis=1).astype(np.int32))

    def draw():
        chosen = tf.gather(table, tf.random.uniform([size], 0, len(table), tf.int32))
        rows = chosen[:, :1] + tf.range(CONTEXT)
        came = tf.gather(whole, rows)
        shift = tf.random.uniform([size, 1], keys[0], keys[1] + 1, tf.int32)
        came = tf.where(came > 0, tf.clip_by_value(came + shift, 1, parts.TOKENS - 1), 0)
        before = tf.pad(came[:, :-1], [[0, 0], [1, 0]], constant_values=parts.TOKENS)
        places = (chosen[:, 2:] + tf.range(CONTEXT)) % 64
        weights = tf.cast(tf.range(CONTEXT) < chosen[:, 1:2], tf.float32)
        return (before, places), (came, weights)

    return draw


def token_loss(network, inputs, targets):
    """Mean surprise of the tokens in nats, for `fit_stages`. Chapter: 6.2"""
    came, weights = targets
    logits = network(inputs, training=True)
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(came, logits)
    return tf.reduce_sum(each * weights) / tf.reduce_sum(weights)


class TokenModel(_Jury):
    """Trained networks of `token_network` as one model of chorales, as `Composer` is.

    Chapter: 6.2
    """

    def log_probabilities(self, pieces):
        """ln p of each cell: list of int (T, 4) → list of float (T, 4), columns as voices.

        Each token has at least CONTEXT / 2 tokens before it, or all there are.
        """
        found = []
        for piece in pieces:
            line = parts.tokens(piece)
            firsts = np.arange(0, max(1, len(line) - CONTEXT // 2), CONTEXT // 2)
            padded = np.concatenate([line, np.zeros(CONTEXT, int)])
            came = padded[firsts[:, None] + np.arange(CONTEXT)]
            before = np.pad(came[:, :-1], [(0, 0), (1, 0)], constant_values=parts.TOKENS)
            places = (firsts[:, None] + np.arange(CONTEXT)) % 64
            log_p = self._answer(before.astype(np.int32), places.astype(np.int32)).numpy()
            log_p = np.take_along_axis(log_p, came[..., None], axis=2)[..., 0]
            flat = np.empty(len(padded))
            for first, row in zip(firsts, log_p, strict=True):
                new = 0 if first == 0 else CONTEXT // 2
                flat[first + new : first + CONTEXT] = row[new:]
            of_cells = np.empty(piece.shape)
            of_cells[:, parts.WRITTEN] = flat[: len(line)].reshape(-1, 4)
            found.append(of_cells)
        return found
