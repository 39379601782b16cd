"""LoRA and other adapters of PEFT: a few weights beside those of a base model."""

from typing import Any

from eagle_mllm.errors import ModelError
from eagle_mllm.models.pretrained import Checkpoint, find_checkpoint

ADAPTER_FILE = "adapter_config.json"


def base_of(checkpoint: Checkpoint) -> tuple[Checkpoint | None, Checkpoint]:
    """An adapter and the checkpoint that it adapts; None and the checkpoint where it is none.

    Raises:
        ModelError: the adapter does not say what it adapts, or that cannot be found
    """
    if checkpoint.has("config.json") or not checkpoint.has(ADAPTER_FILE):
        return None, checkpoint
    settings = checkpoint.json_file(ADAPTER_FILE)
    base = settings.get("base_model_name_or_path")
    if not base:
        raise ModelError(
            f"{checkpoint.name} is an adapter that does not name its base model; write "
            f"base_model_name_or_path into its {ADAPTER_FILE}, or merge it"
        )
    found = find_checkpoint(
        str(base),
        name=str(base),
        revision=settings.get("revision"),
        trusts_code=checkpoint.trusts_code,
    )
    return checkpoint.pinned(ADAPTER_FILE), found


def add_adapter(module: Any, adapter: Checkpoint) -> None:
    """Put an adapter into a loaded model.

    Args:
        module: the transformers model
        adapter: where the adapter is

    Raises:
        ImportError: peft is not installed
    """
    module.load_adapter(
        adapter.place,
        revision=adapter.revision,
        local_files_only=adapter.unreachable is not None,
    )


def without_wrapper(module: Any) -> Any:
    """The transformers model inside a `PeftModel`, with its adapters; any other model as it is."""
    unwrap = getattr(module, "get_base_model", None)
    return module if unwrap is None else unwrap()
