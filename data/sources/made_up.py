"""What made-up data have in common: topics, ids, and a catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from data.catalogue import Catalogue, Video

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOPICS: Final = {
    "Cooking": ("Sourdough", "Ramen", "Knife skills", "Street tacos"),
    "Travel": ("Lisbon", "Night trains", "Patagonia", "Packing light"),
    "Music": ("Jazz piano", "Synth repair", "Vinyl", "Choir warm-ups"),
    "Science": ("Black holes", "Moss", "Tides", "Prime numbers"),
    "Sports": ("Bouldering", "Trail running", "Table tennis", "Rowing"),
    "Gaming": ("Speedruns", "Chess openings", "City builders", "Retro consoles"),
    "Gardening": ("Tomatoes", "Compost", "Bonsai", "Wild hedges"),
    "Crafts": ("Dovetail joints", "Knitting", "Bookbinding", "Glazing"),
    "Cars": ("Rust repair", "Electric vans", "Rally legends", "Small engines"),
    "Film": ("Film noir", "Stop motion", "Title sequences", "Sound design"),
    "History": ("Roman roads", "Shipwrecks", "Old maps", "Lost alphabets"),
    "Animals": ("Octopuses", "Border collies", "Owls", "Backyard bees"),
}
START_MS: Final = 1_714_521_600_000  # 2024-05-01 UTC
DAYS: Final = 30
HOUR_MS: Final = 3_600_000

_FORMS = ("in 10 minutes", "from scratch", "for beginners", "explained", "gone wrong", "live")
_CHANNELS = ("Daily", "Quiet", "Big")


def names(letter: str, count: int) -> NDArray[np.object_]:
    """Give the external ids of all rows."""
    return np.array([f"{letter}{number}" for number in range(1, count + 1)], object)


def made_up_catalogue(
    rng: np.random.Generator, topics: NDArray[np.int64], durations: NDArray[np.float64]
) -> Catalogue:
    """Give every video a name that tells its topic, and what else a catalogue holds."""
    categories = list(TOPICS)
    draws = zip(topics, durations, rng.integers(4, size=len(topics)), strict=True)
    videos = []
    for number, (topic, duration, word) in enumerate(draws, start=1):
        name = categories[topic]
        form = _FORMS[number % len(_FORMS)]
        videos.append(
            Video(
                id=f"v{number}",
                title=f"{TOPICS[name][word]} {form} #{number}",
                categories=(name,),
                channel=f"{_CHANNELS[number % len(_CHANNELS)]} {name}",
                duration=float(duration),
                published=START_MS - int(rng.integers(365 * 24)) * HOUR_MS,
            )
        )
    return Catalogue(videos)
