"""The jobs a helper can do, one module each; every job may be run again after a kill at any moment."""
