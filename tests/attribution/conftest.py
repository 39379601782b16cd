"""Reading an image, and the one line that refuses one."""

import pytest


@pytest.fixture
def read():
    from eagle_mllm.attribution.images import read_image

    return read_image


@pytest.fixture
def refused(read):
    """The one-line message with which an image is refused."""
    from eagle_mllm.errors import ImageError

    def message(image):
        with pytest.raises(ImageError) as error:
            read(image)
        assert "\n" not in str(error.value)
        return str(error.value)

    return message
