"""DNS zones."""
