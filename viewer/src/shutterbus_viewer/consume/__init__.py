"""Reads the brokers: whatever happens there, the newest good picture of every camera stays on the screens."""
