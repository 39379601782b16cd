"""What `audit` and `diagnose` cost: passes, and seconds of the processor on one thread."""

from collections.abc import Callable
from functools import partial
from time import process_time
from typing import Any

import numpy as np
from hallucination_lines import RESULTS, TITLES, Row, add, load, resumed, rows, table

import eagle_mllm as eagle
from eagle_mllm.scenes import scene

_COMMANDS = {
    "fast": "`audit --fast`",
    "audit": "`audit`",
    "diagnose": "`diagnose`",
}


def cost(name: str, count: int) -> None:
    """The first wrong answers, diagnosed, and the descriptions of their scenes, audited.

    Args:
        name: of the model; its wrong answers have been corrected before
        count: how many wrong answers
    """
    path = RESULTS / f"cost-{name}.jsonl"
    wrong = rows(f"correct-{name}-order")[:count]
    asked = {f"{row['scene']} {row['question']}": row for row in wrong}
    model = None
    for key in resumed(path, asked):
        model = model or load(name)
        image = np.asarray(scene(int(asked[key]["scene"])).image)
        said = model.generate(image, "Describe the image.")
        answered = model.generate(image, asked[key]["question"])
        truth = asked[key]["truth"].strip(".").lower()
        row = {
            "fast": _timed(partial(eagle.audit, model, said, fast=True)),
            "audit": _timed(partial(eagle.audit, model, said)),
            "diagnose": _timed(partial(eagle.diagnose, model, answered, truth)),
        }
        add(path, {"key": key, "rows": [row]})


def _timed(run: Callable[[], Any]) -> Row:
    start = process_time()
    found = run()
    return {"passes": found.passes, "seconds": round(process_time() - start, 3)}


def cost_table() -> str:
    """Means of each command and model."""
    body = []
    for name, title in TITLES.items():
        some = rows(f"cost-{name}")
        for command, label in _COMMANDS.items():
            if some:
                means = [
                    float(np.mean([row[command][what] for row in some]))
                    for what in ("passes", "seconds")
                ]
                body.append([f"{title} ({len(some)})", label, f"{means[0]:.0f}", f"{means[1]:.1f}"])
    return table(("model (answers)", "command", "passes", "seconds, one thread"), body)
