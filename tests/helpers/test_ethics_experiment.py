"""The plan of chapter 8.7's results script: equal training sets, and who is held out."""

import numpy as np
import pytest

from helpers import speech
from helpers.datasets._clips import Clips
from helpers.experiments import ethics


def small_set(voices=24):
    names, speakers, labels = [], [], []
    for v in range(voices):
        for accent in speech.ACCENTS:
            for digit in range(10):
                names.append(f"{digit}_{accent}+v{v:02d}_0")
                speakers.append(f"v{v:02d}")
                labels.append(digit)
    return Clips(
        audio=[np.zeros(1, np.float32)] * len(names),
        labels=np.array(labels),
        speakers=np.array(speakers),
        names=np.array(names),
        sample_rate=8000,
        source="builtin",
        origin="built-in",
        licence="CC BY 4.0",
        citation="espeakng",
        credit="none",
    )


def test_voices_are_divided_without_overlap():
    parts = ethics.divided(small_set())
    assert [len(p) for p in parts] == [12, 4, 8]
    assert len(set().union(*map(set, parts))) == 24


def test_every_condition_learns_from_as_many_clips_of_the_same_voices():
    clips = small_set()
    chosen = {c: ethics.training_clips(clips, c, "en-029") for c in ethics.CONDITIONS}
    assert {len(at) for at in chosen.values()} == {120}
    for at in chosen.values():
        assert set(clips.speakers[at]) == set(ethics.divided(clips)[0])
    spoken = {c: ethics.accents_of(clips)[at] for c, at in chosen.items()}
    assert set(spoken["one accent"]) == {"en-us"}
    assert np.mean(spoken["a share"] == "en-029") == 0.25
    assert set(spoken["all eight"]) == set(speech.ACCENTS)
    with pytest.raises(ValueError, match="neglected"):
        ethics.training_clips(clips, "a share")


def test_the_worst_accent_is_the_mean_over_tables():
    tables = [
        {"a": dict.fromkeys(speech.ACCENTS, 10.0) | {"en": 30.0}},
        {"a": dict.fromkeys(speech.ACCENTS, 10.0) | {"en-029": 25.0, "en": 0.0}},
    ]
    assert ethics.worst_accent(tables) == "en-029"


def test_a_held_out_group_is_judged_by_a_detector_that_never_heard_it():
    rng = np.random.default_rng(0)
    people = [rng.normal(0, 1, (30, 4)) for _ in range(3)]
    voices = [rng.normal((4, 0, 0, 0), 1, (30, 4)) for _ in range(3)]
    found = ethics.held_out(people, voices, voices, people)
    assert found.shape == (2, 3, 2)
    assert (found[0, :, 0] > 0.95).all()
    assert np.allclose(found[1, :, 0], 0.5)


def test_clips_may_be_judged_against_others_than_were_learnt():
    rng = np.random.default_rng(0)
    people = [rng.normal(0, 1, (30, 2)) for _ in range(3)]
    voices = [rng.normal((4, 0), 1, (30, 2)) for _ in range(3)]
    moved = [x + np.array((4.0, 0.0)) for x in people]
    (as_found,) = ethics.held_out(people, voices, moved)
    (both_moved,) = ethics.held_out(people, voices, voices, against=moved)
    assert (as_found[:, 0] > 0.95).all()
    assert np.allclose(both_moved[:, 0], 0.5, atol=0.2)


def test_all_clips_get_a_band_and_noise_and_rooms_that_no_other_part_has():
    x = np.zeros(4000, np.float32)
    x[1000:2000] = np.random.default_rng(0).standard_normal(1000) / 8
    (plain,), (roomy,) = ethics.made_alike([[x]]), ethics.made_alike([[x]], room=True)
    assert len(plain[0]) < len(roomy[0]) < 4000
    assert np.array_equal(roomy[0], ethics.made_alike([[x]], room=True)[0][0])
    theirs, ours = ethics._rooms(0), ethics._rooms(1)
    assert not any(np.array_equal(a, b) for a in theirs for b in ours)


def test_one_seed_chooses_the_accent_and_others_are_tested():
    def run(worst, errors):
        row = dict.fromkeys(speech.ACCENTS, 1.0)
        return {"validation": {"v": {**row, worst: 9.0}}, "test": {"t": {**row, "en": errors}}}

    runs = {"one accent, seed 0": run("en", 90.0)}
    assert ethics.neglected_accent({"runs": runs}) == "en"
    runs |= {f"one accent, seed {s}": run("en-029", 10.0 * s) for s in (1, 2)}
    record = {"runs": runs}
    assert ethics.neglected_accent(record) == "en"
    assert ethics.errors_on(record, "one accent", "en") == {"t": 15.0}
    assert ethics.mean_errors(record, "one accent", (0,))["en"] == 90.0


def test_a_mark_is_found_above_the_line():
    voices = {f"v{i}": {"z": {"nothing": z}} for i, z in enumerate((5.0, 6.0, 7.0))}
    record = {"runs": {"mark": {"voices": voices, "threshold": 6.2}}}
    assert ethics.marks_found(record, "nothing") == (1, 3)
    assert ethics.marks_found(record, "nothing", 5.5) == (2, 3)


def test_tables_say_what_is_missing():
    empty = {"runs": {}}
    assert "0 of" in ethics.accent_table(empty)
    assert ethics.neglected_accent(empty) is None
    assert "not on file" in ethics.detector_table(empty)
    assert "not on file" in ethics.mark_table(empty)
    assert len(ethics.plan()) == 11


def test_what_is_lost_on_the_unseen_is_the_mean_of_both_directions():
    def measured(*areas):
        return [[a, 0.5] for a in areas]

    record = {
        "runs": {
            "detector": {
                "speakers": ["a", "b"],
                "measured": {
                    "phases": {"phases": measured(1.0, 0.8), "pulses": measured(0.6, 0.8)},
                    "pulses": {"pulses": measured(0.9, 0.9), "phases": measured(0.7, 0.5)},
                },
            }
        }
    }
    assert ethics.lost_on_the_unseen(record) == pytest.approx({"a": 0.3, "b": 0.2})
    with pytest.raises(KeyError):
        ethics.lost_on_the_unseen({"runs": {}})


def test_what_is_lost_in_rooms_is_a_difference_by_speaker():
    areas = {
        "clean voices": [[0.9, 0.1], [0.8, 0.2]],
        "the same in rooms": [[0.6, 0.4], [0.7, 0.3]],
    }
    record = {"runs": {"detector": {"speakers": ["a", "b"], "measured": {"clean voices": areas}}}}
    assert ethics.lost_in_rooms(record) == pytest.approx({"a": 0.3, "b": 0.1})


def test_marks_are_judged_on_voices_and_sentences_that_set_nothing(monkeypatch):
    asked = []

    def said(utterances):
        asked.extend(utterances)
        return [np.ones(2205, np.float32)] * len(utterances), 22050

    monkeypatch.setattr(ethics.speech, "synthesise", said)
    sounds = ethics.marked_voices()
    variants = [voice.partition("+")[2] for voice in sounds]
    assert len(set(variants)) == ethics.MARKED
    assert not set(variants) & set(speech.TALKERS)
    first = speech.SENTENCES[: len(speech.SENTENCES) // 2]
    assert not any(sentence in u.text for u in asked for sentence in first)


def test_the_model_card_has_no_number_of_its_own():
    from helpers.experiments import recogniser
    from helpers.experiments._record import load_results

    record = load_results("recogniser")
    card = ethics.model_card(record)
    held = recogniser.summary(record)["held out"]
    assert f"{held['mean']:.1f} %" in card
    assert f"{min(held['by_speaker'].values()):.1f} %" in card
    with pytest.raises(KeyError):
        ethics.model_card({"runs": {}})
