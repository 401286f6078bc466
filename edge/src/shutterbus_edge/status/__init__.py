"""What the edge says of itself: reports and readings, its condition, its health server."""
