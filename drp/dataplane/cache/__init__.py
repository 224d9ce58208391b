"""Reading and loading a Redis: every key with its absolute expiry."""
