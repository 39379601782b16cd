"""Small configurations, and checkpoints written as the hub has them."""

import json
from pathlib import Path

import torch
import transformers as hf

SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "ffn_dim": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "depth": 2,
    "num_heads": 2,
    "out_hidden_size": 32,
    "projection_dim": 32,
    "moe_intermediate_size": 32,
    "n_routed_experts": 4,
    "num_local_experts": 4,
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_num_experts": 4,
    "moe_topk": 2,
    "n_group": 1,
    "topk_group": 1,
    "word_embed_proj_dim": 32,
    "projector_hidden_size": 32,
    "shared_expert_intermediate_size": 32,
    "max_position_embeddings": 2048,
    "first_k_dense_replace": 1,
    "mlp_dim": 64,
    "output_channels": 16,
    "kv_lora_rank": 16,
    "q_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 16,
}
MROPE = {
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
}


def shrunk(config, over):
    """A dictionary of a configuration with small sizes; `over` wins."""
    known = config.to_dict()
    made = {name: value for name, value in SMALL.items() if isinstance(known.get(name), int)}
    over = dict(over)
    for name in getattr(config, "sub_configs", {}) or {}:
        part = getattr(config, name, None)
        given = over.pop(name, {})
        if hasattr(part, "to_dict"):
            made[name] = shrunk(part, given) if given is not None else None
        elif given:
            made[name] = given
    if config.model_type:
        made["model_type"] = config.model_type
    return {**made, **over}


def configuration(kind, tokenizer, *, text="text_config", **over):

    base = hf.AutoConfig.for_model(kind)
    words = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if text:
        over[text] = {**words, **over.get(text, {})}
    else:
        over = {**words, **over}
    made = shrunk(base, over)
    made.pop("model_type")
    return type(base)(**made)


def lively(module):
    """Weights whose answers are neither flat nor blind to the picture."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.ndim >= 2 and parameter.numel() > 1:
                fan = parameter[0].numel() if parameter.ndim != 3 else parameter.shape[-1]
                values = torch.randn(parameter.shape, generator=generator) * (1.6 / fan**0.5)
                parameter.copy_(values)
            elif name.endswith("bias"):
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.05)
            elif parameter.ndim <= 1 and not bool(parameter.any()) and "gat" in name:
                parameter.fill_(0.7)  # closed gates of cross attention


def hub_folder(
    folder,
    config,
    tokenizer,
    processor,
    *,
    architecture=None,
    template="jinja",
    image_kind=None,
    video_file=False,
    nested=False,
    generation=None,
):
    """Write what the hub would hold: `template` is jinja, json, tokenizer or none."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = processor.chat_template if processor is not None else None
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    settings["tokenizer_class"] = tokenizer.hub_kind
    if processor is not None:
        settings["processor_class"] = type(processor).__name__
    if template == "tokenizer" and written:
        settings["chat_template"] = written
    path.write_text(json.dumps(settings, indent=1))
    if template == "jinja" and written:
        (folder / "chat_template.jinja").write_text(written)
    if template == "json" and written:
        (folder / "chat_template.json").write_text(json.dumps({"chat_template": written}))
    if processor is not None:
        whole = processor.to_dict()
        parts = {
            n: whole.pop(n)
            for n in ("image_processor", "video_processor", "feature_extractor")
            if n in whole
        }
        images = {**parts.get("feature_extractor", {}), **parts.get("image_processor", {})}
        kind = images.get("image_processor_type", "").removesuffix("Pil").removesuffix("Fast")
        images["image_processor_type"] = image_kind or kind
        images["processor_class"] = type(processor).__name__
        if nested:
            whole |= parts
        else:
            (folder / "preprocessor_config.json").write_text(
                json.dumps(images, indent=1, default=str)
            )
        if video_file and "video_processor" in parts:
            (folder / "video_preprocessor_config.json").write_text(
                json.dumps(parts["video_processor"], indent=1, default=str)
            )
        whole.pop("chat_template", None)
        if set(whole) - {"processor_class"}:
            (folder / "processor_config.json").write_text(json.dumps(whole, indent=1, default=str))
    model = getattr(hf, architecture) if architecture else hf.AutoModelForImageTextToText
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = model(config) if architecture else model.from_config(config)
    lively(module)
    module.generation_config.eos_token_id = generation or tokenizer.eos_token_id
    module.generation_config.pad_token_id = tokenizer.pad_token_id
    module.save_pretrained(folder)


BUILD = {}
"""Name of a checkpoint → what writes its folder."""


def family(function):
    """Register the builder of a checkpoint under its own name."""
    BUILD[function.__name__] = function
    return function


def of(tokenizer, *tokens):
    return [tokenizer.convert_tokens_to_ids(token) for token in tokens]
