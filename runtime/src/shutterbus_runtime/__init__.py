"""What every process is made of: settings, clock, outages, checks. Knows nothing of cameras, frames or brokers."""
