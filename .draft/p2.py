import numpy as np
from helpers import machines as m
from helpers.privacy import auc
c=m.make(12,6)
k=np.array([m.kurtosis(x) for x in c.audio]); b=np.array([m.bearing_score(x,8000,f,o) for x,f,o in zip(c.audio,c.shafts,c.orders)])
for n,s in (("kurt",k),("bearing",b)):
    print(n, [round(auc(s[c.machines==i],c.labels[c.machines==i]==1),2) for i in range(12)], "together", round(auc(s,c.labels==1),3))
print([m.machine(i).knocks for i in range(12)])
