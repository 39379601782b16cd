"""Writes docs/results.md and the numbers behind it from finished runs.

    python experiments/results.py runs/demo

The page shows the tables; `experiments/results/` has every cell with its interval, and what each
run was made with. `make tables-demo` does the runs first.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eagle_mllm.runs.store import Run, load_run
from eagle_mllm.tables import long_form, markdown, tables_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "results.md"
NUMBERS = ROOT / "experiments" / "results"

INTRODUCTION = """# Results on the generated world

The paper's five tables for the three demo models on held-out scenes, where the evidence of every
word is known. `make tables-demo` makes the runs of `experiments/demo/` and writes this page;
`experiments/results/demo.csv` has every cell with both ends of its interval, and
`experiments/results/demo.json` what each run was made with. Cells are means ± half of the 95 %
bootstrap interval over samples. Measures are defined in [metrics.md](metrics.md).
"""


def main(folder: Path) -> None:
    """Read every run of a folder and write page and numbers."""
    runs = [load_run(path) for path in sorted(folder.iterdir()) if (path / "run.json").is_file()]
    tables = tables_of(runs)
    PAGE.write_text(f"{INTRODUCTION}\n{markdown(tables)}\n{machine(runs)}\n", encoding="utf-8")
    NUMBERS.mkdir(exist_ok=True)
    (NUMBERS / "demo.csv").write_text(long_form(tables), encoding="utf-8")
    described = {run.folder.name: described_run(run) for run in runs}
    content = json.dumps(described, indent=2, sort_keys=True)
    (NUMBERS / "demo.json").write_text(content + "\n", encoding="utf-8")


def described_run(run: Run) -> dict[str, Any]:
    """Settings, data, software and outcomes of one run."""
    return {
        "settings": run.config.model_dump(mode="json"),
        "data": dict(run.data),
        "made_with": dict(run.made_with),
        "done": len(run.records),
        "not_applicable": len(run.not_applicable),
        "failed": len(run.failures),
        "planned": len(run.planned),
    }


def machine(runs: Sequence[Run]) -> str:
    """The machine and the versions that each model's runs were made on."""
    lines = ["## Machines and versions", ""]
    lines += sorted({f"- {made(run.made_with)}" for run in runs})
    return "\n".join(lines)


def made(with_: Mapping[str, Any]) -> str:
    """Model, software, commit and machine in one line."""
    packages, git, model = with_["packages"], with_["git"] or {}, with_["model"]
    device = model["details"].get("accelerator", model["device"])
    changes = " and changes" if git.get("dirty") else ""
    return (
        f"{model['id']} in {model['dtype']} on {device}: "
        f"commit {str(git.get('commit'))[:10]}{changes}, Python {with_['python']}, "
        f"torch {packages['torch']}, transformers {packages['transformers']}, {with_['platform']}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
