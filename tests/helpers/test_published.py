"""The table of published models: what stands in it, and that damage is noticed."""

import re
from pathlib import Path

import pytest

from helpers.published import COLUMNS, TABLE, largest_of_each, load_published

ROOT = Path(__file__).resolve().parents[2]
ROW = (
    "A,A,2020,7,speak,1000,24.6,labelled,key2020,https://example.org/a,Table 1,primary,2026-11-25,"
)


HEAD = ",".join(COLUMNS)


def table(tmp_path, *rows, head=HEAD):
    path = tmp_path / "models.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def test_the_table_of_the_book_is_in_order():
    models = load_published()
    assert len(models) >= 20
    assert [m.date for m in models] == sorted(m.date for m in models)
    assert {m.hours_kind for m in models if m.training_hours is None} == {"unknown"}
    large = next(m for m in models if m.model == "Whisper large")
    assert (large.parameters, large.training_hours) == (1.55e9, 680_000)


def test_each_source_is_in_the_bibliography():
    bibliography = (ROOT / "book/references.bib").read_text("utf-8")
    known = set(re.findall(r"@\w+\{([^,\s]+),", bibliography))
    models = load_published()
    named = {key for m in models for key in re.findall(r"\[(\w+)\]", m.where_in_source)}
    assert {m.source for m in models} | named <= known


def test_the_file_is_as_its_reader_would_write_it():
    text = TABLE.read_text("utf-8")
    assert text.endswith("\n") and "\r" not in text and not re.search(r" +$", text, re.MULTILINE)


def test_a_row_is_read(tmp_path):
    (model,) = load_published(table(tmp_path, ROW))
    assert (model.parameters, model.training_hours, model.note) == (1000.0, 24.6, "")
    assert model.date == pytest.approx(2020 + 6.5 / 12)


def test_rows_come_in_order_of_date(tmp_path):
    later = ROW.replace("A,A,2020,7", "B,B,2019,12")
    assert [m.model for m in load_published(table(tmp_path, ROW, later))] == ["B", "A"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("A,A,2020", ",A,2020", "model is empty"),
        ("key2020", "", "source is empty"),
        ("2020,7", "soon,7", "year is 'soon'"),
        ("2020,7", "2020,13", "no date"),
        ("speak", "sing", "task is 'sing'"),
        ("labelled", "many", "hours_kind is 'many'"),
        ("primary", "seen", "read is 'seen'"),
        ("1000", "1k", "not a number"),
        ("1000", "-5", "positive"),
        ("1000", "inf", "positive"),
        ("1000,24.6,labelled", ",,unknown", "neither"),
        ("24.6,labelled", ",labelled", "exactly where there are no hours"),
        ("24.6,labelled", "24.6,unknown", "exactly where there are no hours"),
        ("https://", "http://", "https"),
        ("2026-11-25", "last week", "not a date"),
        ("Table 1", "Table 1, row 2", "quotation marks"),
        (",primary,2026-11-25,", "", "entries"),
    ],
)
def test_damage_is_named_with_its_line(tmp_path, old, new, message):
    assert ROW.count(old) == 1
    with pytest.raises(ValueError, match=message) as error:
        load_published(table(tmp_path, ROW.replace(old, new)))
    assert "line 2" in str(error.value)


def test_other_columns_no_rows_and_doubles_are_refused(tmp_path):
    with pytest.raises(ValueError, match="columns"):
        load_published(table(tmp_path, head="model,parameters"))
    with pytest.raises(ValueError, match="no model"):
        load_published(table(tmp_path))
    with pytest.raises(ValueError, match="twice"):
        load_published(table(tmp_path, ROW, ROW))
    with pytest.raises(FileNotFoundError):
        load_published(tmp_path / "absent.csv")


def test_largest_of_each_takes_one_of_a_family(tmp_path):
    bigger = ROW.replace("A,A", "A2,A").replace("1000", "2000").replace("24.6", "3")
    silent = ROW.replace("A,A", "C,C").replace("1000", "")
    models = load_published(table(tmp_path, ROW, bigger, silent))
    assert [m.model for m in largest_of_each(models)] == ["A2"]
    assert [m.model for m in largest_of_each(models, "training_hours")] == ["A", "C"]
    with pytest.raises(ValueError, match="quantity"):
        largest_of_each(models, "layers")
