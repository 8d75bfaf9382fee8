"""Runs of an experiment: side by side in processes of one core, scored by speaker."""

from __future__ import annotations

import argparse
import multiprocessing
import os

import numpy as np

from helpers.experiments._record import provenance, write_results


def options(name, about, arguments=None):
    """What the command line of `python -m helpers.experiments.<name>` asks for. Chapter: 5.2"""
    parser = argparse.ArgumentParser(
        prog=f"python -m helpers.experiments.{name}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="runs at a time, one core each"
    )
    parser.add_argument("--only", default="", help="only runs whose name contains this")
    return parser.parse_args(arguments)


def finish(record, runs, name, about):
    """Write `record` with the runs on file in the order of `runs`, and no others. Chapter: 5.2"""
    record["runs"] = {run: record["runs"][run] for run in runs if run in record["runs"]}
    record["about"] = " ".join(about.split())
    write_results(record, name)


def do_runs(run, jobs, record, name, settings, workers):
    """Do `jobs` as `in_parallel` does; put each into `record` and its results file as it finishes.

    A run's result, a dict, is kept with `settings` and where and when it was made, and what it has
    of "accuracy", "nats" and "seconds" is printed; `name` as in `write_results`. Chapter: 5.2
    """
    for job, result in in_parallel(run, jobs, workers):
        record["runs"][job] = {**result, "settings": settings, **provenance()}
        write_results(record, name)
        scores = {"accuracy": "{:.2%}", "nats": "{:.4f} nats", "seconds": "{:.0f} s"}
        shown = [text.format(result[key]) for key, text in scores.items() if key in result]
        print(f"{job}: {', '.join(shown) or 'done'}", flush=True)


def in_parallel(run, jobs, workers):
    """Call `run(*arguments)` for each of `jobs`, {name: arguments}; yield (name, result) as done.

    At most `workers` at a time, each in a process of its own (TensorFlow keeps the graphs of all
    networks that a process has trained) that computes on one core. Chapter: 5.2
    """
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    spawn = multiprocessing.get_context("spawn")
    tasks = [(name, run, arguments) for name, arguments in jobs.items()]
    if not tasks:
        return
    with spawn.Pool(workers, maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(_call, tasks)


def _call(task):
    name, run, arguments = task
    return name, run(*arguments)


def scored(model, clips):
    """{"accuracy": fraction, "by_speaker": {speaker: [right, clips]}} of a digit recogniser.

    Chapter: 5.2
    """
    from helpers.models.digits import logits_of

    right = logits_of(model, clips).argmax(axis=1) == clips.labels
    return {
        "accuracy": round(float(right.mean()), 5),
        "by_speaker": {
            str(s): [int(right[clips.speakers == s].sum()), int((clips.speakers == s).sum())]
            for s in np.unique(clips.speakers)
        },
    }


def missing(record, runs, settings, only=""):
    """Those of `runs` ({name: …}) whose name contains `only` and that are not on file with these
    settings. Chapter: 5.2
    """
    on_file = record["runs"]
    return {
        name: run
        for name, run in runs.items()
        if only in name and on_file.get(name, {}).get("settings") != settings
    }


def provenance_of(runs):
    """ "Measured <last date>, commit …, machine, versions" of runs; every commit. Chapter: 5.2"""
    last = max(runs, key=lambda run: run["date"])
    commits = list(dict.fromkeys(f"`{run['commit']}`" for run in runs))
    named = f"commit {commits[0]}" if len(commits) == 1 else f"commits {' and '.join(commits)}"
    return f"Measured {last['date']}, {named}, {last['machine']}, {last['versions']}."
