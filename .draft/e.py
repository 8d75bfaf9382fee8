p="helpers/experiments/advice.py"; s=open(p).read()
def sub(a,b,n=1):
    global s
    assert s.count(a)==n,(s.count(a),a); s=s.replace(a,b)
sub('''CHORDS = 2
"""Chords in a passage that counts as another."""
''','''DRAWN = 48
"""Chords among which it is counted how many differ."""
''')
sub('''def of_groups(pieces, given=GIVEN):
    """Variety and broken rules of what was written, group by group, the opening left out.

    {"variety": per cent of the passages of CHORDS chords that differ, "breaks": per 100 chord
    changes, each a list}. Chapter: 2.5
    """
    from helpers.compose import break_rate, variety

    groups = in_groups([piece[given:] for piece in pieces])
    return {
        "variety": [round(100 * variety(group, CHORDS), 3) for group in groups],
''','''def kinds_of_chords(piece):
    """What each chord of a piece, int (T, 4), consists of: a list of tuples.

    The pitch classes above the bass, however they are spread over octaves and voices; voices that
    are silent are left out, and without a bass the kind is (). A chord begins when a voice changes.

    Chapter: 2.5
    """
    from helpers.compose import chords

    return [tuple(sorted({int(a) % 12 for a in row if a != 99})) for row in chords(piece)[:, :3]]


def different(kinds, drawn=DRAWN):
    """How many of `drawn` items are of different kinds, if drawn without putting back: a share.

    The mean over all draws, so what was written in more chords is not at a disadvantage. Raises
    ValueError for fewer than `drawn` items.

    Chapter: 2.5
    Source: [hurlbert1971nonconcept]
    """
    from collections import Counter as Tally

    from scipy.special import gammaln

    n = len(kinds)
    if n < drawn:
        raise ValueError(f"{n} chords are fewer than the {drawn} to draw: compare longer pieces")
    others = n - np.array(list(Tally(kinds).values()))
    some = others[others >= drawn]  # kinds that may be missed
    missed = gammaln(some + 1) - gammaln(some - drawn + 1) - gammaln(n + 1) + gammaln(n - drawn + 1)
    return float(len(others) - np.exp(missed).sum()) / drawn


def of_groups(pieces, given=GIVEN):
    """Variety and broken rules of what was written, group by group, the opening left out.

    {"variety": how many of DRAWN chords differ, in per cent, "breaks": per 100 chord changes, each
    a list}. Raises as `in_groups` and `different`. Chapter: 2.5
    """
    from helpers.compose import break_rate

    groups = in_groups([piece[given:] for piece in pieces])
    kinds = [[kind for piece in group for kind in kinds_of_chords(piece)] for group in groups]
    return {
        "variety": [round(100 * different(of_group), 3) for of_group in kinds],
''')
sub('{GROUP} {CHORDS} {TEMP','{GROUP} {DRAWN} {TEMP')
sub('(per cent of passages that differ, and\n    breaks of rules, of which fewer are a gain; for each group of pieces)','(per cent of chords that differ, and\n    breaks of rules, of which fewer are a gain; for each group of pieces)') if '(per cent of passages that differ, and\n    breaks' in s else print("wording!")
open(p,"w").write(s)
p="book/faq.yml"; s=open(p).read()
sub("Passages of two chords that differ, percentage points more, counting models","Kinds of chords among 48 that are drawn from eight pieces, percentage points of 48 more")
open(p,"w").write(s)
p="tests/helpers/test_advice.py"; s=open(p).read()
sub('''def test_being_told_the_mode''','''def test_kinds_of_chords_do_not_know_octaves_and_voices():
    close, spread = [72, 67, 64, 60], [79, 76, 60, 48]
    piece = np.array([close, close, spread, [72, 69, 65, 60], [72, 69, 65, -1]])
    kinds = advice.kinds_of_chords(piece)
    assert kinds == [(0, 4, 7), (0, 4, 7), (0, 5, 9), ()]


def test_how_many_differ_does_not_hang_on_how_many_there_are():
    assert advice.different([1, 2, 3, 4], 3) == pytest.approx(1.0)
    assert advice.different([1, 1, 1, 1], 2) == pytest.approx(0.5)
    # of the six pairs of a a b b four differ
    assert advice.different(list("aabb"), 2) == pytest.approx((4 * 2 + 2 * 1) / 6 / 2)
    few = np.random.default_rng(0).integers(0, 20, 200).tolist()
    many = np.random.default_rng(1).integers(0, 20, 20000).tolist()
    assert advice.different(few, 30) == pytest.approx(advice.different(many, 30), abs=0.03)
    with pytest.raises(ValueError, match="fewer"):
        advice.different([1, 2], 3)


def test_being_told_the_mode''')
open(p,"w").write(s)
