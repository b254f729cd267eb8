"""Takes the timeline out: rows in, lines of text out. Pure functions that know no files, terminals or databases."""
