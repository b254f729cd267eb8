"""What the analyzer's fork server imports, once for all analyzers to come: torch, by way of the child's module.

Importing this ties the process to its parent: only the fork server may do it.
"""

import contextlib
import importlib

from ccmusicd.lifeline import die_with_parent

die_with_parent()  # before the imports, which take seconds
# Where it fails each child tries it once more, and tells the daemon why; a traceback here would be in no one's words.
with contextlib.suppress(Exception):
    importlib.import_module("ccmusicd.analyzer_child")
