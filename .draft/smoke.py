"""All parts of a run but training, on untrained networks: are the paths sound? Numbers mean nothing."""

import json, time
import numpy as np
from helpers.experiments import transparency as t
from helpers.models import digits
from helpers.models.attributions import Explainer
from helpers.models.cnn import digit_cnn

t.PATHS = (4, 8)
t.pitch_of = lambda x: float(np.log2(100 + len(x) % 50))
b = time.monotonic()


def lap(n, v=""):
    print(f"{n}: {time.monotonic() - b:.1f} s", v, flush=True)


p = t._Stranger("yweweler")
lap("clips")
nets = [digit_cnn(digits.FRAMES, 32) for _ in range(3)]
e = [Explainer(n) for n in nets]
x, y = p.pictures[:2], p.mine.labels[:2]
lap("understood", p.understood(e[0])[:5].tolist())
maps = [t.draw_maps(k, x, y) for k in e]
lap("maps", {k: v.shape for k, v in maps[0].items()})
lap("sums", t._sums(e[0], x, y))
lap("baselines", t._baselines(e[0], p, x, y, maps[0]))
lap("probes", json.dumps(t._probes(e[:2], p)))
r = t._removal(e[0], x, y, maps[0])
lap("removal", json.dumps(r["silence"]))
t.train_with_beeps = lambda *a: nets[:2]
lap("likeness", json.dumps(t._likeness(e[0], p, x, y, maps)))
c, n, cells = t.with_beeps(p.mine, 1)
lap("beeps", cells.sum(axis=(1, 2)).mean())
