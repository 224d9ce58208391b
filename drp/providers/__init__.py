"""The world behind the ports: one package a kind of other side."""
