import io
import struct

import numpy as np
import pytest
from PIL import Image

ORIENTATION = 0x0112


@pytest.fixture
def corners():
    """Two rows of three columns: red at the top left, green at the bottom right, else grey."""
    pixels = np.full((2, 3, 3), 128, dtype=np.uint8)
    pixels[0, 0], pixels[1, 2] = (255, 0, 0), (0, 255, 0)
    return pixels


@pytest.fixture
def saved(tmp_path):
    def save(image, name, **options):
        path = tmp_path / name
        image.save(path, **options)
        return path

    return save


def frames(count=3):
    return [Image.new("RGB", (4, 4), (90 * index, 0, 0)) for index in range(count)]


# --- Ways to hand an image over ------------------------------------------------------------------


def test_a_path_a_text_a_picture_and_an_array_give_the_same_pixels(read, corners, saved):
    path = saved(Image.fromarray(corners), "corners.png")
    for image in (path, str(path), Image.open(path), Image.fromarray(corners), corners):
        pixels = read(image)
        assert pixels.dtype == np.uint8
        np.testing.assert_array_equal(pixels, corners)


def test_the_array_is_new_and_writeable(read, corners):
    pixels = read(corners)
    pixels[:] = 7
    assert corners[0, 0, 0] == 255


def test_a_reversed_view_is_read_in_its_own_order(read, corners):
    np.testing.assert_array_equal(read(corners[::-1, :, ::-1]), corners[::-1, :, ::-1])


def test_the_picture_handed_over_is_left_as_it_is(read):
    picture = Image.new("RGBA", (3, 2), (10, 20, 30, 0))
    read(picture)
    assert (picture.mode, picture.getpixel((0, 0))) == ("RGBA", (10, 20, 30, 0))


@pytest.mark.parametrize("axes", ["h w", "h w 1"])
def test_a_grey_array_becomes_grey_rgb(read, axes):
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    pixels = read(grey if axes == "h w" else grey[:, :, np.newaxis])
    np.testing.assert_array_equal(pixels, np.stack([grey] * 3, axis=-1))


def test_the_alpha_of_an_array_lets_white_through(read):
    array = np.array([[[0, 0, 0, 255], [0, 0, 0, 0], [0, 0, 0, 127]]], dtype=np.uint8)
    np.testing.assert_array_equal(read(array)[0, :, 0], [0, 255, 128])


# --- Rotation ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, lambda pixels: pixels),
        (2, np.fliplr),
        (3, lambda pixels: np.rot90(pixels, 2)),
        (4, np.flipud),
        (5, lambda pixels: pixels.transpose(1, 0, 2)),
        (6, lambda pixels: np.rot90(pixels, -1)),
        (7, lambda pixels: np.rot90(pixels, 2).transpose(1, 0, 2)),
        (8, np.rot90),
    ],
)
def test_the_rotation_noted_by_the_camera_is_applied(read, corners, saved, orientation, turned):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = saved(Image.fromarray(corners), "turned.png", exif=exif)
    np.testing.assert_array_equal(read(path), turned(corners))
    np.testing.assert_array_equal(read(Image.open(path)), turned(corners))


def test_a_broken_note_of_the_camera_is_ignored(read, corners, saved):
    path = saved(Image.fromarray(corners), "broken.png", exif=b"Exif\0\0 nothing of the kind")
    np.testing.assert_array_equal(read(path), corners)


# --- Colour models -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["1", "L", "P", "YCbCr", "CMYK", "HSV", "LAB", "RGBX"])
def test_every_opaque_colour_model_keeps_white_white_and_black_black(read, mode):
    picture = Image.new("RGB", (2, 1))
    picture.putpixel((1, 0), (255, 255, 255))
    if mode == "LAB":
        picture = Image.frombytes("LAB", (2, 1), bytes([0, 0, 0, 255, 0, 0]))
    pixels = read(picture.convert(mode) if mode != "LAB" else picture)
    np.testing.assert_allclose(pixels[0, :, :], [[0] * 3, [255] * 3], atol=2)


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBA", "RGBa"])
def test_every_transparent_colour_model_lets_white_through(read, mode):
    clear = Image.new("LA" if mode in {"LA", "La"} else "RGBA", (2, 1))
    assert read(clear.convert(mode)).min() == 255


def test_a_transparent_palette_entry_lets_white_through(read, saved):
    picture = Image.new("P", (2, 1))
    picture.putpalette([200, 0, 0, 0, 0, 200])
    picture.putpixel((1, 0), 1)
    path = saved(picture, "palette.png", transparency=0)
    np.testing.assert_array_equal(read(path)[0], [[255, 255, 255], [0, 0, 200]])


def test_a_cmyk_photograph_keeps_its_colours(read, saved):
    path = saved(Image.new("RGB", (8, 8), (200, 40, 40)).convert("CMYK"), "cmyk.jpg")
    np.testing.assert_allclose(read(path)[0, 0], [200, 40, 40], atol=4)


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B"])
def test_sixteen_bit_grey_is_scaled_and_not_cut_off(read, mode):
    values = np.array([[0, 128, 257, 32768, 65278, 65535]], dtype=np.uint16)
    data = values.astype(">u2" if mode == "I;16B" else "<u2").tobytes()
    picture = Image.frombytes("I;16", (6, 1), data, "raw", mode if mode != "I;16L" else "I;16")
    np.testing.assert_array_equal(read(picture)[0, :, 1], [0, 0, 1, 128, 254, 255])


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bit_files_are_scaled_and_not_cut_off(read, saved, suffix):
    values = np.array([[0, 257, 32768, 65535]], dtype=np.uint16)
    path = saved(Image.fromarray(values), f"deep.{suffix}")
    np.testing.assert_array_equal(read(path)[0, :, 0], [0, 1, 128, 255])


def test_a_sixteen_bit_photograph_is_turned_upright_too(read, saved):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    values = np.array([[0, 65535]], dtype=np.uint16)
    path = saved(Image.fromarray(values), "deep.png", exif=exif)
    np.testing.assert_array_equal(read(path)[:, :, 0], [[0], [255]])


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_pixels_without_a_known_white_are_refused(refused, dtype):
    message = refused(Image.fromarray(np.ones((2, 2), dtype=dtype)))
    assert "32-bit" in message
    assert "scale them to 0..255" in message


# --- Files that are no single whole image --------------------------------------------------------


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_several_frames_are_refused_with_what_to_do(refused, saved, suffix):
    first, *rest = frames()
    path = saved(first, f"moving.{suffix}", save_all=True, append_images=rest)
    message = refused(path)
    assert message.startswith(f"{path}: has 3 frames")
    assert "image.seek(0)" in message


def test_the_advice_for_several_frames_works(read, saved):
    first, *rest = frames()
    path = saved(first, "moving.webp", save_all=True, append_images=rest, lossless=True)
    image = Image.open(path)
    image.seek(1)
    assert tuple(read(image.copy())[0, 0]) == (90, 0, 0)


def test_a_gif_of_one_frame_is_an_image(read, saved):
    path = saved(Image.new("RGB", (4, 4), (255, 0, 0)), "still.gif")
    assert tuple(read(path)[0, 0]) == (255, 0, 0)


def test_a_photograph_with_auxiliary_pictures_gives_its_first(read, saved):
    first, *rest = (Image.new("RGB", (16, 16), colour) for colour in ("red", "blue"))
    path = saved(first, "phone.jpg", format="MPO", save_all=True, append_images=rest)
    np.testing.assert_allclose(read(path)[0, 0], [255, 0, 0], atol=3)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "tif", "bmp"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused(refused, saved, rng, suffix, share):
    noise = Image.fromarray(rng.integers(0, 256, size=(40, 40, 3), dtype=np.uint8))
    path = saved(noise, f"cut.{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert str(path) in refused(path)


def test_a_file_with_a_damaged_middle_is_refused(refused, saved, rng):
    noise = Image.fromarray(rng.integers(0, 256, size=(40, 40, 3), dtype=np.uint8))
    path = saved(noise, "damaged.png")
    data = bytearray(path.read_bytes())
    data[200:260] = bytes(60)
    path.write_bytes(bytes(data))
    assert refused(path).startswith(f"{path}: is damaged or truncated")


def test_a_moving_picture_that_breaks_off_is_refused(refused, saved, rng):
    noise = [
        Image.fromarray(rng.integers(0, 256, size=(40, 40, 3), dtype=np.uint8)) for _ in range(3)
    ]
    path = saved(noise[0], "cut.tif", save_all=True, append_images=noise[1:])
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.5)])
    assert str(path) in refused(path)


def test_an_empty_file_is_refused(refused, tmp_path):
    path = tmp_path / "empty.png"
    path.touch()
    assert refused(path) == f"{path}: the file is empty (0 bytes); fetch or export it again"


def test_a_missing_file_is_refused(refused, tmp_path):
    path = tmp_path / "nowhere.png"
    assert refused(path) == f"{path}: no such file; check the path"


def test_a_folder_is_refused(refused, tmp_path):
    assert refused(tmp_path) == (
        f"{tmp_path}: cannot be read (it is a folder); expected one image file"
    )


def test_a_file_that_is_no_image_is_refused(refused, tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("a cat on a tree")
    assert refused(path).startswith(f"{path}: is not an image")


@pytest.mark.parametrize("name", ["a\0b.png", "long" * 200 + ".png"])
def test_an_impossible_name_is_refused(refused, name):
    assert "cannot be read" in refused(name)


def test_an_address_is_refused_with_what_to_do(refused):
    message = refused("https://example.org/cat.jpg")
    assert message.startswith("https://example.org/cat.jpg: is an address")
    assert "download it first" in message


def test_a_png_of_no_pixels_is_refused(refused, saved):
    path = saved(Image.new("RGB", (1, 1)), "none.png")
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 0, 0)
    path.write_bytes(bytes(data))
    assert str(path) in refused(path)


def test_a_picture_that_was_closed_is_refused(refused, saved):
    path = saved(Image.new("RGB", (4, 4)), "closed.png")
    with Image.open(path) as picture:
        pass
    assert str(path) in refused(picture)


def test_a_picture_of_no_pixels_is_refused(refused):
    assert "has no pixels (0 x 4)" in refused(Image.new("RGB", (0, 4)))


def test_a_picture_without_a_file_is_named_as_such(refused):
    buffer = io.BytesIO()
    first, *rest = frames()
    first.save(buffer, "gif", save_all=True, append_images=rest)
    assert refused(Image.open(buffer)).startswith("the PIL image: has 3 frames")


# --- Arrays that are no images -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "advice"),
    [
        (np.float32, "(image * 255).round().astype(np.uint8)"),
        (np.float64, "(image * 255).round().astype(np.uint8)"),
        (np.uint16, "(image // 257).astype(np.uint8)"),
        (np.int64, "scale its values to 0..255"),
        (np.bool_, "scale its values to 0..255"),
    ],
)
def test_other_numbers_than_uint8_are_refused_with_what_to_do(refused, dtype, advice):
    message = refused(np.ones((4, 5, 3), dtype=dtype))
    assert f"dtype {np.dtype(dtype)}" in message
    assert advice in message


@pytest.mark.parametrize("shape", [(4,), (5, 5, 2), (7, 5, 5), (2, 4, 5, 3), ()])
def test_arrays_that_are_no_image_are_refused(refused, shape):
    message = refused(np.zeros(shape, dtype=np.uint8))
    assert f"shape {shape}" in message
    assert "moveaxis" not in message


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_array_with_the_channels_first_is_told_to_move_them(refused, channels):
    assert "np.moveaxis(image, 0, -1)" in refused(np.zeros((channels, 9, 8), dtype=np.uint8))


@pytest.mark.parametrize("shape", [(0, 5), (0, 5, 3), (5, 0, 4)])
def test_an_array_of_no_pixels_is_refused(refused, shape):
    assert "has no pixels" in refused(np.zeros(shape, dtype=np.uint8))


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize("thing", [b"bytes", None, [[0, 0]], 7])
def test_other_things_are_refused_by_type(refused, thing):
    assert f"cannot be read from {type(thing).__name__}" in refused(thing)
