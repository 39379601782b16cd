"""Does a picture have the size that its annotations were made for, and the same way up?

Told from headers alone. A camera notes in EXIF how to turn a picture, and `read_image` turns it as
viewers do; whoever drew the boxes may have seen it unturned. Where the sides swap, the sizes tell
which of the two it was; where they do not, nothing does, and the sample is left out.
"""

from eagle_mllm.datasets.images import FileImage
from eagle_mllm.datasets.problems import Place
from eagle_mllm.datasets.reading import Reading


def fits(
    reading: Reading, image: FileImage, *, size: tuple[int, int] | None, at: Place
) -> tuple[int, int] | None:
    """The size of a picture whose annotations are about the picture as it is read.

    Args:
        reading: takes the note, if they are not
        image: the picture
        size: height and width as annotated; None where the annotations do not say
        at: the place of the annotation

    Returns:
        Height and width, or None, and noted: a picture turned against its annotations
        ("turned image"), or of another size ("other size")

    Raises:
        ImageError: the picture cannot be read
    """
    header = image.header()
    shown, stored = _sides(header.upright), _sides(header.stored)
    if header.orientation != 1 and size in (None, header.stored):
        what = (
            f"EXIF orientation {header.orientation} turns {image.name}, stored as {stored} and "
            f"shown as {shown}, and its annotations may be about the stored pixels"
        )
        reading.note("turned image", at, what, "save the picture upright and check the boxes")
        return None
    if size is not None and size != header.upright:
        what = f"{image.name} has {shown} pixels, and its annotations are for {_sides(size)}"
        reading.note("other size", at, what, "use the picture they were made for")
        return None
    return header.upright


def _sides(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
