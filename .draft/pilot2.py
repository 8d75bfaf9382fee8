import numpy as np
import helpers.datasets as d
from helpers.experiments import advice as a
from helpers.compose import compose, temper
from helpers.counting import Counter
c = d.load_chorales("real", quiet=True)
if __name__ == "__main__":
    g = a.boards(c.valid); rng = np.random.default_rng(99); m = Counter(c.train, c.test)
    out = {"Bach": list(g["Bach"])}
    for k, h, b in (("cool",.7,"opening"),("opening",None,"opening"),("warm",1.3,"opening")):
        out[k] = list(compose(m, g[b], rng, h and (lambda p: temper(p, h)))[0])
    for k, ps in out.items():
        gr = [[x for p in q for x in a.kinds_of_chords(p[16:])] for q in a.in_groups(ps)]
        print(k, [len(x) for x in gr], [round(100*a.different(x),1) for x in gr], flush=True)
