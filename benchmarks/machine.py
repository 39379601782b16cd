"""On what a measurement was made."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import torch

from eagle_mllm.attribution.model import ModelInfo
from eagle_mllm.attribution.provenance import as_json, made_with


def run_record(info: ModelInfo, *, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Machine, versions, commit, model and settings: the same for all rows of one run.

    Args:
        info: the model measured.
        settings: what was asked for, the precision too.
    """
    return {"machine": machine(), **made_with(info), "settings": as_json(settings)}


def machine() -> dict[str, Any]:
    """Processor, cores, threads of torch, and the accelerator if there is one."""
    cuda = torch.cuda.is_available()
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if cuda else None,
    }


def peak_memory_mib() -> float | None:
    """The most memory that this process ever held; None where the system does not tell.

    Not `getrusage`, whose peak a child inherits from the process that started it.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    (peak,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return round(int(peak.split()[1]) / 1024, 1)


def _cpu_model() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
