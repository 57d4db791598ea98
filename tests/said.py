"""What an answer says of given values: its template as text, tags and formulas left out."""

import html
import re

from report.render.render import environment


def said(question, values, measured=None):
    """The text of an answer's template in one line, with what was measured."""
    template = environment("html").get_template(f"answers/{question}.html.j2")
    page = template.render({**values, "measured": measured})
    text = re.sub(r"<(svg|math).*?</\1>|<[^>]*>|[\ue000-\ue004]", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(text))
