import sys, types, time
import numpy as np
st=types.ModuleType("helpers.models.ablation"); st.VARIANTS=("none","all")
import helpers
m=types.ModuleType("helpers.models"); m.ablation=st; m.__path__=[]
sys.modules["helpers.models"]=m; sys.modules["helpers.models.ablation"]=st
import tests.helpers.test_generalisation as a
def rec(): return {"runs": {"without a": a.run(40, 10), "without b": a.run(45, 20)}}
for n in dir(a):
    if n.startswith("test_"):
        f=getattr(a,n)
        try: f(*([rec()] if f.__code__.co_argcount else [])); print("ok",n)
        except Exception as e: print("FAIL",n,repr(e)[:400])
import tests.helpers.test_machines as b
for n in ("test_orders_are_not_whole_numbers","test_a_steady_tone_has_no_envelope_to_speak_of","test_the_score_is_high_at_the_right_rate_only","test_kurtosis_of_what_is_known","test_silence_and_bad_bands_are_refused"):
    s=time.time()
    try: getattr(b,n)(); print("ok",n,round(time.time()-s,2))
    except Exception as e: print("FAIL",n,repr(e)[:400])
for r in (47.0,83.0,140.0): b.test_the_envelopes_spectrum_peaks_at_the_rate_of_the_impacts(r)
