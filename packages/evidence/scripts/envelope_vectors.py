"""The contents of envelopes.json."""

import base64

from reference import (
    L,
    OTHER_SEED,
    SERVER_SEED,
    canonical,
    envelope,
    fingerprint,
    jwk_x,
    number,
    payload_type,
    pkcs8_pem,
    pre_auth_encoding,
    sha256,
    sign,
)
from variants import changed, with_second_encodings, with_unknown_fields
from work_order_vectors import LIMITS, ORDER


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
