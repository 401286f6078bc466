"""Beside the camera: capture, spool, publish."""
