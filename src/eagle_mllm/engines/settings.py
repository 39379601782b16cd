"""How a served model is reached and asked: the settings that front ends, runs and engines share.

This file is light: it knows no HTTP client.
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import urlsplit

from eagle_mllm.errors import SettingError

EngineChoice = Literal["auto", "llama.cpp", "vllm", "vllm-tokens", "sglang", "openai"]
"""Which engine answers; "auto" asks the server. "vllm-tokens" is vLLM's route for exact ids."""

Concurrency = int | Literal["auto"]
"""Requests at once; "auto" is what suits the engine."""

USUAL_CACHE = "auto"
"""The folder of scores that all explanations of this user share."""

KEY_VARIABLE = "EAGLE_API_KEY"
"""The environment variable that holds the key, if the server wants one."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Where a model is served and how it is asked; `eagle_mllm.connect` explains each setting.

    Raises:
        SettingError: a value is unknown or out of range
    """

    urls: tuple[str, ...]
    """Servers of one and the same model."""

    checkpoint: str | None = None
    """A local folder or hub id of the same model."""

    agreement: bool = True
    """Whether the checkpoint's weights are loaded for a moment, to compare."""

    engine: EngineChoice = "auto"
    """Which engine answers."""

    concurrency: Concurrency = "auto"
    """Requests at once."""

    timeout: float = 120.0
    """Seconds that an answer may take."""

    max_requests: int | None = None
    """The most scoring and answering requests that may be sent; None for any number."""

    cache: str | None = USUAL_CACHE
    """The folder of the scores that are kept; None keeps none."""

    key_from: str = KEY_VARIABLE
    """The environment variable that holds the key."""

    def __post_init__(self) -> None:
        if not self.urls:
            raise SettingError("no server is given; give a URL such as http://127.0.0.1:8000")
        for url in self.urls:
            require_address(url)
        if self.engine not in get_args(EngineChoice):
            names = ", ".join(get_args(EngineChoice))
            raise SettingError(f"unknown engine {self.engine!r:.40}; choose one of {names}")
        _require_count(self.concurrency, "concurrency", instead="'auto'")
        _require_count(self.max_requests, "max_requests", instead="None")
        if not 0 < self.timeout <= 86_400:
            raise SettingError(f"timeout must be above 0 and at most a day; got {self.timeout!r}")
        if not _VARIABLE.fullmatch(self.key_from):
            # It may be the key itself, so it is not repeated.
            raise SettingError(
                "key_from is not the name of an environment variable; export the key, and give "
                f"the name of its variable, such as {KEY_VARIABLE}"
            )


def require_address(url: str) -> None:
    """Refuse what is not the plain address of a server.

    Raises:
        SettingError: it is no HTTP address, or it holds a password or a query, which would end up
            in files; it is not repeated then
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise SettingError(
            "the address of the server holds a user, a password or a query; give the plain URL, "
            f"and the key by the environment variable {KEY_VARIABLE}"
        )
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
        raise SettingError(
            f"{url!r:.80} is not the address of a server; give one such as http://127.0.0.1:8000"
        )


def _require_count(value: int | str | None, name: str, *, instead: str) -> None:
    if value is None or value == "auto" or (type(value) is int and value >= 1):
        return
    raise SettingError(f"{name} must be {instead} or a positive integer; got {value!r:.40}")
