"""Writes a page of results and the numbers behind it from finished runs.

    python experiments/results.py runs/demo                      docs/results.md
    python experiments/results.py runs/baselines comparison      docs/comparison.md

The page shows the tables; `experiments/results/` has every cell with its interval, and what each
run was made with. `make tables-demo` does the runs of the first page, `make comparison-demo` those
of the second.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eagle_mllm.runs.store import Run, load_run
from eagle_mllm.tables import long_form, markdown, tables_of

ROOT = Path(__file__).parents[1]
NUMBERS = ROOT / "experiments" / "results"

_PAGES = {
    "results": """# Results on the generated world

The paper's five tables for the three demo models on held-out scenes, where the evidence of every
word is known: the first samples of each set, n of them. `make tables-demo` makes the runs of
`experiments/demo/`, of 100 samples each, and writes this page; `LIMIT="--limit 60"` makes fewer.
`experiments/results/demo.csv` has every cell with both ends of its interval, and
`experiments/results/demo.json` what each run was made with. Cells are means ± half of the 95 %
bootstrap interval over samples. Measures are defined in [metrics.md](metrics.md).
""",
    "comparison": """# EAGLE beside the baselines

The paper's Tables 1, 2 and 3 with the baselines of [baselines.md](baselines.md), on the first
held-out scenes of each set and the three demo models, judged by the same scores. `make
comparison-demo` makes the runs and writes this page; `experiments/results/comparison.csv` has every
cell with both ends of its interval, and `experiments/results/comparison.json` what each run was
made with. Cells are means ± half of the 95 % bootstrap interval over samples; the paired
differences are against EAGLE on the same samples. Measures are defined in [metrics.md](metrics.md).
""",
}
"""Name of a page → its introduction."""

_FILES = {"results": "demo", "comparison": "comparison"}
"""Name of a page → name of its numbers."""


def main(folder: Path, page: str = "results") -> None:
    """Read every run of a folder and write page and numbers."""
    runs = [load_run(path) for path in sorted(folder.iterdir()) if (path / "run.json").is_file()]
    tables = tables_of(runs)
    text = f"{_PAGES[page]}\n{markdown(tables)}\n{machine(runs)}\n"
    (ROOT / "docs" / f"{page}.md").write_text(text, encoding="utf-8")
    NUMBERS.mkdir(exist_ok=True)
    (NUMBERS / f"{_FILES[page]}.csv").write_text(long_form(tables), encoding="utf-8")
    described = {run.folder.name: described_run(run) for run in runs}
    content = json.dumps(described, indent=2, sort_keys=True)
    (NUMBERS / f"{_FILES[page]}.json").write_text(content + "\n", encoding="utf-8")


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
    main(Path(sys.argv[1]), *sys.argv[2:])
