"""``drp readiness``: could we fail over now, how fast, losing what, and what speaks against it by name."""
