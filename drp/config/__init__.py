"""From files to typed settings."""
