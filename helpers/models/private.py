"""A small network whose every example has its own gradient, and training that bounds what it keeps.

All its layers are matrix products: a convolution multiplies the patches of its input, (positions,
inputs), by one matrix (inputs, outputs). So the gradient of one example is a sum over positions of
outer products, and those of a batch are one `einsum`. Group normalisation looks at one example at a
time; batch normalisation would make each gradient depend on the other examples of its batch.
"""

import numpy as np

from helpers.models import digits, tf
from helpers.models.augmentation import augment_power, mask_stripes
from helpers.models.frontend import RelativeLevel, decibels

CHANNELS = (12, 24, 32)
CLASSES = 10
GROUPS = 4
FRAMES = digits.FRAMES // 2
"""Pictures have 50 frames of 20 ms: half as many as in chapter 5.2, and half the work."""


def small_pictures(clips):
    """Pictures of clips, 50 frames of 32 bands: float32 (n, 50, 32), in the range of RelativeLevel.

    The power of two frames is averaged before the logarithm. Raises as
    `helpers.models.digits.loudest_window`.

    Chapter: 8.3
    """
    return levelled(digits.pictures(clips).power)


def levelled(power):
    """Mel power (n, 100, 32) → pictures (n, 50, 32) float32, level taken out. Chapter: 8.3"""
    power = np.asarray(power)
    halved = power.reshape(len(power), FRAMES, 2, -1).mean(axis=2)
    return RelativeLevel()(decibels(halved + 1e-9)).numpy().astype(np.float32)


class GroupNormNetwork:
    """Pictures (batch, frames, bands) → logits (batch, classes), three strided convolutions.

    A filter is 5 × 5 in the first convolution and 3 × 3 after it, each halves both axes; group
    normalisation with a scale and a shift for each channel, ReLU; then the mean over all places
    and a dense layer. `weights`: a list of tf.Variable float32, for each convolution the matrix
    (k·k·inputs, outputs), scale (outputs,) and shift (outputs,), last the dense layer's matrix and
    bias. `seed` sets the weights.

    Raises ValueError for channels that the groups do not divide.

    Chapter: 8.3
    Source: [wu2018group]
    """

    def __init__(self, channels=CHANNELS, classes=CLASSES, groups=GROUPS, seed=0):
        if not channels or any(c % groups for c in channels):
            raise ValueError(f"channels {channels} must be multiples of the {groups} groups")
        rng = np.random.default_rng(seed)
        self.channels, self.groups = tuple(channels), groups
        self.weights = []
        before = 1
        for i, after in enumerate(self.channels):
            inputs = self.filter_size(i) ** 2 * before
            matrix = rng.normal(0, np.sqrt(2 / inputs), (inputs, after))
            self.weights += [matrix, np.ones(after), np.zeros(after)]
            before = after
        dense = rng.normal(0, np.sqrt(1 / before), (before, classes))
        self.weights += [dense, np.zeros(classes)]
        self.weights = [tf.Variable(w.astype(np.float32)) for w in self.weights]

    @staticmethod
    def filter_size(i):
        """Side of the filters of convolution `i`, counted from 0."""
        return 5 if i == 0 else 3

    def count_params(self):
        """The number of its weights, an int."""
        return sum(int(np.prod(w.shape)) for w in self.weights)

    def get_weights(self):
        """Copies of the weights: a list of arrays."""
        return [w.numpy() for w in self.weights]

    def set_weights(self, arrays):
        """Put arrays as `get_weights` gives them into place; raises ValueError for others."""
        if [a.shape for a in arrays] != [tuple(w.shape) for w in self.weights]:
            raise ValueError("these weights belong to another network: their shapes differ")
        for weight, array in zip(self.weights, arrays, strict=True):
            weight.assign(array)

    def layers(self, pictures, watch=None):
        """Logits, and for each layer (inputs, kept, out), as `example_gradients` needs them.

        `watch`: called with every layer's output, so that a tape can follow it.
        """
        watch = watch or (lambda tensor: None)
        x, found = pictures[..., None], []
        for i in range(len(self.channels)):
            matrix, scale, shift = self.weights[3 * i : 3 * i + 3]
            side = self.filter_size(i)
            filters = tf.reshape(matrix, [side, side, x.shape[3], self.channels[i]])
            product = tf.nn.conv2d(x, filters, 2, "SAME")
            watch(product)
            normal = normalise_groups(product, self.groups)
            out = scale * normal + shift
            watch(out)
            found += [(x, product), (normal, out)]
            x = tf.nn.relu(out)
        x = tf.reduce_mean(x, axis=(1, 2))
        logits = x @ self.weights[-2] + self.weights[-1]
        watch(logits)
        return logits, [*found, (x, logits)]

    def __call__(self, pictures):
        return self.layers(tf.convert_to_tensor(pictures))[0]


def normalise_groups(x, groups):
    """Mean 0 and variance 1 over places and channels of each group of one example.

    x (batch, height, width, channels) → the same shape. No example looks at another.

    Chapter: 8.3
    Source: [wu2018group]
    """
    channels = x.shape[3]
    size = channels // groups
    share = np.kron(np.eye(groups), np.full((size, size), 1 / size)).astype(np.float32)
    mean = tf.reduce_mean(x, axis=(1, 2)) @ share
    away = x - mean[:, None, None, :]
    variance = tf.reduce_mean(away**2, axis=(1, 2)) @ share
    return away * tf.math.rsqrt(variance + 1e-5)[:, None, None, :]


def patches_of(x, side):
    """What each place of a strided convolution looks at: (batch, height, width, side²·channels).

    x (batch, height, width, channels). For one channel by a convolution with filters that are 1 at
    one point, which is ten times as fast as cutting out patches. Chapter: 8.3
    """
    if x.shape[3] == 1:
        points = np.eye(side * side, dtype=np.float32).reshape(side, side, 1, side * side)
        return tf.nn.conv2d(x, points, 2, "SAME")
    return tf.image.extract_patches(x, [1, side, side, 1], [1, 2, 2, 1], [1, 1, 1, 1], "SAME")


def example_gradients(network, pictures, labels):
    """The gradient of each example's own loss: a list of tensors (batch, *shape of the weight).

    pictures (batch, frames, bands), labels (batch,) int. One pass back gives the gradient at every
    layer's output; outer products with the layer's input, summed over places, give the rest.

    Chapter: 8.3
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        logits, layers = network.layers(pictures, tape.watch)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        total = tf.reduce_sum(losses)
    slopes = tape.gradient(total, [out for _, out in layers])
    gradients = []
    for i in range(0, len(layers) - 1, 2):
        (x, _), (normal, _) = layers[i : i + 2]
        side = network.filter_size(i // 2)
        gradients += [
            tf.einsum("bhwi,bhwo->bio", patches_of(x, side), slopes[i]),
            tf.einsum("bhwo,bhwo->bo", normal, slopes[i + 1]),
            tf.reduce_sum(slopes[i + 1], axis=(1, 2)),
        ]
    features, slope = layers[-1][0], slopes[-1]
    return [*gradients, tf.einsum("bi,bo->bio", features, slope), slope]


def clipped_sum(gradients, clip, counted):
    """Scale each example's gradient to length `clip` at most, then add them: a list of tensors.

    gradients: as `example_gradients` gives them; counted (batch,): 1 for an example that counts,
    0 for one that only fills the batch. The length is that of all weights together.

    Chapter: 8.3
    Source: [abadi2016deep]
    """
    squares = [tf.reduce_sum(g**2, axis=list(range(1, len(g.shape)))) for g in gradients]
    length = tf.sqrt(tf.add_n(squares))
    factor = counted * tf.minimum(1.0, clip / tf.maximum(length, 1e-12))
    return [tf.tensordot(factor, g, axes=1) for g in gradients]


def train_plainly(
    network, draw, *, steps, learning_rate, seed, watch=None, momentum=None, decay=True
):
    """Ordinary training in place: `steps` batches of `draw()`, mean cross-entropy, Adam.

    draw: a function of (generator) that gives pictures (batch, 50, 32) and labels (batch,).
    `momentum`: plain gradient descent with that momentum in place of Adam. `decay`: the learning
    rate falls to zero along half a cosine. watch: {step: function without arguments} to call after
    these steps. Returns the loss (nats) of each step, a list.

    Chapter: 8.3
    """
    rng = np.random.default_rng(seed)
    rule = Adam(network.weights, learning_rate)
    if momentum is not None:
        rule = Momentum(network.weights, learning_rate, momentum)
    one_step = plain_step(network, rule)
    losses = []
    for number in range(1, steps + 1):
        factor = 0.5 * (1 + np.cos(np.pi * (number - 1) / steps)) if decay else 1.0
        losses.append(one_step(*draw(rng), tf.constant([number, factor], tf.float32)))
        if watch and number in watch:
            watch[number]()
    return [float(x) for x in losses]


def plain_step(network, rule):
    """A compiled step of `rule` on the mean loss: (pictures, labels, (2,)) → loss. Chapter: 8.3"""

    @tf.function(reduce_retracing=True)
    def one_step(pictures, labels, number):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, network(pictures))
            loss = tf.reduce_mean(losses)
        rule.step(tape.gradient(loss, network.weights), number)
        return loss

    return one_step


def drawer(pictures, labels, size):
    """A function that draws `size` clips at random, no clip twice, for `train_plainly`.

    Raises ValueError where there are fewer clips. Chapter: 8.3
    """
    if size > len(labels):
        raise ValueError(f"{len(labels)} clips cannot fill a batch of {size}")

    def draw(rng):
        chosen = rng.choice(len(labels), size, replace=False)
        return pictures[chosen], labels[chosen]

    return draw


def augmenting_drawer(clips, size, seed):
    """As `drawer`, but each clip is changed anew as chapter 5.2 changes clips of its kind.

    Chapter: 8.3
    Source: [park2019specaugment], [jaitly2013vtlp]
    """
    tf.random.set_seed(seed)
    data = digits.pictures(clips)
    power, lengths = tf.constant(data.power), tf.constant(data.lengths)
    level = RelativeLevel()

    @tf.function
    def changed(chosen):
        p, n = tf.gather(power, chosen), tf.gather(lengths, chosen)
        loud = augment_power(p, n, digits.FRONT_END, data.augmentation)
        halved = tf.reduce_mean(tf.reshape(loud, [size, FRAMES, 2, loud.shape[2]]), axis=2)
        return mask_stripes(level(decibels(halved + 1e-9)), data.augmentation, value=-1.0)

    def draw(rng):
        chosen = rng.choice(len(data.labels), size, replace=False)
        return changed(tf.constant(chosen)), data.labels[chosen]

    return draw


def logits_on(network, pictures, batch=500):
    """Logits of a network on pictures (n, 50, 32): float32 (n, classes). Chapter: 8.3"""
    parts = [network(pictures[i : i + batch]).numpy() for i in range(0, len(pictures), batch)]
    return np.concatenate(parts)


def average_weights(weights, sizes):
    """The mean of several networks' weights, each counted by its clips: a list of arrays.

    weights: lists as `get_weights` gives them, all of one shape; sizes: clips of each client.
    Raises ValueError for no client, or for sizes that are not above 0.

    Chapter: 8.3
    Source: [mcmahan2017communication]
    """
    sizes = np.asarray(sizes, dtype=float)
    if len(weights) == 0 or len(sizes) != len(weights) or sizes.min() <= 0:
        raise ValueError(f"{len(weights)} clients and sizes {sizes}: one size above 0 for each")
    share = sizes / sizes.sum()
    return [np.tensordot(share, np.stack(layer), axes=1) for layer in zip(*weights, strict=True)]


def train_federated(
    network, clients, *, rounds, local_steps, size, learning_rate, momentum, seed, watch=None
):
    """Federated averaging, in place: clients train alone for a while, the server takes the mean.

    clients: {name: (pictures, labels)}. In each of `rounds`, every client starts from the server's
    weights, takes `local_steps` steps of gradient descent with momentum (from rest) on `size` of
    its own clips at a time, and sends its weights back. The learning rate falls from round to
    round along half a cosine. watch(round, {name: weights}): called with what the clients sent.

    Raises as `drawer` and `average_weights`. Chapter: 8.3
    Source: [mcmahan2017communication]
    """
    rng = np.random.default_rng(seed)
    rule = Momentum(network.weights, learning_rate, momentum)
    one_step = plain_step(network, rule)
    draws = {name: drawer(*data, size) for name, data in clients.items()}
    sizes = [len(labels) for _, labels in clients.values()]
    for number in range(rounds):
        server, sent = network.get_weights(), {}
        for name, draw in draws.items():
            network.set_weights(server)
            rule.rest()
            for local in range(local_steps):
                done = (number * local_steps + local) / (rounds * local_steps)
                factor = 0.5 * (1 + np.cos(np.pi * done))
                one_step(*draw(rng), tf.constant([local + 1, factor], tf.float32))
            sent[name] = network.get_weights()
        if watch:
            watch(number + 1, sent)
        network.set_weights(average_weights(list(sent.values()), sizes))


def train_privately(
    network, pictures, labels, *, steps, rate, clip, noise, learning_rate, seed, trained=None
):
    """DP-SGD: a Poisson draw, clipped gradients, Gaussian noise, one step of Adam; in place.

    pictures (n, frames, bands) float32, labels (n,) int. Each clip is drawn with probability `rate`
    on its own. The sum of the gradients, each of length `clip` at most, gets noise of standard
    deviation `noise` · `clip`, and is divided by the number expected, `rate` · n. What Adam does
    with that is computed from private numbers and costs no privacy. The learning rate rises for a
    tenth of the steps and then stays. `trained`: how many of the last weights are trained, None for
    all. Returns how many clips each step drew, a list.

    Raises ValueError for a rate, clip or noise that bounds nothing.

    Chapter: 8.3
    Source: [abadi2016deep]
    """
    if not 0 < rate <= 1 or not clip > 0 or noise < 0:
        raise ValueError(
            f"rate {rate}, clip {clip}, noise {noise}: the rate lies in (0, 1], the clip above 0 "
            "and the noise is not negative"
        )
    rng = np.random.default_rng(seed)
    tf.random.set_seed(seed)
    weights = network.weights[-trained:] if trained else network.weights
    adam = Adam(weights, learning_rate)
    expected = rate * len(labels)

    @tf.function(reduce_retracing=True)
    def step(x, y, counted, number):
        found = example_gradients(network, x, y)[-len(weights) :]
        total = clipped_sum(found, clip, counted)
        noisy = [(g + noise * clip * tf.random.normal(tf.shape(g))) / expected for g in total]
        adam.step(noisy, number)

    drawn = []
    for number in range(1, steps + 1):
        chosen = np.flatnonzero(rng.random(len(labels)) < rate)
        filled = max(32, 32 * -(-len(chosen) // 32))
        counted = np.zeros(filled, np.float32)
        counted[: len(chosen)] = 1
        index = np.zeros(filled, np.int64)
        index[: len(chosen)] = chosen
        fraction = min(1.0, 10 * number / steps)
        step(pictures[index], labels[index], counted, tf.constant([number, fraction], tf.float32))
        drawn.append(len(chosen))
    return drawn


class Adam:
    """Adam on a list of variables, its moments in variables beside them. Chapter: 8.3"""

    def __init__(self, weights, learning_rate, first=0.9, second=0.999):
        self.weights, self.learning_rate = weights, learning_rate
        self.first, self.second = first, second
        self.mean = [tf.Variable(tf.zeros_like(w)) for w in weights]
        self.square = [tf.Variable(tf.zeros_like(w)) for w in weights]

    def step(self, gradients, number):
        """Move the weights; `number` (2,): how many steps with this one, factor on the rate."""
        size = self.learning_rate * number[1]
        size *= tf.sqrt(1 - self.second ** number[0]) / (1 - self.first ** number[0])
        rows = zip(self.weights, gradients, self.mean, self.square, strict=True)
        for weight, gradient, mean, square in rows:
            mean.assign(self.first * mean + (1 - self.first) * gradient)
            square.assign(self.second * square + (1 - self.second) * gradient**2)
            weight.assign_sub(size * mean / (tf.sqrt(square) + 1e-8))


class Momentum:
    """Gradient descent with momentum on a list of variables. Chapter: 8.3"""

    def __init__(self, weights, learning_rate, momentum):
        self.weights, self.learning_rate, self.momentum = weights, learning_rate, momentum
        self.speed = [tf.Variable(tf.zeros_like(w)) for w in weights]

    def rest(self):
        """Forget the speed."""
        for speed in self.speed:
            speed.assign(tf.zeros_like(speed))

    def step(self, gradients, number):
        """Move the weights; `number` (2,): the step, not used, and a factor on the rate."""
        for weight, gradient, speed in zip(self.weights, gradients, self.speed, strict=True):
            speed.assign(self.momentum * speed + gradient)
            weight.assign_sub(self.learning_rate * number[1] * speed)
