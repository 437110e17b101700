"""What is agreed where no setting says otherwise; apart, because it takes no time to import."""

from __future__ import annotations

from typing import Final

DEFAULT_LENGTH: Final = 20
"""Videos in an up-next list."""
DEFAULT_TTL_S: Final = 90 * 86_400
"""How long a user is kept after the last write, in seconds."""
