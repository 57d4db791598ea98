"""Preview server and system check."""
