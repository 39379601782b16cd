"""A real llama.cpp server with the demo Qwen2.5-VL, and a scripted one for what none does.

The package is imported inside the fixtures: the shape checker must hook in first.
"""

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))


class LlamaServer:
    """A process that serves two files of a folder."""

    def __init__(self, folder, *, port=0):
        command = [sys.executable, str(ROOT / "dev" / "serve_llama_cpp.py"), str(folder)]
        self.process = subprocess.Popen(
            [*command, "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http"), "the server did not start"

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture(scope="session")
def gguf(tmp_path_factory):
    """The demo Qwen2.5-VL as files of llama.cpp."""
    from eagle_mllm.loading import CHECKPOINTS
    from eagle_mllm.scenes.gguf_files import write_gguf

    folder = tmp_path_factory.mktemp("gguf")
    write_gguf(CHECKPOINTS / "qwen2_5_vl", folder)
    return folder


@pytest.fixture(scope="session")
def llama(gguf):
    """A server that lives as long as the tests of this folder."""
    server = LlamaServer(gguf)
    yield server
    server.kill()


@pytest.fixture
def own_llama(gguf):
    """Start a server that a test may kill; the last one is ended with the test."""
    started = []

    def start(port=0):
        started.append(LlamaServer(gguf, port=port))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.kill()


@pytest.fixture
def cache(tmp_path):
    """A folder of scores that only this test uses."""
    return tmp_path / "cache"


@pytest.fixture
def served(llama, cache):
    """The served model, by the server's own ids."""
    from eagle_mllm.connecting import connect

    return connect(llama.url, cache=cache)


@pytest.fixture(scope="session")
def local():
    """The same model in this process."""
    from eagle_mllm.loading import load_model

    return load_model("demo", pixels="processor")


@pytest.fixture(scope="session")
def picture():
    """A scene that the demo model has never seen."""
    from eagle_mllm.scenes import scene

    return np.asarray(scene(5).image)


@pytest.fixture
def scripted():
    """A server whose answers a function makes: `(method, path, body) -> (status, body)`.

    A body of bytes is sent as it is, and None cuts the connection. The headers of the last request
    are in `scripted.headers`.
    """

    @contextmanager
    def serve(answer):
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer, serve.headers))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()

    serve.headers = {}
    return serve


def _handler(answer, headers):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self._say("GET", None)

        def do_POST(self):
            length = int(self.headers["Content-Length"])
            self._say("POST", json.loads(self.rfile.read(length)))

        def _say(self, method, body):
            headers.update(self.headers)
            reply = answer(method, self.path, body)
            if reply is None:
                self.close_connection = True
                return
            status, content, *extra = reply
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            for name, value in extra:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments):
            pass

    return Handler
