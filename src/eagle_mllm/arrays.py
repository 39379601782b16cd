"""Names for the arrays that cross module borders. Axes are domain words.

An image may be a sequence of frames: `*frames` is any number of leading axes, none for a picture.
"""

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

RGBImage = UInt8[np.ndarray, "*frames h w 3"]
"""An 8-bit RGB image."""

Mask = Bool[np.ndarray, "*frames h w"]
"""True where a pixel belongs to something."""

LabelMap = Int[np.ndarray, "*frames h w"]
"""The region index of each pixel."""

Saliency = Float[np.ndarray, "*frames h w"]
"""How decisive each pixel is, in [0, 1]."""

Subsets = Bool[np.ndarray, "batch regions"]
"""One subset of the regions per row: True where the region is shown."""
