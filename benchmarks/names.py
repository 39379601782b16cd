"""What readers call the demo models."""

FAMILIES = {"llava": "LLaVA", "qwen2_5_vl": "Qwen2.5-VL", "internvl": "InternVL"}
"""Folder of the checkpoint → name, in the order of every table."""
