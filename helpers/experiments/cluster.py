"""What two workers are worth on two cores (8.6): `python -m helpers.experiments.cluster`.

Every run starts two worker processes anew and measures, in alternation with one process: pictures
of 1000 spoken digits in noise, in pieces of several sizes; steps of training of six networks with
averaged gradients; messages of several sizes. Then it kills workers in the middle of both, and a
whole training, and counts what is missing or other than without. Runs of a second kind measure one
network's steps with batches of several sizes. A run takes up to a minute on two cores, with nothing
else running: close other programs first. Runs are written to results/cluster.json as they finish; a
run on file is not repeated.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
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
PIECES = (1, 5, 20, 50, 200, 500)
ROUNDS = 3
BATCH = 64
STEPS = 10
"""Steps of training in one round of a measurement."""
FAULT_STEPS = 40
KILL_AT = 15
BATCHES = (64, 128, 256, 512, 1000)
BATCH_STEPS = 4
BATCH_NETWORK = "convolutions 24"
MESSAGES = (1_000, 10_000, 100_000, 400_000, 1_000_000, 4_000_000)
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


def plan():
    """{name: (kind, number)} of all runs: RUNS of each kind, "run" and "batches". Chapter: 8.6"""
    return {f"{kind} {k + 1}": (kind, k) for kind in ("run", "batches") for k in range(RUNS)}


# --- what is told of the runs --------------------------------------------------------------------


def seconds(record, *path):
    """{run: seconds} of a measurement, the median of its rounds; path: its keys in a run.

    Runs of the kind that does not make this measurement are left out. Raises KeyError for a
    measurement that no run has. Chapter: 8.6
    """
    found = {}
    for name, run in runs_with(record, path[0]).items():
        value = run
        for key in path:
            value = value[key]
        found[name] = float(np.median(value))
    if not found:
        raise KeyError(f"no run has {path!r}: there are no results")
    return found


def runs_with(record, key):
    """{name: run} of the runs that have made a measurement, such as "faults". Chapter: 8.6"""
    return {name: run for name, run in record["runs"].items() if key in run}


def doublings(record, slow, fast):
    """{run: log2 of the seconds of `slow` over those of `fast`}, both paths. Chapter: 8.6"""
    one, two = seconds(record, *slow), seconds(record, *fast)
    return {run: float(np.log2(one[run] / two[run])) for run in one}


def links(record):
    """{run: (fixed seconds of an exchange with two workers, bytes per second)}. Chapter: 8.6"""
    found = {}
    for name, run in runs_with(record, "messages").items():
        sizes = [2 * COUNT * int(n) for n in run["messages"]]
        took = [float(np.median(t)) for t in run["messages"].values()]
        found[name] = distributed.fit_line(sizes, took)
    return found


def forecast(record, network):
    """{run: seconds of a step by two workers, as the cost model has it}.

    From the time of one process, of the optimiser, and of messages; nothing of the workers' own
    steps goes in. Chapter: 8.6
    """
    size = 4 * NETWORKS[network].size
    one = seconds(record, "training", network, ONE)
    update = seconds(record, "training", network, "update")
    return {
        run: update[run]
        + distributed.step_seconds(
            COUNT, one[run] - update[run], size, fixed / 2, bandwidth, pattern="star"
        )
        for run, (fixed, bandwidth) in links(record).items()
    }


def forecast_errors(record):
    """{network: mean over runs of log2(measured / forecast)}. Chapter: 8.6"""
    found = {}
    for network in NETWORKS:
        told, took = forecast(record, network), seconds(record, "training", network, WORKERS)
        found[network] = float(np.mean([np.log2(took[run] / told[run]) for run in told]))
    return found


def forecast_by_batch(record):
    """{batch: speed-up of two workers, as the cost model has it}, for the network of the batches.

    From the time of one process with that batch, and from the optimiser and the messages of the
    runs of the first kind, medians over the runs. Chapter: 8.6
    """
    fixed, bandwidth = np.median(list(links(record).values()), axis=0)
    update = np.median(list(seconds(record, "training", BATCH_NETWORK, "update").values()))
    size, found = 4 * NETWORKS[BATCH_NETWORK].size, {}
    for batch in BATCHES:
        one = np.median(list(seconds(record, "batches", str(batch), ONE).values()))
        two = update + distributed.step_seconds(
            COUNT, one - update, size, fixed / 2, bandwidth, pattern="star"
        )
        found[batch] = float(one / two)
    return found


def provenance_text(record, kind="training"):
    """One sentence on where and when the runs with a measurement were made. Chapter: 8.6"""
    runs = list(runs_with(record, kind).values())
    versions = Counter(run["engine"] for run in runs)
    return f"{len(runs)} runs with {' and '.join(versions)}. {provenance_of(runs)}"


# --- the runs ------------------------------------------------------------------------------------


def main(arguments=None):
    """Do the runs that are not on file; returns 0."""
    asked = options("cluster", __doc__, arguments)

    from helpers.datasets import load_digits

    clips = load_digits("real")
    record = load_results("cluster", __doc__)
    for kind, (settings, do) in _kinds(clips).items():
        runs = {name: number for name, (of, number) in plan().items() if of == kind}
        for name, number in missing(record, runs, settings, asked.only).items():
            record["runs"][name] = {**do(clips, number), "settings": settings, **provenance()}
            write_results(record, "cluster")
            print(f"{name}: {record['runs'][name]['seconds']} s", flush=True)
    finish(record, plan(), "cluster", __doc__)
    return 0


def _kinds(clips):
    batches = {"batches": list(BATCHES), "rounds": ROUNDS, "steps": BATCH_STEPS, "data": clips.id}
    batches["workers"] = COUNT
    return {"run": (_settings(clips), run), "batches": (batches, run_batches)}


def _settings(clips):
    return {
        "workers": COUNT,
        "clips": CLIPS,
        "pieces": [PIECE, *PIECES],
        "rounds": ROUNDS,
        "batch": BATCH,
        "steps": STEPS,
        "faults": [FAULT_STEPS, KILL_AT],
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
            result["worker_mb"] = worker_megabytes(client)
            result["features"] = measure_features(client, folder, len(some))
            result["training"] = measure_training(client, folder)
            result["messages"] = measure_messages(client)
            result["faults"] = measure_faults(client, folder, pictures, number)
        result["faults"]["no second try"] = lost_without_retry(folder, pictures)
        result["faults"] |= measure_resuming(folder, number)
    return {**result, "seconds": round(time.monotonic() - began, 1)}


def run_batches(clips, number):
    """A run of the second kind, a dict: seconds of a step by batch and way. Chapter: 8.6"""
    began, some = time.monotonic(), _some(clips)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        distributed.one_thread(),
        distributed.workers(COUNT) as client,
    ):
        distributed.share_sounds(folder, some.audio)
        pictures = warm(client, folder, len(some))
        distributed.share_pictures(folder, pictures, some.labels)
        found = measure_batches(client, folder, seed=number)
    return {**_engine(), "batches": found, "seconds": round(time.monotonic() - began, 1)}


def measure_batches(client, folder, sizes=BATCHES, rounds=ROUNDS, steps=BATCH_STEPS, seed=0):
    """Seconds per step of one network with each batch: {str(batch): {way: [seconds]}}, one process
    and two workers in alternation. Chapter: 8.6
    """
    network, found = NETWORKS[BATCH_NETWORK], {}
    for size in sizes:
        whole = distributed.Training(network, folder, size, shards=1, seed=seed)
        split = distributed.Training(network, folder, size, shards=COUNT, seed=seed)
        whole.here(1), split.by_workers(client, 1)
        found[str(size)] = {ONE: [], WORKERS: []}
        for _ in range(rounds):
            found[str(size)][ONE].append(clock(whole.here, steps)[0] / steps)
            found[str(size)][WORKERS].append(clock(split.by_workers, client, steps)[0] / steps)
    return found


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


def measure_features(client, folder, count, rounds=ROUNDS, sizes=PIECES):
    """Seconds of the pictures of all clips, by one process and by workers, in alternation.

    {"one process", "one worker", "two workers": [seconds], "pieces": {size: [seconds]}, "other":
    clips that are not the same to the last bit}. Chapter: 8.6
    """
    pieces, both = distributed.pieces_of(count, PIECE), distributed.addresses(client)
    found = {ONE: [], WORKER: [], WORKERS: [], "pieces": {str(s): [] for s in sizes}, "other": 0}
    for _ in range(rounds):
        took, here = clock(distributed.extract_here, pieces, folder=folder)
        found[ONE].append(took)
        for way, on in ((WORKER, both[:1]), (WORKERS, both)):
            took, parts = clock(distributed.extract, client, pieces, on, folder=folder)
            found[way].append(took)
            found["other"] += other_clips(parts, here)
        for size in sizes:
            cut = distributed.pieces_of(count, size)
            took, parts = clock(distributed.extract, client, cut, folder=folder)
            found["pieces"][str(size)].append(took)
            found["other"] += other_clips(parts, here)
    return found


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


def measure_training(client, folder, networks=NETWORKS, rounds=ROUNDS, steps=STEPS):
    """Seconds per step of each network: one process, one with two threads, workers; and "update",
    of the optimiser alone. Chapter: 8.6
    """
    from threadpoolctl import threadpool_limits

    found = {}
    for name, network in networks.items():
        whole = distributed.Training(network, folder, BATCH, shards=1)
        split = distributed.Training(network, folder, BATCH, shards=COUNT)
        whole.here(2), split.by_workers(client, 2)
        gradient = np.full(network.size, 1e-3, np.float32)
        found[name] = {ONE: [], THREADS: [], WORKERS: [], "update": []}
        for _ in range(rounds):
            found[name][ONE].append(clock(whole.here, steps)[0] / steps)
            with threadpool_limits(COUNT):
                found[name][THREADS].append(clock(whole.here, steps)[0] / steps)
            found[name][WORKERS].append(clock(split.by_workers, client, steps)[0] / steps)
            found[name]["update"].append(clock(whole.apply, [(0.0, gradient, BATCH)])[0])
    return found


def measure_messages(client, sizes=MESSAGES, rounds=9):
    """Seconds to send so many bytes to each worker at once and get them back. Chapter: 8.6"""
    both = distributed.addresses(client)
    found = {}
    for size in sizes:
        message = np.zeros(size // 4, np.float32)

        exchange(client, message, both)
        found[str(size)] = [clock(exchange, client, message, both)[0] for _ in range(rounds)]
    return found


def exchange(client, message, on):
    """Send a message to each of some workers at once, and get it back from each. Chapter: 8.6"""
    futures = [client.submit(distributed.echo, message, workers=[a], pure=False) for a in on]
    return client.gather(futures)


def measure_faults(client, folder, pictures, seed):
    """Kill a worker in the middle of features and of training; count what is other than without.

    {"pieces", "calls": of the task, "other clips", "other weights"}. Chapter: 8.6
    """
    pieces = distributed.pieces_of(len(pictures), PIECE)
    with tempfile.TemporaryDirectory() as journal:
        parts = distributed.extract(
            client, pieces, watch=killer(client, len(pieces) // 2), folder=folder, journal=journal
        )
        calls = len(list(Path(journal).iterdir()))
    client.wait_for_workers(COUNT)
    network = NETWORKS["convolutions 8"]
    alone = distributed.Training(network, folder, BATCH, seed=seed).here(FAULT_STEPS)
    killed = distributed.Training(network, folder, BATCH, seed=seed)
    killed.by_workers(client, FAULT_STEPS, watch=killer(client, KILL_AT))
    client.wait_for_workers(COUNT)
    return {
        "pieces": len(pieces),
        "calls": calls,
        "other clips": other_clips(parts, pictures),
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

    {"checkpoint": step, "other weights, resumed", "other weights, weights alone"}. Chapter: 8.6
    """
    settings = {"network": NETWORKS["convolutions 8"], "folder": folder, "batch": BATCH}
    settings["seed"] = seed
    whole = distributed.Training(**settings).here(FAULT_STEPS)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "checkpoint.npz"
        step = distributed.kill_while_training(path, KILL_AT, FAULT_STEPS, 5, **settings)
        resumed = distributed.Training(**settings).load(path)
        resumed.save(path, optimiser=False)
        resumed.here(FAULT_STEPS - resumed.step)
        bare = distributed.Training(**settings).load(path)
        bare.here(FAULT_STEPS - bare.step)
    return {
        "checkpoint": step,
        "other weights, resumed": other_numbers(resumed.vector, whole.vector),
        "other weights, weights alone": other_numbers(bare.vector, whole.vector),
    }


if __name__ == "__main__":
    sys.exit(main())
