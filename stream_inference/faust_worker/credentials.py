"""What Faust needs to know to reach a Kafka that asks who we are."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import faust

if TYPE_CHECKING:
    from stream_inference.kafka_security import KafkaSecurity


def credentials(security: KafkaSecurity) -> faust.SASLCredentials | faust.SSLCredentials | None:
    """Put the settings into Faust's words; None for a plain connection."""
    context = _context(security) if security.tls else None
    if security.sasl:
        return faust.SASLCredentials(
            username=security.username,
            password=security.password,
            mechanism=security.mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None


def _context(security: KafkaSecurity) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=security.ca)
    if security.certificate:
        context.load_cert_chain(security.certificate, security.key)
    return context
