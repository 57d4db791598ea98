"""Every algorithm of the assignment, written out; imports nothing else of this project."""
