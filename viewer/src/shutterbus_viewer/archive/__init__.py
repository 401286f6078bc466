"""What the archive keeps, read from its own files: the viewer writes none of them and asks the archive nothing."""
