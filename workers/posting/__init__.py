"""Callbacks: the dispatcher, the letters it posts, and the trial of a receiver."""
