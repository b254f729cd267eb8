"""What strangers and files may feed to the daemon, each as a function of bytes: only its documented errors may occur.

hypothesis (in the tests) and atheris (`make fuzz`) call the same functions.
"""

from tests.fuzz import files, sound, strangers

TARGETS = files.TARGETS | sound.TARGETS | strangers.TARGETS
"""All of them, by name."""
