import inspect, sys, time
import numpy as np
sys.argv=["x"]
import tests.helpers.test_shifts as a
t=time.time()
for f in ("test_another_seed_is_another_noise","test_a_telephone_lets_the_middle_pass_and_nothing_else","test_fading_ends_as_low_as_asked","test_holes_are_as_long_as_asked","test_fast_speech_is_shorter_and_higher","test_an_unknown_condition_is_refused","test_a_codec_gives_back_as_many_samples"):
    s=time.time()
    try: getattr(a,f)(); print("ok",f,round(time.time()-s,2))
    except Exception as e: print("FAIL",f,repr(e)[:300])
