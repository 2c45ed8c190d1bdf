"""Questions and their answers: one .sql file, one typed row and one function each, side by side."""
