"""Chapter 3.4 in NumPy: by hand, by enumeration, by differences, and against the framework."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.errors import ShapeError
from helpers.metrics import softmax as metrics_softmax
from helpers.scratch.sequences import (
    bits_per_token,
    collapse,
    ctc_alpha,
    ctc_beta,
    ctc_enumerate,
    ctc_greedy,
    ctc_loss,
    ctc_loss_backward,
    ctc_prefix_beam,
    dtw,
    dtw_table,
    hmm_forward,
    hmm_viterbi,
    perplexity,
    tempered_softmax,
    tempered_softmax_backward,
    trellis,
)

BOTH = pytest.mark.parametrize("dtype", [np.float32, np.float64])
HUNDRED = settings(max_examples=100, deadline=None, derandomize=True)
SEEDS = st.integers(0, 2**32 - 1)

# The example of the chapter: three frames, classes blank, 1 and 2, target 1 2.
BY_HAND = np.array([[1 / 4, 1 / 2, 1 / 4], [1 / 4, 1 / 4, 1 / 2], [1 / 2, 1 / 4, 1 / 4]])


def configuration(seed, dtype=np.float64, time=None, labels=None, empty=True):
    """A random feasible batch: (z, targets, input_lengths, target_lengths), blank."""
    rng = np.random.default_rng(seed)
    batch, classes = rng.integers(1, 5), rng.integers(2, 7)
    time = time or int(rng.integers(1, 16))
    labels = labels or int(rng.integers(1, 6))
    z = (rng.standard_normal((batch, time, classes)) * rng.uniform(0.3, 4)).astype(dtype)
    blank = int(rng.integers(classes))
    targets = rng.choice([k for k in range(classes) if k != blank], (batch, labels))
    input_lengths = rng.integers(1, time + 1, batch)
    target_lengths = rng.integers(0 if empty else 1, labels + 1, batch)
    for i in range(batch):
        while needed(targets[i, : target_lengths[i]]) > input_lengths[i]:
            target_lengths[i] -= 1
    return (z, targets, input_lengths, target_lengths), blank


def needed(labels):
    """Frames that a target needs: one a label, one more between two that are equal."""
    return len(labels) + sum(a == b for a, b in itertools.pairwise(labels))


def numerical(function, x, step=1e-6):
    """Gradient of a function of one array by central differences."""
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += step
        down[place] -= step
        gradient[place] = (function(up) - function(down)) / (2 * step)
    return gradient


# --- temperature ---------------------------------------------------------------------------------


def test_tempered_softmax_by_hand():
    z = np.log(np.array([[1.0, 4.0]]))
    assert np.allclose(tempered_softmax(z, np.array(2.0)), [[1 / 3, 2 / 3]])
    assert np.allclose(tempered_softmax(z, np.array(0.5)), [[1 / 17, 16 / 17]])


def test_tempered_softmax_is_that_of_metrics():
    z = np.random.default_rng(0).standard_normal((5, 7))
    assert np.allclose(tempered_softmax(z, np.array(1.7)), metrics_softmax(z, 1.7))


@pytest.mark.parametrize("tau", [0.1, 1.0, 5.0])
def test_tempered_softmax_gradient_is_numerical(tau):
    rng = np.random.default_rng(1)
    z, arriving = rng.standard_normal((2, 3, 4))
    tau = np.array(tau)
    d_z, d_tau = tempered_softmax_backward(arriving, z, tau)
    assert np.allclose(d_z, numerical(lambda x: np.sum(tempered_softmax(x, tau) * arriving), z))
    slope = numerical(lambda t: np.sum(tempered_softmax(z, t) * arriving), tau)
    assert np.allclose(d_tau, slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("tau", [0.0, -1.0, math.inf, math.nan])
def test_tempered_softmax_refuses_a_temperature(tau):
    with pytest.raises(ValueError, match="above 0"):
        tempered_softmax(np.ones((1, 2)), np.array(tau))


def test_tempered_softmax_names_the_axis():
    with pytest.raises(ShapeError, match="tau has shape"):
        tempered_softmax(np.ones((1, 2)), np.ones(2))
    with pytest.raises(ShapeError, match="batch, classes"):
        tempered_softmax(np.ones(2), np.array(1.0))


# --- CTC: by hand and by enumeration -------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "spelled"),
    [
        ([0, 0, 0], ()),
        ([1, 1, 1], (1,)),
        ([1, 0, 1], (1, 1)),
        ([0, 1, 1, 2, 0, 2], (1, 2, 2)),
        ([], ()),
    ],
)
def test_collapse(path, spelled):
    assert collapse(path) == spelled


def test_ctc_by_hand():
    z = np.log(BY_HAND)[None]
    target = np.array([[1, 2]])
    alpha = np.array([[8, 16, 0, 0, 0], [2, 6, 4, 8, 0], [1, 2, 5, 4.5, 4]]) / np.array(
        [[32], [32], [32]]
    )
    assert np.allclose(np.exp(ctc_alpha(z, target))[0], alpha)
    assert np.isclose(np.exp(-ctc_loss(z, target))[0], 17 / 64)


def test_ctc_alpha_in_fractions():
    """The recursion with exact numbers, in the product domain, for a target with a repeat."""
    rng = np.random.default_rng(3)
    p = [[Fraction(int(n), 12) for n in row] for row in rng.multinomial(12, [1 / 3] * 3, 6) + 0]
    p = [[x or Fraction(1, 1000) for x in row] for row in p]
    p = [[x / sum(row) for x in row] for row in p]
    places = [0, 1, 0, 1, 0, 2, 0]
    alpha = [p[0][0], p[0][1]] + [Fraction(0)] * 5
    for t in range(1, 6):
        alpha = [
            p[t][k]
            * (
                alpha[i]
                + (alpha[i - 1] if i > 0 else 0)
                + (alpha[i - 2] if i > 1 and k not in (0, places[i - 2]) else 0)
            )
            for i, k in enumerate(places)
        ]
    z = np.log(np.array(p, dtype=float))[None]
    loss = ctc_loss(z, np.array([[1, 1, 2]]))
    assert np.isclose(np.exp(-loss[0]), float(alpha[-1] + alpha[-2]))


@pytest.mark.parametrize("seed", range(30))
def test_ctc_loss_is_the_sum_over_all_paths(seed):
    (z, targets, frames, counts), blank = configuration(seed, time=5, labels=3)
    loss = ctc_loss(z, targets, frames, counts, blank)
    for i in range(len(z)):
        every = ctc_enumerate(z[i, : frames[i]], blank)
        assert np.isclose(sum(map(math.exp, every.values())), 1)
        assert np.isclose(-loss[i], every[tuple(targets[i, : counts[i]])])


@pytest.mark.parametrize("seed", range(10))
def test_ctc_alpha_times_beta_is_the_likelihood_at_every_frame(seed):
    (z, targets, frames, counts), blank = configuration(seed)
    arguments = (z, targets, frames, counts, blank)
    both = np.logaddexp.reduce(ctc_alpha(*arguments) + ctc_beta(*arguments), axis=2)
    for i, n in enumerate(frames):
        assert np.allclose(both[i, :n], -ctc_loss(*arguments)[i])


@pytest.mark.parametrize("seed", range(20))
def test_ctc_gradient_is_numerical(seed):
    (z, targets, frames, counts), blank = configuration(seed, time=5)
    arriving = np.random.default_rng(seed).standard_normal(len(z))
    d_z, *others = ctc_loss_backward(arriving, z, targets, frames, counts, blank)
    slope = numerical(lambda x: arriving @ ctc_loss(x, targets, frames, counts, blank), z)
    assert others == [None, None, None]
    assert np.allclose(d_z, slope, atol=1e-7)
    assert np.allclose(d_z.sum(axis=2), 0)


@BOTH
def test_ctc_edges(dtype):
    z = np.log(BY_HAND).astype(dtype)[None]
    everything_blank = -np.log(1 / 4 * 1 / 4 * 1 / 2)
    assert np.isclose(ctc_loss(z, np.array([[1]]), None, np.array([0]))[0], everything_blank)
    assert np.isclose(ctc_loss(z, np.zeros((1, 0), int))[0], everything_blank)
    assert np.isclose(ctc_loss(z, np.array([[2, 2]]))[0], -np.log(1 / 4 * 1 / 4 * 1 / 4))
    assert np.isclose(ctc_loss(z[:, :1], np.array([[1]]))[0], -np.log(1 / 2))
    assert ctc_loss(z, np.array([[1]])).dtype == dtype


@BOTH
@pytest.mark.parametrize("target", [[1, 2, 1, 2], [1, 1, 2], [2, 2, 2]])
def test_ctc_of_an_impossible_target(dtype, target):
    z = np.stack([np.log(BY_HAND)] * 2).astype(dtype)
    targets = np.array([target, [1] * len(target)])
    arguments = (z, targets, None, np.array([len(target), 1]))
    loss = ctc_loss(*arguments)
    assert loss[0] == np.inf and np.isfinite(loss[1])
    d_z = ctc_loss_backward(np.ones(2, dtype), *arguments)[0]
    assert np.all(d_z[0] == 0) and np.any(d_z[1] != 0) and d_z.dtype == dtype


def test_ctc_ignores_what_stands_behind_the_lengths():
    (z, targets, frames, counts), blank = configuration(5)
    other, more = z.copy(), targets.copy()
    for i in range(len(z)):
        other[i, frames[i] :] = 7.0
        more[i, counts[i] :] = 99
    loss = ctc_loss(z, targets, frames, counts, blank)
    assert np.array_equal(loss, ctc_loss(other, more, frames, counts, blank))
    d_z = ctc_loss_backward(np.ones(len(z)), other, more, frames, counts, blank)[0]
    assert all(np.all(d_z[i, frames[i] :] == 0) for i in range(len(z)))


def test_ctc_survives_a_thousand_frames_in_single_precision():
    z = np.zeros((1, 1000, 16), np.float32)
    loss = ctc_loss(z, np.array([[1, 2, 3]]))
    assert np.isfinite(loss[0]) and loss[0] > 2000


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"z": np.ones((3, 4))}, ShapeError, "batch, time, classes"),
        ({"z": np.ones((2, 3, 4), int)}, TypeError, "z must be"),
        ({"targets": np.array([[1, 2]] * 3)}, ShapeError, "'batch' is 3 in targets"),
        ({"targets": np.array([1, 2])}, ShapeError, "batch labels"),
        ({"targets": np.array([[1.0], [2.0]])}, TypeError, "targets"),
        ({"targets": np.array([[0], [1]])}, ValueError, "never the blank"),
        ({"targets": np.array([[4], [1]])}, ValueError, "from 0 to 3"),
        ({"input_lengths": np.array([3])}, ShapeError, "'batch' is 1 in input_lengths"),
        ({"input_lengths": np.array([0, 3])}, ValueError, "'time'"),
        ({"input_lengths": np.array([4, 3])}, ValueError, "'time'"),
        ({"target_lengths": np.array([2, 0])}, ValueError, "'labels'"),
        ({"blank": 4}, ValueError, "blank is 4"),
        ({"blank": -1}, ValueError, "blank is -1"),
    ],
)
def test_ctc_bad_arguments(change, error, message):
    arguments = {"z": np.ones((2, 3, 4)), "targets": np.array([[1], [2]]), **change}
    with pytest.raises(error, match=message):
        ctc_loss(**arguments)
    with pytest.raises(ValueError, match="NaN"):
        ctc_loss(np.full((1, 1, 2), np.nan), np.array([[1]]))


# --- decoding ------------------------------------------------------------------------------------


def test_the_best_path_is_not_the_best_labelling():
    """Every path of 1 loses to the blank, yet together they win: 0.36 against 0.64."""
    z = np.log(np.array([[[0.6, 0.4], [0.6, 0.4]]]))
    labels, log_p = ctc_greedy(z)[0]
    assert labels == () and np.isclose(math.exp(log_p), 0.36)
    best = ctc_prefix_beam(z, width=4, top=2)[0]
    assert [labels for labels, _ in best] == [(1,), ()]
    assert np.allclose(np.exp([p for _, p in best]), [0.64, 0.36])


@pytest.mark.parametrize("seed", range(20))
def test_ctc_prefix_beam_is_exact_when_wide(seed):
    (z, _, frames, _), blank = configuration(seed, time=5)
    found = ctc_prefix_beam(z, 10**6, 4, frames, blank)
    for i, paths in enumerate(found):
        every = ctc_enumerate(z[i, : frames[i]], blank)
        best = sorted(every.values(), reverse=True)[:4]
        assert np.allclose([p for _, p in paths], best)
        assert all(np.isclose(every[labels], p) for labels, p in paths)


def test_ctc_prefix_beam_with_a_narrow_beam_is_a_lower_bound():
    (z, *_), blank = configuration(8, time=5)
    for example_z, ((labels, p),) in zip(z, ctc_prefix_beam(z, 1, blank=blank), strict=True):
        assert p <= ctc_enumerate(example_z, blank)[labels] + 1e-9


@pytest.mark.parametrize("function", [ctc_greedy, lambda z, n=None: ctc_prefix_beam(z, 2, 1, n)])
def test_decoders_refuse(function):
    with pytest.raises(ShapeError, match="batch, time, classes"):
        function(np.ones((3, 4)))
    with pytest.raises(ValueError, match="'time'"):
        function(np.ones((1, 3, 4)), np.array([4]))
    with pytest.raises(ValueError, match="width is 0"):
        ctc_prefix_beam(np.ones((1, 3, 4)), 0)


def test_ctc_enumerate_refuses_what_is_too_large():
    with pytest.raises(ValueError, match="too many"):
        ctc_enumerate(np.ones((30, 4)))


# --- surprise ------------------------------------------------------------------------------------


def test_bits_per_token_and_perplexity():
    log_p = np.log([1 / 2, 1 / 8])
    assert np.isclose(bits_per_token(log_p), 2)
    assert np.isclose(perplexity(log_p), 4)
    assert np.isclose(perplexity(np.full(10, -np.log(24))), 24)
    assert perplexity([0.0, -np.inf]) == np.inf


@pytest.mark.parametrize("log_p", [[], [0.1], [np.nan]])
def test_bits_per_token_refuses(log_p):
    with pytest.raises(ValueError, match="logarithms"):
        bits_per_token(log_p)


# --- time warping --------------------------------------------------------------------------------


def test_dtw_by_hand():
    cost = np.abs(np.array([1.0, 1, 3])[:, None] - np.array([1.0, 2, 3]))
    table, path = dtw(cost)
    assert table.tolist() == [[0, 1, 3], [0, 1, 3], [2, 1, 1]]
    assert path.tolist() == [[0, 0], [1, 1], [2, 2]]


def cheapest(cost):
    """Dynamic time warping by trying every path."""

    def walk(t, j):
        if (t, j) == (0, 0):
            return cost[0, 0]
        back = [(t - 1, j - 1), (t - 1, j), (t, j - 1)]
        return cost[t, j] + min(walk(*b) for b in back if min(b) >= 0)

    return walk(cost.shape[0] - 1, cost.shape[1] - 1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (4, 6), (6, 4)])
def test_dtw_is_the_cheapest_of_all_paths(shape):
    cost = np.random.default_rng(0).random(shape)
    table, path = dtw(cost)
    assert np.isclose(table[-1, -1], cheapest(cost))
    assert np.isclose(cost[tuple(path.T)].sum(), table[-1, -1])
    assert {tuple(step) for step in np.diff(path, axis=0)} <= {(0, 1), (1, 0), (1, 1)}


def test_dtw_table_takes_a_batch():
    costs = np.random.default_rng(1).random((3, 2, 4, 5)).astype(np.float32)
    tables = dtw_table(costs)
    assert tables.dtype == np.float32
    assert np.allclose(tables[2, 1], dtw(costs[2, 1])[0])


def test_dtw_names_the_axis():
    with pytest.raises(ShapeError, match="time, length"):
        dtw(np.ones(3))
    with pytest.raises(ShapeError, match="'length' of cost is empty"):
        dtw_table(np.ones((3, 0)))


@pytest.mark.slow
@HUNDRED
@given(SEEDS)
def test_dtw_equals_librosa(seed):
    import librosa

    rng = np.random.default_rng(seed)
    cost = rng.random(rng.integers(1, 12, 2))
    table, path = dtw(cost)
    expected, backwards = librosa.sequence.dtw(C=cost)
    assert np.allclose(table, expected)
    assert np.array_equal(path, backwards[::-1])


# --- hidden Markov models ------------------------------------------------------------------------


def markov(seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    time, states = rng.integers(1, 7), rng.integers(1, 5)
    initial, *rows = rng.dirichlet(np.ones(states), states + 1)
    return (
        initial.astype(dtype),
        np.array(rows, dtype),
        np.log(rng.random((time, states))).astype(dtype),
    )


def every_state_path(initial, transition, log_emission):
    time, states = log_emission.shape
    for path in itertools.product(range(states), repeat=time):
        steps = sum(np.log(transition[a, b]) for a, b in itertools.pairwise(path))
        yield path, np.log(initial[path[0]]) + steps + log_emission[range(time), path].sum()


@pytest.mark.parametrize("seed", range(20))
def test_hmm_is_what_enumeration_says(seed):
    model = markov(seed)
    paths = dict(every_state_path(*model))
    log_likelihood, _ = hmm_forward(*model)
    states, best = hmm_viterbi(*model)
    assert np.isclose(log_likelihood, np.logaddexp.reduce(list(paths.values())))
    assert np.isclose(best, max(paths.values()))
    assert np.isclose(paths[tuple(states.tolist())], best)


def test_hmm_with_impossible_transitions():
    left_to_right = np.array([[0.5, 0.5], [0.0, 1.0]])
    states, log_p = hmm_viterbi(np.array([1.0, 0.0]), left_to_right, np.zeros((3, 2)))
    assert states.tolist() == [0, 1, 1] and np.isclose(log_p, np.log(0.5))


def test_hmm_refuses():
    initial, transition, emission = np.array([0.5, 0.5]), np.full((2, 2), 0.5), np.zeros((3, 2))
    with pytest.raises(ShapeError, match="'states' is 3 in log_emission"):
        hmm_forward(initial, transition, np.zeros((3, 3)))
    with pytest.raises(ValueError, match="transition must hold probabilities"):
        hmm_viterbi(initial, 2 * transition, emission)


@pytest.mark.slow
@HUNDRED
@given(SEEDS)
def test_hmm_viterbi_equals_librosa(seed):
    import librosa

    initial, transition, log_emission = markov(seed)
    states, best = hmm_viterbi(initial, transition, log_emission)
    expected, log_p = librosa.sequence.viterbi(
        np.exp(log_emission).T, transition, p_init=initial, return_logp=True
    )
    assert np.array_equal(states, expected)
    assert np.isclose(best, log_p, atol=1e-6)


# --- one recursion -------------------------------------------------------------------------------


def ctc_arcs(labels, blank=0):
    """start and across of the trellis of CTC, and the classes of its places."""
    places = np.full(2 * len(labels) + 1, blank)
    places[1::2] = labels
    i = np.arange(len(places))
    step = i[None, :] - i[:, None]
    twice = np.r_[False, False, (places[2:] != blank) & (places[2:] != places[:-2])]
    allowed = (step == 0) | (step == 1) | ((step == 2) & twice)
    start = np.where(i < 2, 0.0, -np.inf)
    return start, np.where(allowed, 0.0, -np.inf), places


@pytest.mark.parametrize("labels", [[1], [1, 2], [2, 2], [1, 1, 2, 1]])
def test_trellis_is_ctc(labels):
    from helpers.scratch.layers import log_softmax

    z = np.random.default_rng(0).standard_normal((9, 4))
    start, across, places = ctc_arcs(labels)
    alpha = trellis(log_softmax(z)[:, places], start, across, np.logaddexp)
    assert np.allclose(alpha, ctc_alpha(z[None], np.array([labels]))[0])


@pytest.mark.parametrize("seed", range(5))
def test_trellis_is_a_hidden_markov_model(seed):
    initial, transition, log_emission = markov(seed)
    arcs = log_emission, np.log(initial), np.log(transition)
    assert np.allclose(trellis(*arcs, np.logaddexp), hmm_forward(*markov(seed))[1])
    assert np.isclose(trellis(*arcs, np.maximum)[-1].max(), hmm_viterbi(*markov(seed))[1])


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1), (5, 7)])
def test_trellis_is_time_warping(shape):
    cost = np.random.default_rng(2).random(shape)
    i = np.arange(shape[1])
    step = i[None, :] - i[:, None]
    start = np.where(i == 0, 0.0, np.inf)
    across = np.where((step == 0) | (step == 1), 0.0, np.inf)
    along = np.where(step == 1, 0.0, np.inf)
    assert np.allclose(trellis(cost, start, across, np.minimum, along), dtw_table(cost))


def test_trellis_refuses():
    local = np.zeros((3, 2))
    with pytest.raises(ShapeError, match="across has shape"):
        trellis(local, np.zeros(2), np.zeros((2, 3)), np.maximum)
    with pytest.raises(TypeError, match="plus"):
        trellis(local, np.zeros(2), np.zeros((2, 2)), max)


# --- the framework -------------------------------------------------------------------------------


@pytest.mark.slow
@BOTH
@HUNDRED
@given(SEEDS)
@example(0)
def test_tempered_softmax_equals_the_framework(dtype, seed):
    from helpers.scratch.framework import differences
    from helpers.scratch.framework import sequences as framework

    rng = np.random.default_rng(seed)
    z = (3 * rng.standard_normal(rng.integers(1, 6, 2))).astype(dtype)
    tau = np.asarray(rng.uniform(0.2, 4), dtype)
    apart = differences(
        tempered_softmax, tempered_softmax_backward, framework.tempered_softmax, (z, tau), seed=seed
    )
    assert apart.output < 1e-5 and apart.gradient < 1e-4


def ctc_apart(arguments, blank, reference, seed=0):
    from helpers.scratch.framework import differences

    apart = differences(ctc_loss, ctc_loss_backward, reference, arguments, seed=seed, blank=blank)
    assert apart.output < 1e-5 and apart.gradient < 1e-4


@pytest.mark.slow
@BOTH
@HUNDRED
@given(SEEDS)
def test_ctc_loss_equals_the_framework(dtype, seed):
    from helpers.scratch.framework import sequences as framework

    arguments, blank = configuration(seed, dtype)
    ctc_apart(arguments, blank, framework.ctc_loss, seed)


@pytest.mark.slow
@BOTH
@HUNDRED
@given(SEEDS)
def test_ctc_loss_equals_the_older_kernel(dtype, seed):
    from helpers.scratch.framework import sequences as framework

    arguments, blank = configuration(seed, dtype, empty=False)
    ctc_apart(arguments, blank, framework.ctc_loss_kernel, seed)


EDGES = {
    "one frame, one label": (1, [1], 1, 1),
    "one frame, empty": (1, [1], 1, 0),
    "empty": (6, [1, 2], 6, 0),
    "repeats": (9, [1, 1, 2, 2, 1], 9, 5),
    "just long enough": (5, [2, 2, 2], 5, 3),
    "all frames are labels": (3, [1, 2, 1], 3, 3),
    "shorter than the batch": (9, [1, 2, 2], 4, 3),
}


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("blank", [0, 3])
@pytest.mark.parametrize("case", EDGES)
def test_ctc_loss_equals_the_framework_at_the_edges(dtype, blank, case):
    from helpers.scratch.framework import sequences as framework

    time, labels, frames, count = EDGES[case]
    z = np.random.default_rng(0).standard_normal((1, time, 4)).astype(dtype)
    arguments = (z, np.array([labels]), np.array([frames]), np.array([count]))
    ctc_apart(arguments, blank, framework.ctc_loss)
    if count:
        ctc_apart(arguments, blank, framework.ctc_loss_kernel)


@pytest.mark.slow
def test_the_framework_hides_an_impossible_target():
    """What the chapter says: a large finite loss and a gradient, where ours says inf and 0."""
    import keras

    z = np.random.default_rng(0).standard_normal((1, 2, 4)).astype(np.float32)
    target, frames, count = np.array([[1, 2, 3]]), np.array([2]), np.array([3])
    assert ctc_loss(z, target, frames, count)[0] == np.inf
    loss = np.asarray(keras.ops.ctc_loss(target, z, count, frames, mask_index=0))
    assert np.isfinite(loss[0]) and loss[0] > 500


@pytest.mark.slow
@HUNDRED
@given(SEEDS)
def test_ctc_greedy_equals_the_framework(seed):
    from helpers.scratch.framework import sequences as framework

    (z, _, frames, _), blank = configuration(seed, np.float32)
    ours = ctc_greedy(z, frames, blank)
    for (labels, p), (expected, log_p) in zip(
        ours, framework.ctc_greedy(z, frames, blank), strict=True
    ):
        assert labels == expected and np.isclose(p, log_p, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@HUNDRED
@given(SEEDS)
def test_ctc_prefix_beam_equals_the_framework(seed):
    from helpers.scratch.framework import sequences as framework

    (z, _, frames, _), blank = configuration(seed, np.float32, time=6)
    ours = ctc_prefix_beam(z, 500, 2, frames, blank)
    for paths, expected in zip(
        ours, framework.ctc_prefix_beam(z, 500, 2, frames, blank), strict=True
    ):
        for (labels, p), (wanted, log_p) in zip(paths, expected, strict=False):
            assert labels == wanted and np.isclose(p, log_p, rtol=1e-4, atol=1e-4)
