"""Coffee orders: a tiny archive, the mirror, the split, and the orders that are spoken here."""

import json
import re
import zipfile
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from helpers.datasets import (
    SLOTS,
    Orders,
    _lossless,
    builtin_orders,
    load_coffee_orders,
    load_orders,
    orders,
    split_orders,
)
from helpers.datasets._recordings import Recordings
from helpers.errors import DataCorrupt, DataIncomplete, DataUnavailable

NAMES = ("0a", "1b", "2c")


def encoded(samples, kind):
    file = BytesIO()
    soundfile.write(file, samples, 16000, "PCM_16", format=kind)
    return file.getvalue()


class Small:
    """Three orders and a kitchen: their archive at the test server, their mirror, their sums."""

    def __init__(self, server, folder):
        rng = np.random.default_rng(3)
        self.server, self.mirror = server, folder / "mirror"
        self.samples = {
            f"audio/{name}.flac": rng.integers(-9000, 9000, 4000 + i).astype(np.int16)
            for i, name in enumerate(NAMES)
        }
        self.samples["noise_kitchen.flac"] = rng.integers(-900, 900, 8000).astype(np.int16)
        drink = {"coffeeDrink": "Latte", "milkAmount": " soy milk"}
        labels = {f"{n}.wav": {"intent": "orderDrink", "slots": drink} for n in (*NAMES, "3d")}
        self.labels = json.dumps(labels).encode()
        files = {name: encoded(x, "FLAC") for name, x in self.samples.items()}
        files["label.json"] = self.labels
        for name, content in files.items():
            path = self.mirror / "coffee_orders" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        sums, samples = folder / "files.sha256", folder / "samples.sha256"
        sums.write_text(
            "".join(f"{sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
        )
        samples.write_text(_lossless.sums_of_samples(self.mirror / "coffee_orders"))
        self.remote = replace(
            orders.REMOTE,
            url=f"{server.address}/orders.zip",
            sums_file=str(sums),
            recipe=_lossless.recipe(str(sums), str(samples), orders._original),
        )
        self.serve()

    def serve(self, **changes):
        files = {orders._original(n): encoded(x, "WAV") for n, x in self.samples.items()}
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, content in {**files, "data/label/label.json": self.labels, **changes}.items():
                if content is not None:
                    archive.writestr(f"benchmark-0123abc/{name}", content)
        self.server.gives("/orders.zip", packed.getvalue())

    def load(self, limits=None, source=None, say=print):
        return load_coffee_orders(source, remote=self.remote, limits=limits, say=say)


@pytest.fixture
def small(server, tmp_path):
    return Small(server, tmp_path)


def left_over(cache):
    return sorted(path.name for path in cache.glob("*") if path.suffix != ".lock")


# The recorded orders


def test_what_is_downloaded_is_prepared_without_loss_and_kept(small, quick, own_store):
    first, second = small.load(quick), small.load(quick)
    assert (first.origin, second.origin) == ("download", "cache")
    assert first.id == second.id
    assert left_over(own_store) == ["coffee_orders"]
    assert first.names.tolist() == list(NAMES)
    assert first.slots == [{"coffeeDrink": "latte", "milkAmount": "soy milk"}] * 3
    assert (first.sample_rate, first.source, first.texts, first.speakers) == (
        16000,
        "coffee",
        None,
        None,
    )
    for name, x in zip(NAMES, first.audio, strict=True):
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x * 32768, small.samples[f"audio/{name}.flac"])
    np.testing.assert_array_equal(first.noise * 32768, small.samples["noise_kitchen.flac"])


def test_flac_of_another_library_is_as_good_in_the_cache_and_not_in_a_mirror(
    small, quick, own_store, monkeypatch
):
    small.load(quick)
    name = "audio/1b.flac"
    for folder in (own_store, small.mirror):
        soundfile.write(
            folder / "coffee_orders" / name,
            small.samples[name],
            16000,
            "PCM_16",
            compression_level=0.0,
        )
    assert small.load(quick).origin == "cache"
    monkeypatch.setenv("LISTENING_MACHINES_MIRROR", str(small.mirror))
    monkeypatch.setenv("LISTENING_MACHINES_CACHE", str(own_store / "another"))
    with pytest.raises(DataCorrupt, match=r"audio/1b\.flac is unlike the original"):
        small.load(quick, "real")


@pytest.mark.parametrize("harm", ["one sample", "no sound", "labels", "missing"])
def test_a_damaged_mirror_is_refused_when_it_is_demanded(
    harm, small, quick, own_store, monkeypatch
):
    folder = small.mirror / "coffee_orders"
    name = "label.json" if harm == "labels" else "audio/2c.flac"
    if harm == "one sample":
        changed = small.samples[name].copy()
        changed[100] += 1
        soundfile.write(folder / name, changed, 16000, "PCM_16")
    elif harm == "missing":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(b"{}")
    monkeypatch.setenv("LISTENING_MACHINES_MIRROR", str(small.mirror))
    kind = DataIncomplete if harm == "missing" else DataCorrupt
    with pytest.raises(kind) as caught:
        small.load(quick, "real")
    for part in (name, str(small.mirror), small.remote.url, 'source="builtin"'):
        assert part in str(caught.value)
    assert left_over(own_store) == []
    assert small.load(quick, "auto").origin == "download"


@pytest.mark.parametrize("harm", ["one sample", "cut off", "no sound", "another rate", "missing"])
def test_an_archive_with_a_wrong_file_is_refused(harm, small, quick, own_store):
    x = small.samples["audio/0a.flac"]
    other = BytesIO()
    soundfile.write(other, x, 8000, "PCM_16", format="WAV")
    content = {
        "one sample": encoded(np.where(np.arange(len(x)) == 7, 0, x).astype(np.int16), "WAV"),
        "cut off": encoded(x, "WAV")[:3000],
        "no sound": b"version https://git-lfs.github.com/spec/v1",
        "another rate": other.getvalue(),
        "missing": None,
    }[harm]
    small.serve(**{"data/speech/clean/0a.wav": content})
    kind = DataIncomplete if harm == "missing" else DataCorrupt
    with pytest.raises(kind) as caught:
        small.load(quick, "real")
    assert "0a" in str(caught.value) and small.remote.url in str(caught.value)
    assert left_over(own_store) == []


@pytest.mark.parametrize("harm", ["changed", "missing", "half", "labels"])
def test_damage_to_the_cache_is_noticed(harm, small, quick, own_store):
    small.load(quick)
    victim = own_store / "coffee_orders" / ("label.json" if harm == "labels" else "audio/1b.flac")
    whole = victim.read_bytes()
    if harm == "missing":
        victim.unlink()
    else:
        victim.write_bytes(whole[: len(whole) // 2] if harm == "half" else whole[:-9] + bytes(9))
    said = []
    assert small.load(quick, say=said.append).origin == "download"
    assert "damaged" in said[0] and victim.name in said[0]


def test_a_sound_that_vanished_after_the_check_says_so(small, quick, own_store):
    found = small.load(quick)
    (own_store / "coffee_orders" / "audio" / "2c.flac").unlink()
    assert len(found.subset([2])) == 1  # nothing is decoded
    with pytest.raises(DataCorrupt, match=r"2c\.flac cannot be decoded"):
        found.audio[2]


@pytest.mark.parametrize(
    "slots", [{"coffeeDrink": "tea"}, {"size": "small"}, {"coffeeDrink": "latte", "cup": "big"}, []]
)
def test_labels_that_do_not_fit_the_slots_are_refused(slots, small, quick, tmp_path):
    small.labels = json.dumps({f"{name}.wav": {"slots": slots} for name in NAMES}).encode()
    small.serve()
    sums = tmp_path / f"{sha256(small.labels).hexdigest()[:8]}.sha256"
    lines = tmp_path.joinpath("files.sha256").read_text().splitlines()[:-1]
    sums.write_text("\n".join([*lines, f"{sha256(small.labels).hexdigest()}  label.json"]) + "\n")
    recipe = _lossless.recipe(str(sums), str(tmp_path / "samples.sha256"), orders._original)
    small.remote = replace(small.remote, sums_file=str(sums), recipe=recipe)
    with pytest.raises(DataCorrupt, match="does not hold orders"):
        small.load(quick)


def test_offline_without_a_copy_it_is_unavailable(monkeypatch):
    monkeypatch.setenv("LISTENING_MACHINES_OFFLINE", "1")
    with pytest.raises(DataUnavailable) as caught:
        load_orders("real", quiet=True)
    for part in (orders.REMOTE.url, "coffee_orders/audio/", "LISTENING_MACHINES_MIRROR"):
        assert part in str(caught.value)


def test_another_source_is_refused():
    with pytest.raises(ValueError, match=r'source is "coffee".*"auto", "builtin" or "real"'):
        load_orders("coffee")


def test_what_is_on_record_of_the_real_set():
    sums = orders.REMOTE.sums()
    recordings = {path.removeprefix("audio/")[:-5] for path in sums if path.startswith("audio/")}
    assert len(recordings) == 619 and not recordings & set(orders.UNRECORDED)
    assert set(sums) - {f"audio/{name}.flac" for name in recordings} == {
        "label.json",
        "noise_kitchen.flac",
    }
    members = orders.REMOTE.members()
    assert len(set(members)) == len(members) == 621
    assert {len(values) for values in SLOTS.values()} == {10, 3, 7, 36, 18}


def test_the_real_orders(real_mirror, own_store):
    found = load_orders("real", quiet=True)
    assert found.describe() == ("coffee orders by Picovoice, 619 orders (from the mirror folder)")
    said = Counter(item for slots in found.slots for item in slots.items())
    assert set(said) == {(slot, value) for slot, values in SLOTS.items() for value in values}
    per_slot = Counter(slot for slots in found.slots for slot in slots)
    assert per_slot == {
        "coffeeDrink": 619,
        "numberOfShots": 326,
        "sugarAmount": 324,
        "roast": 304,
        "size": 303,
        "milkAmount": 291,
    }
    assert found.noise.dtype == np.float32 and len(found.noise) == 1_965_609
    some = [found.audio[i] for i in range(0, 619, 60)]
    assert all(x.dtype == np.float32 and np.abs(x).max() < 0.51 for x in some)
    assert all(4.6 < len(x) / 16000 < 15 for x in some)
    labels = json.loads(Path(real_mirror, "coffee_orders", "label.json").read_text())
    assert {name.removesuffix(".wav") for name in labels} - set(found.names) == set(
        orders.UNRECORDED
    )
    assert not own_store.exists()
    train, validation, test = split_orders(found)
    assert [len(train), len(validation), len(test)] == [433, 93, 93]
    assert sorted([*train, *validation, *test]) == list(range(619))
    learned = Counter(item for i in train for item in found.slots[i].items())
    assert set(learned) == set(said)
    again = split_orders(found.subset(np.arange(619)[::-1]))
    assert {found.names[::-1][i] for i in again[2]} == set(found.names[test])


# Orders


def made(n=4, **changes):
    given = {
        "audio": [np.full(k + 1, k / 9, np.float32) for k in range(n)],
        "slots": [{"coffeeDrink": "latte"} for _ in range(n)],
        "names": [str(k) for k in range(n)],
        "sample_rate": 16000,
        "source": "builtin",
        "origin": "built-in",
        "licence": "",
        "citation": "",
        "credit": "all",
        "noise": np.zeros(3, np.float32),
    }
    return Orders(**{**given, **changes})


def test_subsets():
    whole = made(texts=list("abcd"), speakers=list("wxyz"))
    part = whole.subset([2, 0])
    assert part.names.tolist() == ["2", "0"] and part.audio[0] is whole.audio[2]
    assert part.texts.tolist() == ["c", "a"] and part.speakers.tolist() == ["y", "w"]
    assert part.noise is whole.noise
    assert len(whole.subset(whole.speakers == "x")) == 1 and len(whole.subset([])) == 0
    assert made().subset([1]).texts is None
    with pytest.raises(ValueError, match="mask"):
        whole.subset([True])
    with pytest.raises(IndexError):
        whole.subset([4])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"names": ["a"]}, "names has shape"),
        ({"texts": ["a"]}, "texts has shape"),
        ({"slots": [{"coffeeDrink": "latte"}]}, "slots has 1"),
        ({"slots": [{"coffeeDrink": " latte"}] * 4}, "unknown to SLOTS"),
        ({"slots": [{"coffeeDrink": "latte", "cup": "x"}] * 4}, "cup"),
        ({"slots": [{"size": "small"}] * 4}, "no coffeeDrink"),
        ({"origin": "elsewhere"}, "origin"),
    ],
)
def test_columns_that_do_not_fit_are_refused(change, says):
    with pytest.raises(ValueError, match=says):
        made(**change)


def test_the_identity_follows_everything_that_matters():
    changes = (
        {},
        {"audio": [np.ones(4, np.float32)] * 4},
        {"slots": [{"coffeeDrink": "mocha"}] * 4},
        {"names": list("abcd")},
        {"noise": np.ones(3, np.float32)},
    )
    assert len({made(**change).id for change in changes}) == 5
    assert made(origin="cache").id == made().id


def test_recordings_are_made_when_they_are_asked_for():
    kept = [np.array([16384, -32768], np.int16), np.array([1], np.int16)]
    found = Recordings(kept, 16000)
    assert found[0].tolist() == [0.5, -1.0] and found[-1].dtype == np.float32
    assert found[0] is not found[0] and found.integers(0) is kept[0]
    assert len(found) == 2 and len(found[1:]) == 1 and [len(x) for x in found] == [2, 1]
    with pytest.raises(IndexError):
        found[2]


# The split


def test_every_value_with_a_second_order_is_trained_on():
    rng = np.random.default_rng(0)
    drinks, sizes = SLOTS["coffeeDrink"], SLOTS["size"]
    slots = [
        {"coffeeDrink": drinks[rng.integers(10)], "size": sizes[min(6, rng.geometric(0.5) - 1)]}
        for _ in range(200)
    ]
    found = made(200, slots=slots)
    train, validation, test = split_orders(found)
    assert [len(train), len(validation), len(test)] == [140, 30, 30]
    assert sorted([*train, *validation, *test]) == list(range(200))
    learned = {item for i in train for item in slots[i].items()}
    assert learned == {item for order in slots for item in order.items()}
    assert [x.tolist() for x in split_orders(found)] == [
        train.tolist(),
        validation.tolist(),
        test.tolist(),
    ]


@pytest.mark.parametrize("shares", [(0, 0.2), (0.2, 1.0), (0.5, 0.5), (float("nan"), 0.1)])
def test_shares_that_leave_a_side_empty_are_refused(shares):
    with pytest.raises(ValueError, match="side empty"):
        split_orders(made(100), *shares)


def test_too_few_orders_are_refused():
    with pytest.raises(ValueError, match="too few"):
        split_orders(made(3))
    with pytest.raises(ValueError, match="too few"):
        split_orders(made(3, speakers=list("aab")))


# The built-in orders


def test_sentences_say_their_slots_and_go_through_all_values():
    said = builtin_orders._sentences(600, np.random.default_rng(0))
    for text, slots in said:
        assert all(value in text for value in slots.values())
        assert "{" not in text and not re.search(r"\ba [aei]|\ban [^aei]", text)
    values = Counter(item for _, slots in said for item in slots.items())
    assert set(values) == {(slot, value) for slot, all_ in SLOTS.items() for value in all_}
    assert min(values.values()) >= 5
    share = sum("milkAmount" in slots for _, slots in said) / 600
    assert share == pytest.approx(builtin_orders.SHARES["milkAmount"], abs=0.06)
    assert len({text for text, _ in said}) > 550


def test_the_kitchen():
    sound = builtin_orders.built_in_kitchen(3.0)
    assert sound.dtype == np.float32 and len(sound) == 48000
    assert np.abs(sound).max() == pytest.approx(0.5)
    assert np.array_equal(sound, builtin_orders.built_in_kitchen(3.0))
    assert not np.array_equal(sound, builtin_orders.built_in_kitchen(3.0, seed=1))
    with pytest.raises(ValueError, match="at least 1"):
        builtin_orders.built_in_kitchen(0.5)


@pytest.fixture(scope="module")
def spoken():
    return builtin_orders.built_in_orders(96)


def test_spoken_orders(spoken):
    assert len(spoken) == 96 and len(spoken.texts) == 96
    assert spoken.describe() == "built-in voices, 96 orders by 95 voices (built in)"
    for x in spoken.audio:
        assert x.dtype == np.float32 and 1.0 < len(x) / 16000 < 15
        assert 0.04 < np.abs(x).max() < 0.8
    assert len({x.tobytes() for x in spoken.audio}) == 96
    train, validation, test = (set(spoken.speakers[side]) for side in split_orders(spoken))
    assert not train & test and not train & validation and not validation & test
    assert (len(train), len(validation), len(test)) == (67, 14, 14)


def test_the_words_stand_above_the_noise(spoken):
    for x in spoken.audio[:20]:
        edges = np.concatenate([x[:2400], x[-2400:]])
        level = np.sqrt(np.sort(np.mean(x[: len(x) // 800 * 800].reshape(-1, 800) ** 2, 1))[-5])
        assert level > 2 * np.sqrt(np.mean(edges**2))


def test_the_same_orders_come_out_again_and_are_kept(spoken, own_store, monkeypatch):
    again = builtin_orders.built_in_orders(96)
    assert again.id == spoken.id
    calls = []
    monkeypatch.setattr(builtin_orders, "built_in_orders", lambda: calls.append(1) or again)
    first, second = (load_orders("builtin", quiet=True) for _ in range(2))
    assert len(calls) == 1 and first.id == second.id == spoken.id
    assert second.texts.tolist() == spoken.texts.tolist() and second.slots == spoken.slots


def test_training_voices_say_every_value():
    n, voices = builtin_orders.COUNT, builtin_orders.builtin_digits.voices()
    slots = [order for _, order in builtin_orders._sentences(n, np.random.default_rng(0))]
    found = made(n, slots=slots, speakers=[voices[i % len(voices)] for i in range(n)])
    train, validation, test = split_orders(found)
    assert n == 600 and min(len(validation), len(test)) > 80
    learned = {item for i in train for item in slots[i].items()}
    assert learned == {(slot, value) for slot, values in SLOTS.items() for value in values}


def test_no_orders_at_all_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        builtin_orders.built_in_orders(0)
