"""What the archive says of itself."""
