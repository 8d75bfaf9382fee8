"""A whole run on untrained networks: does it go through? Numbers mean nothing."""
import json, time
import numpy as np
from helpers.experiments import transparency as t
from helpers.models import digits
from helpers.models.cnn import digit_cnn

def net(k=None):
    n = digit_cnn(digits.FRAMES, 32)
    if k is not None:
        w = n.get_weights(); w[-1][k] = 9; n.set_weights(w)
    return n

t.train_plain = lambda *a, **k: net()
t.train_with_beeps = lambda *a: [net(2), net(7)]
t._Stranger.understood = lambda self, *e: np.arange(3)
b = time.time()
r = t._run("yweweler", 5)
print(len(json.dumps(r)), time.time() - b)
print(json.dumps({k: r[k] for k in ("baseline", "likeness", "cue", "probes")}))
print({n: {f: list(v)[:9] for f, v in x.items()} for n, x in r["removal"].items()})
