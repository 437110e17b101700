"""When Redis is not there, the error says what to do and keeps the password."""

from __future__ import annotations

import socket

import pytest

from data.redis_connection import RedisUnavailableError, connect, explained, without_password

UNREADABLE = [
    "",
    "localhost:6379",
    "http://localhost",
    "user:secret@localhost",
    "redis://user:secret@localhost:port",
    "redis://:sec/ret@localhost:6379",
    "redis://:s#ecret@localhost:6379",
    "redis://:secret@localhost:99999",
    "redis://:secret@[::1",
    "redis://localhost?password=secret&db=first",
]


def assert_helpful(message: str) -> None:
    """Check that a message names the settings and nothing of the password."""
    assert "--redis-url" in message
    assert "UPNEXT_REDIS_URL" in message
    assert "ret" not in message
    assert "sec" not in message


@pytest.mark.parametrize("url", UNREADABLE)
def test_unreadable_url(url: str) -> None:
    """A URL that can't be read is refused at once, before anything is sent."""
    with pytest.raises(RedisUnavailableError) as caught:
        connect(url)
    assert_helpful(str(caught.value))
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("credentials", ["", ":secret@", "user:secret@"])
def test_nobody_listens(credentials: str) -> None:
    """Where no server is, the error names host and port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        url = f"redis://{credentials}{address}/0"
        with pytest.raises(RedisUnavailableError) as caught, explained(url):
            connect(url).ping()
    assert address in str(caught.value)
    assert_helpful(str(caught.value))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://user:secret@localhost", "redis://***@localhost"),
        ("rediss://:s@c://ret@localhost/1", "rediss://***@localhost/1"),
        ("unix:///run/redis?password=secret&db=1", "unix:///run/redis?password=***&db=1"),
        ("redis://localhost?db=1&password=s@ecret", "redis://localhost?db=1&password=***"),
        ("secret@localhost", "***@localhost"),
    ],
)
def test_password_is_hidden(url: str, shown: str) -> None:
    """Whatever the form of the URL, only what is no secret is shown."""
    assert without_password(url) == shown


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_other_errors_pass_through(error: type[Exception]) -> None:
    """An error that is not Redis's, such as one of a full disk, is not explained away."""
    with pytest.raises(error), explained("redis://localhost"):
        raise error
