"""How far "any model of the hub" holds: a measurement, not a test.

    python benchmarks/hub/run.py [--resume] [NAME ...]

For every family of transformers' image-text-to-text mapping that can be built here, a tiny
checkpoint with random weights is written as its folder on the hub looks (config, safetensors,
tokenizer, processor files, chat template), and used as a user would: load, generate, give an
answer, explain, save. The probabilities of its scorer are compared with `reference.py`, which
shares no code with the package. Each checkpoint has processes of its own, in two environments: the
one with all packages of `eagle-mllm[models]`, which is made in the work folder, and the package's
own, without torchvision, whose numbers must be those of the other.

What a real folder adds beyond a tiny one is not covered: weights, and templates, which are written
in the style of each family.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import warnings
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RESULT = ROOT / "benchmarks" / "results" / "hub.json"
BUILDERS = (
    "qwen",
    "llava",
    "tiles",
    "gemma",
    "llama",
    "rows",
    "glm",
    "deepseek",
    "tokens",
    "captioners",
    "newest",
    "refused",
    "documents",
    "media",
    "squares",
    "omni",
)
EXTRA = ("torchvision==0.28.0", "timm", "num2words", "docopt", "accelerate", "peft", "einops")
PATIENCE = 400
"""Seconds for one checkpoint."""


def builders():
    """Name of each checkpoint → what writes its folder."""
    for module in BUILDERS:
        import_module(module)
    return import_module("folders").BUILD


def main():
    """Build, ask in both environments, and write the results; or play one of these roles."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="checkpoints; by default all")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "eagle-hub")
    parser.add_argument("--gather", action="store_true", help="only write what a run left so far")
    parser.add_argument("--resume", action="store_true", help="only what a run has not come to yet")
    parser.add_argument("--role", choices=("build", "all", "own"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    names = asked.names or list(builders())
    if asked.role:
        play(asked.role, names, asked.work, resume=asked.resume)
        return
    rows = old_rows() if asked.names else {}
    for role in () if asked.gather else ("build", "all", "own"):
        python = sys.executable if role == "own" else with_everything(asked.work)
        resumed = ["--resume"] if asked.resume else []
        command = [python, __file__, "--work", asked.work, "--role", role, *resumed, *names]
        subprocess.run([str(part) for part in command], check=True, env=environment())
    rows |= {name: gathered(name, asked.work) for name in names}
    write(rows)


def environment():
    """The environment of a role: offline, one thread, this package."""
    ours = os.environ.get("PYTHONPATH", str(ROOT / "src"))
    quiet = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    return {**os.environ, **quiet, "PYTHONPATH": ours}


def with_everything(work):
    """The interpreter of an environment with all packages; the rest it takes from this one."""
    home = work / "venv"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        ask = [sys.executable, "-c", "import site; print(site.getsitepackages()[0])"]
        at = subprocess.run(ask, check=True, capture_output=True, text=True).stdout
        packages = next((home / "lib").glob("python*")) / "site-packages"
        (packages / "own.pth").write_text(at)
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", *EXTRA], check=True)
    return python


def play(role, names, work, *, resume):
    """One role for all checkpoints, each in a forked process of its own."""
    warnings.filterwarnings("ignore")
    if role != "own":
        with_torchvision()
    import torch
    import transformers as hf

    hf.logging.set_verbosity_error()
    hf.logging.disable_progress_bar()
    torch.set_num_threads(1)
    import_module("asking")
    import_module("eagle_mllm.models.families.generic")
    build = builders()
    context = multiprocessing.get_context("fork")
    (work / role).mkdir(parents=True, exist_ok=True)
    for name in names:
        path = work / role / f"{name}.json"
        if resume and path.is_file():
            continue
        path.unlink(missing_ok=True)
        one = context.Process(target=child, args=(role, name, work, build[name]))
        one.start()
        one.join(PATIENCE)
        if one.is_alive():
            one.kill()
            one.join()
        if not path.exists():
            path.write_text(json.dumps({"checkpoint": name, "steps": {"load": "no answer"}}))
        print(role, name, path.read_text()[:300], flush=True)


def with_torchvision():
    """Torchvision's wheel beside a CPU build of torch: its operators only have to exist."""
    import torch

    for name in ("nms", "qnms"):
        schema = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        torch.library.define(f"torchvision::{name}", schema)
    import torchvision  # noqa: F401


def child(role, name, work, build):
    """Build or ask one checkpoint."""
    import asking

    folder = work / "checkpoints" / name
    if role == "build":
        row = {"checkpoint": name, "steps": {"build": "ok"}}
        try:
            build(folder)
        except Exception as error:  # another release of transformers may have no such family
            row["steps"]["build"] = f"{type(error).__name__}: {str(error)[:300]}"
    else:
        (work / "scores").mkdir(exist_ok=True)
        asked = asking.Asked(name, folder, work / "scores" / f"{name}.npz")
        row = asked.use(compare=role == "all")
    asking.write(work / role / f"{name}.json", row)


def gathered(name, work):
    """The rows of one checkpoint, of all roles."""
    paths = {role: work / role / f"{name}.json" for role in ("build", "all", "own")}
    found = {role: json.loads(path.read_text()) for role, path in paths.items() if path.is_file()}
    return {"model_type": model_type(work / "checkpoints" / name)} | found


def model_type(folder):
    """What its config.json says."""
    path = folder / "config.json"
    return json.loads(path.read_text())["model_type"] if path.is_file() else None


def old_rows():
    """The rows of the last run."""
    return json.loads(RESULT.read_text())["rows"] if RESULT.is_file() else {}


def write(rows):
    """The result file: one checkpoint a line."""
    import torch
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

    head = {
        "date": datetime.now(UTC).date().isoformat(),
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "mapping": sorted(MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES),
    }
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
    RESULT.write_text(json.dumps(head)[:-1] + ', "rows": {\n' + lines + "\n}}\n")


if __name__ == "__main__":
    main()
