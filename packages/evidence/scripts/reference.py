"""RFC 8785 for values without fractions, SHA-256, RFC 8032 Ed25519 and DSSE, from Python's standard library alone."""

import base64
import hashlib
import json


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
