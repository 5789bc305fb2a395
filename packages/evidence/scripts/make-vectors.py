#!/usr/bin/env python3
"""Writes ../vectors/*.json: the known answers of Twinlock's evidence formats.

Shares no code with the package: canonical JSON, SHA-256 and Ed25519 come from Python's standard library and from the
reference algorithm of RFC 8032 below. `make-vectors.py --check` writes nothing and fails when a file differs.
"""

import base64
import copy
import hashlib
import json
import pathlib
import struct
import sys

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors"


# --- RFC 8785, for values without fractions ---------------------------------------------------------------------------

def canonical(value):
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(canonical(key) + ":" + canonical(value[key]) for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# --- RFC 8032, section 5.1 --------------------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
BASE_Y = 4 * pow(5, P - 2, P) % P


def recover_x(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return x if x & 1 == sign else P - x


BASE_X = recover_x(BASE_Y, 0)
# Extended coordinates (X, Y, Z, T): x = X/Z, y = Y/Z, x*y = T/Z.
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def compress(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def number(data):
    return int.from_bytes(data, "little")


def expand(seed):
    digest = hashlib.sha512(seed).digest()
    return number(digest[:32]) & (1 << 254) - 8 | 1 << 254, digest[32:]


def public_key(seed):
    return compress(multiply(expand(seed)[0], BASE))


def sign(seed, message):
    scalar, prefix = expand(seed)
    public = compress(multiply(scalar, BASE))
    nonce = number(hashlib.sha512(prefix + message).digest()) % L
    commitment = compress(multiply(nonce, BASE))
    challenge = number(hashlib.sha512(commitment + public + message).digest()) % L
    return commitment + ((nonce + challenge * scalar) % L).to_bytes(32, "little")


# The first three of RFC 8032, section 7.1: seed, public key, message, signature.
RFC8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
SERVER_SEED = bytes.fromhex(RFC8032[0][0])
OTHER_SEED = bytes.fromhex(RFC8032[1][0])

for seed_hex, public_hex, message_hex, signature_hex in RFC8032:
    assert public_key(bytes.fromhex(seed_hex)).hex() == public_hex
    assert sign(bytes.fromhex(seed_hex), bytes.fromhex(message_hex)).hex() == signature_hex


def fingerprint(seed):
    return sha256(public_key(seed))


def jwk_x(seed):
    return base64.urlsafe_b64encode(public_key(seed)).decode().rstrip("=")


def pkcs8_pem(seed):
    der = bytes.fromhex("302e020100300506032b657004220420") + seed  # RFC 8410, section 7
    return f"-----BEGIN PRIVATE KEY-----\n{base64.b64encode(der).decode()}\n-----END PRIVATE KEY-----\n"


# --- DSSE -------------------------------------------------------------------------------------------------------------

def pre_auth_encoding(payload_type, body):
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def payload_type(kind):
    return f"application/vnd.twinlock.{kind}.v1+json"


def envelope(kind, body, seed=SERVER_SEED, keyid=None, type_=None):
    signature = sign(seed, pre_auth_encoding(payload_type(kind), body))
    return {
        "payloadType": type_ or payload_type(kind),
        "payload": base64.b64encode(body).decode(),
        "signatures": [{"keyid": keyid or fingerprint(seed), "sig": base64.b64encode(signature).decode()}],
    }


# --- changes to good values -------------------------------------------------------------------------------------------

def objects(value, path=()):
    """The path of every object in a value, the value itself first."""
    if isinstance(value, dict):
        yield path
        for key in sorted(value):
            yield from objects(value[key], path + (key,))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from objects(item, path + (index,))


def changed(value, path, new):
    value = copy.deepcopy(value)
    at = value
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = new
    return value


def dotted(path):
    return ".".join(str(step) for step in path) or "the top level"


def with_unknown_fields(value):
    for path in objects(value):
        yield f"unknown field at {dotted(path)}", canonical(changed(value, path + ("unknown",), 0))


def with_second_encodings(text, value):
    """Other texts that a lenient parser reads as the same value."""
    first, *rest = (canonical(key) + ":" + canonical(value[key]) for key in sorted(value))
    yield "duplicate key", "{" + ",".join([first, first, *rest]) + "}"
    yield "reordered keys", "{" + ",".join([*rest, first]) + "}"
    yield "space after a colon", text.replace(":", ": ", 1)
    yield "line feed at the end", text + "\n"
    yield "byte order mark", "\ufeff" + text
    yield "integer as 1.0", text.replace('"v":1', '"v":1.0')
    yield "integer as 1e0", text.replace('"v":1', '"v":1e0')
    yield "letter of a key as an escape", text.replace(first, f'"\\u{ord(first[1]):04x}{first[2:]}')
    yield "cut off", text[:-1]
    yield "something after the end", text + "{}"
    yield "empty", ""
    yield "an array around it", "[" + text + "]"
    yield "__proto__ key", '{"__proto__":{},' + text[1:]
    yield "deep nesting in an unknown field", text[:-1] + ',"z":' + "[" * 2000 + "]" * 2000 + "}"
    for name in sorted(value):
        yield f"missing field {name}", canonical({key: item for key, item in value.items() if key != name})


# --- canonical-json.json ----------------------------------------------------------------------------------------------

def canonical_json():
    accepted = [
        ("RFC 8785, section 3.2.3: keys sort by UTF-16 code units",
         r'{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",'
         r'"\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}'),
        ("RFC 8785, section 3.2.2 without its fractions: strings and literals",
         r'{"string":"\u20ac$\u000F\u000aA' + "'" + r'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}'),
        ("RFC 8785, appendix B: zero", "0"),
        ("RFC 8785, appendix B: the largest safe integer", "9007199254740991"),
        ("the smallest safe integer", "-9007199254740991"),
        ("empty array", "[ ]"),
        ("empty object", "{ }"),
        ("empty string", '""'),
        ("empty key", '{"":""}'),
        ("every control character", json.dumps("".join(map(chr, range(0x20))) + "\x7f")),
        ("line and paragraph separators stay as they are", r'"\u2028\u2029"'),
        ("no Unicode normalisation", r'["\u00c5","A\u030a","\u212b"]'),
        ("nested objects sort at every level", '{"b":{"d":1,"c":[{"f":2,"e":3}]},"a":null}'),
        ("digits sort as text", '{"10":0,"9":0,"1":0}'),
        ("64 levels", "[" * 64 + "]" * 64),
    ]
    refused = [
        ("RFC 8785, section 3.2.2: fractions", '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001]}'),
        ("fraction", "0.5"),
        ("minus zero", "-0"),
        ("minus zero inside", '{"a":[-0]}'),
        ("the smallest unsafe integer", "9007199254740992"),
        ("the largest unsafe negative integer", "-9007199254740992"),
        ("RFC 8785, appendix B: 2^68", "295147905179352830000"),
        ("number too large for a double", "1e400"),
        ("lone high surrogate", r'"\ud800"'),
        ("lone low surrogate", r'"\udfff"'),
        ("surrogates in the wrong order", r'"\ude00\ud83d"'),
        ("lone surrogate in a key", r'{"\ud800":0}'),
        ("lone surrogate deep inside", r'[{"a":["\udead"]}]'),
        ("__proto__ key", '{"__proto__":{"admin":true}}'),
        ("65 levels", "[" * 65 + "]" * 65),
        ("10000 levels", "[" * 10000 + "]" * 10000),
    ]
    not_canonical = [
        ("space", '{"a": 1}'),
        ("line feed at the end", "{}\n"),
        ("unsorted keys", '{"b":1,"a":2}'),
        ("sorted by code point instead of UTF-16 code unit", '{"\ufb33":0,"\U0001f600":0}'),
        ("duplicate key, same value", '{"a":1,"a":1}'),
        ("duplicate key, other value", '{"a":1,"a":2}'),
        ("duplicate key, one escaped", r'{"a":1,"\u0061":1}'),
        ("escape where none is needed", r'"\u0041"'),
        ("escaped solidus", r'"\/"'),
        ("long escape of a line feed", r'"\u000a"'),
        ("upper-case escape", r'"\u001F"'),
        ("escaped surrogate pair", r'"\ud83d\ude00"'),
        ("integer with a fraction", "1.0"),
        ("integer with an exponent", "1e2"),
        ("byte order mark", "\ufeff{}"),
        ("raw control character", '"\n"'),
        ("leading zero", "01"),
        ("plus sign", "+1"),
        ("trailing comma", "[1,]"),
        ("comment", "{}//"),
        ("single quotes", "{'a':1}"),
        ("NaN", "NaN"),
        ("nothing", ""),
    ]
    not_utf8 = [
        ("byte that is never UTF-8", "22ff22"),
        ("overlong encoding", "22c08022"),
        ("surrogate in UTF-8", "22eda08022"),
        ("cut-off sequence", "22e28222"),
        ("UTF-16", "5b005d00"),
    ]

    def accept(name, text):
        result = canonical(json.loads(text))
        data = result.encode()
        return {"name": name, "json": text, "canonical": result, "canonical_hex": data.hex(), "sha256": sha256(data)}

    return {
        "accepted": [accept(name, text) for name, text in accepted],
        "refused_values": [{"name": name, "json": text} for name, text in refused],
        "refused_texts": [{"name": name, "text": text} for name, text in not_canonical],
        "refused_bytes": [{"name": name, "hex": data} for name, data in not_utf8],
    }


# --- dsse.json --------------------------------------------------------------------------------------------------------

def dsse():
    pairs = [
        ("the example of the DSSE protocol", "http://example.com/HelloWorld", b"hello world"),
        ("empty body", "http://example.com/HelloWorld", b""),
        ("empty type and body", "", b""),
        ("lengths count bytes", "type/\u00e9", "\u20ac\U0001f600".encode()),
        ("bytes that are not text", payload_type("execution-token"), bytes([0, 0xff, 0x20, 0x0a])),
    ]
    return {
        "pre_auth_encoding": [
            {"name": name, "type": kind, "body_hex": body.hex(), "pae_hex": pre_auth_encoding(kind, body).hex()}
            for name, kind, body in pairs
        ],
        "ed25519": [
            {
                "name": f"RFC 8032, section 7.1, test {index + 1}",
                "seed_hex": seed,
                "pkcs8_pem": pkcs8_pem(bytes.fromhex(seed)),
                "public_key_hex": public,
                "jwk_x": jwk_x(bytes.fromhex(seed)),
                "fingerprint": fingerprint(bytes.fromhex(seed)),
                "message_hex": message,
                "signature_hex": signature,
            }
            for index, (seed, public, message, signature) in enumerate(RFC8032)
        ],
    }


# --- work-order.json --------------------------------------------------------------------------------------------------

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


# --- envelopes.json ---------------------------------------------------------------------------------------------------

def other_byte(text, index):
    """Base64 of the same bytes with the lowest bit of one of them changed."""
    data = bytearray(base64.b64decode(text))
    data[index] ^= 1
    return base64.b64encode(data).decode()


def envelopes():
    digest = "sha256:" + sha256(canonical(ORDER).encode())
    token = {
        "v": 1,
        "server_id": "srv_01J9Z3M8T4X7W2V5B6N8Q0R1S0",
        "agent_id": "prod-1",
        "journal_id": "jrn_01J9Z3M8T4X7W2V5B6N8Q0R1S1",
        "execution_id": "exe_01J9Z3M8T4X7W2V5B6N8Q0R1S3",
        "request_id": ORDER["request_id"],
        "work_order_digest": digest,
        "limits": {**LIMITS, "max_affected_rows": 1},
        "not_before": "2026-01-31T12:00:00.000Z",
        "expires_at": "2026-01-31T12:05:00.000Z",
        "approvals": [
            {
                "step": 1,
                "via": "review",
                "by": "bob",
                "at": "2026-01-31T11:59:00.000Z",
                # No kind of signed review exists in v1; any envelope has the form.
                "review": envelope("execution-token", b"{}", OTHER_SEED),
            },
            {"step": None, "via": "auto", "by": None, "at": "2026-01-31T11:59:30.000Z", "review": None},
        ],
    }
    probe = {
        "v": 1,
        "server_id": token["server_id"],
        "agent_id": token["agent_id"],
        "journal_id": token["journal_id"],
        "probe_id": "prb_01J9Z3M8T4X7W2V5B6N8Q0R1S4",
        "probe": "explain",
        "target": ORDER["target"],
        "work_order_digest": "sha256:" + sha256(canonical({**ORDER, "request_id": None}).encode()),
        "limits": LIMITS,
        "not_before": "2026-01-31T12:00:00.000Z",
        "expires_at": "2026-01-31T12:00:30.000Z",
    }
    schema_probe = {**probe, "probe": "schema", "work_order_digest": None, "limits": None}

    def accept(name, kind, payload):
        body = canonical(payload).encode()
        return {
            "name": name,
            "kind": kind,
            "payload": payload,
            "payload_text": body.decode(),
            "pae_sha256": sha256(pre_auth_encoding(payload_type(kind), body)),
            "envelope": envelope(kind, body),
        }

    refused = []

    def refuse(name, why, sealed, kind="execution-token"):
        refused.append({"name": name, "kind": kind, "envelope": sealed, "why": why})

    def refuse_payloads(kind, value, changes):
        text = canonical(value)
        others = [
            *with_second_encodings(text, value),
            *with_unknown_fields(value),
            *((name, canonical(changed(value, path, new))) for name, path, new in changes),
        ]
        for name, other in others:
            refuse(f"signed {kind}: {name}", "malformed", envelope(kind, other.encode()), kind)

    refuse_payloads("execution-token", token, [
        ("valid for more than 5 minutes", ("expires_at",), "2026-01-31T12:05:00.001Z"),
        ("expires when it begins", ("expires_at",), token["not_before"]),
        ("expires before it begins", ("expires_at",), "2026-01-31T11:59:59.999Z"),
        ("expires at no instant", ("expires_at",), "2026-99-99T99:99:99.999Z"),
        ("begins at no instant", ("not_before",), "2026-02-30T12:00:00.000Z"),
        ("addressed to nobody", ("agent_id",), ""),
        ("digest of another algorithm", ("work_order_digest",), "sha1:" + "0" * 40),
        ("no digest", ("work_order_digest",), None),
        ("approval by an unknown way", ("approvals", 0, "via"), "magic"),
        ("step 0", ("approvals", 0, "step"), 0),
        ("review without a signature", ("approvals", 0, "review", "signatures"), []),
        ("no request", ("request_id",), None),
    ])
    refuse_payloads("probe-token", probe, [
        ("valid for more than 5 minutes", ("expires_at",), "2026-01-31T12:05:00.001Z"),
        ("EXPLAIN without a work order", ("work_order_digest",), None),
        ("schema with a work order", ("probe",), "schema"),
        ("unknown question", ("probe",), "execute"),
    ])

    body = canonical(token).encode()
    good = envelope("execution-token", body)
    signature = good["signatures"][0]
    server = signature["keyid"]

    def with_signature(**fields):
        return {**good, "signatures": [{**signature, **fields}]}

    refuse("execution token opened as a probe token", "malformed", good, "probe-token")
    refuse("probe token opened as an execution token", "malformed", envelope("probe-token", canonical(probe).encode()))
    refuse("payload type of another vendor", "malformed", {**good, "payloadType": "application/json"})
    refuse("payload type with a parameter", "malformed", {**good, "payloadType": good["payloadType"] + ";v=1"})
    refuse("payload type in upper case", "malformed", {**good, "payloadType": good["payloadType"].upper()})
    refuse("payload type of version 2", "malformed", {**good, "payloadType": good["payloadType"].replace("v1", "v2")})
    refuse("signed as a probe token, relabelled", "bad_signature",
           envelope("probe-token", body, type_=payload_type("execution-token")))
    refuse("signed without the pre-authentication encoding", "bad_signature",
           with_signature(sig=base64.b64encode(sign(SERVER_SEED, body)).decode()))
    refuse("signed by another key under its own name", "unknown_key", envelope("execution-token", body, OTHER_SEED))
    refuse("signed by another key under the pinned key's name", "bad_signature",
           envelope("execution-token", body, OTHER_SEED, keyid=server))
    refuse("key id is empty", "unknown_key", with_signature(keyid=""))
    refuse("key id in upper case", "unknown_key", with_signature(keyid=server.upper()))
    refuse("first byte of the payload altered", "bad_signature", {**good, "payload": other_byte(good["payload"], 0)})
    refuse("last byte of the payload altered", "bad_signature", {**good, "payload": other_byte(good["payload"], -1)})
    refuse("first byte of the signature altered", "bad_signature", with_signature(sig=other_byte(signature["sig"], 0)))
    refuse("last byte of the signature altered", "bad_signature", with_signature(sig=other_byte(signature["sig"], -1)))
    raw = base64.b64decode(signature["sig"])
    malleable = raw[:32] + (number(raw[32:]) + L).to_bytes(32, "little")
    refuse("S of the signature is not reduced (RFC 8032, section 5.1.7)", "bad_signature",
           with_signature(sig=base64.b64encode(malleable).decode()))
    refuse("signature cut off", "bad_signature", with_signature(sig=base64.b64encode(raw[:63]).decode()))
    refuse("signature with a byte more", "bad_signature", with_signature(sig=base64.b64encode(raw + b"\0").decode()))
    refuse("empty signature", "bad_signature", with_signature(sig=""))
    refuse("signature of zeros", "bad_signature", with_signature(sig=base64.b64encode(bytes(64)).decode()))
    refuse("signature in hexadecimal", "bad_signature", with_signature(sig=raw.hex()))

    padded = signature["sig"]
    assert padded.endswith("==") and ("+" in padded or "/" in padded)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    loose = padded[:-3] + alphabet[alphabet.index(padded[-3]) + 1] + "=="
    assert base64.b64decode(loose) == raw
    refuse("base64 without padding", "malformed", with_signature(sig=padded.rstrip("=")))
    refuse("base64 with half its padding", "malformed", with_signature(sig=padded[:-1]))
    refuse("base64 with too much padding", "malformed", with_signature(sig=padded + "="))
    refuse("base64 with bits after the end", "malformed", with_signature(sig=loose))
    refuse("base64 with the URL-safe alphabet", "malformed",
           with_signature(sig=base64.urlsafe_b64encode(raw).decode()))
    refuse("base64 with a line feed at the end", "malformed", with_signature(sig=padded + "\n"))
    refuse("base64 with a space inside", "malformed", with_signature(sig=padded[:4] + " " + padded[4:]))
    refuse("base64 with something after the padding", "malformed", with_signature(sig=padded + "AAAA"))
    refuse("base64 of the payload with a line feed", "malformed", {**good, "payload": good["payload"] + "\n"})
    refuse("base64 of the payload with the URL-safe alphabet", "malformed",
           {**good, "payload": base64.urlsafe_b64encode(b"\xfb\xff\xfe").decode()})

    refuse("no signatures", "malformed", {**good, "signatures": []})
    refuse("17 signatures", "malformed", {**good, "signatures": [signature] * 17})
    refuse("unknown field in the envelope", "malformed", {**good, "unknown": 0})
    refuse("unknown field in a signature", "malformed", with_signature(unknown=0))
    refuse("signatures are not a list", "malformed", {**good, "signatures": signature})
    for field in sorted(good):
        refuse(f"missing {field}", "malformed", {key: value for key, value in good.items() if key != field})
    for name, value in [("null", None), ("a text", canonical(good)), ("a list", [good]), ("a number", 1)]:
        refuse(f"the envelope is {name}", "malformed", value)

    second = envelope("execution-token", body, OTHER_SEED)["signatures"][0]
    broken = {"keyid": server, "sig": base64.b64encode(bytes(64)).decode()}
    also = accept("execution token with another's signature and a broken one beside the server's", "execution-token", token)
    also["envelope"]["signatures"] = [second, broken, signature]
    return {
        "pinned_key": {
            "seed_hex": SERVER_SEED.hex(),
            "pkcs8_pem": pkcs8_pem(SERVER_SEED),
            "jwk_x": jwk_x(SERVER_SEED),
            "fingerprint": server,
        },
        "accepted": [
            accept("execution token", "execution-token", token),
            accept("probe token with a work order", "probe-token", probe),
            accept("probe token for a schema", "probe-token", schema_probe),
            also,
        ],
        "refused": refused,
    }


# --- audit-chain.json -------------------------------------------------------------------------------------------------

GENESIS = "0" * 64


def body_hash(salt, body):
    return sha256(bytes.fromhex(salt) + body.encode())


def record_hash(seq, prev_hash, of_body):
    return sha256(b"\x02" + struct.pack(">Q", seq) + bytes.fromhex(prev_hash) + bytes.fromhex(of_body))


def append(records, salt, body):
    """A chain with one record more; `body` is text, right or wrong."""
    seq = len(records) + 1
    prev = records[-1]["hash"] if records else GENESIS
    of_body = body_hash(salt, body)
    return records + [{
        "v": 1,
        "seq": seq,
        "prev_hash": prev,
        "body_hash": of_body,
        "hash": record_hash(seq, prev, of_body),
        "salt": salt,
        "body": body,
    }]


def audit_chain():
    request = {"type": "request", "id": ORDER["request_id"]}
    bodies = [
        ("server.started", {"type": "system", "id": "server"}, None, {}),
        ("request.created", {"type": "user", "id": "alice"}, request,
         {"number": 1042, "operations": ["dml", "select"], "reason": "name of user 7 \u2013 \u00f6, \U0001f600"}),
        ("request.approved", {"type": "user", "id": "bob"}, request, {"step": 1, "comment": None, "final": True}),
        ("execution.started", {"type": "agent", "id": "prod-1"}, request, {"limits": LIMITS, "nested": [[], [{}]]}),
        ("audit.retained", {"type": "system", "id": "retention"}, None, {"dropped": [3]}),
    ]
    values = [
        {"v": 1, "id": f"evt_{index}", "type": kind, "at": f"2026-01-31T12:00:0{index}.000Z",
         "actor": actor, "subject": subject, "data": data}
        for index, (kind, actor, subject, data) in enumerate(bodies, 1)
    ]
    salts = [sha256(b"salt %d" % index) for index in range(1, 6)]
    full = []
    for salt, value in zip(salts, values):
        full = append(full, salt, canonical(value))
    chain = changed(changed(full, (2, "salt"), None), (2, "body"), None)
    head = {"seq": 5, "hash": full[-1]["hash"]}
    broken = []

    def broke(name, at, records):
        broken.append({"name": name, "at": at, "records": records})

    def edit(index, **fields):
        return [{**record, **fields} if at == index else record for at, record in enumerate(chain)]

    edited_body = chain[1]["body"].replace("alice", "carol")
    edited_hash = body_hash(salts[1], edited_body)
    broke("edited body", 2, edit(1, body=edited_body))
    broke("edited body with a new body hash", 2, edit(1, body=edited_body, body_hash=edited_hash))
    broke("edited body with new hashes: the next record does not continue it", 3, edit(
        1, body=edited_body, body_hash=edited_hash, hash=record_hash(2, chain[0]["hash"], edited_hash)))
    broke("edited body hash of a dropped body", 3, edit(2, body_hash="f" * 64))
    broke("edited hash", 4, edit(3, hash="f" * 64))
    broke("edited hash of the last record", 5, edit(4, hash="f" * 64))
    broke("edited previous hash", 4, edit(3, prev_hash="f" * 64))
    broke("replaced salt", 4, edit(3, salt=salts[0]))
    broke("salt dropped, body kept", 4, edit(3, salt=None))
    broke("body dropped, salt kept", 4, edit(3, body=None))
    broke("a dropped body made up anew", 3, edit(2, salt=salts[2], body=canonical({**values[2], "type": "request.rejected"})))
    broke("first record removed", 1, chain[1:])
    broke("middle record removed", 3, chain[:2] + chain[3:])
    broke("middle record removed, the rest renumbered", 3,
          chain[:2] + [{**record, "seq": record["seq"] - 1} for record in chain[3:]])
    broke("records swapped", 2, [chain[0], chain[2], chain[1], *chain[3:]])
    broke("record repeated", 3, [*chain[:2], chain[1], *chain[2:]])
    broke("record of another chain in its place", 2, [chain[0], append([], salts[1], chain[1]["body"])[0], *chain[2:]])
    broke("extra field in a record", 4, edit(3, unknown=0))
    broke("missing field in a record", 4, [*chain[:3], {key: chain[3][key] for key in chain[3] if key != "v"}, chain[4]])
    broke("version 2", 4, edit(3, v=2))
    broke("sequence number as text", 4, edit(3, seq="4"))
    broke("sequence number 0", 1, edit(0, seq=0))
    broke("hash in upper case", 4, edit(3, hash=chain[3]["hash"].upper()))
    broke("salt in upper case", 4, edit(3, salt=salts[3].upper()))
    broke("salt too short, hashed so", 6, append(chain, "00" * 31, canonical(values[0])))
    broke("no salt, hashed so", 6, append(chain, "", canonical(values[0])))
    broke("not a record", 1, [None])
    text = canonical(values[1])
    hashed = [
        *with_second_encodings(text, values[1]),
        *with_unknown_fields(values[1]),
        ("lone surrogate in data, escaped", text.replace("1042", '"\\ud800"')),
        ("__proto__ key in data", text.replace('"data":{', '"data":{"__proto__":{},')),
        ("fraction in data", text.replace("1042", "1042.5")),
        ("unsafe integer in data", text.replace("1042", "9007199254740992")),
        ("deep nesting in data", text.replace("1042", "[" * 2000 + "]" * 2000)),
        ("type that is not dotted", canonical({**values[1], "type": "created"})),
        ("actor of an unknown type", canonical({**values[1], "actor": {"type": "root", "id": "alice"}})),
        ("data is a list", canonical({**values[1], "data": []})),
        ("time that is none", canonical({**values[1], "at": "2026-02-30T12:00:00.000Z"})),
        ("not JSON", "request.created"),
    ]
    for name, body in hashed:
        if name == "unknown field at data":
            continue  # data is free
        broke(f"correctly hashed body that is not a canonical v1 body: {name}", 6, append(chain, salts[0], body))

    return {
        "genesis_hash": GENESIS,
        "bodies": values,
        "salts": salts,
        "full": {"records": full, "head": head},
        "retained": {"records": chain, "head": head},
        "cut_off": {"records": chain[:3], "head": {"seq": 3, "hash": chain[2]["hash"]}},
        "broken": broken,
    }


# --- writing ----------------------------------------------------------------------------------------------------------

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
