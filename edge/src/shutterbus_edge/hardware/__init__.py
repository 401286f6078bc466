"""What this board can do, and how a container is let at its devices."""
