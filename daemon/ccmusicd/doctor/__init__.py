"""`ccmusicd doctor`: looks at all that the daemon needs, changes nothing, and says what to do."""
