"""Verdicts: intervals known by hand, outcomes, records, boxes."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.verdict import MIME, Verdict, VerdictChanged, decide, interval, verdict

STATED = {
    "claim": "Random-split accuracy overstates accuracy on an unseen speaker.",
    "metric": "accuracy, percentage points",
    "comparison": "random split − held-out speaker",
    "unit": "speaker",
}


def judge(differences, smallest_effect=5.0, **more):
    return verdict(
        "5.1-split", **{**STATED, **more}, differences=differences, smallest_effect=smallest_effect
    )


# --- the rule ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "direction", "outcome"),
    [
        (5.1, 9.0, "greater", "holds"),
        (-9.0, 4.9, "greater", "does not hold"),
        (4.0, 6.0, "greater", "undecided"),
        (5.0, 9.0, "greater", "undecided"),
        (1.0, 4.0, "less", "holds"),
        (6.0, 7.0, "less", "does not hold"),
        (3.5, 6.5, "equivalent", "holds"),
        (2.0, 4.0, "equivalent", "undecided"),
        (8.0, 9.0, "equivalent", "does not hold"),
        (None, None, "less", "undecided"),
    ],
)
def test_the_rule_on_a_line_at_5(low, high, direction, outcome):
    assert decide(low, high, 5.0, direction, tolerance=2.0) == outcome


# --- the interval ------------------------------------------------------------------------------


def test_t_interval_worked_by_hand():
    # mean 2, standard deviation 1, three units: 2 ± 4.30265 / √3
    low, high = interval([1.0, 2.0, 3.0])
    assert (low, high) == pytest.approx((2 - 2.484138, 2 + 2.484138), abs=1e-6)


def test_bootstrap_is_repeatable_and_contains_the_mean():
    values = np.linspace(0, 10, 12)
    assert interval(values, method="bootstrap") == interval(values, method="bootstrap")
    low, high = interval(values, method="bootstrap")
    assert low < values.mean() < high
    assert (low, high) == pytest.approx(interval(values), abs=1.0)


@pytest.mark.parametrize("method", ["t", "bootstrap"])
def test_equal_values_give_an_interval_without_width(method):
    assert interval([3.0] * 4, method=method) == (3.0, 3.0)


def test_fewer_than_two_values_give_no_interval():
    assert interval([3.0]) == (None, None)


def test_interval_refuses_what_it_cannot_use():
    with pytest.raises(ValueError, match="finite"):
        interval([1.0, float("nan")])
    with pytest.raises(ValueError, match="method"):
        interval([1.0, 2.0], method="magic")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=12), st.floats(0.1, 100))
def test_the_interval_scales_with_its_values(values, factor):
    low, high = interval(values)
    scaled_low, scaled_high = interval([v * factor for v in values])
    assert low <= np.mean(values) + 1e-9 * (1 + abs(np.mean(values)))
    assert (scaled_low, scaled_high) == pytest.approx(
        (low * factor, high * factor), rel=1e-6, abs=1e-3
    )


# --- outcomes ----------------------------------------------------------------------------------

HIGH, LOW, WIDE = [20.0, 21.0, 22.0], [-1.0, 0.0, 1.0], [0.0, 5.0, 10.0]


@pytest.mark.parametrize(
    ("differences", "direction", "outcome"),
    [
        (HIGH, "greater", "holds"),
        (LOW, "greater", "does not hold"),
        (WIDE, "greater", "undecided"),
        ([-20.0, -21.0, -22.0], "less", "holds"),
        (HIGH, "less", "does not hold"),
        ([-1.0, -5.0, -9.0], "less", "undecided"),
        (LOW, "equivalent", "holds"),
        (HIGH, "equivalent", "does not hold"),
        ([-20.0, -21.0, -22.0], "equivalent", "does not hold"),
        (WIDE, "equivalent", "undecided"),
    ],
)
def test_outcome_of_paired_differences(shown, differences, direction, outcome):
    assert judge(differences, direction=direction).outcome == outcome


@pytest.mark.parametrize(
    ("threshold", "direction", "outcome"),
    [
        (75, "less", "holds"),
        (65, "less", "does not hold"),
        (70.5, "less", "undecided"),
        (65, "greater", "holds"),
    ],
)
def test_outcome_of_values_against_a_threshold(shown, threshold, direction, outcome):
    stated = {**STATED, "metric": "run time, s"}
    v = verdict("5.1-time", **stated, values=[70, 71, 72], threshold=threshold, direction=direction)
    assert v.outcome == outcome
    assert "71.0 s" in v.measured()
    assert "+" not in v.measured()


@pytest.mark.parametrize(
    ("bounds", "outcome"),
    [((1.0, 4.9), "holds"), ((1.0, 6.0), "undecided"), ((2.0, 2.0), "holds")],
)
def test_an_interval_from_elsewhere_takes_the_place_of_students(shown, bounds, outcome):
    stated = {**STATED, "metric": "alarms an hour, alarms"}
    v = verdict("5.1-a", **stated, values=[1.0, 3.0], threshold=5, direction="less", bounds=bounds)
    assert (v.outcome, v.low, v.high, v.method) == (outcome, *bounds, "exact")
    assert v.effect == 2.0
    assert "exact" in v.text()


@pytest.mark.parametrize("bounds", [(1.0, 1.9), (2.1, 9.0), (0.0, np.inf), (1.0,), 7])
def test_an_interval_without_its_mean_is_refused(bounds):
    with pytest.raises(ValueError, match=r"claim 5\.1-a.* bounds"):
        verdict("5.1-a", **STATED, values=[1.0, 3.0], threshold=5, bounds=bounds)


def test_values_within_a_tolerance(shown):
    v = verdict(
        "5.1-a", **STATED, values=[9.9, 10, 10.1], threshold=10, smallest_effect=1,
        direction="equivalent",
    )  # fmt: skip
    assert v.outcome == "holds"
    assert "between 9 and 11" in v.rule()


def test_no_smallest_effect_is_a_line_at_zero_without_a_sign(shown):
    v = judge([-2.0, -1.9, -2.1], smallest_effect=0.0, direction="less")
    assert v.rule() == "it holds if the whole interval lies below 0 percentage points"
    assert "−0<" not in v.html()


def test_a_condition_turns_holds_into_holds_only_if(shown):
    v = judge(HIGH, condition="the speakers are human")
    assert v.outcome == "holds only if"
    assert "Holds only if the speakers are human." in shown.plain
    assert judge(LOW, condition="the speakers are human").outcome == "does not hold"


def test_an_interval_that_touches_the_line_is_undecided(shown):
    assert judge([5.0, 5.0]).outcome == "undecided"


def test_one_unit_is_undecided_and_says_why(shown):
    v = judge([50.0])
    assert (v.outcome, v.low, v.n) == ("undecided", None, 1)
    assert "at least two" in shown.plain


def test_equal_values_are_judged_and_the_box_says_so(shown):
    assert judge([9.0, 9.0]).outcome == "holds"
    assert "no width" in shown.html


# --- the record --------------------------------------------------------------------------------


def test_as_on_record(shown):
    v = judge(HIGH, expect={"fsdd": "holds", "builtin": "undecided"}, source="fsdd")
    assert v.agrees is True
    assert "As on record." in shown.html
    assert "Another outcome is on record for other data" in shown.html
    assert "built-in voices" in shown.html


def test_another_outcome_than_on_record_raises_after_the_box(shown):
    with pytest.raises(VerdictChanged, match=r"5\.1-split.*'holds'.*'does not hold'.*Find out"):
        judge(LOW, expect={"fsdd": "holds"}, source="fsdd")
    assert "This run says otherwise" in shown.html
    assert shown.data[MIME]["agrees"] is False


def test_a_sweep_never_raises(shown, monkeypatch):
    monkeypatch.setenv("LISTENING_MACHINES_SWEEP", "1")
    assert judge(LOW, expect={"fsdd": "holds"}, source="fsdd").agrees is False


def test_nothing_on_record_for_this_source_is_no_failure(shown):
    v = judge(LOW, expect={"fsdd": "holds"}, source="builtin")
    assert v.agrees is None
    assert "No outcome is on record" in shown.html


# --- what must be stated -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"claim": " "}, "no claim"),
        ({"unit": ""}, "no unit"),
        ({"metric": "accuracy"}, "with its unit"),
        ({"direction": "up"}, "direction"),
        ({"smallest_effect": None}, "smallest effect"),
        ({"smallest_effect": -1}, "at least 0"),
        ({"smallest_effect": float("nan")}, "at least 0"),
        ({"differences": []}, "one number per unit"),
        ({"differences": [[1.0, 2.0]]}, "one number per unit"),
        ({"differences": None}, "differences="),
        ({"values": [1.0], "threshold": 1}, "not both"),
        ({"threshold": 3}, "no threshold"),
        ({"differences": {"theo": 1.0, "lucas": float("nan")}}, "'lucas' is not a finite"),
        ({"differences": [1.0, float("inf")]}, "'2' is not a finite"),
        ({"expect": {"fsdd": "true"}}, "outcome on record"),
        ({"confidence": 95}, "confidence"),
        ({"method": "magic"}, "method"),
        ({"id": "split"}, "claim id"),
    ],
)
def test_a_claim_not_fully_stated_is_refused(shown, change, message):
    full = {"id": "5.1-split", **STATED, "differences": HIGH, "smallest_effect": 5.0, **change}
    with pytest.raises(ValueError, match=message):
        verdict(full.pop("id"), **full)
    assert not shown


def test_values_need_a_threshold_and_no_smallest_effect(shown):
    with pytest.raises(ValueError, match="threshold"):
        verdict("5.1-a", **STATED, values=[1.0, 2.0])
    with pytest.raises(ValueError, match="no smallest_effect"):
        verdict("5.1-a", **STATED, values=[1.0, 2.0], threshold=1, smallest_effect=1)


# --- the box -----------------------------------------------------------------------------------


def test_the_box_says_it_all(shown):
    judge({"george": 31.2, "theo": 25.0, "lucas": 40.1}, expect={"fsdd": "holds"}, source="fsdd")
    words = shown.html.replace("\N{NO-BREAK SPACE}", " ")
    for part in (
        "5.1-split",
        "Random-split accuracy",
        "random split − held-out speaker",
        "+32.1 percentage points, 95 % interval [13.2, 51.0] over 3 speakers",
        "Written beforehand: it holds if the whole interval lies above +5 percentage points.",
        "human recordings (FSDD)",
        "✓",
        "Holds",
        'aria-label="Verdict 5.1-split: Holds"',
    ):
        assert part in words
    (box,) = [d for d in shown.elements("div") if "lm-verdict" in d.get("class", "")]
    assert "lm-verdict--holds" in box["class"].split()
    assert "<style" not in shown.html


def test_a_rule_that_came_later_is_not_called_beforehand(shown):
    v = judge({"george": 31.2, "theo": 25.0}, afterwards="the limit")
    for words in (shown.html, v.text()):
        assert "beforehand" not in words.lower()
        assert "Decided after results had been seen, the limit: it holds" in words
    assert v.data()["afterwards"] == "the limit"


@pytest.mark.parametrize(
    ("differences", "condition", "css", "icon"),
    [
        (HIGH, None, "holds", "✓"),
        (HIGH, "it rains", "conditional", "◐"),
        (LOW, None, "fails", "✗"),
        (WIDE, None, "undecided", "?"),
    ],
)
def test_each_outcome_has_its_class_and_its_sign(shown, differences, condition, css, icon):
    judge(differences, condition=condition)
    assert f"lm-verdict--{css}" in shown.html
    assert f"[{icon}]" in shown.plain


def test_text_is_escaped_and_mathematics_survives(shown):
    judge(HIGH, claim="With `a<b` & $x_1 < x_2$, <script>alert(1)</script>")
    assert "<script>" not in shown.html
    assert "<code>a&lt;b</code>" in shown.html
    assert r"\(x_1 &lt; x_2\)" in shown.html
    shown.elements("p")


def test_the_data_is_json_and_rounded(shown):
    judge({"theo": 1 / 3, "lucas": 2 / 3}, source="fsdd")
    data = json.loads(json.dumps(shown.data[MIME], allow_nan=False))
    assert data["id"] == "5.1-split"
    assert data["values"] == {"theo": 0.333333, "lucas": 0.666667}
    assert data["outcome"] in ("undecided", "does not hold")
    assert data["measured_text"].startswith("+0.5")


def test_small_and_large_numbers_are_written_legibly(shown):
    assert "+0.01230 percentage" in judge([0.0122, 0.0123, 0.0124]).measured()
    assert "+1235 percentage" in judge([1000.0, 1234.0, 1470.0]).measured()
    assert "−0.0" not in judge([-0.001, 0.0, 40.0, -40.0]).measured()
    assert "[−" in judge([-10.0, 10.0]).measured()


def test_plurals(shown):
    assert judge(HIGH, unit="city").measured().endswith("3 cities")
    assert judge(HIGH, unit="pass").measured().endswith("3 passes")
    assert judge([1.0], unit="voice").measured().endswith("1 voice, no interval")
    assert judge(HIGH, unit="group of voices").measured().endswith("3 groups of voices")
    assert judge(HIGH, unit="city of origin").measured().endswith("3 cities of origin")
    assert (
        judge(HIGH, unit="batch of takes of one").measured().endswith("3 batches of takes of one")
    )
    assert (
        judge([1.0], unit="group of voices").measured().endswith("1 group of voices, no interval")
    )


def test_a_notebook_shows_the_box_once(notebook_outputs):
    captured = notebook_outputs(
        "from helpers.verdict import verdict\n"
        "verdict('5.1-x', claim='c', metric='m, s', comparison='a', unit='run', "
        "values=[1.0, 2.0], threshold=5, direction='less')"
    )
    assert len(captured.outputs) == 1
    assert set(captured.outputs[0].data) == {"text/html", "text/plain", MIME}
    assert "Verdict(" not in captured.stdout
    assert captured.stderr == ""


def test_a_terminal_shows_text(capsys):
    result = judge(HIGH)
    assert isinstance(result, Verdict)
    out = capsys.readouterr().out
    assert out.startswith("[✓] 5.1-split: Holds")
    assert "<div" not in out
