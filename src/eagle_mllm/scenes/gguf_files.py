"""The demo models as the two files that llama.cpp reads, all in float32.

LLaVA is refused: llama.cpp gives its language model other image features than transformers (the
first patch is dropped and the class token kept), so it would be another model.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from eagle_mllm.errors import MissingDependency, ModelError
from eagle_mllm.scenes.gguf_names import TEXT_ARCHITECTURES, vision_tensors

_DTYPES = {"F16": np.float16, "F32": np.float32}
_NORMAL_IMAGE_SIDE = 560
_USUAL_EPSILON = 1e-6


def write_gguf(folder: Path, out: Path) -> tuple[Path, Path]:
    """Convert a checkpoint of a demo model's architecture.

    Args:
        folder: the checkpoint
        out: an existing folder for `text.gguf` and `vision.gguf`

    Returns:
        The files of the language model and of the vision part

    Raises:
        ModelError: llama.cpp does not run this architecture as transformers does
        MissingDependency: the package gguf is not installed
    """
    config = _json(folder / "config.json")
    kind = config["model_type"]
    if kind not in TEXT_ARCHITECTURES:
        raise ModelError(
            f"llama.cpp does not run a {kind!r} demo model as transformers does; choose one of "
            f"{', '.join(TEXT_ARCHITECTURES)}"
        )
    text, vision = out / "text.gguf", out / "vision.gguf"
    writers = [
        _text_writer(folder, config, text),
        _vision_writer(folder, config, vision),
    ]
    names = _gguf().get_tensor_name_map(
        _text_architecture(kind), config["text_config"]["num_hidden_layers"]
    )
    for name, values in _tensors(folder / "model.safetensors"):
        seen = vision_tensors(kind, name, values)
        if seen is None:
            bare = name.removeprefix("language_model.")
            seen = [(names.get_name(bare, (".weight", ".bias")), values)]
            writer = writers[0]
        else:
            writer = writers[1]
        for new, array in seen:
            writer.add_tensor(new, np.ascontiguousarray(array))
    for writer in writers:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return text, vision


def _text_writer(folder: Path, config: dict[str, Any], path: Path) -> Any:
    gguf = _gguf()
    kind, text = config["model_type"], config["text_config"]
    writer = gguf.GGUFWriter(path, TEXT_ARCHITECTURES[kind])
    writer.add_block_count(text["num_hidden_layers"])
    writer.add_context_length(text["max_position_embeddings"])
    writer.add_embedding_length(text["hidden_size"])
    writer.add_feed_forward_length(text["intermediate_size"])
    writer.add_head_count(text["num_attention_heads"])
    writer.add_head_count_kv(text["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(text["rms_norm_eps"])
    writer.add_rope_freq_base(text["rope_parameters"]["rope_theta"])
    writer.add_vocab_size(text["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    if kind == "qwen2_5_vl":
        writer.add_rope_dimension_sections([*text["rope_parameters"]["mrope_section"], 0])
    else:
        writer.add_key_length(text["head_dim"])
        writer.add_value_length(text["head_dim"])
    _add_tokenizer(writer, _json(folder / "tokenizer.json"), text)
    writer.add_chat_template((folder / "chat_template.jinja").read_text())
    return writer


def _add_tokenizer(writer: Any, tokenizer: dict[str, Any], text: dict[str, Any]) -> None:
    """A byte-level vocabulary; text is cut as transformers cuts it."""
    types = _gguf().TokenType
    added = {entry["id"]: entry["content"] for entry in tokenizer["added_tokens"]}
    known = {index: word for word, index in tokenizer["model"]["vocab"].items()} | added
    merges = tokenizer["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([known[index] for index in range(text["vocab_size"])])
    writer.add_token_types(
        [types.CONTROL if index in added else types.NORMAL for index in range(text["vocab_size"])]
    )
    writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in merges])
    writer.add_add_bos_token(False)
    writer.add_eos_token_id(text["eos_token_id"])
    writer.add_pad_token_id(text["pad_token_id"])


def _vision_writer(folder: Path, config: dict[str, Any], path: Path) -> Any:
    gguf = _gguf()
    vision, pixels = config["vision_config"], _json(folder / "preprocessor_config.json")
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type("mmproj")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_clip_has_vision_encoder(True)
    writer.add_vision_projection_dim(config["text_config"]["hidden_size"])
    writer.add_vision_patch_size(_scalar(vision["patch_size"]))
    writer.add_vision_image_size(_scalar(vision.get("image_size", _NORMAL_IMAGE_SIDE)))
    writer.add_vision_embedding_length(vision["hidden_size"])
    writer.add_vision_feed_forward_length(vision["intermediate_size"])
    writer.add_vision_block_count(vision.get("depth") or vision["num_hidden_layers"])
    writer.add_vision_head_count(vision.get("num_heads") or vision["num_attention_heads"])
    writer.add_vision_attention_layernorm_eps(vision.get("layer_norm_eps", _USUAL_EPSILON))
    writer.add_vision_image_mean(pixels["image_mean"])
    writer.add_vision_image_std(pixels["image_std"])
    if config["model_type"] == "qwen2_5_vl":
        writer.add_clip_projector_type("qwen2.5vl_merger")
        writer.add_vision_use_silu(True)
        writer.add_vision_n_wa_pattern(vision["fullatt_block_indexes"][0] + 1)
    else:
        writer.add_clip_projector_type("internvl")
        writer.add_bool("clip.use_gelu", True)
        writer.add_vision_projector_scale_factor(int(1 / config["downsample_ratio"]))
        writer.add_uint32("clip.vision.preproc_min_tiles", 1)
        writer.add_uint32("clip.vision.preproc_max_tiles", 1)
    return writer


def _text_architecture(kind: str) -> Any:
    architectures = _gguf().MODEL_ARCH
    return {"qwen2_5_vl": architectures.QWEN2VL, "internvl": architectures.QWEN3}[kind]


def _tensors(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """The names and values of a safetensors file."""
    raw = path.read_bytes()
    start = 8 + struct.unpack("<Q", raw[:8])[0]
    for name, entry in json.loads(raw[8:start]).items():
        if name == "__metadata__":
            continue
        first, last = (start + offset for offset in entry["data_offsets"])
        values = np.frombuffer(raw[first:last], _DTYPES[entry["dtype"]])
        yield name, values.reshape(entry["shape"]).astype(np.float32)


def _scalar(value: Any) -> Any:
    return value[0] if isinstance(value, list) else value


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _gguf() -> Any:
    try:
        import gguf
    except ImportError as error:
        raise MissingDependency(
            "files for llama.cpp need gguf, which is not installed; pip install gguf"
        ) from error
    return gguf
