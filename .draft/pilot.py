"""A short pilot of one run: python .draft/pilot.py [speaker] [steps] [clips of each digit]."""

import json
import sys
import time

from helpers.experiments import transparency as t

speaker = sys.argv[1] if len(sys.argv) > 1 else "yweweler"
t.STEPS = int(sys.argv[2]) if len(sys.argv) > 2 else 250
t.BEEP_STEPS = int(sys.argv[4]) if len(sys.argv) > 4 else t.STEPS
t.PER_DIGIT = int(sys.argv[3]) if len(sys.argv) > 3 else 1

for name in (
    "train_plain",
    "draw_maps",
    "_baselines",
    "_likeness",
    "_removal",
    "_probes",
    "_cue",
):

    def timed(*a, _f=getattr(t, name), _n=name, **k):
        began = time.monotonic()
        out = _f(*a, **k)
        print(f"{_n}: {time.monotonic() - began:.1f} s", flush=True)
        if _n.startswith("_"):
            print(json.dumps(out), flush=True)
        return out

    setattr(t, name, timed)
began = time.monotonic()
result = t._run(speaker)
print(time.monotonic() - began)
json.dump(result, open(".draft/pilot.json", "w"), indent=1)
print(json.dumps({k: result[k] for k in ("accuracy", "accuracies", "clips", "seconds")}))
