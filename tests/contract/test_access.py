"""TLS with a private CA, and users who may do what their role needs and no more."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
from redis.exceptions import NoPermissionError, RedisError

from data.catalogue import Catalogue
from data.frozen_model import ModelVersion
from data.heartbeats import Heartbeat, Heartbeats
from data.model_lock import ModelLock
from data.model_store import ModelStore
from data.redis_connection import RedisSetupError, RedisUnavailableError, connect, explained
from data.redis_facts import eviction_warning
from data.redis_keys import RedisKeys
from data.user_store import UserStore
from deploy.embedded.redis_server import EmbeddedRedis, available_servers, free_port
from deploy.settings import load_settings
from deploy.settings.sources import SettingsError
from stream_inference.hot_swap import HotSwap
from tests.builders import model
from tests.contract.user_writes import WRITTEN, A, one, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from data.redis_connection import Client

KEYS = RedisKeys()
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
RULES = re.findall(r"^user (upnext-\w+) (on >(\S+) .*)$", OPERATIONS.read_text(), re.MULTILINE)
SECRET = "se/cret"  # noqa: S105 - a test's


class Secured:
    """A server that speaks TLS, to whoever shows a certificate of the same CA."""

    def __init__(self, folder: Path, prefer: str) -> None:
        authority, port = trustme.CA(), free_port()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        for name in ("127.0.0.1", "client@example"):
            issued = authority.issue_cert(name)
            issued.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}.pem")
        self.files = {
            "redis_ca": str(folder / "ca.pem"),
            "redis_certificate": str(folder / "client@example.pem"),
            "redis_key": str(folder / "client@example.pem"),
        }
        options = {
            "tls-port": port,
            "tls-ca-cert-file": folder / "ca.pem",
            "tls-cert-file": folder / "127.0.0.1.pem",
            "tls-key-file": folder / "127.0.0.1.pem",
        }
        self.server = EmbeddedRedis(prefer=prefer, options=options)
        self.url = f"rediss://127.0.0.1:{port}/0"


@pytest.fixture(scope="module", params=list(available_servers()))
def secured(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Secured]:
    """Give a server with TLS, of each kind that has it."""
    try:
        opened = Secured(tmp_path_factory.mktemp("tls"), request.param)
    except RuntimeError as error:
        if "tls" not in str(error).lower():
            raise
        pytest.skip(f"{request.param} was built without TLS")
    yield opened
    opened.server.stop()


def test_tls_with_a_private_authority(secured: Secured) -> None:
    """With the three files the stores work over TLS, whoever reads the settings."""
    settings = load_settings({"redis_url": secured.url, **secured.files})
    with connect(settings.worker().redis_url) as client:
        store = UserStore(client, KEYS)
        client.delete(KEYS.history("u"))
        assert write(store, "u", one(store), A) is WRITTEN


@pytest.mark.parametrize("lacking", [["redis_ca"], ["redis_certificate", "redis_key"]])
def test_tls_without_a_file(secured: Secured, lacking: list[str]) -> None:
    """Who doesn't know the authority, or shows no certificate, is refused; no secret is shown."""
    files = {name: file for name, file in secured.files.items() if name not in lacking}
    url = secured.url.replace("//", f"//user:{SECRET.replace('/', '%2F')}@")
    settings = load_settings({"redis_url": url, **files})
    with pytest.raises(RedisUnavailableError) as caught, explained(settings.redis_url):
        connect(settings.redis_url, patient=False)
    assert "127.0.0.1" in str(caught.value)
    assert "cret" not in str(caught.value)


def test_files_without_tls_are_refused(secured: Secured) -> None:
    """A CA for a URL that is not TLS is a mistake, and said to be one."""
    with pytest.raises(SettingsError, match="rediss://"):
        load_settings({"redis_url": "redis://localhost", "redis_ca": secured.files["redis_ca"]})


@pytest.mark.parametrize("setting", ["redis_ca", "redis_certificate", "redis_key"])
def test_a_file_that_is_not_there_is_named(secured: Secured, setting: str) -> None:
    """A file of TLS that can't be read is a mistake in the settings, with the setting's name."""
    with pytest.raises(SettingsError, match=f"{setting} names /not/there.pem"):
        load_settings({"redis_url": secured.url, **secured.files, setting: "/not/there.pem"})


@pytest.mark.slow
def test_what_waiting_does_not_help(
    guarded: EmbeddedRedis, secured: Secured, tmp_path: Path
) -> None:
    """A wrong password, TLS with one who speaks none, a wrong CA and a lacking one are told apart.

    A server that is not there may come; these won't mend themselves.
    """
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    plain = guarded.url.replace("redis:", "rediss:")
    cases = {
        guarded.url.replace("//", "//upnext-worker:wrong@"): "user and password",
        plain: "say redis://",
        f"{secured.url}?ssl_ca_certs={tmp_path / 'other.pem'}": "redis_ca",
        f"{secured.url}?ssl_ca_certs=/not/there.pem": "redis_ca",
        f"{secured.url}?ssl_ca_certs={secured.files['redis_ca']}": "redis_certificate",
        f"{guarded.url.removesuffix('0')}99": "DB index",
    }
    for url, said in cases.items():
        with pytest.raises(RedisSetupError, match=said), explained(url):
            connect(url, patient=False)
    nobody = f"redis://127.0.0.1:{free_port()}"
    with pytest.raises(RedisUnavailableError) as caught, explained(nobody):
        connect(nobody, patient=False)
    assert not isinstance(caught.value, RedisSetupError)


@pytest.fixture(scope="module")
def guarded() -> Iterator[EmbeddedRedis]:
    """Give a server with the users of the documentation."""
    with EmbeddedRedis() as server, connect(server.url) as client:
        for user, rules, _ in RULES:
            client.execute_command("ACL", "SETUSER", user, *rules.split())
        yield server


@pytest.fixture
def as_role(guarded: EmbeddedRedis) -> Iterator[dict[str, Client]]:
    """Give a connection of each role."""
    urls = {user: guarded.url.replace("//", f"//{user}:{pw}@") for user, _, pw in RULES}
    clients = {user.removeprefix("upnext-"): connect(url) for user, url in urls.items()}
    yield clients
    for client in clients.values():
        client.close()


def test_each_role_can_do_its_work(as_role: dict[str, Client]) -> None:
    """The night publishes, the worker follows and writes lists, the application reads them."""
    assert as_role.keys() == {"night", "worker", "reader"}
    models = ModelStore(as_role["night"], KEYS)
    with ModelLock(as_role["night"], KEYS) as lock:
        for name in ("one", "two", "three"):
            models.publish(ModelVersion(name), model(), Catalogue(), b"{}", lock=lock)
            models.activate(ModelVersion(name), lock=lock)
        assert models.prune(1, lock=lock) == ["one"]
        assert models.sweep(lock=lock) == []
    assert eviction_warning(as_role["night"]) == ""

    worker = as_role["worker"]
    assert eviction_warning(worker) == ""
    swap = HotSwap(ModelStore(worker, KEYS))
    assert swap.poll()
    assert ModelStore(worker, KEYS).popular().version == "three"
    beats = Heartbeats(worker, KEYS)
    beats.beat(Heartbeat(worker="w", version="three", activation=1))
    store = UserStore(worker, KEYS)
    as_role["night"].script_flush()
    as_role["night"].set(KEYS.history("u"), "damaged")
    assert write(store, "u", one(store), A) is WRITTEN
    assert [beat.worker for beat in Heartbeats(as_role["night"], KEYS).alive()] == ["w"]
    beats.stop("w")
    assert UserStore(as_role["night"], KEYS).read_many(["u"])[0].history == A

    (shown,) = UserStore(as_role["reader"], KEYS).read_lists(["u"])
    assert shown is not None


@pytest.mark.parametrize(
    ("role", "command"),
    [
        ("worker", ["SET", KEYS.current, "1 mine"]),
        ("worker", ["DEL", KEYS.popular]),
        ("worker", ["FLUSHALL"]),
        ("worker", ["CONFIG", "SET", "maxmemory", "1"]),
        ("worker", ["GET", "another:key"]),
        ("reader", ["GET", KEYS.history("u")]),
        ("reader", ["GET", KEYS.current]),
        ("reader", ["SET", KEYS.up_next("u"), "mine"]),
        ("reader", ["SCAN", "0"]),
        ("night", ["SET", "another:key", "mine"]),
        ("night", ["FLUSHALL"]),
    ],
)
def test_no_role_can_do_more(as_role: dict[str, Client], role: str, command: list[str]) -> None:
    """A worker can't touch models, an application only reads lists, nobody can empty Redis."""
    with pytest.raises(NoPermissionError):
        as_role[role].execute_command(*command)  # type: ignore[no-untyped-call]  # has no types


def test_a_worker_cannot_publish(as_role: dict[str, Client]) -> None:
    """Whoever got hold of a worker can't bring a model of their own in."""
    with pytest.raises(RedisError):
        ModelStore(as_role["worker"], KEYS).publish(ModelVersion("mine"), model(), Catalogue())


def test_a_wrong_password_is_told_and_not_shown(guarded: EmbeddedRedis) -> None:
    """The error says what is wrong with user and password, and shows neither."""
    url = guarded.url.replace("//", "//upnext-worker:se%2Fcret@")
    with pytest.raises(RedisUnavailableError, match="password") as caught, explained(url):
        connect(url, patient=False)
    assert "cret" not in str(caught.value)
    assert "worker" not in str(caught.value)
