"""From a broker to a group: what is decoded, gathered, and acknowledged when it is kept."""
