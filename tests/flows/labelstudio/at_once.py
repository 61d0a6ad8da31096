"""One of several flows at work on one warehouse: `python -m ... ROLE ROOT PHOTOS`; a line on standard input starts it.

It answers each line with one of JSON: ``{"ok": true}``, or the fault by its kind and sentence.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable


def main() -> None:
    """Run the flow of a role whenever a line comes."""
    from flows.curate import curate
    from flows.labelstudio.collect import collect
    from flows.publish import publish
    from flows.score import score
    from schemas.errors import SalonError

    role, root, photos = sys.argv[1:]
    roles: dict[str, Callable[[], object]] = {
        "curate": lambda: curate(root=root, sources=[photos]),
        "collect": lambda: collect(root=root),
        "publish": lambda: (score(root=root), publish(root=root, name="beauty")),
    }
    print("ready", flush=True)
    for _ in sys.stdin:
        told: dict[str, object] = {"role": role, "ok": True}
        try:
            roles[role]()
        except SalonError as fault:
            told |= {"ok": False, "kind": type(fault).__name__, "sentence": str(fault)}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
