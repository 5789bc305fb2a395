"""The contents of canonical-json.json and dsse.json."""

import json

from reference import RFC8032, canonical, fingerprint, jwk_x, payload_type, pkcs8_pem, pre_auth_encoding, sha256


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
