#!/usr/bin/env python3
"""Writes ../vectors/*.json: the known answers of Twinlock's evidence formats.

Shares no code with the package: what a right answer is comes from reference.py, which uses Python's standard library
alone. `make-vectors.py --check` writes nothing and fails when a file differs.
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True

from audit_vectors import audit_chain
from envelope_vectors import envelopes
from primitive_vectors import canonical_json, dsse
from work_order_vectors import work_order

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors"


def main(check):
    files = {
        "canonical-json.json": canonical_json(),
        "dsse.json": dsse(),
        "work-order.json": work_order(),
        "envelopes.json": envelopes(),
        "audit-chain.json": audit_chain(),
    }
    differing = []
    for name, content in files.items():
        # ASCII only, and never a lone surrogate itself: the files survive every editor and strict parsers read them.
        data = (json.dumps(content, indent=2, ensure_ascii=True) + "\n").encode()
        path = VECTORS / name
        if not check:
            path.write_bytes(data)
        elif not path.exists() or path.read_bytes() != data:
            differing.append(name)
    if differing:
        sys.exit("differs: " + ", ".join(differing))


if __name__ == "__main__":
    sys.setrecursionlimit(50_000)
    main("--check" in sys.argv[1:])
