"""What every process is made of: settings, command line, logs, clock, outages, checks, child processes.

Knows nothing of cameras, frames or brokers.
"""
