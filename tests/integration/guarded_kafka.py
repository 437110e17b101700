"""A Kafka that asks who its clients are, with certificates made on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import trustme
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from deploy.embedded.kafka import EmbeddedKafka
from deploy.embedded.redis_server import free_port

if TYPE_CHECKING:
    from pathlib import Path

USER, PASSWORD = "worker", "open=sesame"
_HOST = "127.0.0.1"
_PROTOCOLS = {"TLS": "SSL", "MUTUAL": "SSL", "SIGNED": "SASL_SSL", "OPEN": "SASL_PLAINTEXT"}
_LOGIN = "org.apache.kafka.common.security"


class GuardedKafka(NamedTuple):
    """One broker with a listener for each way in.

    Attributes
    ----------
    plain
        The broker; its own address asks nothing.
    at
        The other addresses: TLS, MUTUAL (with a client's certificate), SIGNED (TLS and password),
        OPEN (password alone).
    folder
        Holds ca.pem, other-ca.pem and client.pem.
    """

    plain: EmbeddedKafka
    at: dict[str, str]
    folder: Path

    @classmethod
    def start(cls, folder: Path) -> Self:
        """Make certificates and start the broker; the caller stops it."""
        _make_certificates(folder)
        at = {name: f"{_HOST}:{free_port()}" for name in _PROTOCOLS}
        port = free_port()
        broker = EmbeddedKafka(port=port, properties=_properties(folder, port, at))
        _let_in(broker.bootstrap)
        return cls(broker, at, folder)


def _make_certificates(folder: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other-ca.pem")
    for name in ("server", "client"):
        issued = ca.issue_cert(_HOST)
        # Kafka reads keys in this form alone.
        key = load_pem_private_key(issued.private_key_pem.bytes(), None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        (folder / f"{name}.pem").write_bytes(key + chain)


def _properties(folder: Path, port: int, at: dict[str, str]) -> dict[str, str]:
    controller = f"{_HOST}:{free_port()}"
    places = {"PLAINTEXT": f"{_HOST}:{port}", **at, "CONTROLLER": controller}
    protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", **_PROTOCOLS}
    plain = f'{_LOGIN}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
    scram = f"{_LOGIN}.scram.ScramLoginModule required;"
    return {
        "listeners": ",".join(f"{name}://{place}" for name, place in places.items()),
        "listener.security.protocol.map": ",".join(f"{k}:{v}" for k, v in protocols.items()),
        "controller.quorum.bootstrap.servers": controller,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",  # whoever comes in by the plain door
        "allow.everyone.if.no.acl.found": "true",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "server.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.open.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.open.plain.sasl.jaas.config": plain,
        "listener.name.signed.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "listener.name.signed.plain.sasl.jaas.config": plain,
        "listener.name.signed.scram-sha-512.sasl.jaas.config": scram,
    }


def _let_in(bootstrap: str) -> None:
    """Tell the broker the user's password, which SCRAM keeps among the broker's data."""
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    change = UserScramCredentialUpsertion(USER, info, PASSWORD.encode())
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for done in admin.alter_user_scram_credentials([change]).values():
        done.result(10)
