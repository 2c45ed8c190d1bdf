"""A person's rights: anonymise, forget, and a copy of all that is known."""
