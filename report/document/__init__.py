"""Data and text of a page: sections, answers, number formats, labels, references."""
