"""Pictures derived from kept frames: sheets of an hour, frames at a smaller size, many frames as one zip."""
