"""What an answer says of given values: its template as text, tags and formulas left out."""

import html
import re

from report.render.render import check_used, environment


def said(question, values, measured=None):
    """The text of an answer's template in one line, with what was measured."""
    template = environment("html").get_template(f"answers/{question}.html.j2")
    page = template.render({**values, "measured": measured})
    text = re.sub(r"<(svg|math).*?</\1>|<[^>]*>|[\ue000-\ue004]", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(text))


def check_section(section):
    """Raise UnusedValueError for a value of a section that its template never names."""
    env = environment("html")
    text, path, _ = env.loader.get_source(env, section.template)
    check_used(env.parse(text, section.template, path), section.template, section.values)


def numbers_by_sentence(text):
    """The numbers of each sentence, without those that are names."""
    sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z])", text)
    return {
        sentence: re.findall(r"\d(?:[\d,.]*\d)?", re.sub(r"[Qq]uestions? \d+|rank-1", "", sentence))
        for sentence in sentences
    }
