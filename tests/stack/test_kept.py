"""The archive on real brokers: killed again and again, it keeps every frame once."""
