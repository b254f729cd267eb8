"""Recordings with labels: how folders are laid out, and which of them are held out."""
