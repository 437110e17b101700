"""KafkaSecurity: how a client of Kafka shows who it is, and knows whom it talks to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from pathlib import Path

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@dataclass(frozen=True, kw_only=True)
class KafkaSecurity:
    """What a client needs beside the address.

    Attributes
    ----------
    protocol
        Of the listener, in Kafka's words.
    ca
        Certificates to trust, as PEM; the system's by default.
    certificate, key
        The client's own certificate and its key, as PEM; one file may hold both.
    mechanism, username, password
        For the protocols with SASL.
    """

    protocol: Protocol = "PLAINTEXT"
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    mechanism: Mechanism = "PLAIN"
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.protocol.endswith("SSL")

    @property
    def sasl(self) -> bool:
        """Whether the client gives a name and a password."""
        return self.protocol.startswith("SASL")


NO_SECURITY: Final = KafkaSecurity()
