"""Drills: run them, choose who is due, remove what was left behind."""
