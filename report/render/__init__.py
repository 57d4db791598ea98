"""Rendering to HTML and PDF: templates, formulas, numbering, export."""
