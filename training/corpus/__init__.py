"""Scores rendered and produced as audio files, in as many ways as real records sound."""
