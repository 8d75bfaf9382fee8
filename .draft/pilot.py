import time,sys,json
from helpers.experiments import advice as a
if __name__=="__main__":
    t=time.time(); kind=sys.argv[1]
    def log(x): print(kind, round(time.time()-t,1), x, flush=True)
    if kind=="digits":
        vs=sys.argv[2].split(";")
        t0=time.time(); r=a._digits(vs,["george","jackson"],dict.fromkeys(vs,a.RATES),99); log(json.dumps(r))
    if kind=="sounds":
        vs=sys.argv[2].split(";")
        r=a._sounds(vs,[1,2],dict.fromkeys(vs,a.RATES),99); log(json.dumps(r))
    if kind=="strings":
        r=a._strings("george",99,0); log(json.dumps(r))
    if kind=="music":
        import helpers.datasets as d
        real=d.load_chorales
        class V: pass
        def fake(*x,**k):
            c=real(*x,**k); v=V(); v.train=c.train; v.test=c.valid; v.valid=c.test; return v
        d.load_chorales=fake
        import numpy as np
        for k in sys.argv[2].split(";"):
            t1=time.time(); r=a._music(k,99,3e-3); log((k,round(time.time()-t1,1),{m:(np.round(np.mean(v),3),np.round(np.std(v),3)) for m,v in r.items() if isinstance(v,list)}, {m:v for m,v in r.items() if not isinstance(v,list)}))
