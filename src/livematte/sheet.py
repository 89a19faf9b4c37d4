"""The frame of our HTML pages, which need nothing else: no script, no file, no network."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 320
"""The longer side of a picture on a page, at most."""


def html(title: str, heading: str, about: str, sections: Iterable[str]) -> str:
    """A whole page; `heading` and `title` are text, `about` and the sections are HTML."""
    style = (files("livematte") / "sheet.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>\n{style}</style>\n</head>\n<body>\n<header><h1>{escape(heading)}</h1>"
        f"<p>{about}</p></header>\n" + "\n".join(filter(None, sections)) + "\n</body>\n</html>\n"
    )


def section(title: str, about: str, content: str) -> str:
    """A part of a page under a heading."""
    return f"<section>\n<h2>{title}</h2>\n<p>{about}</p>\n{content}\n</section>"


def div(kind: str, parts: Sequence[str]) -> str:
    """HTML parts in one element of a class of `sheet.css`."""
    return "\n".join([f'<div class="{kind}">', *parts, "</div>"])


def cell(tag: str, text: str, kind: str = "") -> str:
    """A cell of a table, `td` or `th`."""
    opening = f'<{tag} class="{kind}">' if kind else f"<{tag}>"
    return f"{opening}{escape(text)}</{tag}>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column holds words, the others figures."""
    kinds = ["word", *[""] * (len(head) - 1)]
    heads = "".join(cell("th", text, kind) for text, kind in zip(head, kinds, strict=True))
    lines = [
        "<tr>" + "".join(cell("td", text, kind) for text, kind in zip(row, kinds, strict=True)) + "</tr>"
        for row in rows
    ]
    return div("scroll", ["<table>", f"<thead><tr>{heads}</tr></thead><tbody>", *lines, "</tbody></table>"])


def figure(caption: str, name: str, views: Sequence[tuple[str, NDArray[np.uint8]]]) -> str:
    """A card of pictures (RGB H×W×3 or grey H×W) with a title each; `caption` is HTML, `name` text."""
    images = "".join(
        f'<div><img src="{uri(picture)}" alt="{title} of {escape(name)}"><span>{title}</span></div>'
        for title, picture in views
    )
    return (
        f'<figure class="panel"><figcaption>{caption}</figcaption><div class="views">{images}</div></figure>'
    )


def patches(colours: Iterable[tuple[str, tuple[int, int, int]]]) -> str:
    """A key: what each colour stands for."""
    items = "\n".join(
        f'<li><i class="patch" style="color: rgb{colour}"></i>{escape(name)}</li>' for name, colour in colours
    )
    return f'<ul class="key">\n{items}</ul>'


def uri(picture: NDArray[np.uint8]) -> str:
    """A picture, RGB H×W×3 or grey H×W, as a data URI of a JPEG of at most SIDE."""
    shrink = min(1.0, SIDE / max(picture.shape[:2]))
    high, wide = (max(1, round(side * shrink)) for side in picture.shape[:2])
    small = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small[..., ::-1] if small.ndim == 3 else small)
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
