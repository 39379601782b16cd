"""The tables of the models page, by hand from a few rows."""

import json

import hub_table
import pages

AGREES = {"p": 1e-6, "logp": 1e-5, "spread": 3.0, "same_answer": True, "path": "generic"}
ONE = {"images_a_pass": 1}
FINE = {"load": "ok", "score": "ok"}
ROWS = {
    "a": {
        "model_type": "a",
        "all": {"steps": FINE, **AGREES},
        "own": {"steps": {"load": "MissingDependency: a needs timm"}, "worded": True},
    },
    "b": {"model_type": "b", "all": {"steps": FINE, **AGREES, **ONE, "logp": 0.5}},
    "b_too": {"model_type": "b", "all": {"steps": FINE, **AGREES}},
    "c": {"model_type": "c", "all": {"steps": FINE, **AGREES, "spread": 0.0}},
}


def written(tmp_path):
    result = {"date": "2026-01-02", "transformers": "5.1", "torch": "2.9", "rows": ROWS}
    (tmp_path / "hub.json").write_text(json.dumps(result))
    return tmp_path


def test_a_checkpoint_is_a_line_with_what_it_says_when_it_is_refused(tmp_path):
    lines = pages.markdown(hub_table.hub_table(written(tmp_path))).splitlines()
    assert lines[2] == (
        "| a | a | generic | – | refused | works | yes: 1e-05 (3.0) | a needs timm |"
    )
    assert lines[3] == "| b | b | generic | one | not run | works | no: 5e-01 (3.0) |  |"


def test_a_family_counts_if_all_its_checkpoints_do_and_a_blind_one_does_not_agree(tmp_path):
    lines = pages.markdown(hub_table.hub_run_table(written(tmp_path))).splitlines()
    assert lines[2] == "| 2026-01-02 | 5.1 | 2.9 | 0 of 1 | 3 of 3 | 1 of 3 |"
