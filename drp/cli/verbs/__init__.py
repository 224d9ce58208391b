"""What each verb does: the right use case with the right arguments, grouped as in ``grammar``."""
