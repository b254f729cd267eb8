"""Backbones, checkpoints and bundles of weights."""
