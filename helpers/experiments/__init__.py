"""Experiments too long for a chapter: each is a command that writes a results file beside it."""
