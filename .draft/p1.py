import numpy as np, time
from helpers import machines as m
t=time.time()
c=m.make(8,4)
print(time.time()-t)
for i in range(len(c)):
    x=c.audio[i]
    print(c.machines[i], c.labels[i], f"knock={m.machine(c.machines[i]).knocks} f={c.shafts[i]:.1f} o={c.orders[i]:.2f} k={m.kurtosis(x):.2f} b={m.bearing_score(x,8000,c.shafts[i],c.orders[i]):.2f}")
print(time.time()-t)
