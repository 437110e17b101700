"""The parts of the night's page: numbers as people read them, and the geometry of charts."""

from __future__ import annotations

from batch_training.judgements import Interval
from batch_training.report import words
from batch_training.report.charts import bars, popularity_chart, steps_chart


def test_bars_share_a_scale() -> None:
    """Bars are as long as their values, up to the greatest bound; nonsense is left out."""
    values: list[Interval | float] = [
        Interval(0.1, 0.05, 0.2),
        0.05,
        float("nan"),
        Interval(0.1, 0.1, float("inf")),
    ]
    drawn = bars([("k", "l", value) for value in values], str)
    assert [(bar.end, bar.whisker) for bar in drawn] == [(50, (25, 100)), (25, None)]


def test_lines_stay_inside() -> None:
    """A line begins and ends at the chart's edges, with round numbers beside it."""
    chart = steps_chart([(0, 0.1), (10, 0.3)], share=True)
    assert chart is not None
    assert chart.lines[0].points == [(52, 178), (408, 12)]
    assert [tick.text for tick in chart.y_ticks] == [
        "10\xa0%",
        "15\xa0%",
        "20\xa0%",
        "25\xa0%",
        "30\xa0%",
    ]
    curve = popularity_chart({"ease": [n / 100 for n in range(1, 101)]})
    assert curve is not None
    assert (curve.lines[0].points[0], curve.lines[0].points[-1]) == ((52, 176.3), (408, 12))
    assert (
        curve.lines[0].points[9][0] == 230
    )  # 10 % of the videos: the middle of a logarithmic axis


def test_numbers() -> None:
    """Numbers have sensible digits, and what is none is a dash."""
    pairs = [
        (words.percent(0.1342), "13.4\xa0%"),
        (words.percent(0.00123), "0.12\xa0%"),
        (words.percent(float("nan")), "–"),
        (words.figure("mrr@10", float("nan")), "–"),
        (words.difference("mrr@10", float("inf")), "–"),
        (words.number(float("nan")), "–"),
        (words.duration(float("inf")), "–"),
        (words.memory(float("nan")), "–"),
        (words.figure("mrr@10", 0.05914), "0.059"),
        (words.span("hit_rate@10", Interval(0.0094, 0.009, 0.0104)), "0.90–1.04\xa0%"),
        (words.span("gini@10", Interval(0.9, 0.9, 0.9)), ""),
        (words.difference("hit_rate@10", -0.0056), "\N{MINUS SIGN}0.56"),
        (words.difference("mrr@10", -0.00001), "0.000"),
        (words.change(200, 150), "\N{MINUS SIGN}25.0\xa0%"),
        (words.change(0, 150), "–"),
        (words.duration(9.96), "10.0\xa0s"),
        (words.duration(59.97), "1\xa0min 00\xa0s"),
        (words.duration(3_725), "1\xa0h 02\xa0min"),
        (words.memory(512), "512\xa0MiB"),
        (words.memory(1_536), "1.50\xa0GiB"),
        (words.moment(1 << 62), "–"),
        (words.metric("ndcg@100").name, "NDCG@100"),
        (words.metric("novelty@5").name, "novelty@5"),
        (words.number(1_234_567), "1,234,567"),
    ]
    for written, expected in pairs:
        assert written == expected


def test_metrics_in_order() -> None:
    """Metrics stand in the order in which people look at them; unknown ones come last."""
    keys = {"zzz@1", "ndcg@100", "mrr@10", "ndcg@10", "hit_rate@10"}
    assert words.by_importance(keys) == ["hit_rate@10", "mrr@10", "ndcg@10", "ndcg@100", "zzz@1"]
