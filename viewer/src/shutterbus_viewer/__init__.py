"""Consumes the newest picture of every camera and shows it in a browser."""
