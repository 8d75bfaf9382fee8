"""What two workers are worth on two cores (8.6): `python -m helpers.experiments.cluster`.

Every run starts two worker processes anew and measures, in turns with one process: pictures of 1000
spoken digits in noise, in pieces of several sizes; steps of training of six networks with averaged
gradients, and of one of them with larger batches, also in smaller shards; messages of several
sizes. Then it kills workers in the middle of both, and a whole training, and counts what is missing
or other than without. A run takes about a minute on two cores, with nothing else running: close
other programs first. Runs are written to results/cluster.json as they finish; a run on file is not
repeated.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np

from helpers import distributed
from helpers.experiments._record import load_results, provenance, write_results
from helpers.experiments._runs import finish, missing, options, provenance_of

RUNS = 8
COUNT = 2
"""Workers: as many as the machine of the runs has cores."""
CLIPS = 1000
PIECE = 50
PIECES = (1, 5, 50, 334, 500)
ROUNDS = 3
BATCH = 64
STEPS = 8
"""Steps of training in one round of a measurement."""
FAULT_STEPS = 40
KILL_AT = 15
EVERY = 5
"""Steps from one checkpoint to the next."""
BATCH_NETWORK = "convolutions 24"
BATCHES = {128: 4, 256: 2, 512: 1, 1000: 1}
"""Larger batches of one network, and the steps in one round of a measurement."""
MESSAGES = (1_000, 10_000, 100_000, 400_000, 1_000_000, 4_000_000, 8_000_000)
"""Bytes of a message."""
NETWORKS = {
    "convolutions 8": distributed.Network("convolutions", 8),
    "convolutions 24": distributed.Network("convolutions", 24),
    "dense 16": distributed.Network("dense", 16),
    "dense 64": distributed.Network("dense", 64),
    "dense 256": distributed.Network("dense", 256),
    "dense 1024": distributed.Network("dense", 1024),
}
ONE, THREADS, WORKER, WORKERS = "one process", "two threads", "one worker", "two workers"
SMALL_SHARDS = {way: f"{way}, small shards" for way in (ONE, THREADS, WORKERS)}
"""Ways to take a larger batch in shards of at most `BATCH` clips."""


def plan():
    """{name: number} of all runs. Chapter: 8.6"""
    return {f"run {k + 1}": k for k in range(RUNS)}


# --- what is told of the runs --------------------------------------------------------------------


def seconds(record, *path):
    """{run: seconds} of a measurement, the median of its rounds; path: its keys in a run.

    Raises KeyError if there are no runs. Chapter: 8.6
    """
    found = {}
    for name, run in record["runs"].items():
        value = run
        for key in path:
            value = value[key]
        found[name] = float(np.median(value))
    if not found:
        raise KeyError(f"no run has {path!r}: there are no results")
    return found


def pieces(size):
    """The path of the pictures that two workers made in pieces of a size. Chapter: 8.6"""
    return ("features", WORKERS, str(size))


def step_of(network, way, batch=BATCH):
    """The path of a step with a network, a way and a batch. Chapter: 8.6"""
    return ("training", network, way) if batch == BATCH else ("batches", str(batch), way)


def doublings(record, slow, fast):
    """{run: log2 of the seconds of `slow` over those of `fast`}, both paths. Chapter: 8.6"""
    one, two = seconds(record, *slow), seconds(record, *fast)
    return {run: float(np.log2(one[run] / two[run])) for run in one}


def fastest(record, *paths):
    """{run: seconds of the fastest of several paths in that run}. Chapter: 8.6"""
    every = [seconds(record, *path) for path in paths]
    return {run: min(times[run] for times in every) for run in every[0]}


def links(record):
    """{run: (fixed seconds of an exchange with two workers, bytes per second)}. Chapter: 8.6"""
    found = {}
    for name, run in record["runs"].items():
        sizes = [2 * COUNT * int(n) for n in run["messages"]]
        took = [float(np.median(t)) for t in run["messages"].values()]
        found[name] = distributed.fit_line(sizes, took)
    return found


def forecast(record, network, batch=BATCH, sending=True):
    """{run: seconds of a step by two workers, as the cost model has it}.

    From the time of one process, of the optimiser, and of messages; nothing of the workers' own
    steps goes in. sending: with messages; without, as if they took no time. Raises ValueError if
    the optimiser seems to take longer than the step. Chapter: 8.6
    """
    size = 4 * NETWORKS[network].size
    one = seconds(record, *step_of(network, ONE, batch))
    update = seconds(record, *step_of(network, "update"))
    told = {}
    for run, (fixed, bandwidth) in links(record).items():
        alpha, beta = (fixed / 2, bandwidth) if sending else (0.0, np.inf)
        told[run] = distributed.step_seconds(
            COUNT, one[run] - update[run], size, alpha, beta, pattern="star", update=update[run]
        )
    return told


def forecast_errors(record, network, sending=True):
    """{run: log2(measured / forecast)} of the step of two workers. Chapter: 8.6"""
    told = forecast(record, network, sending=sending)
    took = seconds(record, *step_of(network, WORKERS))
    return {run: float(np.log2(took[run] / told[run])) for run in told}


def provenance_text(record):
    """One sentence on where and when the runs were made. Chapter: 8.6"""
    runs = list(record["runs"].values())
    versions = Counter(run["engine"] for run in runs)
    return f"{len(runs)} runs with {' and '.join(versions)}. {provenance_of(runs)}"


# --- the runs ------------------------------------------------------------------------------------


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("cluster", __doc__, arguments)

    from helpers.datasets import load_digits

    clips = load_digits("real")
    settings, record = _settings(clips), load_results("cluster", __doc__)
    for name, number in missing(record, plan(), settings, asked.only).items():
        record["runs"][name] = {**run(clips, number), "settings": settings, **provenance()}
        write_results(record, "cluster")
        print(f"{name}: {record['runs'][name]['seconds']} s", flush=True)
    finish(record, plan(), "cluster", __doc__)
    return 0


def _settings(clips):
    return {
        "workers": COUNT,
        "clips": CLIPS,
        "pieces": [PIECE, *PIECES],
        "rounds": ROUNDS,
        "batch": BATCH,
        "steps": STEPS,
        "batches": {str(size): steps for size, steps in BATCHES.items()},
        "small shards": list(SMALL_SHARDS.values()),
        "order": "drawn anew in each round, after a call to warm up",
        "messages": list(MESSAGES),
        "faults": [FAULT_STEPS, KILL_AT, EVERY],
        "data": clips.id,
    }


def _some(clips):
    every = np.linspace(0, len(clips) - 1, min(CLIPS, len(clips))).astype(int)
    return clips.subset(every)


def _engine():
    from importlib.metadata import version

    return {"engine": f"distributed {version('distributed')}"}


def run(clips, number):
    """One run, a dict: see `python -m helpers.experiments.cluster`. Chapter: 8.6"""
    began, some, result = time.monotonic(), _some(clips), _engine()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        distributed.one_thread(),
    ):
        distributed.share_sounds(folder, some.audio)
        with distributed.workers(COUNT) as client:
            pictures = warm(client, folder, len(some))
            distributed.share_pictures(folder, pictures, some.labels)
            with distributed.workers(1) as single:
                warm(single, folder, PIECE)
                result["features"] = measure_features(
                    client, folder, len(some), single, seed=number
                )
            result["worker_mb"] = worker_megabytes(client)
            result["messages"] = measure_messages(client)
            result["training"] = measure_training(client, folder, seed=number)
            result["batches"] = measure_batches(client, folder, seed=number)
            result["faults"] = measure_faults(client, folder, pictures, number)
        result["faults"]["no second try"] = lost_without_retry(folder, pictures)
        result["faults"] |= measure_resuming(folder, number)
    return {**result, "seconds": round(time.monotonic() - began, 1)}


def warm(client, folder, count):
    """Load what a first task loads, here and in all workers; the pictures of one process.

    Chapter: 8.6
    """
    for address in distributed.addresses(client):
        distributed.extract(client, [(0, 2)], on=[address], folder=folder)
    return distributed.extract_here(distributed.pieces_of(count, PIECE), folder=folder)


def worker_megabytes(client):
    """Memory of the largest worker, in units of 10⁶ bytes. Chapter: 8.6"""
    return round(max(client.run(_memory).values()) / 1e6)


def _memory():
    import os

    import psutil

    return psutil.Process(os.getpid()).memory_info().rss


def clock(work, *arguments, **options):
    """(seconds, result) of a call. Chapter: 8.6"""
    began = time.perf_counter()
    result = work(*arguments, **options)
    return round(time.perf_counter() - began, 6), result


def measure_features(client, folder, count, single=None, rounds=ROUNDS, sizes=PIECES, seed=0):
    """Seconds of the pictures of all clips, by one process and by workers, in turns.

    single: a client of one worker, or None to leave that out. The order of a round is drawn anew,
    seeded with `seed` and the round. Returns {"one process": [seconds], "one worker": [seconds],
    "two workers": {size of pieces: [seconds]}, "other": clips that are not the same to the last
    bit}. Chapter: 8.6
    """
    cuts = {size: distributed.pieces_of(count, size) for size in (PIECE, *sizes)}
    ways = [(ONE, PIECE), *([(WORKER, PIECE)] if single else []), *((WORKERS, s) for s in cuts)]
    expected, other = distributed.extract_here(cuts[PIECE], folder=folder), []

    def measured(way, size):
        if way == ONE:
            took, parts = clock(distributed.extract_here, cuts[size], folder=folder)
            parts = [parts]
        else:
            of = single if way == WORKER else client
            took, parts = clock(distributed.extract, of, cuts[size], folder=folder)
        other.append(other_clips(parts, expected))
        return took

    took = in_turns({way: partial(measured, *way) for way in ways}, rounds, [seed], warm_up=False)
    return {
        ONE: took[ONE, PIECE],
        WORKER: took.get((WORKER, PIECE), []),
        WORKERS: {str(size): took[WORKERS, size] for size in cuts},
        "other": sum(other),
    }


def other_clips(parts, expected):
    """How many clips of a list of pieces differ in any bit from the expected ones (n, …), or are
    missing (None). Chapter: 8.6
    """
    kept = [p for p in parts if p is not None]
    gone = len(expected) - sum(map(len, kept))
    if gone:
        return gone
    joined = np.concatenate(kept)
    return int((joined.view(np.uint32) != expected.view(np.uint32)).any(axis=(1, 2)).sum())


def in_turns(ways, rounds, seed, warm_up=True):
    """Measure several ways once in each round, in an order that is drawn anew: {name: [seconds]}.

    ways: {name: function without arguments that gives seconds}; with `warm_up` each is called once
    more before. seed: a list of whole numbers; the number of the round is added to it.
    Chapter: 8.6
    """
    for work in ways.values() if warm_up else ():
        work()
    found, names = {name: [] for name in ways}, list(ways)
    for number in range(rounds):
        for k in np.random.default_rng([*seed, number]).permutation(len(names)):
            found[names[k]].append(ways[names[k]]())
    return found


def measure_training(client, folder, networks=NETWORKS, rounds=ROUNDS, steps=STEPS, seed=0):
    """Seconds per step of each network, {name: {way: [seconds]}}: one process, one with two
    threads, workers; and "update", of the optimiser alone. Chapter: 8.6
    """
    found = {}
    for k, (name, network) in enumerate(networks.items()):
        whole = distributed.Training(network, folder, BATCH, shards=1)
        split = distributed.Training(network, folder, BATCH, shards=COUNT)
        spare = distributed.Training(network, folder, BATCH)
        gradient = np.full(network.size, 1e-3, np.float32)
        ways = {
            ONE: partial(each, steps, whole.here, steps),
            THREADS: partial(each, steps, _with_threads, whole, steps),
            WORKERS: partial(each, steps, split.by_workers, client, steps),
            "update": partial(each, steps, _updates, spare, gradient, steps),
        }
        found[name] = in_turns(ways, rounds, [seed, 1, k])
    return found


def _with_threads(training, steps):
    from threadpoolctl import threadpool_limits

    with threadpool_limits(COUNT):
        training.here(steps)


def _updates(training, gradient, steps):
    for _ in range(steps):
        training.apply([(0.0, gradient, training.batch)])


def each(steps, work, *arguments):
    """Seconds of a call, divided by the steps that it makes. Chapter: 8.6"""
    return round(clock(work, *arguments)[0] / steps, 7)


def measure_batches(client, folder, sizes=BATCHES, rounds=ROUNDS, seed=0):
    """Seconds per step of one network with larger batches, {size: steps in a round}: one process,
    with one thread and with two, that takes them as a whole, two workers that take halves, and all
    three with shards of at most `BATCH` clips: {str(size): {way: [seconds]}}. Chapter: 8.6
    """
    network, found = NETWORKS[BATCH_NETWORK], {}
    for k, (size, steps) in enumerate(sizes.items()):
        ways = {}
        for small in (False, True):
            one, many = (-(-size // BATCH),) * 2 if small else (1, COUNT)
            here = distributed.Training(network, folder, size, shards=one)
            shared = distributed.Training(network, folder, size, shards=many)
            works = {
                ONE: partial(each, steps, here.here, steps),
                THREADS: partial(each, steps, _with_threads, here, steps),
                WORKERS: partial(each, steps, shared.by_workers, client, steps),
            }
            ways |= {SMALL_SHARDS[way] if small else way: work for way, work in works.items()}
        found[str(size)] = in_turns(ways, rounds, [seed, 2, k])
    return found


def measure_messages(client, sizes=MESSAGES, rounds=9):
    """Seconds to send so many bytes to each worker at once and get them back. Chapter: 8.6"""
    found = {}
    for size in sizes:
        message = np.zeros(size // 4, np.float32)
        exchange(client, message)
        found[str(size)] = [clock(exchange, client, message)[0] for _ in range(rounds)]
    return found


def exchange(client, message):
    """Send a message to each worker at once, as by `Training.by_workers`, and get it back.

    Chapter: 8.6
    """
    return client.gather(client.map(distributed.echo, [message] * COUNT, pure=False))


def measure_faults(client, folder, pictures, seed):
    """Kill a worker in the middle of features and of training; count what is other than without.

    {"pieces", "calls": of the task that began, "other clips"; "shards", "shard calls", "processes":
    that computed shards, "other weights"}. Chapter: 8.6
    """
    pieces = distributed.pieces_of(len(pictures), PIECE)
    with tempfile.TemporaryDirectory() as journal:
        parts = distributed.extract(
            client, pieces, watch=killer(client, len(pieces) // 2), folder=folder, journal=journal
        )
        calls = distributed.journal_of(journal)
    client.wait_for_workers(COUNT)
    network = NETWORKS["convolutions 8"]
    alone = distributed.Training(network, folder, BATCH, seed=seed).here(FAULT_STEPS)
    killed = distributed.Training(network, folder, BATCH, seed=seed)
    with tempfile.TemporaryDirectory() as journal:
        killed.by_workers(client, FAULT_STEPS, watch=killer(client, KILL_AT), journal=journal)
        shard_calls = distributed.journal_of(journal)
    client.wait_for_workers(COUNT)
    return {
        "pieces": len(pieces),
        "calls": sum(calls.values()),
        "other clips": other_clips(parts, pictures),
        "shards": FAULT_STEPS * killed.shards,
        "shard calls": sum(shard_calls.values()),
        "processes": len(shard_calls),
        "other weights": other_numbers(killed.vector, alone.vector),
    }


def killer(client, moment):
    """A `watch` function that kills a worker when it is called with `moment`. Chapter: 8.6"""

    def watch(number):
        if number == moment:
            distributed.kill_a_worker(client)

    return watch


def other_numbers(one, two):
    """How many of two float32 arrays' numbers differ in any bit. Chapter: 8.6"""
    return int((one.view(np.uint32) != two.view(np.uint32)).sum())


def lost_without_retry(folder, pictures):
    """Clips that are missing if a worker is killed and no task is tried again. Chapter: 8.6"""
    pieces = distributed.pieces_of(len(pictures), PIECE)
    with distributed.workers(COUNT, allowed_failures=0) as client:
        watch = killer(client, len(pieces) // 2)
        return other_clips(
            distributed.extract(client, pieces, watch=watch, folder=folder), pictures
        )


def measure_resuming(folder, seed):
    """Kill a whole training and go on from its last checkpoint, with and without the optimiser.

    {"checkpoint": step, "other weights, resumed", "other weights, weights alone", "distance,
    weights alone": largest difference of a weight at the end in units of the largest weight,
    "losses": mean loss of the ten steps after the checkpoint, undisturbed and from weights alone}.
    Chapter: 8.6
    """
    settings = {"network": NETWORKS["convolutions 8"], "folder": folder, "batch": BATCH}
    settings["seed"] = seed
    whole = distributed.Training(**settings).here(FAULT_STEPS)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "checkpoint.npz"
        step = distributed.kill_while_training(path, KILL_AT, FAULT_STEPS, EVERY, **settings)
        resumed = distributed.Training(**settings).load(path)
        resumed.save(path, optimiser=False)
        resumed.here(FAULT_STEPS - resumed.step)
        bare = distributed.Training(**settings).load(path)
        bare.here(FAULT_STEPS - bare.step)
    apart = np.abs(bare.vector - whole.vector).max() / np.abs(whole.vector).max()
    return {
        "checkpoint": step,
        "other weights, resumed": other_numbers(resumed.vector, whole.vector),
        "other weights, weights alone": other_numbers(bare.vector, whole.vector),
        "distance, weights alone": round(float(apart), 4),
        "losses": [round(float(np.mean(t.losses[step : step + 10])), 4) for t in (whole, bare)],
    }


if __name__ == "__main__":
    sys.exit(main())
