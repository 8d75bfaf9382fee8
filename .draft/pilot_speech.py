"""jackson left out: none and all, seconds, curves, conditions."""
import sys, time
import numpy as np
from dataclasses import replace
t=time.time()
from helpers.experiments import generalisation as g
from helpers.datasets import load_digits
from helpers.models import ablation, digits
from helpers import shifts
clips=load_digits("real",quiet=True); who="jackson"; steps=int(sys.argv[1]); variants=sys.argv[2:] or ["none","all"]
other=clips.speakers==who
print("load", round(time.time()-t,1)); t=time.time()
lesson=digits.pictures(clips.subset(~other&(clips.takes>=10)), ablation.FULL); print("pictures", round(time.time()-t,1)); t=time.time()
asked={"home":g._Asked(clips.subset(~other&(clips.takes<5)),shifts.CONDITIONS),"stranger":g._Asked(clips.subset(other&(clips.takes<25)),shifts.CONDITIONS)}
known=clips.subset(~other&(clips.takes>=5)&(clips.takes<10)); tuning=g._Asked(known,(shifts.CONDITIONS[0],g.CHOSEN_IN))
print("conditions", round(time.time()-t,1), flush=True)
for v in variants:
    curve=[]
    def observe(n,step): curve.append((step,*[a.right(n,"as recorded") for a in asked.values()]))
    t=time.time(); net,h=ablation.train(replace(lesson,augmentation=ablation.programme(v)),steps,0,observe,every=steps//5)
    print(v, "train s", round(time.time()-t,1), "loss", [round(x,2) for x in h.loss], curve, flush=True); t=time.time()
    for c in shifts.CONDITIONS: print(f"  {c:14s} home {asked['home'].right(net,c)/2.5:5.1f} stranger {asked['stranger'].right(net,c)/2.5:5.1f}")
    print("  ask s", round(time.time()-t,1)); t=time.time()
    T,cal=g._calibrated(net,tuning,asked); print("  T",T,"cal s",round(time.time()-t,1), cal["home"]["as recorded"], {c:x for c,x in cal["stranger"].items()}, flush=True)
