"""The claims ledger holds every verdict of the chapters, as a page and as data."""

import json
import math

import pytest
from bs4 import BeautifulSoup
from ledger import verdict_ids

HEAD = ["Chapter", "Claim", "What was compared", "Measured", "Threshold", "Data", "Verdict"]


@pytest.fixture(scope="module")
def claims(site):
    return json.loads((site / "claims.json").read_text(encoding="utf-8"))["claims"]


def test_the_page_and_the_data_say_the_same(site, claims):
    page = BeautifulSoup((site / "book/ledger.html").read_text(encoding="utf-8"), "html.parser")
    heads = [[cell.text for cell in table.find_all("th")] for table in page.find_all("table")]
    table = page.find_all("table")[[head[:7] == HEAD for head in heads].index(True)]
    rows = [[cell.text for cell in row.find_all("td")] for row in table.tbody.find_all("tr")]
    assert len(rows) == len(claims)
    for row, claim in zip(rows, claims, strict=True):
        assert row[0].startswith(claim["chapter"])
        assert row[1].endswith(f"({claim['id']})")
        assert row[3].startswith(f"{claim['mean']:,.2f}".replace(",", "\u202f").replace("-", "−"))
        assert row[6] == claim["outcome"]
        assert (site / claim["page"]).is_file()


def test_every_verdict_of_the_chapters_is_there_with_its_numbers(site, claims, pytestconfig):
    stated = []
    for page in site.glob("notebooks/*/*.html"):
        path = (pytestconfig.rootpath / page.relative_to(site)).with_suffix(".ipynb")
        stated += verdict_ids(json.loads(path.read_text(encoding="utf-8")))
    assert len(stated) > 100
    assert set(stated) <= {claim["id"] for claim in claims}
    for claim in claims:
        assert math.isfinite(claim["mean"]), claim["id"]
        if claim["n"] > 1:
            assert claim["low"] <= claim["mean"] <= claim["high"], claim["id"]
