"""One file a question, with files beside it where a question needs more than one idea."""
