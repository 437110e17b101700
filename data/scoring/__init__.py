"""The numerics that the night judges and the day serves, exact in float32."""

from data.scoring.ragged import Ragged
from data.scoring.ranking import rank
from data.scoring.search import Recent, top_n
from data.scoring.solve import fold_in

__all__ = ["Ragged", "Recent", "fold_in", "rank", "top_n"]
