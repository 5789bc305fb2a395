"""The contents of work-order.json."""

from reference import OTHER_SEED, canonical, fingerprint, sha256
from variants import changed, with_second_encodings, with_unknown_fields

LIMITS = {
    "statement_timeout_ms": 30000,
    "lock_timeout_ms": 5000,
    "max_rows": 10000,
    "max_result_bytes": 104857600,
    "max_field_bytes": 16777216,
    "max_affected_rows": None,
}

ORDER = {
    "v": 1,
    "request_id": "req_01J9Z3M8T4X7W2V5B6N8Q0R1S2",
    "target": {"database": "app", "environment": "production"},
    "dialect": "postgresql",
    "operations": ["dml", "select"],
    "statements": [
        {"sql": "UPDATE users SET name = 'Z\u00f6e \U0001f600 \\\"' WHERE id = 7;", "transactional": True},
        {"sql": "\n  SELECT count(*)\tFROM users -- the end\r\n", "transactional": True},
    ],
    "classifier": {"version": "1.0.0", "catalog_digest": "sha256:" + sha256(b"catalog")},
    "requester": "alice",
    "requester_key": None,
    "executor": None,
    "seal_to": [],
    "limits": {**LIMITS, "max_affected_rows": 1},
    "allowance": {"max_executions": 1, "approval_ttl_s": 86400, "execution_window_s": 86400, "share_with": ["group:data"]},
    "policy_digest": "sha256:" + sha256(b"policy"),
    "features": [],
    "created_at": "2026-01-31T12:00:00.000Z",
    "nonce": "000102030405060708090a0b0c0d0e0f",
}

SIGNED_ORDER = {
    **ORDER,
    "dialect": "mysql",
    "operations": ["ddl"],
    "statements": [{"sql": "ALTER TABLE users ADD COLUMN note text", "transactional": False}],
    "classifier": {"version": "1.0.0", "catalog_digest": None},
    "requester_key": fingerprint(OTHER_SEED),
    "executor": "prod-1",
    "seal_to": ["user:alice"],
    "features": ["require_signatures", "seal"],
}


def work_order():
    text = canonical(ORDER)
    order_changes = [
        ("version 2", ("v",), 2),
        ("version as text", ("v",), "1"),
        ("request id is empty", ("request_id",), ""),
        ("database is empty", ("target", "database"), ""),
        ("database is null", ("target", "database"), None),
        ("unknown dialect", ("dialect",), "sqlite"),
        ("no operations", ("operations",), []),
        ("unknown operation", ("operations",), ["everything"]),
        ("operations unsorted", ("operations",), ["select", "dml"]),
        ("operations repeated", ("operations",), ["dml", "dml"]),
        ("no statements", ("statements",), []),
        ("empty statement", ("statements", 0, "sql"), ""),
        ("transactional as a number", ("statements", 0, "transactional"), 1),
        ("classifier without a version", ("classifier", "version"), ""),
        ("digest without its prefix", ("policy_digest",), "0" * 64),
        ("digest in upper case", ("policy_digest",), "sha256:" + "A" * 64),
        ("digest with a line feed at the end", ("policy_digest",), "sha256:" + "0" * 64 + "\n"),
        ("digest too short", ("classifier", "catalog_digest"), "sha256:00"),
        ("requester is empty", ("requester",), ""),
        ("requester is null", ("requester",), None),
        ("requester key is not a fingerprint", ("requester_key",), "alice"),
        ("executor is empty instead of null", ("executor",), ""),
        ("empty recipient", ("seal_to",), [""]),
        ("zero timeout", ("limits", "statement_timeout_ms"), 0),
        ("negative limit", ("limits", "max_rows"), -1),
        ("fractional limit", ("limits", "max_rows"), 1.5),
        ("unsafe limit", ("limits", "max_rows"), 2**53),
        ("limit as text", ("limits", "max_rows"), "10"),
        ("limit is null where one must be", ("limits", "max_rows"), None),
        ("no executions", ("allowance", "max_executions"), 0),
        ("features repeated", ("features",), ["seal", "seal"]),
        ("features unsorted", ("features",), ["seal", "require_signatures"]),
        ("a month that is none", ("created_at",), "2026-13-01T12:00:00.000Z"),
        ("a day that is none", ("created_at",), "2026-02-30T12:00:00.000Z"),
        ("hour 24", ("created_at",), "2026-01-31T24:00:00.000Z"),
        ("leap second", ("created_at",), "2026-06-30T23:59:60.000Z"),
        ("time without milliseconds", ("created_at",), "2026-01-31T12:00:00Z"),
        ("time with an offset", ("created_at",), "2026-01-31T12:00:00.000+00:00"),
        ("nonce too short", ("nonce",), "00"),
        ("nonce in upper case", ("nonce",), "ABCDEFABCDEFABCDEFABCDEFABCDEFAB"),
    ]
    refused = [
        *with_second_encodings(text, ORDER),
        *with_unknown_fields(ORDER),
        *((name, canonical(changed(ORDER, path, new))) for name, path, new in order_changes),
        ("lone surrogate in SQL, escaped", text.replace("UPDATE", "\\ud800")),
        ("minus zero", text.replace('"max_rows":10000', '"max_rows":-0')),
    ]

    def accept(name, order):
        encoded = canonical(order)
        return {"name": name, "order": order, "encoded": encoded, "digest": "sha256:" + sha256(encoded.encode())}

    return {
        "accepted": [
            accept("two statements with quotes, tabs and characters beyond the BMP", ORDER),
            accept("everything that is null above is set", SIGNED_ORDER),
            accept("a probe's order names no request", {**ORDER, "request_id": None}),
        ],
        "refused": [{"name": name, "encoded": encoded} for name, encoded in refused],
    }
