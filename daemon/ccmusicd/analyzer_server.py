"""What the analyzer's fork server imports, once for all analyzers to come: torch, by way of the child's module.

Importing this ties the process to its parent: only the fork server may do it.
"""

import importlib

from ccmusicd.lifeline import die_with_parent

die_with_parent()  # before the imports, which take seconds
importlib.import_module("ccmusicd.analyzer_child")
