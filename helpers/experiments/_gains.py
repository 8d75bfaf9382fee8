"""What interventions gained in the experiments on file: `python -m helpers.experiments._gains`.

The page of questions and answers ranks them beside the claims of the chapters. Each gain is one
number per unit of replication, from an experiment's own summary of its results file; the interval
is the one that verdicts have. The module prints all as JSON, which the build tool reads. A new
experiment joins by a function here and its name in GAINS.
"""

from __future__ import annotations

import json
from functools import cache, partial

import numpy as np

from helpers.experiments._record import load_results
from helpers.verdict import interval


def restoration_gains():
    """SI-SDR gained in noises never met, in dB, a value for each of ten kinds of noise.

    {method: (10,) float}, means of 8 clips at 0, 5 and 10 dB less those of the noisy clips; the
    ideal ratio mask, which knows the speech, says what is left to gain. Raises KeyError while runs
    are missing.

    Chapter: 6.3
    """
    from helpers.experiments import restoration

    found = _summary("restoration")
    scores = found["scores"]
    noisy = scores["noisy"]["unknown"]["si_sdr"]
    of_class = [found["classes"] == c for c in range(10)]
    return {
        method: np.array(
            [_gain(scores[method]["unknown"]["si_sdr"], noisy, own) for own in of_class]
        )
        for method in (*restoration.CLASSICAL[1:], "signal mask")
    }


def sound_gains():
    """Accuracy on ESC-10 above that of the nearest mean, in points, a value for each fold.

    {method: (5,) float}, means over the seeds. Raises KeyError while runs are missing.

    Chapter: 6.4
    """
    from helpers.experiments import sounds

    accuracy = _summary("sounds")["accuracy"]
    return {name: 100 * (accuracy[name] - accuracy["nearest mean"]) for name in sounds.METHODS[2:]}


def data_gains():
    """Accuracy on strangers with most clips less that with fewest, in points, for each speaker.

    {architecture: (6,) float}, means over the seeds. Raises KeyError while runs are missing.

    Chapter: 4.4
    """
    from helpers.experiments import strengths

    curves = _summary("strengths")["curve"]
    few, many = strengths.CLIPS[0], strengths.CLIPS[-1]
    return {
        name: np.array([curves[name][many][s] - curves[name][few][s] for s in curves[name][few]])
        for name in strengths.LEARNING_RATES
    }


def advice_gains(family):
    """What the usual advice gained, as far as its runs are on file: see `advice.gains`.

    Chapter: 2.5
    """
    from helpers.experiments import advice

    return advice.gains(load_results("advice"), family)


GAINS = {
    "restoration": (restoration_gains, "kind of noise", "6.3"),
    "sounds": (sound_gains, "fold", "6.4"),
    "data": (data_gains, "speaker", "4.4"),
    "advice on digits": (partial(advice_gains, "digits"), "speaker", "5.2"),
    "advice on strings": (partial(advice_gains, "strings"), "speaker", "5.3"),
    "advice on sounds": (partial(advice_gains, "sounds"), "fold", "6.4"),
    "advice on writing": (partial(advice_gains, "writing"), "group of pieces", "6.2"),
    "advice on foretelling": (partial(advice_gains, "foretelling"), "piece", "6.2"),
}
"""Each experiment's function, its unit of replication and the chapter that explains it."""


def all_gains(experiments=None):
    """The gains of all experiments whose runs are complete, JSON-like.

    {"experiment: method": {"mean", "low", "high": floats, "n": int, "unit", "chapter": str}}.
    `experiments` takes the place of GAINS. Raises ValueError for a gain that is not finite.

    Chapter: 2.5
    """
    found = {}
    for name, (function, unit, chapter) in (experiments or GAINS).items():
        try:
            gains = function()
        except KeyError:
            continue
        for method, values in gains.items():
            low, high = interval(values)
            found[f"{name}: {method}"] = {
                "mean": float(np.mean(values)),
                "low": low,
                "high": high,
                "n": len(values),
                "unit": unit,
                "chapter": chapter,
            }
    return found


@cache
def _summary(name):
    from importlib import import_module

    return import_module(f"helpers.experiments.{name}").summary(load_results(name))


def _gain(after, before, chosen):
    return float((after - before)[chosen].mean())


if __name__ == "__main__":
    print(json.dumps(all_gains()))
