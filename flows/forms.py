"""What Prefect's interface says beside each field of a flow's form.

Prefect reads the Google form of docstrings alone; ours are numpydoc, like those of the libraries that our users know.
"""

from __future__ import annotations

import inspect
import re


def google_docstring(numpydoc: str) -> str:
    """A docstring in the form that Prefect reads: its summary, and what it says of each parameter.

    Parameters
    ----------
    numpydoc : str
        A docstring whose parameters, if it names any, stand under ``Parameters``.
    """
    text = inspect.cleandoc(numpydoc)
    summary = text.split("\n\n")[0]
    section = re.search(r"^Parameters\n-+\n(.*?)(?=\n\n\S|\Z)", text, re.M | re.S)
    if not section:
        return summary
    told = re.findall(r"^(\w+) : [^\n]*\n((?:    [^\n]*\n?)+)", section[1], re.M)
    lines = [f"    {name}: {' '.join(line.strip() for line in words.splitlines())}" for name, words in told]
    return "\n".join((summary, "", "Args:", *lines))
