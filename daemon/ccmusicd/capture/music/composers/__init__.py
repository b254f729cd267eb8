"""One composer for each genre: `compose(rng, seconds)` writes a new piece of about that length every time."""
