"""The tables of docs/models.md, from the rows that `hub/run.py` writes."""

import json
from pathlib import Path
from typing import Any

from store import Row

from tables import Table

TOLERANCE = {"p": 1e-3, "logp": 1e-2}
"""Largest differences from the reference that count as agreement."""

BLIND = 0.02
"""A model whose log p moves less between subsets says nothing about agreement."""


def hub_table(results: Path) -> Table:
    """One line for each checkpoint that was tried."""
    rows = [{"name": name, **row} for name, row in _result(results)["rows"].items()]
    return Table(
        {
            "checkpoint": "{name}",
            "`model_type`": "{model_type}",
            "path": lambda row: _first(row, "path"),
            "images a pass": _images_a_pass,
            "without torchvision": lambda row: _outcome(row.get("own")),
            "with all packages": lambda row: _outcome(row.get("all")),
            "agrees": _agreement,
            "what it says": _said,
        },
        rows,
    )


def hub_run_table(results: Path) -> Table:
    """When it was run, with which releases, and the counts."""
    result = _result(results)
    rows = list(result["rows"].values())
    if not rows:
        return Table({"date": "{date}"}, [])
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(str(row["model_type"]), []).append(row)

    def families(side: str) -> str:
        asked = [group for group in kinds.values() if all(side in row for row in group)]
        worked = [group for group in asked if all(_works(row[side]) for row in group)]
        return f"{len(worked)} of {len(asked)}"

    compared = [group for group in kinds.values() if any("logp" in row["all"] for row in group)]
    agreeing = [group for group in compared if all(map(_agrees, group))]
    columns = {
        "date": str(result["date"]),
        "transformers": str(result["transformers"]),
        "torch": str(result["torch"]),
        "families that work without torchvision": families("own"),
        "with all packages": families("all"),
        "of those compared, agree": f"{len(agreeing)} of {len(compared)}",
    }
    return Table({name: lambda _, value=value: value for name, value in columns.items()}, [{}])


def _result(results: Path) -> Row:
    path = results / "hub.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"rows": {}}


def _works(row: Row) -> bool:
    steps = {name: said for name, said in row["steps"].items() if name != "reference"}
    return all(said == "ok" for said in steps.values())


def _agrees(row: Row) -> bool:
    asked = row.get("all", {})
    close = all(asked.get(name, 1.0) < most for name, most in TOLERANCE.items())
    return close and asked["spread"] > BLIND and asked.get("same_answer") is not False


def _first(row: Row, key: str) -> Any:
    return next((row[side][key] for side in ("all", "own") if key in row.get(side, {})), "–")


def _images_a_pass(row: Row) -> str:
    found = _first(row, "images_a_pass")
    return found if found == "–" else "one" if found == 1 else "any"


def _outcome(row: Row | None) -> str:
    if row is None:
        return "not run"
    return "works" if _works(row) else "refused" if row.get("worded") else "fails"


def _agreement(row: Row) -> str:
    asked = row.get("all", {})
    if "logp" not in asked:
        return "–"
    verdict = "yes" if _agrees(row) else "no"
    return f"{verdict}: {asked['logp']:.0e} ({asked['spread']:.1f})"


def _said(row: Row) -> str:
    for side in ("all", "own"):
        for said in row.get(side, {}).get("steps", {}).values():
            if said != "ok":
                return str(said).partition(": ")[2].replace("|", "\\|")
    return ""
