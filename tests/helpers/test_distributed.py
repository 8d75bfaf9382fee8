"""Work for several workers: pieces, gradients that add up, checkpoints, costs; and the engine."""

import os

import numpy as np
import pytest

from helpers import distributed
from helpers.distributed import Network, Training

NETWORKS = [
    Network("convolutions", 2),
    Network("convolutions", 2, "batch"),
    Network("convolutions", 2, "clip"),
    Network("dense", 3),
]


def data(n=12, seed=0):
    rng = np.random.default_rng(seed)
    shape = (n, distributed.FRAMES, distributed.FRONT_END.n_mels)
    return rng.normal(size=shape).astype(np.float32), rng.integers(0, 10, n)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    distributed.share_sounds(tmp_path, [rng.normal(0, 0.1, 900 + 50 * i) for i in range(7)])
    return distributed.share_pictures(tmp_path, *data(40))


# --- features


def test_what_workers_may_have_read_is_not_replaced(folder):
    with pytest.raises(FileExistsError, match="use a new folder"):
        distributed.share_sounds(folder, [np.zeros(9)])
    with pytest.raises(FileExistsError, match="use a new folder"):
        distributed.share_pictures(folder, *data(3))


def test_pictures_need_labels_and_batches_need_clips(tmp_path):
    pictures, labels = data(3)
    with pytest.raises(ValueError, match="3 pictures and 2 labels"):
        distributed.share_pictures(tmp_path, pictures, labels[:2])
    with pytest.raises(ValueError, match="a batch of 9 from 8 clips"):
        distributed.batch_numbers(0, 8, 9)


def test_pieces_cover_all_clips_once():
    assert distributed.pieces_of(7, 3) == [(0, 3), (3, 6), (6, 7)]
    assert distributed.pieces_of(0, 3) == []
    with pytest.raises(ValueError, match="at least one clip"):
        distributed.pieces_of(7, 0)


def test_noise_of_a_clip_does_not_depend_on_its_piece(folder):
    def pictures(size, seeding):
        pieces = distributed.pieces_of(7, size)
        return distributed.extract_here(pieces, folder=folder, seeding=seeding)

    assert pictures(7, "clip").shape == (7, 50, 32)
    assert np.array_equal(pictures(7, "clip"), pictures(2, "clip"))
    assert not np.array_equal(pictures(7, "piece"), pictures(2, "piece"))
    assert pictures(7, "clip").max() == 1
    with pytest.raises(ValueError, match="'clip' or 'piece'"):
        pictures(7, "worker")


def test_a_journal_has_a_mark_for_each_call_and_its_process(folder, tmp_path):
    place = tmp_path / "journal"
    place.mkdir()
    for _ in range(2):
        distributed.noisy_pictures((0, 1), folder, journal=place)
    network = NETWORKS[0]
    rest = (distributed.first_weights(network), network, folder)
    distributed.shard_gradient(np.arange(3), *rest, journal=place)
    with pytest.raises(IndexError):
        distributed.shard_gradient(np.array([10**6]), *rest, journal=place)
    assert distributed.journal_of(place) == {os.getpid(): 4}


# --- gradients


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_gradients_are_those_of_the_loss(network):
    x, labels = data(5)
    vector = distributed.first_weights(network, seed=1)
    rng = np.random.default_rng(2)
    vector += rng.normal(0, 0.1, vector.shape).astype(np.float32)
    x, vector = x.astype(np.float64), vector.astype(np.float64)
    _, gradient, n = distributed.loss_and_gradient(network, vector, x, labels)
    assert n == 5
    direction = rng.normal(size=vector.shape)
    step = 1e-6

    def loss(at):
        return distributed.loss_and_gradient(network, at, x, labels)[0]

    slope = (loss(vector + step * direction) - loss(vector - step * direction)) / (2 * step)
    assert gradient @ direction == pytest.approx(slope, rel=1e-4)


def test_the_number_of_parameters_by_hand():
    assert Network("convolutions", 8).size == 25 * 8 + 8 + 9 * 8 * 16 + 16 + 16 * 10 + 10
    assert Network("convolutions", 8, "clip").size == Network("convolutions", 8).size + 48
    assert Network("dense", 16).size == 50 * 32 * 16 + 16 + 16 * 10 + 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "recurrent"}, "kind"),
        ({"norm": "layer"}, "norm is"),
        ({"kind": "dense", "norm": "batch"}, "no normalisation"),
    ],
)
def test_unknown_networks_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Network(**options)


def shards_against_whole(network):
    x, labels = data(12)
    vector = distributed.first_weights(network)
    whole = distributed.average([distributed.loss_and_gradient(network, vector, x, labels)])
    cuts = np.split(np.arange(12), [7])
    parts = [distributed.loss_and_gradient(network, vector, x[c], labels[c]) for c in cuts]
    loss, gradient = distributed.average(parts)
    return np.abs(gradient - whole[1]).max() / np.abs(whole[1]).max(), loss, whole[0]


@pytest.mark.parametrize("norm", ["none", "clip"])
def test_shards_average_to_the_whole_batch(norm):
    apart, loss, whole = shards_against_whole(Network("convolutions", 2, norm))
    assert apart < 1e-5
    assert loss == pytest.approx(whole, rel=1e-5)


def test_batch_normalisation_sees_another_batch():
    assert shards_against_whole(Network("convolutions", 2, "batch"))[0] > 1e-3


def test_average_by_hand():
    parts = [(3.0, np.float32([3, 0]), 3), (1.0, np.float32([1, 4]), 1)]
    loss, gradient = distributed.average(parts)
    assert loss == 1.0
    assert gradient.tolist() == [1.0, 1.0]
    assert parts[0][1].tolist() == [3, 0]
    with pytest.raises(ValueError, match="nothing to average"):
        distributed.average([(0.0, np.zeros(2, np.float32), 0)])


def test_a_vector_of_another_length_is_refused():
    with pytest.raises(ValueError, match="the network 25"):
        distributed.unpack(np.zeros(3, np.float32), Network("dense", 16))


# --- training


def test_training_fits_what_it_is_taught(folder):
    training = Training(Network("dense", 16), folder, batch=40, shards=3).here(60)
    assert training.losses[-1] < 0.2 * training.losses[0]


def test_a_checkpoint_goes_on_where_it_was_written(folder, tmp_path):
    network, path = NETWORKS[2], tmp_path / "checkpoint.npz"
    whole = Training(network, folder, batch=8).here(6)
    Training(network, folder, batch=8).here(3).save(path)
    resumed = Training(network, folder, batch=8).load(path)
    assert resumed.step == 3
    assert np.array_equal(resumed.here(3).vector, whole.vector)
    assert resumed.losses == whole.losses
    Training(network, folder, batch=8).here(3).save(path, optimiser=False)
    bare = Training(network, folder, batch=8).load(path).here(3)
    assert not np.array_equal(bare.vector, whole.vector)
    assert [p.name for p in tmp_path.glob("checkpoint*")] == ["checkpoint.npz"]


@pytest.mark.parametrize(
    "other", [{"network": NETWORKS[3]}, {"batch": 9}, {"shards": 3}, {"rate": 1e-3}, {"seed": 1}]
)
def test_a_checkpoint_of_another_training_is_refused(folder, tmp_path, other):
    settings = {"network": NETWORKS[0], "folder": folder, "batch": 8}
    Training(**settings).save(tmp_path / "c.npz")
    (name,) = other
    with pytest.raises(ValueError, match=f"the checkpoint has {name} .*another training"):
        Training(**settings | other).load(tmp_path / "c.npz")


def test_a_checkpoint_for_other_data_is_refused(folder, tmp_path):
    Training(NETWORKS[0], folder, batch=8).save(tmp_path / "c.npz")
    (tmp_path / "less").mkdir()
    less = distributed.share_pictures(tmp_path / "less", *data(39))
    with pytest.raises(ValueError, match="has clips 40, this training 39"):
        Training(NETWORKS[0], less, batch=8).load(tmp_path / "c.npz")


def test_what_a_kill_leaves_beside_a_checkpoint_is_overwritten(folder, tmp_path, monkeypatch):
    training = Training(NETWORKS[0], folder, batch=8)
    training.save(tmp_path / "c.npz")
    training.here(1)
    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            training.save(tmp_path / "c.npz")
    assert Training(NETWORKS[0], folder, batch=8).load(tmp_path / "c.npz").step == 0
    training.save(tmp_path / "c.npz")
    assert [p.name for p in tmp_path.glob("c*")] == ["c.npz"]


def _interrupted(*_):
    raise KeyboardInterrupt


def test_empty_shards_are_refused(folder):
    with pytest.raises(ValueError, match="none may be empty"):
        Training(NETWORKS[0], folder, batch=2, shards=3)


def test_training_in_parts_with_checkpoints(folder, tmp_path):
    settings = {"network": NETWORKS[0], "folder": folder, "batch": 8}
    distributed.train_and_save(tmp_path / "c.npz", 5, 2, **settings)
    found = Training(**settings).load(tmp_path / "c.npz")
    assert found.step == 5
    with distributed.one_thread():
        assert np.array_equal(found.vector, Training(**settings).here(5).vector)


# --- costs


def test_serial_fraction_inverts_amdahl():
    for s, n in ((0.1, 4), (0.0, 2), (0.5, 100)):
        assert distributed.serial_fraction(1 / (s + (1 - s) / n), n) == pytest.approx(s)
    with pytest.raises(ValueError, match="two or more"):
        distributed.serial_fraction(1.5, 1)


def test_steps_by_hand():
    assert distributed.step_seconds(1, 8.0, 1e9, 1.0, 1.0) == 8.0
    assert distributed.step_seconds(4, 8.0, 100, 0.1, 50) == pytest.approx(2 + 6 * (0.1 + 0.5))
    star = distributed.step_seconds(4, 8.0, 100, 0.1, 50, pattern="star")
    assert star == pytest.approx(2 + 0.2 + 16)
    assert distributed.step_seconds(1, 8.0, 1e9, 1.0, 1.0, update=0.5) == 8.5
    for pattern in ("ring", "star"):
        with_update = distributed.step_seconds(4, 8.0, 100, 0.1, 50, pattern, update=0.5)
        without = distributed.step_seconds(4, 8.0, 100, 0.1, 50, pattern)
        assert with_update == pytest.approx(without + 0.5)
    with pytest.raises(ValueError, match="a gradient takes time"):
        distributed.step_seconds(2, -0.001, 1, 1, 1)
    with pytest.raises(ValueError, match="'ring' or 'star'"):
        distributed.step_seconds(2, 1.0, 1, 1, 1, pattern="tree")
    with pytest.raises(ValueError, match="at least one worker"):
        distributed.step_seconds(0, 1.0, 1, 1, 1)


def test_a_line_is_found_again():
    sizes = np.array([1e3, 1e5, 1e6])
    fixed, bandwidth = distributed.fit_line(sizes, 0.002 + sizes / 5e8)
    assert fixed == pytest.approx(0.002)
    assert bandwidth == pytest.approx(5e8)
    with pytest.raises(ValueError, match="two sizes"):
        distributed.fit_line([5, 5], [1, 1])
    with pytest.raises(ValueError, match="did not take longer"):
        distributed.fit_line([1, 10], [2, 1])


# --- the engine


@pytest.mark.slow
def test_workers_give_the_same_bits_also_when_one_is_killed(folder, tmp_path, capfd):
    import psutil

    pieces = distributed.pieces_of(7, 1)
    with distributed.one_thread(), distributed.workers(2) as client:
        here = distributed.extract_here(pieces, folder=folder)
        assert np.array_equal(
            np.concatenate(distributed.extract(client, pieces, folder=folder)), here
        )
        alone = Training(NETWORKS[1], folder, batch=8).here(6)
        on = distributed.addresses(client)[:1]
        one = Training(NETWORKS[1], folder, batch=8).by_workers(client, 6, on=on)
        assert np.array_equal(one.vector, alone.vector)
        killed = Training(NETWORKS[1], folder, batch=8)
        gone = []

        def kill(step):
            if step == 2:
                gone.append(distributed.kill_a_worker(client))

        journal = tmp_path / "steps"
        journal.mkdir()
        killed.by_workers(client, 6, watch=kill, journal=journal)
        calls = distributed.journal_of(journal)
        assert sum(calls.values()) >= 12
        assert set(calls) <= {*gone, *client.run(os.getpid).values()}
        assert np.array_equal(killed.vector, alone.vector)
        assert not psutil.pid_exists(gone[0])
        children = psutil.Process().children(recursive=True)
        for process in [psutil.Process(), *children]:
            for link in process.net_connections("inet"):
                assert link.status != "LISTEN" or link.laddr.ip in ("127.0.0.1", "::1")
    assert capfd.readouterr().err == ""


def test_no_worker_is_refused():
    with pytest.raises(ValueError, match="at least one worker"), distributed.workers(0):
        pass


@pytest.mark.slow
def test_a_killed_training_leaves_a_checkpoint(folder, tmp_path):
    settings = {"network": NETWORKS[0], "folder": folder, "batch": 8}
    with pytest.raises(RuntimeError, match="all 2 steps were done"):
        distributed.kill_while_training(tmp_path / "c.npz", 2, 2, 2, **settings)
    step = distributed.kill_while_training(tmp_path / "c.npz", 4, 10**6, 2, **settings)
    assert step >= 4
    assert Training(**settings).load(tmp_path / "c.npz").step == step
