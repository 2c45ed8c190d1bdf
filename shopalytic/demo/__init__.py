"""A small shop with the ordinary snippet, and 90 days of plausible history for it."""
