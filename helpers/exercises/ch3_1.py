"""Exercises of chapter 3.1, Convolution, pooling, dense."""

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 3.1.1 ---------------------------------------------------------------------------------------


def check_frames(answer):
    frames = number(answer, "the number of frames")
    if close(frames, 23):
        raise Wrong(
            "The dilated layer is counted as if its taps were neighbours. How many frames do 3 "
            "taps reach over that are 4 apart?"
        )
    if close(frames, 25):
        raise Wrong("That is what `same` padding would give. Here the whole kernel must fit.")
    if not float(frames).is_integer():
        raise Wrong("There are no half frames: a window that does not fit is left out.")
    if frames != 20:
        raise Wrong("Go layer by layer: after the first one there are 48 frames.")


def solve_frames():
    """Layer by layer, $T' = \\lfloor (T - (P_T - 1)\\delta_T - 1) / s_T \\rfloor + 1$: from 100
    frames to 48, then to 40, then to 20."""
    size = 100
    for taps, stride, dilation in ((5, 2, 1), (3, 1, 4), (2, 2, 1)):
        size = (size - (taps - 1) * dilation - 1) // stride + 1
    return size


# --- 3.1.2 ---------------------------------------------------------------------------------------


def check_field(answer):
    field = number(answer, "the receptive field")
    if close(field, 14):
        raise Wrong(
            "You added up what each layer sees of the layer below it. For the second layer, "
            "neighbours are already two frames of the input apart."
        )
    if close(field, 11):
        raise Wrong(
            "The dilation is missing: of 3 taps that are 4 apart, the last is 8 away, not 2."
        )
    if close(field, 29):
        raise Wrong(
            "You counted each layer's own stride. It moves the window as a whole; its taps stand "
            "as far apart as the strides *below* have made them."
        )
    if field != 23:
        raise Wrong("Start with 1 and add, layer by layer, what the further taps reach.")


def solve_field():
    """$\\mathcal R = 1 + 4 \\cdot 1 + 2 \\cdot 4 \\cdot 2 + 1 \\cdot 2 = 23$: each layer adds
    $(P_i - 1)\\,\\delta_i$ steps, and a step is the product of the strides below."""
    field, step = 1, 1
    for taps, stride, dilation in ((5, 2, 1), (3, 1, 4), (2, 2, 1)):
        field += (taps - 1) * dilation * step
        step *= stride
    return field


# --- 3.1.3 ---------------------------------------------------------------------------------------


def check_average(answer):
    backward = function(answer)
    rng = np.random.default_rng(3)
    for frames, pool, stride in ((6, 2, 2), (7, 3, 2), (5, 4, 1), (1, 1, 1), (9, 2, 4), (8, 3, 3)):
        x = rng.standard_normal((3, frames, 2))
        count = (frames - pool) // stride + 1
        d_output = rng.standard_normal((3, count, 2))
        case = f"{frames} frames, windows of {pool}, stride {stride}"
        found = array(backward(d_output.copy(), x.copy(), pool, stride), x.shape, case)
        right = solve_average(d_output, x, pool, stride)
        if close(found, right, atol=1e-8):
            continue
        if close(found, pool * right, atol=1e-8):
            raise Wrong(
                f"{case}: every share is {pool} times too large. What is an output's derivative "
                "with respect to one of the entries it averages?"
            )
        if close(found, _assigned(d_output, x, pool, stride), atol=1e-8):
            raise Wrong(
                f"{case}: a frame that lies under several windows must get a share from each. "
                "Yours keeps only the last one: add instead of setting."
            )
        if close(found, _side_by_side(d_output, x, pool, stride), atol=1e-8):
            raise Wrong(f"{case}: window t begins at frame t · stride, not at t · pool.")
        raise Wrong(f"{case}: not yet. Which outputs contain a given frame, and with what weight?")


def solve_average(d_output, x, pool, stride):
    """Output $t$ is $\\frac{1}{P_T} \\sum_i X[t s_T + i]$, so each of its $P_T$ entries has the
    derivative $1/P_T$ and collects that share of $\\nabla_Y[t]$ from every window it lies under.
    One slice per tap does it for all windows at once."""
    d_x = np.zeros_like(x)
    reach = (d_output.shape[1] - 1) * stride + 1
    for i in range(pool):
        d_x[:, i : i + reach : stride] += d_output / pool
    return d_x


def _assigned(d_output, x, pool, stride):
    d_x = np.zeros_like(x)
    for t in range(d_output.shape[1]):
        d_x[:, t * stride : t * stride + pool] = d_output[:, t : t + 1] / pool
    return d_x


def _side_by_side(d_output, x, pool, stride):
    d_x = np.zeros_like(x)
    for t in range(d_output.shape[1]):
        d_x[:, t * pool : t * pool + pool] += d_output[:, t : t + 1] / pool
    return d_x


def _undivided(d_output, x, pool, stride):
    return pool * solve_average(d_output, x, pool, stride)


# --- 3.1.4 ---------------------------------------------------------------------------------------


def check_conv1d(answer):
    backward = function(answer)
    rng = np.random.default_rng(4)
    for frames, taps, stride in ((7, 3, 2), (5, 2, 1), (1, 1, 1), (9, 2, 3), (8, 4, 2)):
        x, kernel = rng.standard_normal((3, frames, 2)), rng.standard_normal((taps, 2, 4))
        count = (frames - taps) // stride + 1
        d_output = rng.standard_normal((3, count, 4))
        case = f"{frames} frames, {taps} taps, stride {stride}"
        result = backward(d_output.copy(), x.copy(), kernel.copy(), stride)
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise Wrong("Return two arrays: the gradient of `x` and that of `kernel`.")
        right_x, right_kernel = solve_conv1d(d_output, x, kernel, stride)
        d_kernel = array(result[1], kernel.shape, f"the kernel's gradient, {case}")
        if not close(d_kernel, right_kernel, atol=1e-8):
            if close(d_kernel, right_kernel / len(x), atol=1e-8):
                raise Wrong(
                    "The kernel's gradient is the mean over the batch; it is the sum. Whether to "
                    "average is for the loss to say, and it has already said so in `d_output`."
                )
            if close(d_kernel, right_kernel[::-1], atol=1e-8):
                raise Wrong("The kernel's gradient comes out backwards: the taps are reversed.")
            if close(d_kernel, _without_stride(d_output, x, kernel, stride)[1], atol=1e-8):
                raise Wrong("The stride is missing: output t begins at frame t · stride.")
            raise Wrong(f"The kernel's gradient is not yet right for {case}.")
        d_x = array(result[0], x.shape, f"the gradient of x, {case}")
        if not close(d_x, right_x, atol=1e-8):
            if close(d_x, solve_conv1d(d_output, x, kernel[::-1], stride)[0], atol=1e-8):
                raise Wrong(
                    "The gradient of x uses tap i where it needs tap P − 1 − i. Turn the kernel "
                    "round only if you slide it, not if you add tap by tap."
                )
            if close(d_x, _set_not_added(d_output, x, kernel, stride)[0], atol=1e-8):
                raise Wrong("A frame lies under several taps: add their shares, don't overwrite.")
            raise Wrong(f"The kernel's gradient is right; that of x is not yet, for {case}.")


def solve_conv1d(d_output, x, kernel, stride):
    """Tap $i$ multiplies the frames $X[t s_T + i]$, one slice, by $W[i]$, like a dense layer. So
    each tap has the gradients of a dense layer: $\\nabla_W[i] = \\sum_t X[t s_T + i]^\\top
    \\nabla_Y[t]$, summed over the batch as well, and $\\nabla_Y[t] W[i]^\\top$ is *added* to the
    gradient of the slice."""
    d_x, d_kernel = np.zeros_like(x), np.zeros_like(kernel)
    reach = (d_output.shape[1] - 1) * stride + 1
    for i in range(len(kernel)):
        part = slice(i, i + reach, stride)
        d_x[:, part] += d_output @ kernel[i].T
        d_kernel[i] = np.einsum("btc,btd->cd", x[:, part], d_output)
    return d_x, d_kernel


def _set_not_added(d_output, x, kernel, stride):
    d_x, d_kernel = solve_conv1d(d_output, x, kernel, stride)
    d_x = np.zeros_like(x)
    reach = (d_output.shape[1] - 1) * stride + 1
    for i in range(len(kernel)):
        d_x[:, i : i + reach : stride] = d_output @ kernel[i].T
    return d_x, d_kernel


def _turned_round(d_output, x, kernel, stride):
    d_x = solve_conv1d(d_output, x, kernel[::-1], stride)[0]
    return d_x, solve_conv1d(d_output, x, kernel, stride)[1]


def _without_stride(d_output, x, kernel, stride):
    return solve_conv1d(d_output, x, kernel, 1)


def _mean_over_batch(d_output, x, kernel, stride):
    d_x, d_kernel = solve_conv1d(d_output, x, kernel, stride)
    return d_x, d_kernel / len(x)


# --- 3.1.5 ---------------------------------------------------------------------------------------


def check_weighted(answer):
    gradient = function(answer)
    rng = np.random.default_rng(5)
    for batch, classes in ((1, 2), (4, 3), (1, 1), (6, 5)):
        z = 3 * rng.standard_normal((batch, classes))
        targets = rng.random((batch, classes))
        found = array(gradient(z.copy(), targets.copy()), z.shape, f"{batch} rows")
        right = solve_weighted(z, targets)
        if close(found, right, atol=1e-9):
            continue
        if close(found, batch * right, atol=1e-9):
            raise Wrong("The loss is the *mean* over the batch; you have the gradient of the sum.")
        if close(found, -right, atol=1e-9):
            raise Wrong("The sign is turned round: this would climb.")
        if close(found, _unweighted(z, targets), atol=1e-9):
            raise Wrong(
                "That is right for targets that add up to 1. Where in the derivation was that "
                "used? Let it go, and keep the sum of the targets."
            )
        if close(found, _diagonal(z, targets), atol=1e-9):
            raise Wrong(
                "You let each logit act on the probability of its own class only. It is in the "
                "sum under every p."
            )
        raise Wrong("Not yet. Write the loss with log p = z − log Σ exp z and differentiate.")
    far = gradient(np.array([[1000.0, 0.0]]), np.array([[0.5, 0.5]]))
    if not np.all(np.isfinite(far)):
        raise Wrong("With a logit of 1000 it overflows. What may be taken off all logits at once?")


def solve_weighted(z, targets):
    """From $\\log p_i = z_i - \\log \\sum_j e^{z_j}$ follows
    $-\\sum_i y_i \\log p_i = -\\sum_i y_i z_i + (\\sum_i y_i) \\log \\sum_j e^{z_j}$, whose
    gradient is $(\\sum_i y_i)\\, p - y$, divided by the size of the batch."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return (targets.sum(axis=1, keepdims=True) * p - targets) / len(z)


def _unweighted(z, targets):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return (e / e.sum(axis=1, keepdims=True) - targets) / len(z)


def _diagonal(z, targets):
    return targets * _unweighted(z, np.ones_like(z))


def _not_averaged(z, targets):
    return len(z) * solve_weighted(z, targets)


def _climbing(z, targets):
    return -solve_weighted(z, targets)


def _overflowing(z, targets):
    with np.errstate(all="ignore"):
        e = np.exp(z)
        p = e / e.sum(axis=1, keepdims=True)
    return (targets.sum(axis=1, keepdims=True) * p - targets) / len(z)


# --- 3.1.6 ---------------------------------------------------------------------------------------


def check_wide(answer):
    try:
        dilations = [int(d) for d in answer]
        if any(d != given for d, given in zip(dilations, answer, strict=True)):
            raise ValueError
    except (TypeError, ValueError):
        raise Wrong("A list of whole numbers is needed, the dilation of each layer.") from None
    if len(dilations) != 4 or min(dilations) < 1:
        raise Wrong("There are four layers, and a dilation is at least 1.")
    mass = np.ones(1)
    for dilation in dilations:
        taps = np.zeros(2 * dilation + 1)
        taps[::dilation] = 1 / 3
        mass = np.convolve(mass, taps)
    if np.any(mass == 0):
        raise Wrong(
            f"{np.sum(mass == 0)} of the {len(mass)} frames in the field are never looked at: "
            "there are gaps. How large may a dilation be, given the field of the layers below?"
        )
    width = np.sqrt(np.sum(mass * (np.arange(len(mass)) - len(mass) // 2) ** 2))
    if width < 20:
        raise Wrong(
            f"There are no gaps, and the root-mean-square distance is {width:.1f} frames. It can "
            "be more than 20: do neighbouring taps look at fields that overlap more than needed?"
        )
    return f"The root-mean-square distance is {width:.1f} frames, in a field of {len(mass)}."


def solve_wide():
    """If the layers below see $\\mathcal R$ frames without gaps, three taps may stand
    $\\mathcal R$ apart: their fields then touch and do not overlap. So the dilation triples, each
    frame is reached by exactly one path, and the mass is the same everywhere."""
    return [1, 3, 9, 27]


EXERCISES = (
    Exercise(
        id="3.1.1",
        title="What comes out?",
        asks="value",
        check=check_frames,
        hints=(
            "A layer gives as many frames as its kernel has places to stand.",
            "Three taps that are 4 apart reach over 9 frames.",
        ),
        solution=solve_frames,
        wrong_answers=((23, "as if its taps were neighbours"), (25, "`same`"), (21, "48 frames")),
    ),
    Exercise(
        id="3.1.2",
        title="What does it see?",
        asks="value",
        check=check_field,
        hints=(
            "A step in the second layer is a stride of the first.",
            "Each layer adds (taps − 1) · dilation · (product of the strides below).",
        ),
        solution=solve_field,
        wrong_answers=((14, "layer below it"), (11, "dilation is missing"), (29, "own stride")),
    ),
    Exercise(
        id="3.1.3",
        title="Average pooling, backward",
        asks="function",
        check=check_average,
        hints=(
            "Write the output as a sum over taps, as `average_pool2d` does.",
            "For tap $i$: which frames does it meet? One slice with a step.",
        ),
        solution=solve_average,
        wrong_answers=(
            (_undivided, "times too large"),
            (_assigned, "add instead of setting"),
            (_side_by_side, "begins at frame t · stride"),
        ),
    ),
    Exercise(
        id="3.1.4",
        title="Convolution over time, with a stride",
        asks="function",
        check=check_conv1d,
        hints=(
            "For one tap, the layer is a dense layer on a slice of the frames.",
            "`x[:, i : i + (count - 1) * stride + 1 : stride]` is what tap i meets.",
            "A frame is met by several taps: `+=`.",
        ),
        solution=solve_conv1d,
        wrong_answers=(
            (_set_not_added, "don't overwrite"),
            (_turned_round, "P − 1 − i"),
            (_without_stride, "stride is missing"),
            (_mean_over_batch, "mean over the batch"),
        ),
    ),
    Exercise(
        id="3.1.5",
        title="Cross-entropy with targets of any weight",
        asks="function",
        check=check_weighted,
        hints=(
            "Follow the derivation of the chapter with $y_i$ in the place of the one label.",
            "The logarithm of the sum is multiplied by $\\sum_i y_i$.",
        ),
        solution=solve_weighted,
        wrong_answers=(
            (_unweighted, "add up to 1"),
            (_diagonal, "own class only"),
            (_not_averaged, "*mean* over the batch"),
            (_climbing, "sign"),
            (_overflowing, "overflows"),
        ),
    ),
    Exercise(
        id="3.1.6",
        title="Project: see far with four layers",
        asks="value",
        check=check_wide,
        hints=(
            "Squared distances add up over the layers: a layer of dilation δ adds 2δ²/3.",
            "A layer may be dilated by as many frames as the layers below see, and no more.",
        ),
        solution=solve_wide,
        wrong_answers=(
            ([1, 2, 4, 8], "can be more than 20"),
            ([1, 1, 1, 64], "there are gaps"),
            ([1, 3, 9], "four layers"),
            ([1, 3, 9.5, 27], "whole numbers"),
        ),
    ),
)
