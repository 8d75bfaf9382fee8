"""Folklore, measured: the plan, the sums, the tasks; what a network can't see, it doesn't see."""

import numpy as np
import pytest

from helpers.classic import cepstra, dtw_distances
from helpers.datasets import Clips
from helpers.experiments import strengths

SPEAKERS = ["ann", "bob", "cat", "dan"]
ABOUT = {
    "seconds": 1.0,
    "date": "2026-01-01",
    "commit": "abc",
    "machine": "m",
    "versions": "v",
    "settings": {},
}


def full_record(seeds=strengths.SEEDS):
    """Speaker i is understood 10 i points above what the number of clips gives, at every seed."""
    runs = {}
    for name, (experiment, *arguments) in strengths.plan(SPEAKERS).items():
        at = 0.0
        if experiment != "recall":
            at = SPEAKERS.index(arguments[1]) / 10
            if arguments[2] not in seeds:
                continue
        run = {"accuracy": 0.5 + at, **ABOUT}
        if experiment == "recall":
            run |= {"seeds": [0.25, 0.5, 0.75], "rate": 0.003, "losses": [[1.0]]}
            run |= {"gradients": {"before": [1.0], "after": [1.0]}, "search": {}, "parameters": 11}
        if experiment == "curve":
            names = ["DTW", "HMM"] if arguments[0] == "classic" else [arguments[0]]
            right = {str(n): n / 64 + at + arguments[2] / 100 for n in strengths.CLIPS}
            run |= {"right": dict.fromkeys(names, right), "parameters": 46_000}
        if experiment == "sizes":
            run |= {"right": {"6000": 0.4 + at + arguments[2] / 10, "12000": 0.45 + at}}
        runs[name] = run
    return {"about": "", "runs": runs}


def test_every_run_is_planned_once_and_more_seeds_come_last():
    runs = strengths.plan(SPEAKERS)
    assert len(set(runs.values())) == len(runs)
    of_kind = [arguments[0] for arguments in runs.values()]
    assert of_kind.count("recall") == len(strengths.KINDS) * len(strengths.DISTANCES)
    assert of_kind.count("curve") == 3 * 4 * len(SPEAKERS)
    assert of_kind.count("bands") == of_kind.count("sizes") == 3 * 3 * len(SPEAKERS)
    seeds = [arguments[-1] for arguments in runs.values() if arguments[0] != "recall"]
    assert seeds == sorted(seeds) and set(seeds) == {0, 1, 2}


def test_the_summary_by_hand():
    found = strengths.summary(full_record())
    assert found["recall"]["GRU"][8]["seeds"] == [25, 50, 75]
    # 32 clips: 50 % and 10 more for each speaker, 0, 1 and 2 more for the seeds
    assert found["curve"]["HMM"][32]["cat"] == pytest.approx(50 + 20 + 1)
    assert found["bands"]["GRU"]["dan"] == pytest.approx(80)
    assert list(found["sizes"]["CNN"]) == [6000, 12000, 46000]
    assert found["sizes"]["CNN"][6000]["dan"] == pytest.approx(40 + 30 + 10)
    assert found["sizes"]["GRU"][46_000] == found["curve"]["GRU"][32]


def test_seeds_that_are_not_complete_do_not_count():
    found = strengths.summary(full_record(seeds=(0, 1)))
    assert found["seeds"] == [0, 1]
    assert found["curve"]["HMM"][32]["cat"] == pytest.approx(50 + 20 + 0.5)
    assert strengths.summary(full_record(seeds=(0, 2)))["seeds"] == [0, 2]


def test_the_table_and_an_incomplete_record():
    written = strengths.table(full_record())
    # 35.375 % at two clips is 3.125 and 15 on average and 1 for the seeds
    assert "| CNN | 19.1 (" in written
    assert "3 seeds" in written and "Measured 2026-01-01, commit `abc`, m, v." in written
    record = full_record()
    del record["runs"]["recall, GRU, k = 8"]
    assert "not complete" in strengths.table(record)
    assert "not complete: 0 runs" in strengths.table({"runs": {}})


def some_clips(per_word=4):
    rng = np.random.default_rng(0)
    keys = [(s, d, t) for s in ("ann", "bob") for d in range(2) for t in range(per_word)]
    n = len(keys)
    time = np.arange(4000) / 8000
    return Clips(
        audio=[
            (
                np.sin(2 * np.pi * (1500 * time + (2 * d - 1) * 1200 * (time - 0.25) ** 2 * 2))
                + 0.1 * rng.normal(size=4000)
            ).astype(np.float32)
            for _, d, _ in keys
        ],
        labels=np.array([d for _, d, _ in keys]),
        speakers=np.array([s for s, _, _ in keys]),
        takes=np.arange(n),
        names=np.array([str(i) for i in range(n)]),
        sample_rate=8000,
        source="fsdd",
        origin="built-in",
        licence="",
        citation="",
        credit="",
    )


def test_fewer_clips_lie_in_more_and_are_even():
    clips = some_clips()
    two, three = (strengths.fewer(clips, n, seed=1) for n in (2, 3))
    assert set(two.names) < set(three.names)
    assert np.bincount(two.labels).tolist() == [4, 4]
    assert (two.speakers == "ann").sum() == 4
    assert two.names.tolist() != strengths.fewer(clips, 2, seed=2).names.tolist()
    with pytest.raises(ValueError, match="ann has 4 clips of 0"):
        strengths.fewer(clips, 5)


def test_classic_recognisers_tell_up_from_down():
    clips = some_clips()
    sounds = [cepstra(x) for x in clips.audio]
    learnt, heard = range(8), range(8, 16)
    templates, words = ([sounds[i] for i in at] for at in (learnt, heard))
    hmm = strengths.hmm_answers(words, templates, clips.labels[:8])
    distances = strengths.distances_by_length(words, templates)
    assert hmm.tolist() == clips.labels[8:].tolist()
    assert strengths.dtw_answers(distances, clips.labels[:8]).tolist() == hmm.tolist()
    only_ones = strengths.dtw_answers(distances, clips.labels[:8], [4, 5])
    assert only_ones.tolist() == [1] * 8


def test_groups_by_length_change_no_distance():
    rng = np.random.default_rng(0)
    words, templates = ([rng.normal(size=(n, 3)) for n in of] for of in ([9, 30, 17], [40, 12]))
    together = dtw_distances(words, templates)
    assert strengths.distances_by_length(words, templates) == pytest.approx(together)


def test_an_order_of_bands_is_a_permutation():
    order = strengths.band_order(3)
    assert sorted(order.tolist()) == list(range(32))
    assert order.tolist() != strengths.band_order(4).tolist()


@pytest.mark.slow
def test_sizes_are_near_what_they_are_called():
    for architecture, sizes in strengths.SIZES.items():
        for size, target in zip(sizes, (6_000, 12_000, 25_000, 50_000), strict=True):
            count = strengths.network_of(architecture, size)(100, 32).count_params()
            assert abs(count / target - 1) < 0.25, (architecture, size, count)


@pytest.mark.slow
def test_bands_in_another_order():
    from helpers.models import keras

    order = strengths.band_order(0)
    keras.utils.set_random_seed(0)
    plain = strengths.network_of("CNN")(100, 32)
    mixed = strengths.network_of("CNN", order=order)(100, 32)
    mixed.set_weights(plain.get_weights())
    x = np.random.default_rng(0).normal(size=(2, 100, 32)).astype(np.float32)
    assert mixed(x).numpy() == pytest.approx(plain(x[:, :, order]).numpy(), abs=1e-5)


@pytest.mark.slow
def test_the_marked_symbol_is_the_answer():
    x, answers = (t.numpy() for t in strengths.draw_recall(5, 200))
    assert x.shape == (200, 13, 5)
    assert x[:, :, 4].mean(axis=0).argmax() == 13 - 1 - 5
    assert np.mean(x[:, 7, :4].argmax(axis=1) == answers) > 0.9
    with pytest.raises(ValueError, match="k is -1"):
        strengths.draw_recall(-1)


@pytest.mark.slow
def test_what_is_near_is_recalled_and_what_is_out_of_sight_is_not():
    _, history, near = strengths.learn_recall("CNN", 1, 1e-2, steps=150)
    assert near > 0.8 and history.loss[-1] < history.loss[0]
    assert strengths.learn_recall("CNN", 14, 1e-2, steps=20)[2] < 0.35


@pytest.mark.slow
@pytest.mark.parametrize("kind", strengths.KINDS)
def test_gradients_end_where_the_receptive_field_does(kind):
    from helpers.models.causal import causal_network, gradient_reach, receptive_field

    network = causal_network(kind, 40, 5, 4)
    reach = gradient_reach(network, np.random.default_rng(0).normal(size=(3, 40, 5)))
    assert reach.shape == (40,)
    assert (reach > 0).sum() == receptive_field(kind, 40)


@pytest.mark.slow
def test_the_gradient_of_a_linear_network():
    import keras

    weights = np.random.default_rng(0).normal(size=(6, 2))
    network = keras.Sequential([keras.Input((3, 2)), keras.layers.Flatten(), keras.layers.Dense(2)])
    network.layers[-1].set_weights([weights, np.zeros(2)])
    from helpers.models.causal import gradient_reach

    by_hand = [np.linalg.norm(weights[2 * i : 2 * i + 2]) for i in (2, 1, 0)]
    assert gradient_reach(network, np.zeros((4, 3, 2))) == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.slow
def test_a_network_can_be_prepared_before_it_learns():
    seen = []
    network, _, _ = strengths.learn_recall("GRU", 1, 1e-9, steps=1, prepare=seen.append)
    assert seen == [network]
