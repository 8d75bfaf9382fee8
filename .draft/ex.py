from helpers import exercises
for e in exercises.of_chapter("8.5")[:5]:
    d=e.given(); r=exercises._examine(e,e.right_answer(),d); print(e.id,r.status,r.message[:80])
    for a,f in e.wrong_answers:
        r=exercises._examine(e,a,e.given()); print("  ",r.status, f in r.message, r.message[:90])
