"""The settings of one edge: their classes, and how they come from what the process was given."""
