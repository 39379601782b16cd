"""From the `--regions` option to a partition of the image."""

from pathlib import Path

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.region_files import read_regions, smoothing
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.cli.problems import warn


def regions_for(image: RGBImage, source: str, *, n_regions: int) -> Regions:
    """Cut the image by a named method, or by a label map or masks from a file.

    Args:
        image: the picture
        source: a method of `segment`, or the path of a file as in `region_files`
        n_regions: how many regions a method is asked for

    Raises:
        RegionError: the method is unknown, the number impossible, or the file unusable
    """
    path = Path(source)
    if not path.suffix:
        return segment(image, method=source, n_regions=n_regions)
    height, width, _ = image.shape
    regions = read_regions(path, shape=(height, width))
    if caveat := smoothing(regions):
        warn(f"{path}: {caveat}")
    return regions
