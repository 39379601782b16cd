"""Which image files are read, how large, and what their headers say; the rest is refused."""

import os
import re
import struct
import subprocess
import zlib
from collections import Counter

import numpy as np
import pytest
from PIL import Image

ORIENTATION = 0x0112


@pytest.fixture
def saved(tmp_path):
    def save(image, name, **options):
        path = tmp_path / name
        image.save(path, **options)
        return path

    return save


def test_a_picture_that_declares_too_many_pixels_is_refused_before_they_are_unpacked(
    refused, saved
):
    path = saved(Image.new("RGB", (1, 1)), "bomb.png")
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 20000, 20000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    path.write_bytes(bytes(data))
    assert refused(path) == (
        f"{path}: has 400.0 megapixels, more than the limit of 89.5; "
        "scale it down, or raise `max_pixels`"
    )


@pytest.mark.parametrize("kind", ["file", "PIL image", "array"])
def test_the_limit_of_pixels_is_a_knob(read, saved, kind):
    from eagle_mllm.errors import ImageError

    picture = Image.new("RGB", (30, 20))
    image = {
        "file": saved(picture, "large.png"),
        "PIL image": picture,
        "array": np.asarray(picture),
    }[kind]
    assert read(image, max_pixels=600).shape == (20, 30, 3)
    assert read(image, max_pixels=None).shape == (20, 30, 3)
    with pytest.raises(ImageError, match="more than the limit"):
        read(image, max_pixels=599)


def test_pillow_says_nothing_of_a_large_picture_and_keeps_its_own_limit(read, saved, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read(saved(Image.new("RGB", (30, 30)), "large.png")).shape == (30, 30, 3)
    assert Image.MAX_IMAGE_PIXELS == 100


@pytest.mark.parametrize("name", ["drawing.eps", "drawing.png"])
def test_postscript_reaches_no_interpreter_whatever_it_is_called(
    refused, tmp_path, monkeypatch, name
):
    from PIL import EpsImagePlugin

    def run(*_, **__):
        pytest.fail("Ghostscript was started")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", run)
    path = tmp_path / name
    Image.new("RGB", (8, 8)).save(path, "EPS")
    assert "is not an image in a format that is read here" in refused(path)


@pytest.mark.parametrize("kind", ["PCX", "ICO", "TGA", "SGI", "DDS", "XBM"])
def test_a_format_that_is_not_listed_is_refused_with_those_that_are(refused, tmp_path, kind):
    path = tmp_path / "picture.png"
    Image.new("1" if kind == "XBM" else "RGB", (16, 16)).save(path, kind)
    assert "expected PNG, JPEG, WebP, GIF, BMP, TIFF, PPM, AVIF or JPEG 2000" in refused(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF"])
def test_every_listed_format_is_read_whatever_the_file_is_called(read, tmp_path, kind):
    path = tmp_path / "picture"
    Image.new("RGB", (16, 8), (250, 250, 250)).save(path, kind)
    np.testing.assert_allclose(read(path), 250, atol=3)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full", "/dev/null"])
def test_a_device_is_refused_and_not_read(refused, device):
    assert refused(device) == (
        f"{device}: cannot be read (it is a device, not a file); expected one image file"
    )


def test_a_pipe_is_read_to_its_end(read, saved, tmp_path):
    path = saved(Image.new("RGB", (3, 2), (9, 8, 7)), "photo.png")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cp", path, pipe]):
        assert tuple(read(pipe)[1, 2]) == (9, 8, 7)


# --- Headers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_header_tells_the_size_that_reading_gives(read, saved, orientation, kind):
    from eagle_mllm.attribution.image_files import image_header

    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = saved(Image.new("RGB", (6, 4)), "turned", format=kind, exif=exif)
    header = image_header(path)
    assert (header.stored, header.orientation) == ((4, 6), orientation)
    assert header.upright == read(path).shape[:2]


def test_a_rotation_noted_behind_the_pixels_is_seen(read, saved):
    from eagle_mllm.attribution.image_files import image_header

    exif = Image.Exif()
    exif[ORIENTATION] = 6
    path = saved(Image.new("RGB", (6, 4)), "plain.png")
    data = path.read_bytes()
    note = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(note) - 4) + note + struct.pack(">I", zlib.crc32(note))
    path.write_bytes(data[:-12] + chunk + data[-12:])
    assert image_header(path).upright == (6, 4) == read(path).shape[:2]


@pytest.mark.parametrize("content", [b"", b"a cat", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_a_header_that_cannot_be_read_is_an_image_error(tmp_path, content):
    from eagle_mllm.attribution.image_files import image_header
    from eagle_mllm.errors import ImageError

    (tmp_path / "a.png").write_bytes(content)
    for path in (tmp_path / "a.png", tmp_path / "absent.png", tmp_path):
        with pytest.raises(ImageError, match=re.escape(str(path))):
            image_header(path)


# --- Damaged at random ---------------------------------------------------------------------------

_MUTATED = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF"]


def _damage(rng, data):
    """Change, cut, repeat or insert a few bytes, with a liking for the header."""
    content = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        place = int(min(rng.exponential(60), len(content) - 1)) if rng.random() < 0.7 else None
        place = int(rng.integers(len(content))) if place is None else place
        match rng.integers(4):
            case 0:
                content[place] = rng.integers(256)
            case 1:
                content[place : place + 4] = rng.bytes(4)
            case 2:
                content[place:place] = content[: rng.integers(1, 20)]
            case _:
                del content[place : place + int(rng.integers(1, 40))]
        content = content or bytearray(b"x")
    return bytes(content)


def _read_damaged(read, tmp_path, rng, count):
    from eagle_mllm.attribution.image_files import image_header

    path = tmp_path / "damaged"
    noise = Image.fromarray(rng.integers(0, 256, size=(12, 9, 3), dtype=np.uint8))
    whole = []
    for kind in _MUTATED:
        noise.save(path, kind)
        whole.append(path.read_bytes())
    outcomes = Counter()
    for index in range(count):
        path.write_bytes(_damage(rng, whole[index % len(whole)]))
        for reader in (read, image_header):
            outcomes[_outcome(reader, path)] += 1
    return outcomes


def _outcome(reader, path):
    from eagle_mllm.errors import ImageError

    try:
        reader(path)
    except ImageError as error:
        message = str(error)
    else:
        return "read"
    assert str(path) in message
    assert "\n" not in message
    return "refused"


def test_damaged_pictures_are_read_or_refused_in_one_line(read, tmp_path, rng):
    outcomes = _read_damaged(read, tmp_path, rng, 500)
    assert min(outcomes["read"], outcomes["refused"]) > 100


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_many_damaged_pictures_are_read_or_refused_in_one_line(read, tmp_path, rng):
    outcomes = _read_damaged(read, tmp_path, rng, 20_000)
    assert outcomes.total() == 40_000
