"""Who may use the viewer, who is logged in, and who did what: a small database of the viewer's own."""
