"""The answers: a file or folder for each question."""
