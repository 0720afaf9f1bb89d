"""The façade: the national axis' own interface, and the provincial dialect of it."""
