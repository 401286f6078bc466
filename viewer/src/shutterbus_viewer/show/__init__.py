"""What people and scripts see: pages, pictures, states, and nothing without a login."""
