"""Docker engines over TLS: the ports ``hosts`` and ``helpers``."""
