"""Baselines by name, for command lines and configuration files."""

from eagle_mllm.baselines.centre_prior import CentrePrior
from eagle_mllm.baselines.igos import IgosPlusPlus
from eagle_mllm.baselines.llava_cam import LlavaCam
from eagle_mllm.baselines.map_method import MapMethod
from eagle_mllm.baselines.random_order import RandomOrder
from eagle_mllm.baselines.raw_attention import RawAttention
from eagle_mllm.baselines.single_scan import SingleScan
from eagle_mllm.baselines.tam import Tam

BASELINES: dict[str, type[MapMethod]] = {
    "random": RandomOrder,
    "centre": CentrePrior,
    "single-scan": SingleScan,
    "raw-attention": RawAttention,
    "llava-cam": LlavaCam,
    "igos++": IgosPlusPlus,
    "tam": Tam,
}
"""Name → method; each one's fields are its settings."""
