"""One small HTTP client: JSON both ways, time-outs, retries, a budget, a key that nobody sees."""

import json
import os
import threading
import time
from collections.abc import Mapping
from typing import Any
from weakref import finalize

from eagle_mllm.borders import border, reason
from eagle_mllm.engines.cache import Cache, key_of
from eagle_mllm.engines.reading import said
from eagle_mllm.engines.settings import KEY_VARIABLE
from eagle_mllm.engines.usage import Usage
from eagle_mllm.errors import MissingDependency, ModelError, SettingError

DELAYS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each further try. The first comes at once, on a fresh connection: a server may
have closed one that was idle, and scoring twice changes nothing."""

_LONGEST_WAIT = 60.0
"""Seconds of a server's own `Retry-After` that are waited for."""

_TIMEOUT_TRIES = 2
_FAULT_TRIES = 2
"""Of status 500, which most servers answer to what they will never understand."""

_BUSY = {408, 425, 429, 502, 503, 504, 529}
_IDLE_SECONDS = 2.0
"""After this long a connection is not used again; common servers close it after 5."""

_MOST_BYTES = 64 << 20
_LOOPBACK = ("127.", "localhost", "[::1]")


class Refused(ModelError):
    """A server answered, but not with what was asked for."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(ModelError):
    """Nobody answers at the server's address."""


class Http:
    """A server that speaks JSON.

    It can be pickled and holds no key: that is read from the environment for each connection.

    Args:
        url: its plain address; a path such as `/v1` at its end is left out
        key_from: the environment variable that holds the key, if there is one
        timeout: seconds that an answer may take
        usage: where requests are counted
        memory: keeps what the server says of itself and of its tokens, for when it is gone
    """

    def __init__(
        self,
        url: str,
        *,
        key_from: str = KEY_VARIABLE,
        timeout: float = 120.0,
        usage: Usage | None = None,
        memory: Cache | None = None,
    ) -> None:
        self.url = url.rstrip("/").removesuffix("/v1")
        self.usage = usage or Usage()
        self._memory = memory or Cache(None)
        self._key_from = key_from
        self._timeout = timeout
        self._client: Any = None
        self._is_gone = False
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        hidden = {"_client": None, "_lock": None}
        return {**self.__dict__, **hidden}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def is_reached(self) -> bool:
        """Whether somebody answers, whatever it is."""
        try:
            self._ask("GET", "/v1/models", b"", paid=False, tries=2)
        except Refused:
            return True
        except Unreachable:
            return False
        return True

    def get(self, path: str, *, tries: int = len(DELAYS) + 1) -> Any:
        """The JSON at a path; text where it is none.

        Args:
            path: such as `/props`
            tries: how often to ask a server that cannot be reached

        Raises:
            Unreachable: nobody answers
            Refused: there is nothing, or the server will not say
        """
        return self._remembered("GET", path, b"", tries=tries)

    def find(self, path: str) -> Any:
        """The JSON at a path that the server may not have; None then.

        Raises:
            Unreachable: nobody answers
        """
        try:
            return self.get(path, tries=2)
        except Refused as refused:
            if refused.status in (401, 403):
                raise
            return None

    def post(self, path: str, body: Mapping[str, Any], *, paid: bool = False) -> Any:
        """The JSON that answers a JSON.

        Args:
            path: such as `/completion`
            body: what to send
            paid: whether the model has to work, so that the request counts

        Raises:
            Unreachable: nobody answers, or not in time
            Refused: the server does not understand, or will not
            ModelError: the budget is spent
        """
        content = json.dumps(body, allow_nan=False).encode()
        if not paid:
            return self._remembered("POST", path, content, tries=len(DELAYS) + 1)
        return self._ask("POST", path, content, paid=True, tries=len(DELAYS) + 1)

    def close(self) -> None:
        """End all connections, those in use as well."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _remembered(self, method: str, path: str, content: bytes, *, tries: int) -> Any:
        """What the server says, or once said if it is gone; nothing that a model has to run for."""
        key = key_of("said", self.url, method, path, content.decode())
        kept = self._memory.get(key)
        # A server that was gone a moment ago is not waited for again, if it has said this before.
        tries = 1 if self._is_gone and kept is not None else tries
        try:
            answer = self._ask(method, path, content, paid=False, tries=tries)
        except Unreachable:
            if kept is None:
                raise
            return kept[0]
        if kept != [answer]:
            self._memory.put(key, [answer])
        return answer

    def _ask(self, method: str, path: str, content: bytes, *, paid: bool, tries: int) -> Any:
        try:
            answer = self._tried(method, path, content, paid=paid, tries=tries)
        except Unreachable:
            self._is_gone = True
            raise
        self._is_gone = False
        return answer

    def _tried(self, method: str, path: str, content: bytes, *, paid: bool, tries: int) -> Any:
        httpx = _httpx()
        n_faults = n_timeouts = 0
        for tried in range(1, tries + 1):
            if paid:
                self.usage.add(len(content), is_retry=tried > 1)
            delay = DELAYS[min(tried, len(DELAYS)) - 1]
            try:
                status, headers, answer = self._once(method, path, content)
            except httpx.TimeoutException as error:
                n_timeouts += 1
                if n_timeouts >= min(_TIMEOUT_TRIES, tries):
                    raise Unreachable(self._late()) from error
            except httpx.TransportError as error:
                if tried == tries:
                    raise Unreachable(self._silent(error)) from error
            else:
                n_faults += status == 500
                is_worth_it = status in _BUSY or (status == 500 and n_faults < _FAULT_TRIES)
                if not is_worth_it or tried == tries:
                    return self._understood(path, status, answer)
                delay = max(_asked_for(headers), delay, DELAYS[1])
            time.sleep(delay)
        raise AssertionError("the last try returns or raises")

    def _once(self, method: str, path: str, content: bytes) -> tuple[int, Any, bytes]:
        client = self._connected()
        with client.stream(method, f"{self.url}{path}", content=content or None) as response:
            answer = bytearray()
            for piece in response.iter_bytes():
                answer += piece
                if len(answer) > _MOST_BYTES:
                    raise ModelError(
                        f"the server at {self.url} answers with more than {_MOST_BYTES:,} bytes, "
                        "which is not plausible; check that the address is that of a model"
                    )
        return response.status_code, response.headers, bytes(answer)

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._new_client()
                finalize(self, self._client.close)
            return self._client

    def _new_client(self) -> Any:
        httpx = _httpx()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key := self._key():
            headers["Authorization"] = f"Bearer {key}"
        is_here = self.url.split("//", 1)[-1].startswith(_LOOPBACK)
        return httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(self._timeout, connect=min(10.0, self._timeout)),
            limits=httpx.Limits(max_connections=256, keepalive_expiry=_IDLE_SECONDS),
            trust_env=not is_here,  # a proxy of the company knows no server of this machine
        )

    def _key(self) -> str:
        key = os.environ.get(self._key_from, "").strip()
        if not (key.isascii() and (key.isprintable() or not key)):
            raise SettingError(
                f"the key in {self._key_from} holds characters that no key has; export it again"
            )
        return key

    def _understood(self, path: str, status: int, answer: bytes) -> Any:
        if not 200 <= status < 300:
            raise Refused(
                f"the server at {self.url} refuses {path} (status {status}): "
                f"{self._without_key(said(answer))}{self._advice(status)}",
                status=status,
            )
        advice = "check that the address is that of a model"
        with border(ModelError, f"the server at {self.url} answers no JSON", advice=advice):
            text = answer.decode("utf-8")
            return json.loads(text, parse_constant=_refused) if text.strip() else None

    def _without_key(self, text: str) -> str:
        key = self._key()
        return text.replace(key, "(the key)") if key else text

    def _advice(self, status: int) -> str:
        if status in (401, 403):
            return f"; export the key as {self._key_from}, or name its variable by key_from"
        return ""

    def _late(self) -> str:
        return (
            f"the server at {self.url} does not answer within {self._timeout:g} seconds; ask fewer "
            "at once (concurrency) or raise the timeout"
        )

    def _silent(self, error: Exception) -> str:
        return (
            f"the server at {self.url} cannot be reached ({reason(error)}); start it, or check the "
            "address"
        )


def _httpx() -> Any:
    try:
        import httpx
    except ImportError as error:
        raise MissingDependency(
            "served models need httpx, which is not installed; pip install 'eagle-mllm[engines]'"
        ) from error
    return httpx


def _asked_for(headers: Any) -> float:
    """Seconds that the server asks to wait."""
    wanted = headers.get("retry-after", "")
    return min(float(wanted), _LONGEST_WAIT) if wanted.isdecimal() else 0.0


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number of JSON")
