"""Where the pages lie, and how their blocks are found."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
README: Final = ROOT / "README.md"
CONTRACTS: Final = DOCS / "contracts.md"
OPERATIONS: Final = DOCS / "operations.md"
PAGES: Final = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])
FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
