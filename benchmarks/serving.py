"""Servers of the demo models on this machine, started and ended here."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from store import ROOT

from eagle_mllm.loading import CHECKPOINTS
from eagle_mllm.scenes.gguf_files import write_gguf

START_SECONDS = 1800
"""Until vLLM answers, on a busy machine."""

VLLM: dict[str, Any] = {
    "dtype": "float32",
    "max_model_len": 512,
    "mm_processor_cache_gb": 0,
    "limit_mm_per_prompt": {"image": 1},
    "max_num_batched_tokens": 2048,
    "max_num_seqs": 8,
    "gpu_memory_utilization": 0.1,  # of the CPU's memory here
    "enforce_eager": True,
    "enable_prefix_caching": False,
}
"""As `vllm.LLM` takes them."""

_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}


@contextmanager
def vllm(python: str, checkpoint: Path) -> Iterator[str]:
    """The address of a vLLM that serves a checkpoint for as long as the block lasts.

    Args:
        python: of the environment that has vLLM
        checkpoint: as `as_vllm_reads` writes it

    Raises:
        RuntimeError: it does not start; with the end of what it wrote
    """
    port = _free_port()
    command = [python, "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--model", str(checkpoint), "--served-model-name", "m"]
    command += [*_as_options(VLLM), "--enable-scale-out"]
    with tempfile.NamedTemporaryFile("w+", suffix=".log") as log:
        process = subprocess.Popen(command, env=vllm_environment(), stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}", process, Path(log.name))
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


@contextmanager
def llama_cpp(family: str) -> Iterator[str]:
    """The address of a llama.cpp that serves a demo model, converted on the fly."""
    with tempfile.TemporaryDirectory() as folder:
        write_gguf(CHECKPOINTS / family, Path(folder))
        command = [sys.executable, str(ROOT / "dev" / "serve_llama_cpp.py"), folder]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()
            process.communicate()


def vllm_environment() -> dict[str, str]:
    """The environment of a process that runs vLLM on a CPU, on one thread."""
    return {**os.environ, **_ENVIRONMENT}


def as_vllm_reads(family: str, folder: Path) -> Path:
    """A copy of a demo checkpoint with the names of tensors that the hub and vLLM have.

    Args:
        family: of the demo model
        folder: in which the copy is made
    """
    copy = shutil.copytree(CHECKPOINTS / family, folder / family)
    if family == "llava":
        _rename(copy / "model.safetensors")
    return copy


def _rename(path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    tensors = {
        name.replace("vision_tower.", "vision_tower.vision_model.", 1): values
        for name, values in load_file(path).items()
    }
    save_file(tensors, path, metadata={"format": "pt"})


def _as_options(settings: dict[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            yield f"--{option}" if value else f"--no-{option}"
        else:
            yield f"--{option}"
            yield value if isinstance(value, str) else json.dumps(value)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"vLLM has ended: {log.read_text()[-3000:]}")
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(2)
        else:
            return
    raise RuntimeError(f"vLLM did not start within {START_SECONDS} s")
