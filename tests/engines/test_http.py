"""The client against a server that misbehaves on purpose."""

import pickle
import threading

import pytest

from eagle_mllm.engines import http as module
from eagle_mllm.engines.http import Http, Refused, Unreachable
from eagle_mllm.engines.settings import ServerSettings
from eagle_mllm.engines.usage import Usage
from eagle_mllm.errors import ModelError, SettingError

KEY = "sk-very-secret-1234"


@pytest.fixture
def waits(monkeypatch):
    """Does not sleep, and tells for how long it would have."""
    waited = []
    monkeypatch.setattr(module.time, "sleep", waited.append)
    return waited


def in_turn(*replies):
    """Answers one reply after the other, the last one for ever."""
    left = list(replies)
    return lambda method, path, body: left.pop(0) if len(left) > 1 else left[0]


OK = (200, {"ok": True})


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_a_busy_server_is_asked_again_after_longer_and_longer_waits(scripted, waits, status):
    busy = (status, {"error": "later"})
    with scripted(in_turn(busy, busy, busy, OK)) as url:
        assert Http(url).post("/x", {}) == {"ok": True}
    assert waits == [0.5, 0.5, 1.0]


def test_the_wait_that_a_server_asks_for_is_kept_within_reason(scripted, waits):
    soon, never = (429, {}, ("Retry-After", "7")), (429, {}, ("Retry-After", "999999"))
    with scripted(in_turn(soon, never, OK)) as url:
        Http(url).post("/x", {})
    assert waits == [7.0, 60.0]


def test_a_cut_connection_is_tried_again_at_once_on_a_fresh_one(scripted, waits):
    with scripted(in_turn(None, OK)) as url:
        assert Http(url).post("/x", {}) == {"ok": True}
    assert waits == [0.0]


def test_status_500_is_tried_twice_and_others_of_our_own_fault_once(scripted, waits):
    asked = []
    for status, tries in ((500, 2), (400, 1), (404, 1), (422, 1)):
        asked.clear()

        def answer(method, path, body, status=status):
            asked.append(path)
            return status, {"error": {"message": "no such thing"}}

        with (
            scripted(answer) as url,
            pytest.raises(Refused, match=rf"status {status}\): no such thing"),
        ):
            Http(url).post("/x", {})
        assert len(asked) == tries


def test_a_refusal_can_be_sent_to_another_process():
    refused = pickle.loads(pickle.dumps(Refused("no", status=404)))
    assert (str(refused), refused.status) == ("no", 404)


def test_nobody_there_is_said_in_one_line_with_what_to_do(waits):
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9 cannot be reached \(.+\); start it"):
        Http("http://127.0.0.1:9").get("/x", tries=2)


def test_a_server_that_is_too_slow_is_given_up_after_two_tries(scripted, waits):
    enough = threading.Event()
    asked = []

    def slow(method, path, body):
        asked.append(path)
        enough.wait(5)
        return OK

    with scripted(slow) as url:
        with pytest.raises(Unreachable, match=r"within 0\.1 seconds"):
            Http(url, timeout=0.1).post("/x", {})
        enough.set()
    assert len(asked) == 2


@pytest.mark.parametrize("answer", [b"<html>", b"\xff", b"{" * 100_000, b'{"a": NaN}'])
def test_what_is_no_json_is_refused_in_one_line(scripted, answer):
    with (
        scripted(in_turn((200, answer))) as url,
        pytest.raises(ModelError, match="answers no JSON"),
    ):
        Http(url).get("/x")


def test_the_key_is_sent_and_found_nowhere_else(scripted, monkeypatch):
    monkeypatch.setenv("OTHER_KEY", KEY)
    seen = []

    def answer(method, path, body):
        seen.append(path)
        return 401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}

    with scripted(answer) as url:
        http = Http(url, key_from="OTHER_KEY")
        with pytest.raises(Refused) as caught:
            http.get("/x")
        assert KEY not in str(caught.value)
        assert "export the key as OTHER_KEY" in str(caught.value)
        assert KEY.encode() not in pickle.dumps(http)
        assert KEY not in repr(vars(http))


def test_the_key_travels_in_the_header(scripted, monkeypatch):
    monkeypatch.setenv("EAGLE_API_KEY", KEY)
    with scripted(in_turn(OK)) as url:
        Http(url).get("/x")
    assert scripted.headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "url",
    ["http://user:hunter2@host", "http://host/?key=hunter2", "http://host/#hunter2"],
)
def test_an_address_that_holds_a_secret_is_refused_and_not_repeated(url):
    with pytest.raises(SettingError, match="EAGLE_API_KEY") as caught:
        ServerSettings(urls=(url,))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "host:80", "ftp://host", "http://", "http://a b", "http://[", "http://h:x"]
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(SettingError, match="is not the address of a server"):
        ServerSettings(urls=(url,))


def test_a_key_given_for_the_name_of_its_variable_is_not_repeated():
    with pytest.raises(SettingError, match="not the name of an environment variable") as caught:
        ServerSettings(urls=("http://host",), key_from=KEY)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "setting",
    [
        {"concurrency": 0},
        {"concurrency": True},
        {"max_requests": 0},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"engine": "vlm"},
        {"urls": ()},
    ],
)
def test_a_setting_out_of_range_is_refused(as_users_run_it, setting):
    with pytest.raises(SettingError):
        ServerSettings(**{"urls": ("http://host",), **setting})


def test_only_what_a_server_may_charge_for_counts_and_the_budget_ends_it(scripted, waits):
    usage = Usage(max_requests=3)
    with scripted(in_turn((429, {}), OK)) as url:
        http = Http(url, usage=usage)
        http.post("/x", {}, paid=True)
        http.get("/x")
        http.post("/x", {})
        assert (usage.requests, usage.retries) == (2, 1)
        http.post("/x", {}, paid=True)
        with pytest.raises(ModelError, match="budget of 3 requests is spent"):
            http.post("/x", {}, paid=True)


def test_an_answer_without_end_is_not_read_to_its_end(scripted, monkeypatch):
    monkeypatch.setattr(module, "_MOST_BYTES", 1000)
    with (
        scripted(in_turn((200, b"1" * 100_000))) as url,
        pytest.raises(ModelError, match="more than"),
    ):
        Http(url).get("/x")
