"""The night's page: what is known stands in it, and nothing comes from elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec
import pytest

from batch_training.judgements import Interval, Quality
from batch_training.night_report import GateFacts, NightReport
from batch_training.report import render, story, tables, words
from tests.unit import reports
from tests.unit.pages import Page

if TYPE_CHECKING:
    from collections.abc import Callable

NIGHTS: Final = (
    reports.published,
    reports.refused,
    reports.first,
    reports.bad_data,
    reports.fault,
)


@pytest.mark.parametrize("night", NIGHTS)
def test_page_is_whole(night: Callable[[], NightReport]) -> None:
    """Any night gives a well-formed page that runs nothing and loads nothing."""
    written = render(night())
    page = Page(written)
    assert written.startswith("<!DOCTYPE html>")
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(page.tags)
    assert "url(" not in written
    assert "@import" not in written
    for name, value in page.attributes:
        assert not name.startswith("on")
        assert not re.search(r"^\s*(\w+:)?//", value), (name, value)
        if name in {"href", "src"}:
            assert value.startswith("#")


@pytest.mark.parametrize("night", NIGHTS)
def test_links_lead_somewhere(night: Callable[[], NightReport]) -> None:
    """Each link leads to a section that is there."""
    page = Page(render(night()))
    names = {value for name, value in page.attributes if name == "id"}
    assert {value[1:] for name, value in page.attributes if name == "href"} <= names


@pytest.mark.parametrize(
    ("night", "verdict"),
    [
        (reports.published, "Published"),
        (reports.refused, "Refused"),
        (reports.first, "Published"),
        (reports.bad_data, "Refused for its data"),
        (reports.fault, "Fault"),
    ],
)
def test_verdict_stands_first(night: Callable[[], NightReport], verdict: str) -> None:
    """The first thing after the date is what came of the night."""
    texts = Page(render(night())).texts
    assert texts[0] == "UpNext · the night of 2 October 2026, 02:00 UTC"
    assert texts[1] == verdict


def test_what_must_be_read_stands_first() -> None:
    """Quality next to last night's, what was dropped, the time and the unusual precede the rest."""
    report = reports.published()
    head = Page(render(report)).text.partition("Quality by way to make lists")[0]
    order = [
        "Published",
        reports.VERSION,
        reports.PARENT,
        "13.4 %",
        "12.9 %",
        "12.8 %",
        "Better than the serving model by 0.56 percentage points (95 %: +0.26 to +0.86).",
        "24,022 of 20,004,182 rows (0.12 %)",
        "31 min 14 s, at most 3.03 GiB",
        *report.unusual,
    ]
    places = [head.find(" ".join(told.split())) for told in order]
    assert -1 not in places
    assert places == sorted(places)


def test_all_is_told() -> None:
    """Every word of a full report is on the page, with ways and metrics by their names."""
    report = reports.published()
    text = Page(render(report)).text
    assert report.data is not None
    told = [
        *(words.capital(words.way(way.name)) for way in report.judgements[0].ways),
        *(words.metric(key).name for key in tables.metrics_of(*report.judgements)),
        *(title for user in report.sample_users for title in (*user.watched, *user.after)),
        *(user.user for user in report.sample_users),
        *(stage.name for stage in report.stages),
        *(group.label for group in report.by_activity),
        *(fit.device for fit in report.training),
        *(sentence for rows in report.examples.values() for sentence in rows),
        *(report.data.dropped | report.data.left_out | report.libraries),
        *report.libraries.values(),
        *("train.factors", "gate.margin", "history_limit"),
        *("16,205,331", "15,994,662", "138,412 written", report.data.fingerprint),
        *("the catalogue holds 49,655 videos, more than 20,000", report.quarantine),
    ]
    assert [word for word in told if " ".join(word.split()) not in text] == []


def test_reasons_of_a_refusal() -> None:
    """A refusal gives its reason once, before the tables; many lines stay many lines."""
    report = reports.refused()
    text = Page(render(report)).text
    assert text.count(report.reasons[0][3:]) == 1
    assert text.index(report.reasons[0][3:]) < text.index("Quality by way")
    assert "Worse than the serving model by 1.78 percentage points" in text
    assert "One\ntwo" in render(msgspec.structs.replace(report, reasons=("one\ntwo",)))


def test_new_titles_are_marked() -> None:
    """A title that only the new list holds is marked, and on a first night none is."""
    page = Page(render(reports.published()))
    after = page.texts.index("The new model", page.texts.index("User u-20931"))
    assert page.texts[after + 1 : after + 4] == [
        "Toy Story 2 (1999)",
        "Wallace & Gromit: A Close Shave (1995)",
        "new",
    ]
    assert "new" not in Page(render(reports.first())).texts


def test_titles_are_escaped() -> None:
    """A title that looks like HTML is shown as it is, wherever a report holds text."""
    page = render(reports.published())
    assert "<script" not in page
    assert reports.SCRIPT in Page(page).text
    assert reports.EMOJI in page
    encoded = msgspec.json.encode(reports.published()).replace(b"Merge", b"</svg><script>")
    assert "<script" not in render(msgspec.json.decode(encoded, type=NightReport))


def test_forced() -> None:
    """A model that was published against the gate says so first, and who forced it and why."""
    gate = GateFacts(
        compared_with="", reasons=("too bad",), forced_by="eva@ops", forced_why="new data"
    )
    report = msgspec.structs.replace(reports.published(), gate=gate)
    page = Page(render(report))
    assert page.texts[1] == "Published by force"
    assert "Too bad" in page.text
    assert "What spoke against it" in page.texts
    assert "Published all the same by eva@ops: new data" in page.text


def test_fault_after_publishing() -> None:
    """What failed after a model was published is told as that."""
    reasons = ("RedisError: gone while the lists were written",)
    page = Page(render(msgspec.structs.replace(reports.published(), reasons=reasons)))
    assert page.texts[1] == "Published"
    title = page.texts.index("What went wrong after it was published")
    assert page.texts[title + 1] == reasons[0]


@pytest.mark.parametrize(
    ("reasons", "told"), [((), "would let it pass"), (("too bad",), "would refuse it")]
)
def test_dry_run(reasons: tuple[str, ...], told: str) -> None:
    """A dry run tells what the gate would have said."""
    gate = GateFacts(compared_with="", reasons=reasons)
    report = msgspec.structs.replace(reports.published(), verdict="dry run", gate=gate)
    assert f"Nothing was published. The gate {told}. {reports.PARENT} goes on" in story.outcome(
        report
    )


def test_no_clear_difference() -> None:
    """Where the interval holds 0, the page speaks of no clear difference."""
    report = reports.published()
    replayed = report.judgements[0]
    gap = {story.METRIC: Interval(0.001, -0.002, 0.004)}
    serving = Quality(name="serving", figures={}, less_candidate=gap)
    ways = (replayed.ways[0], serving)
    told = msgspec.structs.replace(
        report, judgements=(msgspec.structs.replace(replayed, ways=ways),)
    )
    assert story.compared(told).startswith("No clear difference from the serving model (95 %: ")
    assert "−0.40 to +0.20" in story.compared(told)  # noqa: RUF001 - a true minus sign
