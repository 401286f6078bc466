"""The capture process as it is, on the virtual camera."""

from shutterbus_edge.capture.__main__ import main
from stack.virtual_camera import virtual

virtual.install()
main()
