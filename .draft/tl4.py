import tests.helpers.test_shifts as a, pyroomacoustics
for c in ("noise 10 dB","strange noise","telephone","fading","holes","fast","as recorded"):
    a.test_a_condition_is_the_same_each_time_and_changes_each_clip_in_its_own_way(c); print("ok",c)
for s in (20,0): a.test_noise_is_as_far_below_as_its_name_says(s)
import time; t=time.time(); a.test_a_room_keeps_its_tail(); print("room",time.time()-t)
