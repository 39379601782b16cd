"""Makes torchvision importable beside a CPU build of torch that it was not compiled for.

The Makefile puts it into the environment of vLLM as `sitecustomize.py`, which every Python process
there runs first. It declares two operators when torchvision is imported.
"""

import sys
from typing import Any

_BOXES = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class _DeclareFirst:
    """Stands before all finders of modules, until torchvision is looked for."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Declare the operators, and leave the finding to others."""
        del path, target
        if name == "torchvision":
            sys.meta_path.remove(self)
            import torch

            for operator in ("nms", "qnms"):
                torch.library.define(f"torchvision::{operator}", _BOXES)


sys.meta_path.insert(0, _DeclareFirst())
