"""llama.cpp's own server from the wheel xllamacpp: `python dev/serve_llama_cpp.py FOLDER`.

FOLDER holds text.gguf and vision.gguf, as `eagle-scenes gguf qwen2_5_vl --out FOLDER` writes them.
It prints its address when it is ready, and serves until it is killed.
"""

import argparse
import time
from pathlib import Path

import xllamacpp

_TOKENS_A_SLOT = 1024


def main() -> None:
    """Serve the two files of a folder on this machine."""
    parser = argparse.ArgumentParser(description="Serve a model by llama.cpp on this machine.")
    parser.add_argument("folder", type=Path, help="with text.gguf and vision.gguf")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    parser.add_argument("--slots", type=int, default=1, help="requests that are worked on at once")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    chosen = parser.parse_args()
    settings = xllamacpp.CommonParams()
    settings.model.path = str(chosen.folder / "text.gguf")
    settings.mmproj.path = str(chosen.folder / "vision.gguf")
    settings.n_ctx, settings.n_parallel, settings.port = (
        1024 * chosen.slots,
        chosen.slots,
        chosen.port,
    )
    settings.n_gpu_layers, settings.warmup = 0, False
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = chosen.threads
    settings.cache_prompt, settings.cache_ram_mib = False, 0
    settings.use_jinja = True
    server = xllamacpp.Server(settings)
    print(server.listening_address, flush=True)
    while True:
        time.sleep(5)


if __name__ == "__main__":
    main()
