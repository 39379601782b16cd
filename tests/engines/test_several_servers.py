"""A run in Ray workers against two real llama.cpp servers."""

import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest

RUN = """
name = "two"
[data]
set = "scenes"
task = "vqa"
count = 6
[model]
id = "m"
server = {urls}
cache = "{cache}"
[method]
name = "centre"
[regions]
method = "grid"
count = 4
"""


class Counting:
    """Hands every request on to a server, and counts those that its model has to work for."""

    def __init__(self, url):
        self.url, self.worked, self.lock = url, 0, threading.Lock()

    def __call__(self, method, path, body):
        if path == "/completion":
            with self.lock:
                self.worked += 1
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=100) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


def explained(folder, name, urls, *more):
    """The records of a run against some servers, by the sample's id."""
    path = folder / f"{name}.toml"
    path.write_text(RUN.format(urls=json.dumps(urls), cache=folder / f"cache-{name}"))
    command = [sys.executable, "-m", "eagle_mllm", "run", str(path), "--out", str(folder / name)]
    done = subprocess.run(
        [*command, *more, "--quiet"],
        env={**os.environ, "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return {one.name: one.read_bytes() for one in (folder / name).glob("*/records/*.json")}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_servers_share_the_samples_of_a_ray_run_and_give_the_records_of_one(
    scripted, llama, own_llama, tmp_path
):
    first, second = Counting(llama.url), Counting(own_llama().url)
    with scripted(first) as one, scripted(second) as two:
        spread = explained(tmp_path, "two", [one, two], "--executor", "ray", "--workers", "2")
        asked = first.worked, second.worked
        alone = explained(tmp_path, "one", [one])
    assert len(spread) == 6
    assert spread == alone
    # Each worker tries the first server by five requests and the second, which has the same model,
    # by one; or both by one, where the other worker has found out already.
    samples = first.worked + second.worked - sum(asked) - 5
    assert 8 <= sum(asked) - samples <= 12
    assert min(asked) > 10, asked  # each sample is answered and scored by one server
