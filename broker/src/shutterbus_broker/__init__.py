"""Sets up the brokers, and runs the demo."""
