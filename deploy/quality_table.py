"""The night's figures, drawn for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from batch_training.night import Figures


def quality_table(figures: Figures) -> Table:
    """Draw how good the night's lists are, next to popularity."""
    table = Table(
        title=f"Judged on {figures.replayed:,} of the newest events", title_justify="left"
    )
    table.add_column("")
    for column in ("HR@10", "MRR@10"):
        table.add_column(column, justify="right")
    names = {
        "live": "lists that follow every click",
        "left_alone": "lists of the night, left alone",
        "popularity": "popularity",
    }
    for key, name in names.items():
        scores = figures.replay[key]
        table.add_row(name, f"{scores['hit_rate']:.3f}", f"{scores['mrr']:.3f}")
    if figures.unseen:
        table.add_section()
        table.add_row("[dim]users the model never saw[/]", "[dim]NDCG@100[/]", "[dim]Recall@20[/]")
        for key, name in (("model", "model"), ("popularity", "popularity")):
            scores = figures.unseen[key]
            table.add_row(name, f"{scores['ndcg@100']:.3f}", f"{scores['recall@20']:.3f}")
    return table
