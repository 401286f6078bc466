"""What sources that draw or convert with Pillow share: turning the pixels, and making the JPEG."""

import io

from PIL import Image

from shutterbus_edge.picture import PictureSettings

ROTATIONS = {
    90: Image.Transpose.ROTATE_270,  # Pillow counts anticlockwise
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}


def turned(image: Image.Image, picture: PictureSettings) -> Image.Image:
    """Return *image* flipped, then rotated clockwise, as *picture* asks."""
    if picture.hflip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if picture.vflip:
        image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    if picture.rotation:
        image = image.transpose(ROTATIONS[picture.rotation])
    return image


def to_jpeg(image: Image.Image, quality: int, scale: float = 1.0) -> bytes:
    """Return *image* as a JPEG of *quality*, its sides multiplied by *scale*."""
    if scale != 1.0:
        image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()
