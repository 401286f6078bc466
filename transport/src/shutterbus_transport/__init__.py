"""How frames travel: everything that opens a connection to a broker."""
