"""Multimodal language models: the only room that knows torch and transformers."""

from eagle_mllm.models.registry import load_model

__all__ = ["load_model"]
