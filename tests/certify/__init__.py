"""`make certify`: all certificates in full numbers, written to ``certificate.json``."""
