"""What the OpenCV sources share: turning, fitting and labelling a frame, and making the JPEG."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shutterbus_edge.capture.pixels import Annotation
from shutterbus_edge.errors import CameraUnavailableError
from shutterbus_edge.settings.capture import CaptureSettings

Frame = NDArray[Any]
"""Rows of columns of blue, green and red, or of grey."""

ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def turned(frame: Frame, settings: CaptureSettings) -> Frame:
    """Return *frame* flipped, then rotated clockwise, as *settings* ask."""
    if settings.hflip:
        frame = cv2.flip(frame, 1)
    if settings.vflip:
        frame = cv2.flip(frame, 0)
    if settings.rotation:
        frame = cv2.rotate(frame, ROTATIONS[settings.rotation])
    return frame


def contained(frame: Frame, size_px: tuple[int, int]) -> Frame:
    """Return *frame* as large as it can be within *size_px* with its proportions kept."""
    height, width = frame.shape[:2]
    scale = min(size_px[0] / width, size_px[1] / height)
    return frame if scale == 1 else scaled(frame, scale)


def scaled(frame: Frame, scale: float) -> Frame:
    height, width = frame.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def annotate(frame: Frame, annotation: Annotation, number: int) -> None:
    """Draw the label at the top centre of *frame*."""
    label = annotation.label(frame.shape[1], number)
    if label is None or frame.ndim != 3 or label.height > frame.shape[0]:
        return
    left = (frame.shape[1] - label.width) // 2
    place = frame[: label.height, left : left + label.width]
    rgba = np.asarray(label).astype(np.uint16)
    alpha = rgba[:, :, 3:]
    place[:] = (rgba[:, :, 2::-1] * alpha + place * (255 - alpha)) // 255


def to_jpeg(frame: Frame, quality: int, scale: float = 1.0) -> bytes:
    """Return *frame* as a JPEG of *quality*, its sides multiplied by *scale*."""
    if scale != 1.0:
        frame = scaled(frame, scale)
    done, jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise CameraUnavailableError("OpenCV could not make a JPEG of the frame")
    return jpeg.tobytes()
