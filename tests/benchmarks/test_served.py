"""The tables of engines, from rows made by hand."""

import json

import pages
import served
import serving

ROW = {
    "engine": "vllm",
    "model": "demo/llava",
    "largest": 2e-5,
    "mean": 1e-7,
    "same_arg_max": 1.0,
    "noise": 0.0,
    "served_per_second": 4.25,
    "local_per_second": 6.0,
    "load": 0.4,
    "passes": [64, 64],
}


def _written(folder, *rows):
    (folder / "engines.json").write_text(json.dumps({"runs": [], "rows": rows}))


def test_an_engine_in_its_own_process_has_no_requests_to_count(tmp_path):
    requests = {"requests_cut_resumed_repeated": [32, 38, 1]}
    _written(tmp_path, ROW | requests, ROW | {"engine": "vllm-offline"})
    shown = pages.markdown(served.agreement_table(tmp_path)).splitlines()[2:]
    assert [line.split(" | ")[0] for line in shown] == ["| vllm", "| vllm-offline"]
    (line,) = pages.markdown(served.interruption_table(tmp_path)).splitlines()[2:]
    assert line == "| vllm | LLaVA | 64 | 32 | 38 | 1 |"


def test_settings_are_written_as_a_command_line_takes_them():
    settings = {"max_num_seqs": 8, "enforce_eager": True, "chunked": False, "dtype": "float32"}
    options = [*serving._as_options(settings | {"limit": {"image": 1}})]
    assert options == [
        *("--max-num-seqs", "8", "--enforce-eager", "--no-chunked", "--dtype", "float32"),
        *("--limit", '{"image": 1}'),
    ]


def test_the_copy_for_vllm_has_the_names_of_the_hub(tmp_path):
    from safetensors import safe_open

    with safe_open(serving.as_vllm_reads("llava", tmp_path) / "model.safetensors", "np") as file:
        towers = [name for name in file.keys() if "vision_tower." in name]  # noqa: SIM118
    assert towers
    assert all(".vision_tower.vision_model." in f".{name}" for name in towers)
