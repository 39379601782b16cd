"""Arrays in a `.npz` archive, of which nothing is unpacked before its size is known.

NumPy's own reader unpacks whatever an archive holds and evaluates an array's header as Python. Here
only members that are asked for are read, their headers must look as NumPy writes them, and what
they declare can be compared with a limit first.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np

# What `np.save` writes for arrays of numbers, in versions 1 to 3 of the format.
_HEADER = re.compile(
    rb"\{'descr': '([<>|=][biuf][1248])', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,18}, ?)*(?:\d{1,18},?)?)\), \} *\n?"
)
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
_LONGEST_HEADER = 10_000

# Of these, `zipfile` unpacks no more than it is asked for. Of bzip2 and LZMA it unpacks everything
# that it is given at once, and four kilobytes can become four gigabytes.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_PIECE = 1 << 20


class Malformed(ValueError):
    """What is wrong with a file; who reads it adds which file, and what to do."""


@dataclass(frozen=True, kw_only=True)
class StoredArray:
    """An array of an archive, described by its header and not unpacked yet."""

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]

    order: Literal["C", "F"]
    """Whether the last axis changes first, as in C, or the first, as in Fortran."""

    archive: zipfile.ZipFile
    member: zipfile.ZipInfo

    offset: int
    """Where the numbers begin."""

    @property
    def nbytes(self) -> int:
        """How many bytes the array takes."""
        return self.dtype.itemsize * prod(self.shape)

    def read(self) -> np.ndarray:
        """Unpack the array, in the byte order of this machine; the checksum is verified.

        Raises:
            Malformed: the member ends early
            Exception: whatever `zipfile` and the decompressors raise on damaged data
        """
        numbers = np.empty(self.nbytes, dtype=np.uint8)
        with self.archive.open(self.member) as file:
            file.read(self.offset)
            done = 0
            while piece := file.read(_PIECE):  # to the end, where the checksum is compared
                numbers[done : done + len(piece)] = np.frombuffer(piece, dtype=np.uint8)
                done += len(piece)
        if done != self.nbytes:
            raise Malformed(f"{self.name} ends early")
        array = numbers.view(self.dtype).reshape(self.shape, order=self.order)
        return np.asarray(array, dtype=self.dtype.newbyteorder("="))


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """A `.npz` archive of arrays; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **dict(arrays))
    return buffer.getvalue()


def stored_arrays(data: bytes, names: Iterable[str]) -> dict[str, StoredArray]:
    """Those of the named arrays that an archive has, by name; other members are never opened.

    Raises:
        Malformed: it is not an archive, or a member is not an array of numbers
        Exception: whatever `zipfile` and the decompressors raise on damaged data
    """
    file = io.BytesIO(data)
    if not zipfile.is_zipfile(file):
        raise Malformed("it is not a .npz file, or only the beginning of one")
    archive = zipfile.ZipFile(file)
    members = {member.filename: member for member in archive.infolist()}
    wanted = {name: members.get(f"{name}.npy") for name in names}
    return {name: _described(name, archive, member) for name, member in wanted.items() if member}


def _described(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> StoredArray:
    if member.compress_type not in _METHODS:
        raise Malformed(f"{name} is packed by a method that NumPy does not write")
    with archive.open(member) as file:
        magic = file.read(8)
        length_bytes = _LENGTH_BYTES.get(magic[6]) if magic[:6] == b"\x93NUMPY" else None
        if not length_bytes:
            raise Malformed(f"{name} is not an array")
        length = int.from_bytes(file.read(length_bytes), "little")
        text = file.read(length) if length <= _LONGEST_HEADER else b""
    found = _HEADER.fullmatch(text)
    if not found:
        raise Malformed(f"{name} is not an array of numbers")
    stored = StoredArray(
        name=name,
        dtype=np.dtype(found[1].decode()),
        shape=tuple(int(axis) for axis in found[3].replace(b",", b" ").split()),
        order="F" if found[2] == b"True" else "C",
        archive=archive,
        member=member,
        offset=8 + length_bytes + length,
    )
    if member.file_size != stored.offset + stored.nbytes:
        raise Malformed(
            f"{name} declares {stored.nbytes} bytes and has {member.file_size - stored.offset}"
        )
    return stored
