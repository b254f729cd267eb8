"""Hooks: what somebody wants done when something happens, by rules of the configuration."""
