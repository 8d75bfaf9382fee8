"""Exercises of chapter 3.2: recurrence."""

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 3.2.1 ---------------------------------------------------------------------------------------


def check_distance(answer):
    distance = number(answer, "the distance")
    if distance != round(distance):
        raise Wrong("Steps are whole numbers.")
    if distance == 43:
        raise Wrong("After 43 steps slightly more than one hundredth is left. You are one short.")
    if distance == 22:
        raise Wrong("One tenth is reached there. The question asks for one hundredth.")
    if distance == 90:
        raise Wrong(
            "A hundredth, not a loss of a hundredth at each step: the factor is 0.9 for each step, "
            "and factors multiply."
        )
    if distance != 44:
        raise Wrong("The norm is multiplied by at most $0.9$ a step. Solve $0.9^ℓ < 0.01$.")


def solve_distance():
    """The matrix is normal, so $\\|R^ℓ\\|_2 = 0.9^ℓ$: no gradient keeps more, and the one along the
    largest eigenvalue keeps just that. From $0.9^ℓ < 0.01$ follows
    $ℓ > \\log 0.01 / \\log 0.9 = 43.7…$"""
    return int(np.ceil(np.log(0.01) / np.log(0.9)))


# --- 3.2.2 ---------------------------------------------------------------------------------------


def _tanh_step(seed, batch, units):
    rng = np.random.default_rng(seed)
    before = np.tanh(rng.standard_normal((batch, units)))
    recurrent = rng.standard_normal((units, units))
    state = np.tanh(rng.standard_normal((batch, units)) + before @ recurrent)
    return rng.standard_normal((batch, units)), state, before, recurrent


def check_step(answer):
    step_back = function(answer)
    for seed, batch, units in ((0, 3, 4), (1, 1, 3), (2, 5, 1), (3, 1, 1)):
        d_state, state, before, recurrent = _tanh_step(seed, batch, units)
        result = step_back(d_state, state, before, recurrent)
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise Wrong("Give back two arrays: the gradients for `before` and for `recurrent`.")
        d_before = array(result[0], (batch, units), "the gradient for `before`")
        d_recurrent = array(result[1], (units, units), "the gradient for `recurrent`")
        d_u = d_state * (1 - state**2)
        if units > 1 and close(d_before, d_u @ recurrent):
            raise Wrong("The way back goes through the *transposed* weights.")
        if close(d_before, d_state @ recurrent.T):
            raise Wrong("The gradient has not passed the tanh: its slope is missing.")
        if close(d_before, (d_state * (1 - before**2)) @ recurrent.T):
            raise Wrong("The slope belongs to the state that this step *made*, not to `before`.")
        if close(d_before, (d_state * (1 - np.tanh(state) ** 2)) @ recurrent.T):
            raise Wrong("`state` is already a tanh: its slope is $1 - h^2$, without another tanh.")
        if not close(d_before, d_u @ recurrent.T):
            raise Wrong(
                "Look at the gradient for `before` again: first the tanh, then the weights."
            )
        if units > 1 and close(d_recurrent, (before.T @ d_u).T):
            raise Wrong("The gradient for `recurrent` came out transposed: rows are `before`.")
        if close(d_recurrent, before.T @ d_u / batch) and batch > 1:
            raise Wrong("Examples of a batch are added up. A mean would belong to the loss.")
        if close(d_recurrent, state.T @ d_u):
            raise Wrong("What met the weights was the state *before* the step.")
        if not close(d_recurrent, before.T @ d_u):
            raise Wrong("The gradient for `recurrent`: `before`, transposed, times what goes in.")


def solve_step(d_state, state, before, recurrent):
    """Through the tanh, whose slope is $1 - h_t^2$, then through the weights in both directions:
    $∇_{h_{t-1}} = ∇_{u_t} R^⊤$ and $∇_R = h_{t-1}^⊤ ∇_{u_t}$, added up over the batch."""
    d_u = d_state * (1 - state**2)
    return d_u @ recurrent.T, before.T @ d_u


def _not_transposed(d_state, state, before, recurrent):
    d_u = d_state * (1 - state**2)
    return d_u @ recurrent, before.T @ d_u


def _no_slope(d_state, state, before, recurrent):
    return d_state @ recurrent.T, before.T @ d_state


def _slope_of_before(d_state, state, before, recurrent):
    d_u = d_state * (1 - before**2)
    return d_u @ recurrent.T, before.T @ d_u


def _mean_of_batch(d_state, state, before, recurrent):
    d_u = d_state * (1 - state**2)
    return d_u @ recurrent.T, before.T @ d_u / len(before)


# --- 3.2.3 ---------------------------------------------------------------------------------------


def _jacobians(states, recurrent):
    return [(1 - h**2)[:, None] * recurrent.T for h in states]


def check_bound(answer):
    bound = function(answer)
    for seed, steps, units in ((0, 6, 4), (1, 1, 3), (2, 5, 1)):
        rng = np.random.default_rng(seed)
        recurrent = rng.standard_normal((units, units))
        states = np.tanh(rng.standard_normal((steps, units)))
        result = array(bound(states, recurrent), (steps,), "the bounds")
        jacobians = _jacobians(states, recurrent)
        largest = np.array([np.linalg.norm(j, 2) for j in jacobians])
        if close(result, largest[::-1]) and steps > 1:
            raise Wrong(
                "Those are the single factors. The bound at $ℓ$ is the product of $ℓ$ of them."
            )
        if close(result, np.cumprod(largest)) and steps > 1:
            raise Wrong("Distances count from the *end*: at $ℓ = 1$ only the last step is passed.")
        if close(result, np.linalg.norm(recurrent, 2) ** np.arange(1, steps + 1)):
            raise Wrong("That is $\\|R\\|_2^ℓ$: true, but it leaves out what the tanh takes away.")
        radii = [np.abs(np.linalg.eigvals(j)).max() for j in jacobians[::-1]]
        if close(result, np.cumprod(radii)) and units > 1:
            raise Wrong("Spectral radii bound nothing: take the largest *singular* value of each.")
        if close(result, _norms_of_products(states, recurrent)) and units > 1 and steps > 1:
            raise Wrong(
                "That is the norm of the Jacobians’ product, which is sharper. The bound asked "
                "for is the product of their norms."
            )
        frobenius = [np.linalg.norm(j) for j in jacobians[::-1]]
        if close(result, np.cumprod(frobenius)) and units > 1:
            raise Wrong("That is the Frobenius norm. `np.linalg.norm(…, 2)` is the singular value.")
        if not close(result, np.cumprod(largest[::-1])):
            raise Wrong("$J_t$ is the diagonal matrix of slopes $1 - h_t^2$ times $R^⊤$.")


def solve_bound(states, recurrent):
    """$J_t = \\mathrm{diag}(1 - h_t^2)\\, R^⊤$. A vector that passes grows at most by the largest
    singular value, and the factors multiply, beginning with the last step."""
    jacobians = [(1 - h**2)[:, None] * recurrent.T for h in states[::-1]]
    return np.cumprod([np.linalg.norm(j, 2) for j in jacobians])


def _from_the_start(states, recurrent):
    return solve_bound(states[::-1], recurrent)


def _of_the_matrix(states, recurrent):
    return np.linalg.norm(recurrent, 2) ** np.arange(1, len(states) + 1)


def _norms_of_products(states, recurrent):
    product, norms = np.eye(len(recurrent)), []
    for jacobian in _jacobians(states, recurrent)[::-1]:
        product = product @ jacobian
        norms.append(np.linalg.norm(product, 2))
    return np.array(norms)


def _of_radii(states, recurrent):
    radii = [np.abs(np.linalg.eigvals(j)).max() for j in _jacobians(states, recurrent)]
    return np.cumprod(radii[::-1])


# --- 3.2.4 ---------------------------------------------------------------------------------------


def check_clip(answer):
    clip = function(answer)
    gradients = [np.array([[6.0, 0.0], [0.0, 3.0]]), np.array([2.0, 0.0])]
    kept = [g.copy() for g in gradients]
    result = [np.asarray(g, float) for g in clip(gradients, 1.0)]
    if len(result) != 2 or any(r.shape != g.shape for r, g in zip(result, kept, strict=True)):
        raise Wrong("Give back a list of as many arrays, each of the shape it came with.")
    if any(not np.array_equal(g, k) for g, k in zip(gradients, kept, strict=True)):
        raise Wrong("Your function changed the arrays it was given. Make new ones.")
    if all(close(np.linalg.norm(r), 1.0) for r in result):
        raise Wrong("Each array has norm 1 now. The limit is for *all of them together*.")
    if all(close(r, np.clip(g, -1, 1)) for r, g in zip(result, kept, strict=True)):
        raise Wrong("Every entry was cut by itself, which changes the direction. Scale instead.")
    if not all(close(r, g / 7) for r, g in zip(result, kept, strict=True)):
        raise Wrong("36 + 9 + 4 is 49, so the common norm is 7 and every entry is divided by 7.")
    small = [np.array([0.3]), np.array([0.0, 0.4])]
    result = clip([g.copy() for g in small], 1.0)
    if not all(close(r, g) for r, g in zip(result, small, strict=True)):
        raise Wrong("A gradient that is small enough must stay as it is: never scale up.")
    with np.errstate(all="ignore"):
        zero = [np.asarray(g, float) for g in clip([np.zeros(2)], 1.0)]
    if not all(close(z, np.zeros(2)) for z in zero):
        raise Wrong("Where all gradients are 0, they should stay 0. What do you divide by there?")


def solve_clip(gradients, largest):
    """One norm over everything, one factor for everything, and none above 1."""
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    return [g * largest / max(norm, largest) for g in gradients]


def _each_by_itself(gradients, largest):
    return [g * largest / max(np.linalg.norm(g), largest) for g in gradients]


def _entry_by_entry(gradients, largest):
    return [np.clip(g, -largest, largest) for g in gradients]


def _scaled_up(gradients, largest):
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    return [g * largest / norm for g in gradients]


# --- 3.2.5 ---------------------------------------------------------------------------------------


def _gated_step(seed, batch, units):
    rng = np.random.default_rng(seed)
    before, d_state, from_input = (rng.standard_normal((batch, units)) for _ in range(3))
    recurrent = rng.standard_normal((units, units))
    gate = 1 / (1 + np.exp(-(from_input + before @ recurrent)))
    candidate = np.tanh(rng.standard_normal((batch, units)))
    return d_state, before, gate, candidate, recurrent


def check_gate(answer):
    back = function(answer)
    for seed, batch, units in ((0, 2, 3), (1, 1, 4), (2, 3, 1)):
        d_state, before, gate, candidate, recurrent = arrays = _gated_step(seed, batch, units)
        result = array(back(*arrays), (batch, units), "the gradient for `before`")
        direct = d_state * gate
        d_gate = d_state * (before - candidate)
        slope = gate * (1 - gate)
        if close(result, direct):
            raise Wrong("That is the direct path alone. The gate depends on `before` as well.")
        if close(result, direct + d_gate @ recurrent.T):
            raise Wrong("The gate is a logistic function: its slope is missing on the second path.")
        if units > 1 and close(result, direct + (d_gate * slope) @ recurrent):
            raise Wrong("The second path goes back through the *transposed* weights.")
        if close(result, direct + (d_state * before * slope) @ recurrent.T):
            raise Wrong("The gate acts in two places: as $φ$ on the state, as $1 - φ$ on $g$.")
        if close(result, direct + (d_gate * (1 - gate**2)) @ recurrent.T):
            raise Wrong("$1 - φ^2$ is the slope of a tanh. That of a logistic function is another.")
        if close(result, direct - (d_gate * slope) @ recurrent.T):
            raise Wrong(
                "The second path has the wrong sign: $φ$ stands beside $h_{t-1}$ with a plus."
            )
        if close(result, direct + (d_state * (before + candidate) * slope) @ recurrent.T):
            raise Wrong("$1 - φ$ falls when $φ$ rises: look at the sign of the candidate's part.")
        if not close(result, direct + (d_gate * slope) @ recurrent.T):
            raise Wrong(
                "Two paths lead back, and their gradients add: past the gate and through it."
            )


def solve_gate(d_state, before, gate, candidate, recurrent):
    """The direct path multiplies by $φ_t$. On the other, $∇_{φ_t} = ∇_{h_t} ⊙ (h_{t-1} - g_t)$
    passes the logistic function, whose slope is $φ_t ⊙ (1 - φ_t)$, and then $R^⊤$."""
    d_gate = d_state * (before - candidate)
    return d_state * gate + (d_gate * gate * (1 - gate)) @ recurrent.T


def _direct_path(d_state, before, gate, candidate, recurrent):
    return d_state * gate


def _no_gate_slope(d_state, before, gate, candidate, recurrent):
    return d_state * gate + (d_state * (before - candidate)) @ recurrent.T


def _wrong_sign(d_state, before, gate, candidate, recurrent):
    d_gate = d_state * (candidate - before)
    return d_state * gate + (d_gate * gate * (1 - gate)) @ recurrent.T


def _slope_of_tanh(d_state, before, gate, candidate, recurrent):
    d_gate = d_state * (before - candidate)
    return d_state * gate + (d_gate * (1 - gate**2)) @ recurrent.T


def _candidate_forgotten(d_state, before, gate, candidate, recurrent):
    return d_state * gate + (d_state * before * gate * (1 - gate)) @ recurrent.T


# --- 3.2.6 ---------------------------------------------------------------------------------------


def check_start(answer):
    start = function(answer)
    for units in (16, 5, 2):
        recurrent = array(start(units, np.random.default_rng(units)), (units, units), "the start")
        other = array(start(units, np.random.default_rng(99)), (units, units), "the start")
        if close(recurrent, np.diag(np.diag(recurrent))):
            raise Wrong("This works, but the units never meet: no entry off the diagonal.")
        if units > 2 and close(recurrent, other):
            raise Wrong("Two generators gave the same matrix. Draw it with `rng`.")
        sizes = np.linalg.svd(np.linalg.matrix_power(recurrent, 100), compute_uv=False)
        radius = np.abs(np.linalg.eigvals(recurrent)).max()
        if abs(radius - 1) < 1e-6 and np.linalg.norm(recurrent, 2) > 1.01:
            raise Wrong(
                f"The spectral radius is 1, but the largest singular value is "
                f"{np.linalg.norm(recurrent, 2):.2f}: some gradients grow, most die out."
            )
        if sizes[-1] < 0.5:
            raise Wrong(
                f"With {units} units there is a direction in which, after 100 steps, "
                f"{sizes[-1]:.2g} of the gradient is left. All singular values must be near 1."
            )
        if sizes[0] > 2:
            raise Wrong(f"With {units} units a gradient can grow {sizes[0]:.3g} times as large.")


def solve_start(units, rng):
    """All singular values are 1 exactly for orthogonal matrices. The factor $Q$ of the $QR$
    decomposition of a random matrix is one; it is the start that Keras takes for recurrent weights.
    It keeps *every* gradient of a linear recurrence at its size, for ever."""
    orthogonal, _ = np.linalg.qr(rng.standard_normal((units, units)))
    return orthogonal


def _radius_of_one(units, rng):
    recurrent = rng.standard_normal((units, units))
    return recurrent / np.abs(np.linalg.eigvals(recurrent)).max()


def _identity(units, rng):
    return np.eye(units)


def _norm_of_one(units, rng):
    recurrent = rng.standard_normal((units, units))
    return recurrent / np.linalg.norm(recurrent, 2)


EXERCISES = (
    Exercise(
        id="3.2.1",
        title="How far back?",
        check=check_distance,
        hints=(
            "How much of a gradient’s norm is left at most after one step, and after $ℓ$ steps?",
            "Take the logarithm on both sides; dividing by a negative number turns the sign round.",
        ),
        solution=solve_distance,
        wrong_answers=((43, "one short"), (22, "One tenth"), (90, "multiply"), (10, "Solve")),
    ),
    Exercise(
        id="3.2.2",
        title="One step back through time",
        asks="function",
        check=check_step,
        hints=(
            "Which gradient do you need first: that of what went into the tanh.",
            "The slope of tanh, written with its result, is $1 - h_t^2$.",
            "Of $u = h R$ the gradients are $∇_h = ∇_u R^⊤$ and $∇_R = h^⊤ ∇_u$.",
        ),
        solution=solve_step,
        wrong_answers=(
            (_not_transposed, "transposed"),
            (_no_slope, "slope is missing"),
            (_slope_of_before, "not to `before`"),
            (_mean_of_batch, "added up"),
        ),
    ),
    Exercise(
        id="3.2.3",
        title="A bound for this sequence",
        asks="function",
        check=check_bound,
        hints=(
            "Write down $J_t$ for one step; row $i$ of it carries the slope of unit $i$.",
            "`np.linalg.norm(j, 2)` is the largest singular value, `np.cumprod` multiplies up.",
        ),
        solution=solve_bound,
        wrong_answers=(
            (_from_the_start, "from the *end*"),
            (_of_the_matrix, "leaves out"),
            (_of_radii, "singular"),
            (_norms_of_products, "sharper"),
        ),
    ),
    Exercise(
        id="3.2.4",
        title="Clip by the common norm",
        asks="function",
        check=check_clip,
        hints=(
            "Add up the squares of all entries of all arrays before you take the root.",
            "The factor is $\\min(1, κ / \\text{norm})$, and it must not divide by zero.",
        ),
        solution=solve_clip,
        wrong_answers=(
            (_each_by_itself, "all of them together"),
            (_entry_by_entry, "direction"),
            (_scaled_up, "never scale up"),
        ),
    ),
    Exercise(
        id="3.2.5",
        title="A unit with one gate",
        asks="function",
        check=check_gate,
        hints=(
            "Draw the step: at which places does $h_{t-1}$ enter, and what does each lead to?",
            "Past the gate: $∇_{h_t} ⊙ φ_t$. Through the gate: first find $∇_{φ_t}$.",
            "$∇_{φ_t} = ∇_{h_t} ⊙ (h_{t-1} - g_t)$; then the slope of σ, then $R^⊤$.",
        ),
        solution=solve_gate,
        wrong_answers=(
            (_direct_path, "direct path alone"),
            (_no_gate_slope, "slope is missing"),
            (_candidate_forgotten, "two places"),
            (_wrong_sign, "wrong sign"),
            (_slope_of_tanh, "slope of a tanh"),
        ),
    ),
    Exercise(
        id="3.2.6",
        title="Project: a start that forgets nothing",
        asks="function",
        check=check_start,
        hints=(
            "Which matrices have only singular values of 1?",
            "`np.linalg.qr` takes a matrix apart into an orthogonal and a triangular one.",
        ),
        solution=solve_start,
        wrong_answers=(
            (_radius_of_one, "spectral radius is 1"),
            (_identity, "never meet"),
            (_norm_of_one, "is left"),
        ),
    ),
)
