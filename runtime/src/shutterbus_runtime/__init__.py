"""What every process is made of: settings, command line, logs, clock, outages, checks. Knows nothing of cameras, frames or brokers."""
