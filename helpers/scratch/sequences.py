"""Temperature, CTC, decoding, perplexity, time warping and hidden Markov models in NumPy."""

import itertools
import math

import numpy as np

from helpers.errors import ShapeError
from helpers.scratch._shapes import sizes
from helpers.scratch.layers import log_softmax, softmax, softmax_backward

# --- temperature ---------------------------------------------------------------------------------


def tempered_softmax(z, tau):
    """Probabilities at a temperature: P = softmax(z / tau) along the last axis.

    z (batch, classes); tau: one number above 0, shape (). The output has z's shape. Raises
    ShapeError for other shapes, ValueError for a temperature that is not above 0.

    Chapter: 3.4
    """
    _temperature(z, tau)
    return softmax(z / np.asarray(tau, z.dtype))


def tempered_softmax_backward(d_output, z, tau):
    """Gradients of tempered_softmax: (d_z, d_tau), d_z (batch, classes), d_tau ().

    From d_scaled, the gradient at z / tau: d_z = d_scaled / tau, d_tau = -sum(d_scaled z) / tau².

    Chapter: 3.4
    """
    _temperature(z, tau)
    sizes(d_output=(d_output, "batch classes"), z=(z, "batch classes"))
    tau = np.asarray(tau, z.dtype)
    (d_scaled,) = softmax_backward(d_output, z / tau)
    return d_scaled / tau, -np.sum(d_scaled * z) / tau**2


def _temperature(z, tau):
    sizes(z=(z, "batch classes"))
    if np.shape(tau) != ():
        raise ShapeError(f"tau has shape {np.shape(tau)}; the temperature is one number, ()")
    if not (tau > 0 and np.isfinite(tau)):
        raise ValueError(f"tau is {tau}; the temperature must be above 0")


# --- connectionist temporal classification -------------------------------------------------------


def collapse(path, blank=0):
    """What a path spells: neighbours that are equal merged, then blanks dropped; a tuple of int.

    path: a sequence of labels, one per frame. Chapter: 3.4
    Source: [graves2006connectionist]
    """
    return tuple(int(label) for label, _ in itertools.groupby(path) if label != blank)


def ctc_enumerate(z, blank=0):
    """Log-probability of everything that can be spelled, by walking all classes^time paths.

    z (time, classes) logits. Returns {tuple of labels: log-probability}. For tiny cases: it is the
    definition of CTC without any of its cleverness. Raises ValueError for more than 10^6 paths.

    Chapter: 3.4
    """
    time, classes = sizes(z=(z, "time classes")).values()
    _blank(blank, classes)
    if classes**time > 1_000_000:
        raise ValueError(f"{classes} classes over {time} frames are too many paths to enumerate")
    log_p = log_softmax(z.astype(np.float64))
    spelled = {}
    for path in itertools.product(range(classes), repeat=time):
        word = collapse(path, blank)
        spelled[word] = np.logaddexp(spelled.get(word, -np.inf), log_p[range(time), path].sum())
    return {word: float(log_probability) for word, log_probability in spelled.items()}


def ctc_alpha(z, targets, input_lengths=None, target_lengths=None, blank=0):
    """Forward log-probabilities of CTC: ln alpha, (batch, time, 2 labels + 1).

    Arguments as in `ctc_loss`. Entry [t, i] is the logarithm of the summed probability of all
    beginnings of paths, frames 0 to t, that stand at place i of the extended target; -inf where
    there is none. Behind the last frame of an example the values of its last frame stay.

    Chapter: 3.4
    Source: [graves2006connectionist]
    """
    emitted, _, skip, lengths, _ = _lattice(z, targets, input_lengths, target_lengths, blank)
    alpha = np.full_like(emitted, -np.inf)
    alpha[:, 0, :2] = emitted[:, 0, :2]
    for t in range(1, emitted.shape[1]):
        stay = alpha[:, t - 1]
        step, jump = np.full_like(stay, -np.inf), np.full_like(stay, -np.inf)
        step[:, 1:] = stay[:, :-1]
        jump[:, 2:] = np.where(skip[:, 2:], stay[:, :-2], -np.inf)
        arrived = np.logaddexp(np.logaddexp(stay, step), jump) + emitted[:, t]
        alpha[:, t] = np.where(t < lengths[:, None], arrived, stay)
    return alpha


def ctc_beta(z, targets, input_lengths=None, target_lengths=None, blank=0):
    """Backward log-probabilities of CTC: ln beta, (batch, time, 2 labels + 1).

    Arguments as in `ctc_loss`. Entry [t, i] is the logarithm of the summed probability of all ways
    to go on from place i, frames t + 1 to the last, and to end at one of the last two places.

    Chapter: 3.4
    Source: [graves2006connectionist]
    """
    emitted, _, skip, lengths, ends = _lattice(z, targets, input_lengths, target_lengths, blank)
    beta = np.full_like(emitted, -np.inf)
    beta[:, -1] = ends
    for t in range(emitted.shape[1] - 2, -1, -1):
        stay = beta[:, t + 1] + emitted[:, t + 1]
        step, jump = np.full_like(stay, -np.inf), np.full_like(stay, -np.inf)
        step[:, :-1] = stay[:, 1:]
        jump[:, :-2] = np.where(skip[:, 2:], stay[:, 2:], -np.inf)
        left = np.logaddexp(np.logaddexp(stay, step), jump)
        beta[:, t] = np.where(t < lengths[:, None] - 1, left, ends)
    return beta


def ctc_loss(z, targets, input_lengths=None, target_lengths=None, blank=0):
    """CTC loss of each example, -ln P(target | z) in nats: (batch,), of z's dtype.

    z (batch, time, classes): logits, from which log_softmax makes log-probabilities.
    targets (batch, labels): whole numbers, none of them the blank.
    input_lengths (batch,): frames of each example, 1 to time; None: all of them.
    target_lengths (batch,): labels of each example, 0 to labels; None: all of them. What stands
    behind them is ignored. blank: the class that is the blank.

    An empty target means that every frame is blank. A target that needs more frames than there are
    (one per label, and one more for each label that repeats the one before) has probability 0 and
    loss inf.

    Raises ShapeError that names the axis, TypeError for labels or lengths that are no whole
    numbers, ValueError for labels outside the classes, a blank among them, or impossible lengths.

    Chapter: 3.4
    Source: [graves2006connectionist]
    """
    alpha = ctc_alpha(z, targets, input_lengths, target_lengths, blank)
    ends = _lattice(z, targets, input_lengths, target_lengths, blank)[-1]
    return -np.logaddexp.reduce(alpha[:, -1] + ends, axis=1)


def ctc_loss_backward(d_output, z, targets, input_lengths=None, target_lengths=None, blank=0):
    """Gradients of ctc_loss: (d_z, None, None, None), d_z (batch, time, classes).

    d_output (batch,). d_z = d_output (P - posterior), where the posterior of a class is the summed
    alpha beta / P(target) of the places that hold it. Frames behind an example's last have gradient
    0, and so has an example whose target is impossible: a loss of inf has no slope.

    Chapter: 3.4
    Source: [graves2006connectionist]
    """
    sizes(d_output=(d_output, "batch"), z=(z, "batch time classes"))
    alpha = ctc_alpha(z, targets, input_lengths, target_lengths, blank)
    beta = ctc_beta(z, targets, input_lengths, target_lengths, blank)
    _, extended, _, lengths, ends = _lattice(z, targets, input_lengths, target_lengths, blank)
    log_likelihood = np.logaddexp.reduce(alpha[:, -1] + ends, axis=1)
    possible = np.isfinite(log_likelihood)
    scale = np.where(possible, log_likelihood, 0)[:, None, None]
    holds = (extended[:, :, None] == np.arange(z.shape[2])).astype(z.dtype)
    posterior = np.exp(alpha + beta - scale) @ holds
    counts = possible[:, None] & (np.arange(z.shape[1]) < lengths[:, None])
    d_z = d_output[:, None, None] * (softmax(z) - posterior)
    return np.where(counts[:, :, None], d_z, 0).astype(z.dtype), None, None, None


def _lattice(z, targets, input_lengths, target_lengths, blank):
    """Check the arguments of CTC; what its recursions need, in arrays with the batch in front.

    emitted (batch, time, places): log-probability of each place's label at each frame; extended
    (batch, places): the labels of the places; skip (batch, places): True where a place may be
    reached from the one two before; lengths (batch,): frames; ends (batch, places): 0 where a path
    may end, else -inf.
    """
    batch, time, classes = sizes(z=(z, "batch time classes")).values()
    _blank(blank, classes)
    _whole("targets", targets, (batch, None), "batch labels")
    labels = targets.shape[1]
    lengths = np.full(batch, time) if input_lengths is None else input_lengths
    counts = np.full(batch, labels) if target_lengths is None else target_lengths
    for name, given, low, high, axis in (
        ("input_lengths", lengths, 1, time, "time"),
        ("target_lengths", counts, 0, labels, "labels"),
    ):
        _whole(name, given, (batch,), "batch")
        if given.min() < low or given.max() > high:
            raise ValueError(f"{name} must lie from {low} to {high}, the size of the axis {axis!r}")
    inside = np.arange(labels) < counts[:, None]
    if np.any(inside & ((targets < 0) | (targets >= classes) | (targets == blank))):
        raise ValueError(
            f"targets must hold classes from 0 to {classes - 1}, and never the blank, {blank}"
        )
    extended = np.full((batch, 2 * labels + 1), blank)
    extended[:, 1::2] = np.where(inside, targets, blank)
    skip = np.zeros(extended.shape, bool)
    skip[:, 2:] = (extended[:, 2:] != blank) & (extended[:, 2:] != extended[:, :-2])
    places = np.arange(2 * labels + 1)
    ending = (places == 2 * counts[:, None]) | (places == 2 * counts[:, None] - 1)
    ends = np.where(ending, 0, -np.inf).astype(z.dtype)
    emitted = np.take_along_axis(log_softmax(z), extended[:, None, :], axis=2)
    return emitted, extended, skip, lengths, ends


# --- decoding ------------------------------------------------------------------------------------


def ctc_greedy(z, input_lengths=None, blank=0):
    """What the best path spells: a list of (labels, log-probability of that path), one per example.

    z (batch, time, classes) logits; input_lengths as in `ctc_loss`. labels: a tuple of int.

    Chapter: 3.4
    Source: [graves2006connectionist]
    """
    batch, time, classes = sizes(z=(z, "batch time classes")).values()
    _blank(blank, classes)
    found = []
    for log_p in _cut(log_softmax(z), input_lengths, batch, time):
        found.append((collapse(log_p.argmax(axis=1), blank), float(log_p.max(axis=1).sum())))
    return found


def ctc_prefix_beam(z, width, top=1, input_lengths=None, blank=0):
    """The most probable labellings by prefix beam search: for each example, best first, a list of
    at most `top` pairs (labels, log-probability).

    z (batch, time, classes) logits. width: how many prefixes survive a frame; with as many as there
    are prefixes the result is exact, with fewer the probabilities are lower bounds.
    Raises ValueError if `width` or `top` is not at least 1.

    Chapter: 3.4
    Source: [graves2006connectionist]; [hannun2014first] for the form with two sums.
    """
    batch, time, classes = sizes(z=(z, "batch time classes")).values()
    _blank(blank, classes)
    if width < 1 or top < 1:
        raise ValueError(f"width is {width} and top is {top}; both must be at least 1")
    log_p = _cut(log_softmax(z.astype(np.float64)), input_lengths, batch, time)
    return [_beam(example, width, blank)[:top] for example in log_p]


def _beam(log_p, width, blank):
    """All surviving prefixes of one example, log_p (time, classes), best first."""
    labels = [k for k in range(log_p.shape[1]) if k != blank]
    beam = {(): (0.0, -math.inf)}  # prefix: (ending in blank, ending in its last label)
    for frame in log_p.tolist():
        grown = {}

        def add(prefix, in_blank, in_label, grown=grown):
            blank_before, label_before = grown.get(prefix, (-math.inf, -math.inf))
            grown[prefix] = (_logadd(blank_before, in_blank), _logadd(label_before, in_label))

        for prefix, (in_blank, in_label) in beam.items():
            either = _logadd(in_blank, in_label)
            last = prefix[-1] if prefix else None
            repeated = in_label + frame[last] if prefix else -math.inf
            add(prefix, either + frame[blank], repeated)
            for k in labels:
                add((*prefix, k), -math.inf, (in_blank if k == last else either) + frame[k])
        possible = [item for item in grown.items() if max(item[1]) > -math.inf]
        beam = dict(sorted(possible, key=lambda item: -_logadd(*item[1]))[:width])
    return [(prefix, _logadd(*scores)) for prefix, scores in beam.items()]


def _logadd(a, b):
    high, low = (a, b) if a >= b else (b, a)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


# --- how surprised a model is --------------------------------------------------------------------


def bits_per_token(log_p):
    """Mean surprise in bits: minus the mean of log_p / ln 2.

    log_p: natural logarithms of the probability that the model gave to each token that came, any
    shape; -inf for a token that it thought impossible. Raises ValueError if there is none or a
    logarithm of a probability is above 0.

    Chapter: 3.4
    Source: [shannon1951prediction]
    """
    log_p = np.asarray(log_p, np.float64)
    if log_p.size == 0 or not np.all(log_p <= 1e-6):
        raise ValueError("log_p must hold logarithms of probabilities, at least one, none above 0")
    return float(-log_p.mean() / math.log(2))


def perplexity(log_p):
    """2 to the power of bits_per_token(log_p): among how many equally likely tokens it chose.

    Chapter: 3.4
    Source: [jelinek1977perplexity]
    """
    bits = bits_per_token(log_p)
    return 2.0**bits if bits < 1024 else math.inf


# --- time warping and hidden Markov models -------------------------------------------------------


def dtw_table(cost):
    """Cost of the cheapest alignment up to each pair of frames, of cost's shape.

    cost (..., time, length): distance of each frame of one sequence and each of another; axes in
    front are a batch.
    Every step goes one frame on in either sequence or in both; every pair it visits costs once.

    Chapter: 3.4
    Source: [sakoe1978dynamic]
    """
    _finite_cost(cost)
    table = np.empty_like(cost)
    for place in np.ndindex(cost.shape[-2:]):
        before = [table[..., *origin] for origin in _origins(*place)]
        table[..., *place] = cost[..., *place] + (np.min(before, axis=0) if before else 0)
    return table


def _origins(t, j):
    """The places from which an alignment may step to (t, j): the diagonal first."""
    return [(a, b) for a, b in ((t - 1, j - 1), (t, j - 1), (t - 1, j)) if min(a, b) >= 0]


def dtw(cost):
    """Dynamic time warping: (table, path). cost (time, length) → table (time, length), path (n, 2).

    table: as `dtw_table`; its last entry is the cost of the whole. path: the pairs of frames of the
    cheapest alignment from (0, 0) to the last of both; where steps cost the same, the diagonal.

    Chapter: 3.4
    Source: [sakoe1978dynamic]
    """
    time, length = sizes(cost=(cost, "time length")).values()
    table = dtw_table(cost)
    path = [(time - 1, length - 1)]
    while path[-1] != (0, 0):
        path.append(min(_origins(*path[-1]), key=lambda place: table[place]))
    return table, np.array(path[::-1])


def hmm_forward(initial, transition, log_emission):
    """Forward algorithm of a hidden Markov model: (log-likelihood, ln alpha (time, states)).

    initial (states,): probability to begin in each state. transition (states, states): row j holds
    the probabilities to go from j to each state. log_emission (time, states): logarithm of the
    probability (or density) of each frame's observation in each state.
    Raises ShapeError that names the axis, ValueError for rows that are no probabilities.

    Chapter: 3.4
    Source: [rabiner1989tutorial]
    """
    first, arcs = _markov(initial, transition, log_emission)
    alpha = np.empty_like(log_emission)
    alpha[0] = first + log_emission[0]
    for t in range(1, len(alpha)):
        alpha[t] = np.logaddexp.reduce(alpha[t - 1][:, None] + arcs, axis=0) + log_emission[t]
    return float(np.logaddexp.reduce(alpha[-1])), alpha


def hmm_viterbi(initial, transition, log_emission):
    """The most probable states of a hidden Markov model: (states (time,), their log-probability).

    Arguments as in `hmm_forward`. The logarithm is -inf where no path is possible.

    Chapter: 3.4
    Source: [rabiner1989tutorial]
    """
    first, arcs = _markov(initial, transition, log_emission)
    score = first + log_emission[0]
    came_from = np.zeros(log_emission.shape, int)
    for t in range(1, len(log_emission)):
        reached = score[:, None] + arcs
        came_from[t] = reached.argmax(axis=0)
        score = reached.max(axis=0) + log_emission[t]
    states = [int(score.argmax())]
    for t in range(len(log_emission) - 1, 0, -1):
        states.append(int(came_from[t, states[-1]]))
    return np.array(states[::-1]), float(score.max())


# --- one recursion for all of them ---------------------------------------------------------------


def trellis(local, start, across, plus, along=None):
    """The recursion that CTC, hidden Markov models and time warping share: (time, places).

    score[t, i] = local[t, i] + PLUS over all arcs that arrive of (score at the arc's origin + arc).

    local (time, places): what being at a place costs or earns. start (places,): arcs that arrive at
    the first frame. across (places, places): arcs from place j at the frame before to place i;
    along, the same shape or None: arcs from place j < i at the same frame. plus: a NumPy function
    of two arrays that says how arcs compete: np.logaddexp adds up probabilities, np.maximum finds
    the most probable path, np.minimum the cheapest. An arc that does not exist is -inf, for
    np.minimum inf.

    Raises ShapeError that names the array and the axis, TypeError if `plus` cannot be reduced.

    Chapter: 3.4
    Source: [mohri2002semiring]
    """
    time, places = sizes(local=(local, "time places")).values()
    for name, array, wanted in (
        ("start", start, (places,)),
        ("across", across, (places, places)),
        ("along", along, (places, places)),
    ):
        if array is not None and np.shape(array) != wanted:
            raise ShapeError(f"{name} has shape {np.shape(array)}; the axis 'places' is {places}")
    if not isinstance(plus, np.ufunc) or plus.nin != 2:
        raise TypeError(
            f"plus must be a NumPy function of two arrays, such as np.maximum: {plus!r}"
        )
    score = np.empty_like(local)
    for t in range(time):
        arrived = start if t == 0 else plus.reduce(score[t - 1][:, None] + across, axis=0)
        score[t] = arrived + local[t]
        for i in range(1, places if along is not None else 0):
            beside = plus.reduce(score[t, :i] + along[:i, i])
            score[t, i] = plus(arrived[i], beside) + local[t, i]
    return score


# --- checks --------------------------------------------------------------------------------------


def _blank(blank, classes):
    if not isinstance(blank, (int, np.integer)) or not 0 <= blank < classes:
        raise ValueError(f"blank is {blank!r}; it must be a class from 0 to {classes - 1}")


def _whole(name, array, shape, axes):
    """Check an array of whole numbers; None in its shape stands for any size."""
    if not isinstance(array, np.ndarray) or not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{name} must be a NumPy array of whole numbers, not {array!r}")
    if array.ndim != len(shape):
        raise ShapeError(f"{name} has shape {array.shape}; it needs the axes ({axes})")
    for axis, size, wanted in zip(axes.split(), array.shape, shape, strict=True):
        if wanted is not None and size != wanted:
            raise ShapeError(f"axis {axis!r} is {size} in {name}, but {wanted} in z")


def _cut(log_p, input_lengths, batch, time):
    """The examples without the frames behind their last, a list of (frames, classes)."""
    if input_lengths is None:
        return list(log_p)
    _whole("input_lengths", input_lengths, (batch,), "batch")
    if input_lengths.min() < 1 or input_lengths.max() > time:
        raise ValueError(f"input_lengths must lie from 1 to {time}, the size of the axis 'time'")
    return [example[:n] for example, n in zip(log_p, input_lengths, strict=True)]


def _finite_cost(cost):
    names = " ".join(f"axis{i}" for i in range(np.ndim(cost) - 2)) + " time length"
    sizes(cost=(cost, names))


def _markov(initial, transition, log_emission):
    """Check a hidden Markov model; logarithms of its initial and its transition probabilities."""
    sizes(
        initial=(initial, "states"),
        transition=(transition, "states states"),
        log_emission=(log_emission, "time states"),
    )
    for name, rows in (("initial", initial), ("transition", transition)):
        if np.any(rows < 0) or not np.allclose(rows.sum(axis=-1), 1, atol=1e-4):
            raise ValueError(f"{name} must hold probabilities that add up to 1 along the last axis")
    with np.errstate(divide="ignore"):
        return np.log(initial), np.log(transition)
