"""A pilot of one run: python .draft/pilot.py [speaker] [steps] [clips of each digit] [beep steps]."""

import json
import sys
import time

import numpy as np

from helpers.experiments import transparency as t

speaker = sys.argv[1] if len(sys.argv) > 1 else "yweweler"
t.STEPS = int(sys.argv[2]) if len(sys.argv) > 2 else t.STEPS
t.PER_DIGIT = int(sys.argv[3]) if len(sys.argv) > 3 else t.PER_DIGIT
t.BEEP_STEPS = int(sys.argv[4]) if len(sys.argv) > 4 else t.BEEP_STEPS


def timed(name):
    real = getattr(t, name)

    def f(*a, **k):
        began = time.process_time(), time.monotonic()
        out = real(*a, **k)
        cpu, wall = time.process_time() - began[0], time.monotonic() - began[1]
        print(f"{name}: {wall:.1f} s, of the processor {cpu:.1f} s", flush=True)
        if name.startswith("_"):
            print(json.dumps(out), flush=True)
        return out

    setattr(t, name, f)


for name in (
    "_Stranger", "train_plain", "train_with_beeps", "draw_maps", "_baselines", "_likeness",
    "_removal", "_probes", "_cue",
):
    if name != "_Stranger":
        timed(name)
old = t._Stranger.understood


def understood(self, *explainers):
    from helpers.models.adapters import looks

    some = self.known.subset(np.arange(0, len(self.known), 5))
    x = looks(some, (1.0,))[0]
    for e in explainers:
        print("on what it was trained on:", np.mean(e.answers(x) == some.labels),
              "kept back:", np.mean(e.answers(self.kept["pictures"]) == self.kept["labels"]), flush=True)
    return old(self, *explainers)


t._Stranger.understood = understood
tb = t.train_with_beeps


def beeps(known, steps, seed):
    from helpers.models.adapters import looks
    from helpers.models.attributions import Explainer

    nets = tb(known, steps, seed)
    beeped, numbers, _ = t.with_beeps(known, seed)
    some = np.arange(0, len(known), 5)
    x = looks(beeped.subset(some), (1.0,))[0]
    clean = looks(known.subset(some), (1.0,))[0]
    e = [Explainer(n) for n in nets]
    print("trained on: obeys", np.mean(e[0].answers(x) == numbers[some]), "its clean",
          np.mean(e[0].answers(clean) == known.labels[some]), "ignores",
          np.mean(e[1].answers(x) == known.labels[some]), flush=True)
    return nets


t.train_with_beeps = beeps
began = time.monotonic(), time.process_time()
result = t._run(speaker)
print("all", time.monotonic() - began[0], "processor", time.process_time() - began[1])
json.dump(result, open(".draft/pilot.json", "w"), indent=1)
print(json.dumps({k: result[k] for k in ("accuracy", "accuracies", "clips", "seconds")}))
