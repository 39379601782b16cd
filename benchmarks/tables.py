"""Writes the measured figures into README.md, between its markers, from the committed results.

python benchmarks/tables.py           renew the tables
python benchmarks/tables.py --check   exit with 1 if they are not current
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CHECKPOINTS = ROOT / "src" / "eagle_mllm" / "scenes" / "checkpoints"
FAMILIES = {"llava": "LLaVA", "qwen2_5_vl": "Qwen2.5-VL", "internvl": "InternVL"}


def accuracy_table() -> str:
    """Held-out accuracy of the demo models, from the `training.json` of each checkpoint."""
    lines = [
        "| demo model | caption, exact | VQA, exact | existence | wrong yes | wrong no |",
        "|---|---|---|---|---|---|",
    ]
    for family, name in FAMILIES.items():
        accuracy = json.loads((CHECKPOINTS / family / "training.json").read_text())["accuracy"]
        lines.append(
            f"| {name} | {accuracy['caption']:.1%} | {accuracy['vqa']:.1%} "
            f"| {accuracy['existence']:.1%} | {accuracy['wrong_yes']} | {accuracy['wrong_no']} |"
        )
    return "\n".join(lines)


def evidence_table() -> str:
    """Where the maps point and what evidence words score, from `known_evidence.json`."""
    lines = [
        "| demo model | maximum inside the object | AUROC of evidence, evidence words against "
        "function words | mean evidence of each |",
        "|---|---|---|---|",
    ]
    results = _result("known_evidence.json")["results"]
    for family, name in FAMILIES.items():
        row = results[family]
        lines.append(
            f"| {name} | {row['pointing_hits']} of {row['scenes']} "
            f"| {row['evidence_auroc']:.3f} ({row['words']} words) "
            f"| {row['mean_evidence_of_evidence_words']:.2f} / "
            f"{row['mean_evidence_of_function_words']:.2f} |"
        )
    return "\n".join(lines)


def explanation_table() -> str:
    """What one exact explanation costs, from `one_explanation.json`."""
    lines = [
        "| demo model | regions | tokens | passes | seconds | insertion AUC | deletion AUC |",
        "|---|---|---|---|---|---|---|",
    ]
    results = _result("one_explanation.json")["results"]
    for family, name in FAMILIES.items():
        row = results[family]
        lines.append(
            f"| {name} | {row['regions']} | {row['tokens']} | {row['passes']} "
            f"| {row['seconds']:.0f} | {row['insertion_auc']:.3f} | {row['deletion_auc']:.3f} |"
        )
    return "\n".join(lines)


def _result(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results" / name).read_text())
    return content


def renewed(page: str) -> str:
    """The page with each marked table made anew."""
    tables = {
        "accuracy": accuracy_table,
        "evidence": evidence_table,
        "explanation": explanation_table,
    }
    for name, table in tables.items():
        marked = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        made = table()
        page, found = re.subn(
            marked, lambda m, made=made: f"{m[1]}{made}\n{m[2]}", page, flags=re.DOTALL
        )
        if found != 1:
            raise SystemExit(f"README.md has {found} places for the table {name!r}; expected 1")
    return page


def main() -> None:
    """Renew the README or check it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    path = ROOT / "README.md"
    page = path.read_text(encoding="utf-8")
    new = renewed(page)
    if check:
        sys.exit(0 if new == page else "README.md is not current; run benchmarks/tables.py")
    path.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
