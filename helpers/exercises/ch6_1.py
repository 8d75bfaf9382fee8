"""Exercises of chapter 6.1."""

import math

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 6.1.1 ---------------------------------------------------------------------------------------


def check_quiet(answer):
    value = number(answer, "false alarms a day")
    if close(value, 0):
        raise Wrong("None was seen in three hours. How many could there be and still none be seen?")
    if close(value, -math.log(0.025) / 3):
        raise Wrong("That is an hour's rate. A day has 24 of them.")
    if close(value, -math.log(0.05) / 3 * 24):
        raise Wrong("That leaves 5 % on one side. The interval leaves 2.5 % on each of two.")
    if close(value, -math.log(0.025) * 24):
        raise Wrong("You have the day's number for one hour without an alarm. There were three.")
    if not close(value, solve_quiet(), 0.01):
        raise Wrong("For which rate $r$ an hour is $e^{-3 r}$, the chance of none, just 0.025?")
    return "Three quiet hours do not promise a quiet day. Ten times as many hours would say more."


def solve_quiet():
    """No event in 3 hours has probability $e^{-3r}$; at the upper end of the interval that is
    0.025, so $r = -\\ln 0.025 / 3$ an hour."""
    return -math.log(0.025) / 3 * 24


# --- 6.1.2 ---------------------------------------------------------------------------------------


def check_wait(answer):
    value = number(answer, "the mean delay in milliseconds")
    if close(value, 0.12):
        raise Wrong("That is right in seconds; milliseconds are asked for.")
    if close(value, 160):
        raise Wrong("That is the longest delay: the word may end anywhere between two answers.")
    if close(value, 40):
        raise Wrong("That is the wait for the first answer. Two in a row are needed.")
    if close(value, 80):
        raise Wrong("On average it takes half a step until the first answer comes, not none.")
    if not close(value, solve_wait()):
        raise Wrong("Half a step until the first answer, on average, and a whole one to the next.")
    return "A step of 40 ms would save 60 of them and double the work of the network."


def solve_wait():
    """The first answer comes after 0 to 80 ms, 40 on average, the second 80 ms later."""
    return 80 / 2 + 80


# --- 6.1.3 ---------------------------------------------------------------------------------------


def check_over(answer):
    over = function(answer)
    cases = (
        ("a pause that is long enough", "1100000", 3, 5),
        ("two short pauses, together long enough", "1001001", 3, None),
        ("a short pause and a long one", "1100110000", 3, 9),
        ("a pause that is too short", "110011", 3, None),
        ("silence only, nobody has spoken", "000000", 3, None),
        ("silence before the first word", "0000110000", 3, 9),
        ("a pause that the end of the sound cuts short", "1100", 3, None),
        ("two pauses that are long enough", "1100010000", 3, 5),
        ("a pause of 2 asked for", "1001", 2, 3),
    )
    for what, text, pause, right in cases:
        frames = np.array([c == "1" for c in text])
        found = over(frames, pause)
        if found is not None:
            found = number(found, what)
        if found is None and right is None:
            continue
        if found is None or right is None or not close(found, right):
            if "before" in what or "nobody" in what:
                raise Wrong("Before anybody has spoken, silence ends nothing.")
            if "together" in what:
                raise Wrong("The count of silent frames begins anew with each frame of speech.")
            if "two pauses" in what and found is not None and close(found, 9):
                raise Wrong("The first pause that is long enough ends it; nobody waits for more.")
            if "asked for" in what:
                raise Wrong("How long the pause must be is said by `pause`.")
            if found is not None and right is not None and close(found, right - 1):
                raise Wrong(
                    "Return how many frames have been heard by then: one more than the index."
                )
            raise Wrong(f"With {what} ({text}) you give {found}; it should be {right}.")
    return "With `pause` you choose between waiting too long and cutting people off."


def solve_over(frames, pause):
    """Count silent frames since the last frame of speech; before the first, count nothing."""
    spoken, silent = False, 0
    for t, frame in enumerate(frames):
        if frame:
            spoken, silent = True, 0
        elif spoken:
            silent += 1
            if silent == pause:
                return t + 1
    return None


def _over_from_the_start(frames, pause):
    silent = 0
    for t, frame in enumerate(frames):
        silent = 0 if frame else silent + 1
        if silent == pause:
            return t + 1
    return None


def _over_never_reset(frames, pause):
    spoken, silent = False, 0
    for t, frame in enumerate(frames):
        spoken = spoken or bool(frame)
        silent += spoken and not frame
        if silent == pause:
            return t + 1
    return None


def _over_index(frames, pause):
    found = solve_over(frames, pause)
    return None if found is None else found - 1


def _over_last(frames, pause):
    ends = [
        t
        for t in range(pause + 1, len(frames) + 1)
        if frames[t - pause - 1] and not np.any(frames[t - pause : t])
    ]
    return ends[-1] if ends else None


def _over_fixed(frames, pause):
    return solve_over(frames, 3)


# --- 6.1.4 ---------------------------------------------------------------------------------------


def check_f1(answer):
    f1 = function(answer)
    said = [{"size": "small", "coffeeDrink": "latte"}, {"coffeeDrink": "mocha"}, {"size": "large"}]
    heard = [
        {"size": "small", "coffeeDrink": "mocha", "roast": "dark roast"},
        {"coffeeDrink": "mocha"},
        {"coffeeDrink": "latte", "roast": "dark roast"},
    ]
    found = number(f1(heard, said), "three orders")
    if close(found, _f1_of_orders(heard, said)):
        raise Wrong("You take the mean over orders. Add the counts of all orders first.")
    if close(found, _recall(heard, said)):
        raise Wrong("That is recall: slots that nobody asked for cost nothing.")
    if close(found, _precision(heard, said)):
        raise Wrong("That is precision: slots that were missed cost nothing.")
    if close(found, _named(heard, said)):
        raise Wrong("A slot is right only if its value is.")
    if not close(found, solve_f1(heard, said)):
        raise Wrong("Two slots are right, four were said and six heard.")
    try:
        empty = number(f1([{}], [{"size": "small"}]), "an order of which nothing was heard")
    except Wrong:
        raise Wrong("Where nothing is right it should be 0; beware of dividing by 0.") from None
    if not close(empty, 0):
        raise Wrong("Where nothing is right it should be 0.")
    return "It is between precision and recall, nearer to the smaller one."


def solve_f1(heard, said):
    """With right, said and heard added up over all orders,
    $F_1 = 2\\,\\text{right} / (\\text{said} + \\text{heard})$."""
    pairs = list(zip(heard, said, strict=True))
    right = sum(h.get(slot) == value for h, s in pairs for slot, value in s.items())
    total = sum(len(h) + len(s) for h, s in pairs)
    return 2 * right / total if total else 0.0


def _f1_of_orders(heard, said):
    return float(np.mean([solve_f1([h], [s]) for h, s in zip(heard, said, strict=True)]))


def _recall(heard, said):
    right = sum(h.get(k) == v for h, s in zip(heard, said, strict=True) for k, v in s.items())
    return right / sum(map(len, said))


def _precision(heard, said):
    right = sum(h.get(k) == v for h, s in zip(heard, said, strict=True) for k, v in s.items())
    return right / max(1, sum(map(len, heard)))


def _named(heard, said):
    right = sum(k in h for h, s in zip(heard, said, strict=True) for k in s)
    return 2 * right / sum(len(h) + len(s) for h, s in zip(heard, said, strict=True))


# --- 6.1.5 ---------------------------------------------------------------------------------------


def check_ceilings(answer):
    ceilings = function(answer)
    for shares in ([0.9, 0.8, 0.5], [0.97, 0.95, 0.8], [1.0, 0.6, 0.9]):
        found = array(ceilings(np.array(shares)), (len(shares),), "the ceilings")
        if close(found, _added(shares)):
            raise Wrong(
                "Errors do not add up: what has failed at one stage never gets to the next."
            )
        if close(found, np.full(len(shares), np.prod(shares))):
            raise Wrong(
                "That is the share as it is now. Put 1 in the place of one stage at a time."
            )
        if close(found, _up_to(shares)):
            raise Wrong(
                "The stages that come before the perfect one still fail as often as before."
            )
        if not close(found, solve_ceilings(np.array(shares))):
            raise Wrong(f"For {shares} each ceiling is the product of the other shares.")
    with np.errstate(all="ignore"):
        found = np.asarray(ceilings(np.array([0.9, 0.0, 0.5])), dtype=float)
    if not np.all(np.isfinite(found)):
        raise Wrong("A share can be 0, and then there is nothing to divide by.")
    if not close(found, solve_ceilings(np.array([0.9, 0.0, 0.5]))):
        raise Wrong("Where one stage lets nothing through, only its own ceiling is above 0.")
    return "Work on the stage with the highest ceiling first."


def solve_ceilings(shares):
    """The product of all shares but one's own; dividing the whole product by a share would fail
    where that share is 0."""
    return np.array([np.prod(np.delete(shares, i)) for i in range(len(shares))])


def _added(shares):
    return 1 - (np.sum(1 - np.array(shares)) - (1 - np.array(shares)))


def _up_to(shares):
    return np.array([np.prod(shares[i + 1 :]) for i in range(len(shares))])


def _divided(shares):
    return np.prod(shares) / shares


def _as_it_is(shares):
    return np.full(len(shares), np.prod(shares))


# --- 6.1.6 ---------------------------------------------------------------------------------------


def check_dialogue(answer):
    dialogue = function(answer)
    drink, size = {"coffeeDrink": "latte"}, {"size": "small"}
    cases = (
        ("a complete order", [drink], (drink, 0)),
        ("a size first, then the drink", [size, drink], ({**size, **drink}, 1)),
        (
            "a change of mind",
            [{"size": "large"}, {"size": "small", **drink}],
            ({"size": "small", **drink}, 1),
        ),
        ("never a drink", [size, {}, {}], (None, 2)),
        ("two turns that say nothing, then all", [{}, {}, drink], (drink, 2)),
        ("more said than was needed", [drink, size], (drink, 0)),
        ("a drink in the fourth turn", [{}, {}, {}, drink], (None, 2)),
        ("one turn, and no drink", [size], (None, 0)),
    )
    for what, turns, right in cases:
        given = [dict(turn) for turn in turns]
        found = dialogue(given)
        if not isinstance(found, tuple) or len(found) != 2:
            raise Wrong(
                "Return two things: the slots (or None), and how many questions were asked."
            )
        if given != turns:
            raise Wrong("The turns you were given have changed. Collect the slots in a new dict.")
        if found == right:
            continue
        if what == "a size first, then the drink" and found[0] == drink:
            raise Wrong("What was said in an earlier turn is forgotten.")
        if what == "a change of mind":
            raise Wrong("What is said later counts.")
        if what == "never a drink" and found[1] == 3:
            raise Wrong("After the third turn it gives up: that is not a question any more.")
        if what == "a drink in the fourth turn":
            raise Wrong("After three turns without a drink it gives up, whatever comes then.")
        if what == "one turn, and no drink":
            raise Wrong("Only a question that was answered by another turn counts.")
        if what == "more said than was needed":
            raise Wrong("As soon as there is a drink, the order is taken and nobody listens.")
        raise Wrong(f"With {what} you give {found}; it should be {right}.")
    return "Now put it to use: the text says how."


def solve_dialogue(turns):
    """Slots are collected turn by turn; the first turn after which there is a drink ends it, and
    so does the last of three."""
    slots = {}
    for questions, turn in enumerate(turns[:3]):
        slots.update(turn)
        if "coffeeDrink" in slots:
            return slots, questions
    return None, min(2, max(0, len(turns) - 1))


def _forgets(turns):
    for questions, turn in enumerate(turns[:3]):
        if "coffeeDrink" in turn:
            return dict(turn), questions
    return None, 2


def _first_counts(turns):
    slots = {}
    for questions, turn in enumerate(turns[:3]):
        slots = {**turn, **slots}
        if "coffeeDrink" in slots:
            return slots, questions
    return None, 2


def _asks_again(turns):
    slots, asked = {}, 0
    for turn in turns[:3]:
        slots = {**slots, **turn}
        if "coffeeDrink" in slots:
            return slots, asked
        asked += 1
    return None, asked


def _never_gives_up(turns):
    slots = {}
    for questions, turn in enumerate(turns):
        slots = {**slots, **turn}
        if "coffeeDrink" in slots:
            return slots, questions
    return None, min(2, max(0, len(turns) - 1))


def _asks_into_the_void(turns):
    slots, count = solve_dialogue(turns)
    return slots, (2 if slots is None else count)


def _hears_all(turns):
    slots = {}
    for turn in turns[:3]:
        slots = {**slots, **turn}
    first = next((i for i, t in enumerate(turns[:3]) if "coffeeDrink" in t), 2)
    return (slots if "coffeeDrink" in slots else None), first


EXERCISES = (
    Exercise(
        id="6.1.1",
        title="Three quiet hours",
        check=check_quiet,
        hints=(
            "Alarms that come independently at rate $r$ leave $t$ hours quiet with probability "
            "$e^{-rt}$.",
            "At the upper end of the interval that probability is 0.025. Mind the unit that is "
            "asked for.",
        ),
        solution=solve_quiet,
        wrong_answers=(
            (0.0, "still none be seen"),
            (-math.log(0.025) / 3, "A day has 24"),
            (-math.log(0.05) / 3 * 24, "each of two"),
            (-math.log(0.025) * 24, "There were three"),
        ),
    ),
    Exercise(
        id="6.1.2",
        title="How long until it wakes?",
        check=check_wait,
        hints=(
            "How long is it to the next answer if the word ends just after one? And just before?",
            "The first wait is evenly spread between these two; what comes after it is always the "
            "same.",
        ),
        solution=solve_wait,
        wrong_answers=(
            (0.12, "in seconds"),
            (160.0, "longest delay"),
            (40.0, "Two in a row"),
            (80.0, "half a step"),
        ),
    ),
    Exercise(
        id="6.1.3",
        title="Is it over?",
        asks="function",
        check=check_over,
        hints=(
            "Go through the frames with two variables: has anybody spoken, and for how many frames "
            "has nobody?",
            "`for t, frame in enumerate(frames)`: a frame of speech sets the count back to 0.",
        ),
        solution=solve_over,
        wrong_answers=(
            (_over_from_the_start, "ends nothing"),
            (_over_never_reset, "begins anew"),
            (_over_index, "one more than the index"),
            (_over_last, "nobody waits"),
            (_over_fixed, "is said by"),
        ),
    ),
    Exercise(
        id="6.1.4",
        title="Slots, counted",
        asks="function",
        check=check_f1,
        hints=(
            "`heard.get(slot) == value` holds for a slot that was heard as it was said.",
            "Three sums over all orders: right, said, heard. Which of them can be 0?",
        ),
        solution=solve_f1,
        wrong_answers=(
            (_f1_of_orders, "mean over orders"),
            (_recall, "recall"),
            (_named, "only if its value is"),
            (lambda heard, said: 2.0, "four were said"),
        ),
    ),
    Exercise(
        id="6.1.5",
        title="Where to work first",
        asks="function",
        check=check_ceilings,
        hints=(
            "What share of calls would get through if the first stage never failed?",
            "Which of the shares are still in the product, and which one is not?",
        ),
        solution=solve_ceilings,
        wrong_answers=(
            (_added, "do not add up"),
            (_as_it_is, "as it is now"),
            (_up_to, "still fail"),
            (_divided, "nothing to divide by"),
        ),
    ),
    Exercise(
        id="6.1.6",
        title="Project: ask back",
        asks="function",
        check=check_dialogue,
        hints=(
            "Keep one dictionary through all turns. What must happen to a slot that is named "
            "twice?",
            "How many turns are heard at most, and how many questions lie between them?",
        ),
        solution=solve_dialogue,
        wrong_answers=(
            (_forgets, "forgotten"),
            (_first_counts, "later counts"),
            (_asks_again, "gives up"),
            (lambda turns: 0, "two things"),
            (_never_gives_up, "whatever comes then"),
            (_asks_into_the_void, "answered by another turn"),
        ),
    ),
)
