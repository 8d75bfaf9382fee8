"""Changes to a trained network that are small enough to be kept for each person.

A network stays as it is; what is learnt for a person is a list of numbers from which the change of
its weights is computed. With all of them zero (or one factor zero) the network is the old one.
"""

from dataclasses import asdict, dataclass, field

import keras
import numpy as np
import tensorflow as tf

from helpers.features import FrontEnd
from helpers.models.augmentation import Augmentation, augment_power, mask_stripes
from helpers.models.digits import FRONT_END, THROATS, window
from helpers.models.frontend import LogMel, RelativeLevel, Throat, decibels

FOR_ONE = Augmentation(
    stretch=(0.9, 1.12),
    shift=(0.96, 1.04),
    wobble=0.0,
    colour_db=2.0,
    sway_db=0.0,
    snr_db=(25.0, 60.0),
    mask_frames=6,
    mask_bands=3,
)
"""For clips of one person: far less than between people, since the throat stays the same."""

KINDS = ("full", "low rank", "last layer", "norms")


def low_rank_shapes(shape, rank):
    """Shapes of the two factors for a weight of `shape` (…, out): (…, rank) and (rank, out).

    A kernel (k, k, in, out) is read as a matrix of k·k·in rows and `out` columns; its change
    A·B has at most `rank` independent columns and rank · (k·k·in + out) numbers.

    Raises ValueError for a rank below 1 or a weight with fewer than two axes.

    Chapter: 8.2
    Source: [hu2022lora]
    """
    if rank < 1 or len(shape) < 2:
        raise ValueError(
            f"rank {rank} for a weight of shape {tuple(shape)}: the rank must be 1 or more, and "
            "the weight a matrix or a kernel (…, in, out)"
        )
    return (*shape[:-1], rank), (rank, shape[-1])


class Change:
    """What one person adds to `network`: variables, and the weights that they lead to.

    `kind`: "full" (every trainable weight may move), "low rank" (kernels move by A·B of `rank`),
    "last layer" (the weights of the last layer), "norms" (scales and offsets of normalisation).
    `variables` are the numbers to be learnt; `size` counts them; `weights()` gives the changed
    trainable weights, in the order of `network.trainable_variables`. `reset(seed)` makes the
    change zero again; A is then random (normal, variance 1 / rows), B zero.

    Raises ValueError for an unknown kind, and as `low_rank_shapes`.

    Chapter: 8.2
    Source: [hu2022lora] for "low rank"; [rebuffi2017residual] for small changes of convolutions.
    """

    def __init__(self, network, kind="low rank", rank=4):
        if kind not in KINDS:
            raise ValueError(f"there is no change of kind {kind!r}: choose from {', '.join(KINDS)}")
        self.network, self.kind, self.rank = network, kind, rank
        last = {id(v) for v in network.layers[-1].trainable_variables}
        norms = {
            id(v)
            for layer in network.layers
            if isinstance(layer, keras.layers.BatchNormalization)
            for v in layer.trainable_variables
        }
        self._parts = []
        for v in network.trainable_variables:
            part = ()
            if kind == "low rank" and len(v.shape) >= 2:
                part = tuple(_zeros(s) for s in low_rank_shapes(v.shape, rank))
            elif (
                kind == "full"
                or (kind == "last layer" and id(v) in last)
                or (kind == "norms" and id(v) in norms)
            ):
                part = (_zeros(v.shape),)
            self._parts.append(part)
        self.variables = [v for part in self._parts for v in part]
        self.size = int(sum(np.prod(v.shape) for v in self.variables))

    def reset(self, seed=0):
        """Make the change zero; `seed` fixes the random factors. Chapter: 8.2"""
        rng = np.random.default_rng(seed)
        for part in self._parts:
            for v in part:
                v.assign(np.zeros(v.shape, np.float32))
            if len(part) == 2:
                rows = int(np.prod(part[0].shape[:-1]))
                part[0].assign(rng.normal(0, rows**-0.5, part[0].shape).astype(np.float32))

    def weights(self):
        """The changed weights: a list of tensors shaped as `network.trainable_variables`.

        Chapter: 8.2
        """
        changed = []
        for v, part in zip(self.network.trainable_variables, self._parts, strict=True):
            w = tf.convert_to_tensor(v)
            if len(part) == 2:
                a, b = map(tf.convert_to_tensor, part)
                w = w + tf.tensordot(a, b, 1)
            elif part:
                w = w + tf.convert_to_tensor(part[0])
            changed.append(w)
        return changed

    def __call__(self, inputs, training=False):
        """Logits of the changed network, (batch, classes); its own weights stay as they are.

        `training=True` lets batch normalisation use the batch's own mean and variance, and
        discards the running means that result. Chapter: 8.2
        """
        fixed = [tf.convert_to_tensor(v) for v in self.network.non_trainable_variables]
        outputs, _ = self.network.stateless_call(self.weights(), fixed, inputs, training=training)
        return outputs

    def merged(self):
        """A copy of the network with the change added to its weights, for use. Chapter: 8.2"""
        copy = keras.models.clone_model(self.network)
        copy.set_weights(self.network.get_weights())
        for v, w in zip(copy.trainable_variables, self.weights(), strict=True):
            v.assign(w)
        return copy


@dataclass
class Tutor:
    """Teaches a `Change` from few clips; its graph is traced once and serves every person.

    `change`: what may move. `rehearsal`: the part of each batch of `size` that comes from other
    people's clips, 0 for none. `training`: as in `Change.__call__`. `augmentation`: how clips
    are changed when they are drawn.

    Chapter: 8.2
    """

    change: Change
    augmentation: Augmentation = FOR_ONE
    rehearsal: float = 0.0
    size: int = 32
    training: bool = False
    front_end: FrontEnd = FRONT_END
    _step: object = field(default=None, repr=False)

    def __post_init__(self):
        if not 0 <= self.rehearsal < 1:
            raise ValueError(f"rehearsal is {self.rehearsal}; it must be at least 0 and below 1")
        level = RelativeLevel()
        others = round(self.size * self.rehearsal)

        def draw(power, lengths, labels, count):
            chosen = tf.random.uniform([count], 0, tf.shape(labels)[0], tf.int32)
            loud = augment_power(
                tf.gather(power, chosen),
                tf.gather(lengths, chosen),
                self.front_end,
                self.augmentation,
            )
            picture = mask_stripes(level(decibels(loud + 1e-9)), self.augmentation, value=-1.0)
            return picture, tf.gather(labels, chosen)

        frames, bands = self.change.network.input_shape[1:]
        clips = (
            tf.TensorSpec([None, frames, bands], tf.float32),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None], tf.int32),
        )
        self._optimizer = keras.optimizers.Adam(1e-3)
        self._optimizer.build(self.change.variables)

        @tf.function(input_signature=[clips, clips])
        def step(mine, theirs):
            picture, labels = draw(*mine, self.size - others)
            if others:
                more, answers = draw(*theirs, others)
                picture = tf.concat([picture, more], axis=0)
                labels = tf.concat([labels, answers], axis=0)
            with tf.GradientTape() as tape:
                logits = self.change(picture, training=self.training)
                target = 0.9 * tf.one_hot(labels, logits.shape[-1]) + 0.1 / logits.shape[-1]
                loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(target, logits))
            gradients = tape.gradient(loss, self.change.variables)
            self._optimizer.apply_gradients(zip(gradients, self.change.variables, strict=True))
            return loss

        self._step = step

    def teach(self, mine, theirs=None, *, steps=100, learning_rate=3e-3, seed=0):
        """Learn a person's change from Pictures `mine`; returns the last ten steps' mean loss.

        `theirs`: Pictures of other people, needed for rehearsal. The change starts at zero; the
        learning rate falls along half a cosine. Only `power`, `lengths` and `labels` are used.

        Raises ValueError without clips, without `theirs` where the tutor rehearses, or for fewer
        than one step; FloatingPointError if the loss is no longer finite.

        Chapter: 8.2
        """
        if not len(mine.labels) or steps < 1:
            raise ValueError(
                f"{len(mine.labels)} clips and {steps} steps: give one or more of each"
            )
        if self.rehearsal and (theirs is None or not len(theirs.labels)):
            raise ValueError("this tutor rehearses: give it `theirs`, the clips of other people")
        self.change.reset(seed)
        keras.utils.set_random_seed(int(seed))
        for v in self._optimizer.variables:
            v.assign(np.zeros(v.shape, v.dtype))
        theirs = mine if theirs is None else theirs
        sets = [
            tuple(tf.constant(x) for x in (s.power, s.lengths, s.labels)) for s in (mine, theirs)
        ]
        losses = []
        for number in range(steps):
            rate = learning_rate * 0.5 * (1 + np.cos(np.pi * number / steps))
            self._optimizer.learning_rate.assign(rate)
            losses.append(self._step(*sets))
        loss = float(tf.reduce_mean(losses[-10:]))
        if not np.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss}: lower the learning rate")
        return loss


def looks(clips, throats=THROATS, front_end=FRONT_END):
    """Pictures of Clips as the recogniser sees them, once for each throat.

    Returns float32 (looks, n, 100, n_mels). Raises as `helpers.models.digits.window`.

    Chapter: 8.2
    """
    settings = asdict(front_end)
    sound = np.stack([window(x) for x in clips.audio])
    see = RelativeLevel()
    picture = tf.concat([see(LogMel(settings)(x)) for x in np.array_split(sound, 8)], axis=0)
    return np.stack([Throat(factor, settings)(picture).numpy() for factor in throats])


def opinions(network, seen, batch=512):
    """Mean log-probabilities over the looks: float32 (n, classes).

    `network`: a function of pictures, such as a network or a `Change`; `seen`: from `looks`.

    Chapter: 8.2
    """
    flat = seen.reshape(-1, *seen.shape[2:])
    parts = [
        tf.nn.log_softmax(network(flat[i : i + batch], training=False))
        for i in range(0, len(flat), batch)
    ]
    return tf.concat(parts, 0).numpy().reshape(*seen.shape[:2], -1).mean(0)


class ClassMeans:
    """The nearest mean of a class, in what a network has before its last layer.

    `clips`: Clips from which the means are taken, and the spread within classes by which each of
    the network's channels is divided. `answers(clips)` gives labels (n,).

    Raises ValueError if a class has no clip.

    Chapter: 8.2
    Source: [snell2017prototypical]
    """

    def __init__(self, network, clips):
        pooled = next(
            x for x in network.layers if isinstance(x, keras.layers.GlobalAveragePooling2D)
        )
        self._inside = keras.Model(network.input, pooled.output)
        x, self._classes = self._of(clips), network.output_shape[-1]
        empty = sorted(set(range(self._classes)) - set(clips.labels.tolist()))
        if empty:
            raise ValueError(f"classes {empty} have no clip: give at least one of each")
        self.old = np.stack([x[clips.labels == c].mean(0) for c in range(self._classes)])
        self._spread = (x - self.old[clips.labels]).std(0) + 1e-6
        self.means = self.old

    def _of(self, clips):
        seen = looks(clips)
        flat = seen.reshape(-1, *seen.shape[2:])
        return self._inside(flat, training=False).numpy().reshape(*seen.shape[:2], -1).mean(0)

    def adapt(self, clips, prior):
        """Move the means towards a person's clips; an old mean counts as `prior` of them.

        A class without a clip keeps its mean. Raises ValueError unless `prior` is above 0.

        Chapter: 8.2
        """
        if not prior > 0:
            raise ValueError(f"the prior is {prior}; it must be above 0")
        x = self._of(clips)
        hot = np.eye(self._classes)[clips.labels]  # (n, classes)
        self.means = (prior * self.old + hot.T @ x) / (prior + hot.sum(0))[:, None]

    def answers(self, clips):
        """The class with the nearest mean: int (n,). Chapter: 8.2"""
        gaps = (self._of(clips)[:, None] - self.means) / self._spread
        return np.square(gaps).sum(-1).argmin(1)


def _zeros(shape):
    return keras.Variable(np.zeros(shape, np.float32), trainable=True)
