"""Bundles on this machine: found, filled from files or a repository, checked."""
