"""Reads a page as a browser would: its tags, its words, its tables, its figures."""

import json
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """Collects what the claims are about; `tables` holds the text of each row by the table's id."""

    def __init__(self, text):
        super().__init__()
        self.text, self.stack, self.tags, self.ids, self.words = text, [], [], [], []
        self.mistakes, self.scripts, self.tables = [], [], {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes, list(self.stack)))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag not in VOID:
            self.stack.append(tag)
        if tag == "script":
            self.scripts.append("")
        if tag == "table":
            self.rows = self.tables.setdefault(attributes.get("id"), [])
        elif tag == "tr":
            self.rows.append([])
        elif tag in {"th", "td"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.mistakes.append(f"{tag} at {self.getpos()}")

    def handle_data(self, data):
        if self.stack and self.stack[-1] == "script":
            self.scripts[-1] += data
        elif self.stack and self.stack[-1] != "style":
            self.words.append(data)
            if "tr" in self.stack and {"th", "td"} & set(self.stack):
                self.rows[-1][-1] = " ".join(f"{self.rows[-1][-1]} {data}".split())

    def all(self, tag):
        return [attributes for name, attributes, _ in self.tags if name == tag]

    @property
    def figures(self):
        return json.loads(self.scripts[0])

    @property
    def prose(self):
        return " ".join(" ".join(self.words).replace("\u00a0", " ").split())
