"""Images that are named now and read later."""

import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import numpy as np

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.image_files import ImageHeader, image_bytes, image_header
from eagle_mllm.attribution.images import read_image
from eagle_mllm.borders import reason
from eagle_mllm.datasets.problems import Place, Problem
from eagle_mllm.errors import DataError
from eagle_mllm.scenes.scene import Split, scene

# The photographs of COCO 2014 were renamed in 2017, and are the same files otherwise.
_COCO_2014 = re.compile(r"^COCO_(train|val)2014_")


class ImageSource(ABC):
    """An image that costs nothing until it is read, and can be sent to another process."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What to call it in tables and file names."""

    @abstractmethod
    def read(self) -> RGBImage:
        """The pixels.

        Raises:
            ImageError: they cannot be read
        """

    @abstractmethod
    def digest(self) -> str:
        """BLAKE2b of the content, 32 hexadecimal digits: the same on every machine.

        Two images of one digest are the same picture; a picture that was replaced has another.

        Raises:
            ImageError: it cannot be read
        """


@dataclass(frozen=True)
class FileImage(ImageSource):
    """An image file."""

    path: Path

    @property
    def name(self) -> str:
        """The file's name, without its folder."""
        return self.path.name

    def read(self) -> RGBImage:
        """The pixels, upright and opaque."""
        return read_image(self.path)

    def header(self) -> ImageHeader:
        """Size and orientation, without unpacking the pixels.

        Raises:
            ImageError: the file cannot be read or is not an image
        """
        return image_header(self.path)

    def digest(self) -> str:
        """BLAKE2b of the file's bytes."""
        return _digest(image_bytes(self.path))


@dataclass(frozen=True)
class SceneImage(ImageSource):
    """The picture of a generated scene, drawn when it is read."""

    seed: int
    split: Split = "held-out"

    @property
    def name(self) -> str:
        """Split and seed."""
        return f"scene-{self.split}-{self.seed}"

    def read(self) -> RGBImage:
        """The pixels, 224 x 224."""
        return np.array(scene(self.seed, split=self.split).image)

    def digest(self) -> str:
        """BLAKE2b of the pixels."""
        return _digest(self.read().tobytes())


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


class ImageFolder:
    """A folder of images, and which of those asked for it does not hold."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._missing: Counter[str] = Counter()

    def find(self, name: str) -> FileImage | None:
        """The image of this name, or under its newer COCO name; None, and noted, if absent.

        A link in the folder may lead anywhere; a name may not.

        Args:
            name: as an annotation gives it, perhaps with folders, of either system

        Raises:
            DataError: the name leads out of the folder, or cannot be the name of a file
        """
        for path in image_places(self._folder, name):
            if _is_file(path):
                return FileImage(path)
        self._missing[name] += 1
        return None

    def problems(self) -> tuple[Problem, ...]:
        """One for each absent image; a single one if the folder itself is absent."""
        if self._missing and not self._folder.is_dir():
            what = f"there is no such image folder, where {len(self._missing)} images should be"
            return (_missing(self._folder, what, "say where they are with `images`"),)
        return tuple(
            _missing(self._folder / name, f"the image is missing, {_needed(count)}", "put it there")
            for name, count in self._missing.items()
        )


def image_places(folder: Path, name: str) -> Iterator[Path]:
    """Where the image of a name may be in a folder.

    Args:
        folder: the images' own
        name: as an annotation gives it

    Raises:
        DataError: the name leads out of the folder, or is not Unicode
    """
    flavours: tuple[PurePath, ...] = (PurePosixPath(name), PureWindowsPath(name))
    if any(path.anchor or ".." in path.parts for path in flavours):
        raise DataError(
            f"the image name {name!r:.80} leads out of the image folder; expected one inside it"
        )
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"the image name {name!r:.80} is not Unicode text") from error
    yield folder / name
    yield folder / _COCO_2014.sub("", name)
    if "\\" in name:
        yield folder.joinpath(*PureWindowsPath(name).parts)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise DataError(f"the image name {path.name!r:.80}: {reason(error)}") from error


def image_folder(given: Path | str | None, *, near: Path, usual: Sequence[str]) -> ImageFolder:
    """The folder that holds a data set's images.

    Args:
        given: what the user says, if anything
        near: the folder of the annotations; it and the two above it are searched
        usual: names such folders have, by preference

    Raises:
        DataError: the given folder does not exist
    """
    if given is not None:
        folder = Path(given).expanduser()
        if not folder.is_dir():
            raise DataError(
                f"there is no image folder {folder}; expected one that holds the images"
            )
        return ImageFolder(folder)
    # Not `resolve`: folders that are put together by links must stay together.
    above = Path(os.path.abspath(near)).parents[:2]  # noqa: PTH100
    places = [base / name for base in (near, *above) for name in usual]
    return ImageFolder(next((place for place in places if place.is_dir()), places[0]))


def _missing(path: Path, what: str, advice: str) -> Problem:
    return Problem(kind="missing image", place=Place(file=str(path)), what=what, advice=advice)


def _needed(count: int) -> str:
    return "needed by 1 sample" if count == 1 else f"needed by {count} samples"
