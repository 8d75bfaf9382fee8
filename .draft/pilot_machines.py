"""Detectors on all machines; each recipe on fold 0: seconds, training fit, area."""
import time, sys
import numpy as np
from helpers import machines
from helpers.experiments import generalisation as g
from helpers.privacy import auc
t=time.time(); clips=machines.make(); print("make", round(time.time()-t,1), len(clips), flush=True)
chosen = np.ones(len(clips),bool)
from helpers.models.machines import RECIPES, powers, train_on_machines, damage_scores
away = clips.machines % 4 == 0
steps=int(sys.argv[1])
for name in (sys.argv[2:] or RECIPES):
    r=RECIPES[name]; p=powers(clips, r.front_end); t=time.time()
    net,h=train_on_machines(p[~away], clips.labels[~away], r, steps, 0)
    s=damage_scores(net,p); 
    test=away&chosen
    print(name, "s", round(time.time()-t,1), "loss", [round(x,2) for x in h.loss], "train auc", round(auc(s[~away],clips.labels[~away]==1),3), "test machines", round(np.mean(g.areas_by_machine(s[away],clips.subset(away),chosen[away])),3), "together", round(auc(s[test],clips.labels[test]==1),3), flush=True)
