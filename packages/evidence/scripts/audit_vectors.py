"""The contents of audit-chain.json."""

import struct

from reference import canonical, sha256
from variants import changed, with_second_encodings, with_unknown_fields
from work_order_vectors import LIMITS, ORDER

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
    broke("sequence number skipped, hashed so", 5, edit(
        4, seq=6, hash=record_hash(6, chain[3]["hash"], chain[4]["body_hash"])))
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
