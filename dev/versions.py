"""The contract tests on one end of the ranges that pyproject.toml promises.

    python dev/versions.py lowest|newest

An environment of its own, `.venv-versions/END`, has torch and transformers of that end, and else
what constraints.txt says. `make test-versions` runs both ends.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONTRACT = ("tests/models/test_contract.py",)
TESTERS = ("pytest", "pytest-timeout", "beartype", "hypothesis")
MOVED = ("torch", "transformers")
FOLLOWING = ("tokenizers", "huggingface_hub", "safetensors", "sympy", "fsspec", "hf-xet")
"""What the releases of torch and transformers choose for themselves."""


def requirements(end: str) -> list[str]:
    """The packages whose range is tried, at one end of it.

    >>> requirements("lowest")  # doctest: +SKIP
    ['torch==2.6', 'transformers==5.20']
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ranges = {re.split(r"[<>=!~]", one)[0]: one for one in project["dependencies"]}
    if end == "newest":
        return [ranges[name] for name in MOVED]
    return [f"{name}=={re.search('>=([0-9.]+)', ranges[name])[1]}" for name in MOVED]


def constraints(path: Path) -> Path:
    """The exact versions of constraints.txt, but for what is tried and what follows it."""
    left_out = {name.lower() for name in (*MOVED, *FOLLOWING)}
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    kept = [line for line in lines if line.partition("==")[0].lower() not in left_out]
    path.write_text("\n".join(kept) + "\n")
    return path


def main(end: str) -> int:
    """Make the environment, and run the tests in it."""
    home = ROOT / ".venv-versions" / end
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--upgrade"]
    exact = constraints(home / "constraints.txt")
    subprocess.run([*pip, "-c", exact, *requirements(end), "-e", ROOT, *TESTERS], check=True)
    tell = "import torch, transformers; print(torch.__version__, transformers.__version__)"
    subprocess.run([python, "-c", tell], check=True)
    # Newer releases warn of what older ones do not: that is no failure here.
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "--timeout=1800",
        "-o",
        "filterwarnings=default",
        "-W",
        "ignore",
    ]
    return subprocess.run([python, "-m", "pytest", *options, *CONTRACT], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
