"""Render a page from template, style and script: one HTML file that works offline and escapes untrusted text."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from edgewise.boundary.verdict.labels import shown_label
from edgewise.core.atomic import atomic_write
from edgewise.core.errors import InputError
from edgewise.core.words import counted
from edgewise.report import excerpts, formats

_BUNDLE = """
import sys, vl_convert
sys.stdout.buffer.write(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").encode())
"""


def render(template: str, *, style: str, scripts: Sequence[str], live: bool = False, **values: Any) -> str:
    """The text of a page from its template, style and scripts, which name resources of this package, and its values.

    The template gets `policy`, `css`, `bundle` and `script` besides `values`; everything else in it is escaped. A page
    that is `live` may ask the server that it came from, and nobody else. A page without scripts draws no chart, and so
    does not hold what draws them.
    """
    bundle, code = _bundle() if scripts else "", "\n".join(resource(name) for name in scripts)
    return (
        _environment()
        .get_template(template)
        .render(
            policy=content_policy(bundle, code, live=live),
            css=Markup(resource(style)),
            bundle=Markup(bundle),
            script=Markup(code),
            **values,
        )
    )


def fragment(template: str, **values: Any) -> Markup:
    """A part of a page from its template; what the values hold is escaped."""
    return Markup(_environment().get_template(template).render(**values))


def write(text: str, path: Path) -> None:
    """Write a text; the file appears whole or not at all.

    InputError names the file where it cannot be written. A lone surrogate, which only untrusted
    text can hold, has no UTF-8 form and is replaced.
    """
    write_bytes(text.encode("utf-8", "replace"), path)


def write_bytes(data: bytes, path: Path) -> None:
    """As `write`, for what is not text."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as aside:
            aside.write_bytes(data)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None


def embedded_json(data: Any) -> Markup:
    """JSON that stands safely inside a <script> element: no text in it can end the element."""
    text = json.dumps(data, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def content_policy(*scripts: str, live: bool = False) -> str:
    """A content security policy that lets these scripts run, no other, and nothing be fetched; `live`, from its server.

    Escaping is what keeps untrusted text from running; this stands behind it.
    """
    hashes = (base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    connect = "connect-src 'self'; " if live else ""
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        f"{connect}base-uri 'none'; form-action 'none'"
    )


def resource(name: str) -> str:
    """The text of a file of this package."""
    return resources.files("edgewise.report").joinpath(name).read_text(encoding="utf-8")


@cache
def _bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script.

    Made by another process, because it takes a second or more in which Python could answer no interrupt.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-P", "-c", _BUNDLE], capture_output=True, env=environment, check=True)
    text = done.stdout.decode()
    return text.replace("\r\n", "\n").replace("</script", "<\\/script")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": formats.percent,
        "percent_interval": formats.percent_interval,
        "points": formats.points,
        "points_size": formats.points_size,
        "points_interval": formats.points_interval,
        "tally": formats.tally,
        "tally_interval": formats.tally_interval,
        "excess": formats.excess,
        "counted": counted,
        "excess_interval": formats.excess_interval_text,
        "p_value": formats.p_value,
        "confidence": formats.confidence,
        "amount": formats.amount,
        "duration": formats.duration,
        "slug": lambda label: re.sub("[^a-z]+", "-", label),
        "shown_label": shown_label,
        "bounded": excerpts.bounded,
        "excerpt": excerpts.excerpt,
        "omission": excerpts.omission,
    }
    return environment
