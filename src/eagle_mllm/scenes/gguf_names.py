"""What llama.cpp calls the tensors of a vision part."""

import numpy as np

TEXT_ARCHITECTURES = {"qwen2_5_vl": "qwen2vl", "internvl": "qwen3"}
"""Model type of transformers -> architecture of the language model in llama.cpp."""

Named = list[tuple[str, np.ndarray]]

_QWEN = {
    "attn.proj": "attn_out",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "norm1": "ln1",
    "norm2": "ln2",
}
_INTERN = {
    "attention.q_proj": "attn_q",
    "attention.k_proj": "attn_k",
    "attention.v_proj": "attn_v",
    "attention.projection_layer": "attn_out",
    "layernorm_before": "ln1",
    "layernorm_after": "ln2",
    "mlp.fc1": "ffn_up",
    "mlp.fc2": "ffn_down",
}
_INTERN_SCALES = {"lambda_1": "ls1.weight", "lambda_2": "ls2.weight"}
_INTERN_PROJECTOR = {
    "layer_norm": "mm.model.mlp.0",
    "linear_1": "mm.model.mlp.1",
    "linear_2": "mm.model.mlp.3",
}


def vision_tensors(kind: str, name: str, values: np.ndarray) -> Named | None:
    """The tensors that one of a checkpoint becomes; None where it belongs to the language model.

    Args:
        kind: the model type, one of `TEXT_ARCHITECTURES`
        name: of the tensor in the checkpoint
        values: the tensor
    """
    if kind == "qwen2_5_vl":
        return _qwen(name.removeprefix("visual."), values) if name.startswith("visual.") else None
    if name.startswith("multi_modal_projector."):
        _, part, suffix = name.split(".")
        return [(f"{_INTERN_PROJECTOR[part]}.{suffix}", values)]
    if name.startswith("vision_tower."):
        return _intern(name.removeprefix("vision_tower."), values)
    return None


def _qwen(name: str, values: np.ndarray) -> Named:
    if name == "patch_embed.proj.weight":
        # Two frames of a video; a picture is both of them.
        return [
            ("v.patch_embd.weight", values[:, :, 0]),
            ("v.patch_embd.weight.1", values[:, :, 1]),
        ]
    if name.startswith("merger."):
        new = name.replace("merger.ln_q", "v.post_ln").replace("merger.mlp.", "mm.")
        return [(new, values)]
    _, layer, rest = name.split(".", 2)
    part, suffix = rest.rsplit(".", 1)
    if part == "attn.qkv":
        thirds = zip("qkv", np.split(values, 3), strict=True)
        return [(f"v.blk.{layer}.attn_{which}.{suffix}", third) for which, third in thirds]
    return [(f"v.blk.{layer}.{_QWEN[part]}.{suffix}", values)]


def _intern(name: str, values: np.ndarray) -> Named:
    if name == "embeddings.cls_token":
        return [("v.class_embd", values.reshape(-1))]
    if name == "embeddings.position_embeddings":
        # llama.cpp puts the class token behind the patches, and adds the rows in that order.
        return [("v.position_embd.weight", np.roll(values[0], -1, axis=0))]
    if name.startswith("embeddings.patch"):
        return [("v.patch_embd." + name.rsplit(".", 1)[1], values)]
    _, _, layer, rest = name.split(".", 3)
    if rest in _INTERN_SCALES:
        return [(f"v.blk.{layer}.{_INTERN_SCALES[rest]}", values)]
    part, suffix = rest.rsplit(".", 1)
    return [(f"v.blk.{layer}.{_INTERN[part]}.{suffix}", values)]
