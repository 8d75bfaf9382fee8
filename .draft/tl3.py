import time
import tests.helpers.test_machines as b
import scipy.signal
s=time.time()
for n in ("test_the_same_seed_gives_the_same_machines","test_a_larger_set_begins_with_the_smaller_one","test_the_tachometer_is_near_the_machines_speed","test_subsets_keep_columns_together","test_columns_must_be_as_long_as_the_clips","test_damage_is_heard_at_the_bearings_rate"):
    try: getattr(b,n)(); print("ok",n,round(time.time()-s,2))
    except Exception as e: print("FAIL",n,repr(e)[:400])
