"""Methods that EAGLE is compared with, each in a file of its own.

    attribution = eagle.attribute(model, generation, target, method=eagle.baselines.SingleScan())

A map of pixels becomes an order, the order a trace: from there on every method has the same
metrics, files and pictures, and is judged by the same scores of masked images.
"""

from eagle_mllm.baselines.centre_prior import CentrePrior
from eagle_mllm.baselines.igos import IgosPlusPlus
from eagle_mllm.baselines.llava_cam import LlavaCam
from eagle_mllm.baselines.map_method import MapMethod
from eagle_mllm.baselines.random_order import RandomOrder
from eagle_mllm.baselines.raw_attention import RawAttention
from eagle_mllm.baselines.registry import BASELINES
from eagle_mllm.baselines.single_scan import SingleScan
from eagle_mllm.baselines.tam import Tam

__all__ = [
    "BASELINES",
    "CentrePrior",
    "IgosPlusPlus",
    "LlavaCam",
    "MapMethod",
    "RandomOrder",
    "RawAttention",
    "SingleScan",
    "Tam",
]
