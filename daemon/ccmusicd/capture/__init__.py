"""Sources of sound, each a child process that writes PCM to a pipe."""
