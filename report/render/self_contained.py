"""What a page must not hold: anything that is loaded from elsewhere, or runs."""

import re
from html.parser import HTMLParser

# Attributes whose value is an address; of an image's sources, each.
ADDRESSES = {
    *(
        "action",
        "background",
        "cite",
        "classid",
        "codebase",
        "data",
        "formaction",
        "href",
        "icon",
        "longdesc",
    ),
    *("manifest", "ping", "poster", "profile", "src", "srcset", "usemap", "xlink:href", "xml:base"),
}
FOREIGN = {
    *("applet", "base", "embed", "foreignobject", "form", "frame", "frameset", "iframe", "link", "object"),
    *("portal",),
}
STYLED = re.compile(
    r"@import|\b(?:url|src|image-set|image|expression)\(\s*(?![\"']?(?:#|data:))", re.IGNORECASE
)


class OutsideError(ValueError):
    """A page that would load something, or run it."""


class _Outside(HTMLParser):
    def __init__(self, script: str) -> None:
        super().__init__()
        self.script, self.inside, self.text, self.found = script, "", "", list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside, self.text = tag, ""
        named = {name: value or "" for name, value in attrs}
        if tag in FOREIGN or (tag == "meta" and "refresh" in named.get("http-equiv", "").lower()):
            self._tell()
        for name, value in named.items():
            words = "".join(value.split())
            address = name in ADDRESSES and words and not words.startswith(("#", "data:"))
            if address or name.startswith("on") or name == "srcdoc" or STYLED.search(value):
                self._tell()

    def handle_endtag(self, tag: str) -> None:
        if self.inside == "script" and self.text != self.script:
            self.found.append(f"<script>{self.text}")
        elif self.inside == "style" and (style := STYLED.search(self.text)):
            self.found.append(self.text[style.start() :])
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside in ("script", "style"):
            self.text += data

    def close(self) -> None:
        super().close()
        self.handle_endtag(self.inside)  # of what was never closed

    def _tell(self) -> None:
        self.found.append(self.get_starttag_text() or "")


def refuse_outside(where: str, html: str, script: str = "") -> None:
    """Raise OutsideError, naming `where` and what it is, for anything but what the page itself carries.

    That are references within the page, data in its addresses, and one script, whose text is given.
    """
    parser = _Outside(script)
    parser.feed(html)
    parser.close()
    if parser.found:
        raise OutsideError(
            f"{where}: the page is to be self-contained, and this is not: {parser.found[0][:200]}"
        )
