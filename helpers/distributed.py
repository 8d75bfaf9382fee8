"""Work for several processes or machines: features, gradients, faults, and what it costs.

The engine is Dask's `distributed`; it is imported where it is used. Workers compute with NumPy
alone, so that none of them has to load TensorFlow. Chapter: 8.6
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import tempfile
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from helpers import audio, augment
from helpers.features import FrontEnd, log_mel
from helpers.scratch import layers
from helpers.scratch.optimise import Adam

FRONT_END = FrontEnd(hop=160, n_mels=32)
FRAMES = 50
SAMPLES = FRONT_END.n_fft + (FRAMES - 1) * FRONT_END.hop
SNR = 10.0
RANGE = 55.0
CLASSES = 10
ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
SILENT = logging.CRITICAL + 1


# --- the engine ---------------------------------------------------------------------------------


@contextlib.contextmanager
def workers(count, allowed_failures=3):
    """A context with `count` worker processes on this machine; gives a `distributed.Client`.

    Each has one thread and computes on one core. All of them listen on 127.0.0.1 only, say nothing
    on the console, and are gone with the context. A worker that dies is started anew. A task whose
    worker died is done again, until that has happened to it more than `allowed_failures` times.

    Raises ValueError for less than one worker. Chapter: 8.6
    Source: [rocklin2015dask]
    """
    if count < 1:
        raise ValueError(f"count is {count!r}; at least one worker is needed")
    import dask
    from distributed import Client, LocalCluster

    before = {**dict.fromkeys(ONE_THREAD, "1"), "DASK_LOGGING__DISTRIBUTED": "critical"}
    settings = {
        "distributed.nanny.pre-spawn-environ": before,
        "distributed.admin.large-graph-warning-threshold": "1GB",
    }
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="workers-", ignore_cleanup_errors=True)
        )
        stack.enter_context(dask.config.set(settings))
        cluster = LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            scheduler_kwargs={
                "dashboard": False,
                "dashboard_address": "127.0.0.1:0",
                "allowed_failures": allowed_failures,
            },
            memory_limit=0,
            local_directory=folder,
            silence_logs=SILENT,
        )
        stack.enter_context(cluster)
        client = stack.enter_context(Client(cluster, direct_to_workers=True))
        client.wait_for_workers(count)
        yield client


def addresses(client):
    """The addresses of a client's workers, sorted: a list of str. Chapter: 8.6"""
    return sorted(client.run(_nothing))


def kill_a_worker(client):
    """Kill the process of the first worker, without a warning; returns its number, a PID.

    Chapter: 8.6
    """
    import psutil

    pid = client.run(os.getpid)[addresses(client)[0]]
    psutil.Process(pid).kill()
    return pid


def one_thread():
    """A context in which matrix products of this process use one core. Chapter: 8.6"""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def echo(values):
    """Give back what came, float32 (n,): a task that moves bytes and does no work.

    Chapter: 8.6
    """
    return np.array(values)


def _nothing():
    return None


# --- features -----------------------------------------------------------------------------------


def share_sounds(folder, sounds):
    """Write sounds, a list of float32 (samples,), where all workers can read them.

    On one machine that is a folder, on several a file system that all of them mount. Returns the
    folder as text. Raises FileExistsError if there are sounds already. Chapter: 8.6
    """
    folder = _not_yet(folder, "sounds")
    np.save(folder / "ends.npy", np.cumsum([len(x) for x in sounds]))
    np.save(folder / "sounds.npy", np.concatenate(sounds).astype(np.float32))
    return str(folder)


def _not_yet(folder, name):
    folder = Path(folder)
    if (folder / f"{name}.npy").exists():
        raise FileExistsError(
            f"there are {name} in {folder} already, which workers may have read: use a new folder"
        )
    return folder


@functools.lru_cache(maxsize=4)
def _loaded(folder, name):
    return np.load(Path(folder) / f"{name}.npy")


def pieces_of(count, size):
    """Cut `count` clips into pieces of `size`: a list of (first, one past the last).

    Raises ValueError for a size below one. Chapter: 8.6
    """
    if size < 1:
        raise ValueError(f"size is {size!r}; a piece holds at least one clip")
    return [(first, min(first + size, count)) for first in range(0, count, size)]


def noisy_pictures(piece, folder, seed=0, seeding="clip", journal=None):
    """The task: pictures of the clips of one piece, in noise: float32 (clips, 50, 32).

    piece: (first, one past the last) in `folder` (see `share_sounds`). Each clip is cut or filled
    up to 8 096 samples, gets noise 10 dB below the speech, and becomes a log-mel picture relative
    to its loudest point. seeding: where the noise comes from, "clip", a generator for each clip
    that its number seeds, or "piece", one generator for the whole piece. journal: a folder in which
    every call leaves a mark when it begins.

    Raises ValueError for another seeding. Chapter: 8.6
    """
    if seeding not in ("clip", "piece"):
        raise ValueError(f"seeding is {seeding!r}; it must be 'clip' or 'piece'")
    first, last = piece
    _mark(journal)
    sounds, ends = _loaded(folder, "sounds"), _loaded(folder, "ends")
    rng = np.random.default_rng([seed, first])
    pictures = np.empty((last - first, FRAMES, FRONT_END.n_mels), np.float32)
    for number in range(first, last):
        x = sounds[ends[number - 1] if number else 0 : ends[number]]
        if seeding == "clip":
            rng = np.random.default_rng([seed, number])
        x = augment.add_noise(audio.fix_length(x, SAMPLES), SNR, rng)
        picture = log_mel(x, FRONT_END)
        pictures[number - first] = np.maximum(picture - picture.max(), -RANGE) / 20 + 1
    return pictures


def _mark(journal):
    if journal is not None:
        (Path(journal) / f"{os.getpid()}-{uuid.uuid4().hex}").touch()


def journal_of(folder):
    """What calls have marked in a folder: {PID of the process: calls that began there}.

    Chapter: 8.6
    """
    return dict(Counter(int(mark.name.partition("-")[0]) for mark in Path(folder).iterdir()))


def extract_here(pieces, **options):
    """`noisy_pictures` of all pieces in this process, one after the other.

    Returns float32 (clips, 50, 32). Chapter: 8.6
    """
    return np.concatenate([noisy_pictures(piece, **options) for piece in pieces])


def extract(client, pieces, on=None, watch=None, **options):
    """`noisy_pictures` of all pieces by workers: a list with an array, or None, for each piece.

    on: addresses of the workers to use, by default all. watch: a function that is called with the
    number of pieces that are done, each time that one is. Results stay with the workers until the
    last one is done. None stands for a piece that the engine gave up. Chapter: 8.6
    """
    from distributed import as_completed, wait

    task = functools.partial(noisy_pictures, **options)
    futures = client.map(task, pieces, pure=False, workers=on)
    with client.as_current():
        for done, _ in enumerate(as_completed(futures), start=1):
            if watch is not None:
                watch(done)
        wait(futures)
    given_up = [future.status == "error" for future in futures]
    kept = [future for future, gone in zip(futures, given_up, strict=True) if not gone]
    results = iter(client.gather(kept))
    return [None if gone else next(results) for gone in given_up]


# --- a network whose gradients can be added -------------------------------------------------------


@dataclass(frozen=True)
class Network:
    """What the workers differentiate: kind, width and normalisation.

    kind "convolutions": two convolutions of `width` and 2 · `width` channels, each followed by a
    normalisation and ReLU, the mean over all places, a dense layer. norm: "none"; "batch", over the
    batch; "clip", over all places and channels of each clip alone (group normalisation with one
    group). kind "dense": one hidden layer of `width` units, without a normalisation.

    Raises ValueError for another kind or norm. Chapter: 8.6
    Source: [ioffe2015batch], [wu2018group]
    """

    kind: str = "convolutions"
    width: int = 8
    norm: str = "none"

    def __post_init__(self):
        if self.kind not in ("convolutions", "dense"):
            raise ValueError(f"kind is {self.kind!r}; it must be 'convolutions' or 'dense'")
        if self.norm not in ("none", "batch", "clip"):
            raise ValueError(f"norm is {self.norm!r}; it must be 'none', 'batch' or 'clip'")
        if self.kind == "dense" and self.norm != "none":
            raise ValueError("a dense network has no normalisation here: use norm='none'")

    @property
    def shapes(self):
        """{name: shape} of the parameters, in the order in which they stand in a vector."""
        w = self.width
        if self.kind == "dense":
            inputs = FRAMES * FRONT_END.n_mels
            return {"W1": (inputs, w), "b1": (w,), "W2": (w, CLASSES), "b2": (CLASSES,)}
        found = {"K1": (5, 5, 1, w), "b1": (w,), "K2": (3, 3, w, 2 * w), "b2": (2 * w,)}
        if self.norm != "none":
            found |= {"g1": (w,), "o1": (w,), "g2": (2 * w,), "o2": (2 * w,)}
        return found | {"W3": (2 * w, CLASSES), "b3": (CLASSES,)}

    @property
    def size(self):
        """Number of parameters."""
        return sum(int(np.prod(shape)) for shape in self.shapes.values())


def first_weights(network, seed=0):
    """Parameters to begin with, float32 (size,): weights by the rule of He, scales 1, others 0.

    Chapter: 8.6
    """
    rng = np.random.default_rng(seed)
    vector = np.zeros(network.size, np.float32)
    for name, part in unpack(vector, network).items():
        if name[0] in "KW":
            part[...] = rng.normal(0, np.sqrt(2 / np.prod(part.shape[:-1])), part.shape)
        elif name[0] == "g":
            part[...] = 1
    return vector


def unpack(vector, network):
    """{name: array} of the parts of a vector, float32 (size,); the parts are views of it.

    Raises ValueError for a vector of another length. Chapter: 8.6
    """
    if vector.shape != (network.size,):
        raise ValueError(f"the vector has shape {vector.shape}, the network {network.size} numbers")
    parts, at = {}, 0
    for name, shape in network.shapes.items():
        n = int(np.prod(shape))
        parts[name] = vector[at : at + n].reshape(shape)
        at += n
    return parts


def loss_and_gradient(network, vector, x, labels):
    """Sums over examples, not means: (loss in nats, gradient float32 (size,), examples).

    vector float32 (size,), x float32 (examples, 50, 32), labels (examples,). Chapter: 8.6
    """
    p, gradient = unpack(vector, network), np.empty_like(vector)
    d = unpack(gradient, network)
    n = len(x)
    back = _dense_passes if network.kind == "dense" else _convolution_passes
    loss = back(network, p, d, x, labels)
    return float(loss) * n, gradient, n


def _dense_passes(network, p, d, x, labels):
    flat = x.reshape(len(x), -1)
    a = layers.dense(flat, p["W1"], p["b1"])
    h = layers.relu(a)
    z = layers.dense(h, p["W2"], p["b2"])
    d_z, _ = layers.cross_entropy_backward(len(x), z, labels)
    d_h, d["W2"][...], d["b2"][...] = layers.dense_backward(d_z, h, p["W2"], p["b2"])
    (d_a,) = layers.relu_backward(d_h, a)
    d["W1"][...], d["b1"][...] = flat.T @ d_a, d_a.sum(axis=0)
    return layers.cross_entropy(z, labels)


def _convolution_passes(network, p, d, x, labels):
    options = {"stride": 2, "padding": "same"}
    h, kept = x[..., None], []
    for i in "12":
        a = layers.conv2d(h, p[f"K{i}"], p[f"b{i}"], **options)
        normed = _normed(network.norm, a, p, i)
        kept.append((i, h, a, normed))
        h = layers.relu(normed)
    mean = layers.global_average_pool2d(h)
    z = layers.dense(mean, p["W3"], p["b3"])
    d_z, _ = layers.cross_entropy_backward(len(x), z, labels)
    d_mean, d["W3"][...], d["b3"][...] = layers.dense_backward(d_z, mean, p["W3"], p["b3"])
    (d_h,) = layers.global_average_pool2d_backward(d_mean, h)
    for i, below, a, normed in reversed(kept):
        (d_normed,) = layers.relu_backward(d_h, normed)
        d_a = _normed_backward(network.norm, d_normed, a, p, d, i)
        d_h, d[f"K{i}"][...], d[f"b{i}"][...] = layers.conv2d_backward(
            d_a, below, p[f"K{i}"], p[f"b{i}"], **options
        )
    return layers.cross_entropy(z, labels)


def _normed(norm, a, p, i):
    if norm == "none":
        return a
    if norm == "batch":
        return layers.batch_norm(a, p[f"g{i}"], p[f"o{i}"])
    return p[f"g{i}"] * _over_clips(a) + p[f"o{i}"]


def _normed_backward(norm, d_normed, a, p, d, i):
    if norm == "none":
        return d_normed
    if norm == "batch":
        d_a, d[f"g{i}"][...], d[f"o{i}"][...] = layers.batch_norm_backward(
            d_normed, a, p[f"g{i}"], p[f"o{i}"]
        )
        return d_a
    d[f"g{i}"][...] = (d_normed * _over_clips(a)).sum(axis=(0, 1, 2))
    d[f"o{i}"][...] = d_normed.sum(axis=(0, 1, 2))
    flat = a.reshape(len(a), -1)
    ones, zeros = np.ones_like(flat[0]), np.zeros_like(flat[0])
    inner = (d_normed * p[f"g{i}"]).reshape(flat.shape)
    return layers.layer_norm_backward(inner, flat, ones, zeros)[0].reshape(a.shape)


def _over_clips(a):
    """a (clips, …) with mean 0 and variance 1 over each clip."""
    flat = a.reshape(len(a), -1)
    return layers.layer_norm(flat, np.ones_like(flat[0]), np.zeros_like(flat[0])).reshape(a.shape)


# --- training with averaged gradients -------------------------------------------------------------


def share_pictures(folder, pictures, labels):
    """Write pictures (n, 50, 32) and labels (n,) where all workers can read them.

    Returns the folder as text. Raises FileExistsError if there are pictures already, ValueError if
    there is not one label for each. Chapter: 8.6
    """
    if len(pictures) != len(labels):
        raise ValueError(f"{len(pictures)} pictures and {len(labels)} labels: give one for each")
    folder = _not_yet(folder, "pictures")
    np.save(folder / "labels.npy", np.asarray(labels, np.int64))
    np.save(folder / "pictures.npy", np.asarray(pictures, np.float32))
    return str(folder)


def batch_numbers(step, count, size, seed=0):
    """Which of `count` clips make the batch of a step, int64 (size,): a function of the step alone.

    So a run that begins again at a step draws the same batches. Raises ValueError for a batch of
    more clips than there are. Chapter: 8.6
    """
    if size > count:
        raise ValueError(f"a batch of {size} from {count} clips: no clip is drawn twice")
    return np.random.default_rng([seed, step]).choice(count, size, replace=False)


def average(parts):
    """The mean loss and mean gradient of a batch from its parts, added in their order.

    parts: list of (sum of losses, sum of gradients float32 (size,), examples), one for each shard,
    as `loss_and_gradient` gives them. Returns (loss, gradient float32 (size,)).

    Raises ValueError if there are no examples. Chapter: 8.6
    Source: [goyal2017accurate]
    """
    count = sum(n for _, _, n in parts)
    if count < 1:
        raise ValueError("there is nothing to average: no part has an example")
    total = parts[0][1].copy()
    for _, gradient, _ in parts[1:]:
        total += gradient
    return sum(loss for loss, _, _ in parts) / count, total / np.float32(count)


def shard_gradient(numbers, vector, network, folder, journal=None):
    """The task of a training step: `loss_and_gradient` of some clips of `folder`.

    journal: as in `noisy_pictures`. Chapter: 8.6
    """
    _mark(journal)
    x, labels = _loaded(folder, "pictures")[numbers], _loaded(folder, "labels")[numbers]
    return loss_and_gradient(network, vector, x, labels)


@dataclass
class Training:
    """A network in training, and all that the next step depends on.

    network, folder (see `share_pictures`), batch: clips a step; shards: parts of a batch, which
    do not depend on how many workers there are; rate of Adam; seed. `step` counts steps done.

    Chapter: 8.6
    """

    network: Network
    folder: str
    batch: int = 64
    shards: int = 2
    rate: float = 3e-3
    seed: int = 0
    step: int = 0
    losses: list = field(default_factory=list)

    def __post_init__(self):
        if not 1 <= self.shards <= self.batch:
            raise ValueError(f"{self.shards} shards of a batch of {self.batch}: none may be empty")
        self.vector = first_weights(self.network, self.seed)
        self.adam = Adam(self.rate)

    def shards_of_step(self):
        """The clips of each shard of the next step: a list of int64 arrays."""
        count = len(_loaded(self.folder, "labels"))
        numbers = batch_numbers(self.step, count, self.batch, self.seed)
        return np.array_split(numbers, self.shards)

    def apply(self, parts):
        """Average the parts of a batch and make the step."""
        loss, gradient = average(parts)
        self.adam.update(unpack(self.vector, self.network), unpack(gradient, self.network))
        self.losses.append(loss)
        self.step += 1

    def here(self, steps):
        """Steps in this process, shard after shard."""
        for _ in range(steps):
            shards = self.shards_of_step()
            rest = (self.vector, self.network, self.folder)
            self.apply([shard_gradient(numbers, *rest) for numbers in shards])
        return self

    def by_workers(self, client, steps, on=None, watch=None, journal=None):
        """Steps in which workers compute the gradients of the shards.

        on: addresses of the only workers to use, by default all. watch: a function that is called
        with the number of the step while its gradients are being computed. journal: as in
        `noisy_pictures`. The shards of a step go to the scheduler in one message: it sends at most
        one every ten milliseconds.
        """
        for _ in range(steps):
            shards = self.shards_of_step()
            rest = (self.vector, self.network, self.folder, journal)
            columns = ([same] * len(shards) for same in rest)
            futures = client.map(shard_gradient, shards, *columns, pure=False, workers=on)
            if watch is not None:
                watch(self.step)
            self.apply(client.gather(futures))
        return self

    @property
    def settings(self):
        """What a training must share with a checkpoint to go on from it, {name: text}."""
        told = {
            name: getattr(self, name) for name in ("network", "batch", "shards", "rate", "seed")
        }
        return {name: str(value) for name, value in told.items()} | {
            "clips": str(len(_loaded(self.folder, "labels")))
        }

    def save(self, path, optimiser=True):
        """Write a checkpoint in one step: the file is the old one or the new one.

        optimiser: with the two means of Adam, without which the next steps are others. A process
        that is killed in here can leave a second file, which the next call overwrites.
        """
        content = {"vector": self.vector, "step": self.step, "losses": np.array(self.losses)}
        content |= {f"settings {name}": text for name, text in self.settings.items()}
        if optimiser:
            for kind in ("mean", "square"):
                for name, part in getattr(self.adam, kind).items():
                    content[f"{kind} {name}"] = part
        path = Path(path)
        part = path.with_name(f"{path.stem}-part.npz")
        np.savez(part, **content)
        os.replace(part, path)

    def load(self, path):
        """Go on from a checkpoint; raises ValueError if it is of a training with other settings."""
        with np.load(path) as content:
            for name, text in self.settings.items():
                if content[f"settings {name}"] != text:
                    raise ValueError(
                        f"the checkpoint has {name} {content[f'settings {name}']}, this training "
                        f"{text}: it would go on as another training"
                    )
            self.vector[...] = content["vector"]
            self.step = int(content["step"])
            self.losses = content["losses"].tolist()
            self.adam = Adam(self.rate)
            for key in content.files:
                kind, _, name = key.partition(" ")
                if kind in ("mean", "square"):
                    getattr(self.adam, kind)[name] = content[key]
            if self.adam.mean:
                self.adam.steps = self.step
        return self


def train_and_save(path, until, every, **settings):
    """Train in this process up to step `until`, with a checkpoint at `path` every so many steps.

    settings: those of `Training`. Chapter: 8.6
    """
    with one_thread():
        training = Training(**settings)
        while training.step < until:
            training.here(min(every, until - training.step)).save(path)


def kill_while_training(path, after, until, every, **settings):
    """`train_and_save` in a process of its own, which is killed when `after` steps are on file.

    Returns the step of the last checkpoint. Raises RuntimeError if none comes within a minute, and
    if the training had finished before it was killed. Chapter: 8.6
    """
    import multiprocessing
    import time

    process = multiprocessing.get_context("spawn").Process(
        target=train_and_save, args=(path, until, every), kwargs=settings, daemon=True
    )
    process.start()
    began, step = time.monotonic(), 0
    while step < after and time.monotonic() - began < 60:
        time.sleep(0.01)
        step = _step_on_file(path)
    process.kill()
    process.join()
    if step < after:
        raise RuntimeError(f"no checkpoint of step {after} came within a minute; the last: {step}")
    step = _step_on_file(path)
    if step >= until:
        raise RuntimeError(f"all {until} steps were done before the kill: ask for more of them")
    return step


def _step_on_file(path):
    try:
        with np.load(path) as content:
            return int(content["step"])
    except (FileNotFoundError, PermissionError):
        return 0


# --- what it costs --------------------------------------------------------------------------------


def serial_fraction(speed_up, count):
    """Which part of the work does not get shorter, told from a measured speed-up with `count`.

    By Amdahl's law 1 / S = s + (1 − s) / N, solved for s. Raises ValueError for less than two
    workers or a speed-up that is not positive. Chapter: 8.6
    Source: [amdahl1967validity], [karp1990measuring]
    """
    if count < 2 or not speed_up > 0:
        raise ValueError(f"{count} workers, speed-up {speed_up}: give two or more, and a ratio > 0")
    return (1 / speed_up - 1 / count) / (1 - 1 / count)


def step_seconds(count, work, size, latency, bandwidth, pattern="ring", update=0.0):
    """Seconds of a training step of `count` workers, by the cost model of the chapter.

    work: seconds of one worker for the gradient of the whole batch; update: seconds of the
    optimiser, which are not shared; size: bytes of a gradient; latency: seconds a
    message; bandwidth: bytes per second of each link. pattern "ring": N workers pass on a part of
    1/N in 2 (N − 1) rounds; "star": a driver sends the weights to each and gets a gradient from
    each, over its one link. One worker sends nothing.

    Raises ValueError for another pattern, less than one worker, or work that takes no time.
    Chapter: 8.6
    Source: [patarasuk2009bandwidth]
    """
    if count < 1:
        raise ValueError(f"count is {count!r}; at least one worker is needed")
    if pattern not in ("ring", "star"):
        raise ValueError(f"pattern is {pattern!r}; it must be 'ring' or 'star'")
    if not work > 0:
        raise ValueError(f"work is {work} s; a gradient takes time: measure more steps")
    if count == 1:
        return update + work
    if pattern == "star":
        return update + work / count + 2 * latency + 2 * count * size / bandwidth
    return update + work / count + 2 * (count - 1) * (latency + size / count / bandwidth)


def fit_line(sizes, seconds):
    """Fixed cost and bandwidth of messages: (seconds, bytes per second), by least squares.

    sizes: bytes (n,), seconds (n,): the model is seconds = fixed + size / bandwidth, with errors
    weighed relative to the seconds. Raises ValueError for less than two sizes, and if larger
    messages did not take longer. Chapter: 8.6
    """
    sizes, seconds = np.asarray(sizes, float), np.asarray(seconds, float)
    if len(np.unique(sizes)) < 2:
        raise ValueError("messages of at least two sizes are needed to tell cost from bandwidth")
    columns = np.stack([1 / seconds, sizes / seconds], axis=1)
    fixed, slope = np.linalg.lstsq(columns, np.ones(len(sizes)), rcond=None)[0]
    if slope <= 0:
        raise ValueError("larger messages did not take longer: measure more, or larger ones")
    return float(fixed), float(1 / slope)
