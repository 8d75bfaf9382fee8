"""Training a network for a fixed number of steps: seeded, silent in the built book."""

import os
import time
from dataclasses import dataclass, field

import numpy as np

from helpers.models import digits, keras, tf
from helpers.models.cnn import digit_cnn


@dataclass
class History:
    """What happened in a training run.

    `steps`, `loss`: at each report, the step number and the mean training loss (nats) since the
    report before. `validation_steps`, `validation_accuracy`: likewise where it was measured, as a
    fraction. `best_step`: whose weights were kept. `seconds`: wall time. `stopped`: why it ended.

    Chapter: 5.2
    """

    steps: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    validation_steps: list[int] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    best_step: int = 0
    seconds: float = 0.0
    stopped: str = "all steps done"


def set_seed(seed):
    """Seed Python, NumPy and TensorFlow; raises ValueError unless 0 ≤ seed < 2³². Chapter: 5.2"""
    if not 0 <= seed < 2**32:
        raise ValueError(f"the seed is {seed}; it must be a whole number from 0 to 2**32 - 1")
    keras.utils.set_random_seed(int(seed))


def cosine_schedule(peak, steps, warmup=0.1):
    """Learning rate: up in a line for `warmup` of the steps, then down along a cosine to zero.

    Chapter: 5.2
    Source: [loshchilov2016sgdr], one cycle without restarts.
    """
    rising = max(1, round(warmup * steps))
    return keras.optimizers.schedules.CosineDecay(
        peak / 20, max(1, steps - rising), warmup_target=peak, warmup_steps=rising
    )


def constant_schedule(peak, steps):
    """Learning rate: `peak` at each of the steps, however many they are. Chapter: 5.2"""
    return float(peak)


def fit(
    networks,
    make_batches,
    *,
    steps,
    learning_rate=3e-3,
    schedule=cosine_schedule,
    weight_decay=0.05,
    label_smoothing=0.1,
    validate=None,
    every=100,
    patience=None,
    abort_after=900.0,
):
    """Train classifiers side by side on `steps` batches each; return a History.

    `networks`: a list of models; each learns from its own batches and nothing of the others, and
    two cores are kept busy. `make_batches`: as many functions without arguments, each traced into
    the graph, that give (inputs, integer labels (batch,)). The loss is the cross-entropy with
    softened targets. For the rest see `fit_stages`.

    Chapter: 5.2
    """
    return fit_stages(
        networks,
        [(steps, make_batches)],
        softened_cross_entropy(label_smoothing),
        learning_rate=learning_rate,
        schedule=schedule,
        weight_decay=weight_decay,
        validate=validate,
        every=every,
        patience=patience,
        abort_after=abort_after,
    )


def softened_cross_entropy(label_smoothing=0.1):
    """A loss for `fit_stages`: (network, inputs, labels (batch,)) → the mean in nats, ().

    Chapter: 5.2
    Source: [szegedy2015rethinking]
    """

    def loss(network, inputs, labels):
        classes = network.output_shape[-1]
        target = tf.one_hot(labels, classes) * (1 - label_smoothing) + label_smoothing / classes
        logits = network(inputs, training=True)
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(target, logits))

    return loss


def fit_stages(
    networks,
    stages,
    loss,
    *,
    learning_rate=3e-3,
    schedule=cosine_schedule,
    weight_decay=0.05,
    validate=None,
    every=100,
    patience=None,
    abort_after=900.0,
):
    """Train networks side by side, stage after stage, under one schedule; return a History.

    `stages`: a list of (steps, make_batches), as many functions without arguments as networks,
    each traced into the graph, that give (inputs, targets). `loss(network, inputs, targets)` runs
    the network in training mode and gives one number. A network that stands in the list more than
    once learns from all of its batches, by the mean of their gradients: a way to keep two cores
    busy with one network (batch normalisation sees each of the batches by itself). Batches of
    different stages may differ in all axes but the inputs' last. The budget is steps, never
    seconds. `validate()` gives an accuracy in [0, 1]; it is asked every `every` steps, and the
    weights of its best value are put back at the end. `patience` (steps): stop early when it has
    not improved for so long. AdamW, each network's gradients clipped to norm 5.
    `schedule(learning_rate, steps)` says how the rate goes, by default along a cosine.
    The loss on record is the mean over the networks.

    Raises ValueError for a budget below one step or lists of different lengths, FloatingPointError
    if the loss is no longer finite, TimeoutError after `abort_after` seconds, which means that
    something is wrong.

    Chapter: 5.2
    """
    steps = sum(number for number, _ in stages)
    if every < 1 or not stages or min(number for number, _ in stages) < 1:
        raise ValueError(f"steps is {steps} and every is {every}; both must be at least 1")
    for _, make_batches in stages:
        if not networks or len(networks) != len(make_batches):
            raise ValueError(f"{len(networks)} networks and {len(make_batches)} sources of batches")
    different = list({id(network): network for network in networks}.values())
    variables = [v for network in different for v in network.trainable_variables]
    optimizer = keras.optimizers.AdamW(schedule(learning_rate, steps), weight_decay=weight_decay)
    optimizer.build(variables)

    def loss_and_gradients(network, make_batch):
        inputs, targets = make_batch()
        with tf.GradientTape() as tape:
            value = loss(network, inputs, targets)
        return value, tape.gradient(value, network.trainable_variables)

    def mean_gradients(network, gradients):
        mine = [g for one, g in zip(networks, gradients, strict=True) if one is network]
        means = [tf.add_n(parts) / len(mine) for parts in zip(*mine, strict=True)]
        return tf.clip_by_global_norm(means, 5.0)[0]

    def step(make_batches):
        pairs = zip(networks, make_batches, strict=True)
        losses, gradients = zip(*[loss_and_gradients(*pair) for pair in pairs], strict=True)
        flat = [g for network in different for g in mean_gradients(network, gradients)]
        optimizer.apply_gradients(zip(flat, variables, strict=True))
        return tf.reduce_mean(losses)

    if len(stages) == 1:
        steppers = [tf.function(lambda: step(stages[0][1]))]
    else:
        steppers = _steps_of_one_graph(step, [make_batches for _, make_batches in stages])

    history, best, kept, recent = History(), -1.0, None, []
    began = time.monotonic()
    each = (one for (n, _), one in zip(stages, steppers, strict=True) for _ in range(n))
    for number, one in enumerate(progress(each, "training", steps), 1):
        recent.append(one())
        if number % every and number != steps:
            continue
        history.steps.append(number)
        history.loss.append(float(tf.reduce_mean(recent)))
        recent = []
        if not np.isfinite(history.loss[-1]):
            raise FloatingPointError(
                f"the loss is {history.loss[-1]} at step {number}: lower the learning rate"
            )
        if time.monotonic() - began > abort_after:
            raise TimeoutError(f"{number} of {steps} steps took over {abort_after} s")
        if validate is None:
            continue
        history.validation_steps.append(number)
        history.validation_accuracy.append(float(validate()))
        if history.validation_accuracy[-1] > best:
            best, history.best_step, kept = (
                history.validation_accuracy[-1],
                number,
                [network.get_weights() for network in different],
            )
        elif patience is not None and number - history.best_step >= patience:
            history.stopped = f"no better for {number - history.best_step} steps"
            break
    if kept is None:
        history.best_step = history.steps[-1]
    else:
        for network, weights in zip(different, kept, strict=True):
            network.set_weights(weights)
    history.seconds = time.monotonic() - began
    return history


def _steps_of_one_graph(step, stages):
    """`step` for batches whose sizes differ from stage to stage, but traced only once.

    stages: for each, its functions that give (inputs, targets). Returns as many functions without
    arguments. Tracing a network and its gradients takes longer than a hundred of its steps.
    """
    # One graph draws for all: random operations of two graphs would get the same seeds.
    draws = [tf.function(lambda makers=makers: [m() for m in makers]) for makers in stages]

    def any_size(tensor, kept):
        free = [None] * (len(tensor.shape) - kept)
        return tf.TensorSpec([*free, *tensor.shape[len(free) :]], tensor.dtype)

    def any_sizes(inputs, targets):
        kept = tf.nest.map_structure(lambda x: any_size(x, int(len(x.shape) > 1)), inputs)
        return kept, any_size(targets, 0)

    signature = [any_sizes(*batch) for batch in draws[0]()]
    graph = tf.function(
        lambda *batches: step([lambda batch=batch: batch for batch in batches]),
        input_signature=signature,
    )
    return [lambda draw=draw: graph(*draw()) for draw in draws]


def progress(iterable, what, total=None):
    """Go through `iterable` with a progress bar, or silently in the built book and in tests.

    Chapter: 5.2
    """
    if os.environ.get("LISTENING_MACHINES_BUILD") == "1" or "PYTEST_CURRENT_TEST" in os.environ:
        return iterable
    from tqdm.auto import tqdm

    return tqdm(iterable, desc=what, total=total, leave=False)


def train_recogniser(
    clips,
    extra=None,
    *,
    validation=None,
    steps=1500,
    seed=0,
    augmentation=None,
    extra_share=0.5,
    jury=2,
    build=digit_cnn,
    learning_rate=3e-3,
    every=100,
    patience=None,
):
    """Train the recogniser of chapter 5.2 on Clips; return (model from sound to logits, History).

    `extra`: more Clips, such as built-in voices, that make up `extra_share` of each batch.
    `validation`: Clips of a speaker in neither; the weights that do best on them are kept.
    `augmentation`: how to change `clips`; by default as `helpers.models.digits.pictures` does.
    `jury`: how many networks are trained side by side, to be asked together. `build(frames,
    n_mels)`: makes one of them, (batch, frames, n_mels) → logits.

    Raises ValueError for a share that is not between 0 and 1 or an empty jury, and as `fit`.

    Chapter: 5.2
    """
    if extra is not None and not 0 < extra_share < 1:
        raise ValueError(f"extra_share is {extra_share}; it must lie between 0 and 1")
    set_seed(seed)
    sets = [digits.pictures(clips, augmentation, 1.0 if extra is None else 1.0 - extra_share)]
    if extra is not None:
        sets.append(digits.pictures(extra, share=extra_share))
    networks = [build(digits.FRAMES, digits.FRONT_END.n_mels) for _ in range(jury)]
    validate = None
    if validation is not None:
        sound = np.stack([digits.window(x) for x in validation.audio])
        once = digits.assemble(networks, throats=(1.0,))

        def validate():
            return np.mean(np.argmax(once(sound, training=False), axis=1) == validation.labels)

    history = fit(
        networks,
        [digits.batches(sets)] * jury,
        steps=steps,
        learning_rate=learning_rate,
        validate=validate,
        every=every,
        patience=patience,
    )
    return digits.assemble(networks), history
