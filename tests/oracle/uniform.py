#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recomputes what tests/unit/test_sample.c pins, from the description in base/random.h
and ring/sample.h: the hash of two uniform parts and the two roots psi."""
import hashlib

from stream import check, key, stream

PRIMES = [70367133564929, 70362301726721]
N, BITS = 4096, 46
TRANSCRIPT = bytes(range(32))
SEED = bytes(0x80 + i for i in range(32))


def uniform(label, counter):
    data = stream(key(SEED, label, TRANSCRIPT), counter, 8 * (2 * N + 100))
    at, out = 0, b""
    for q in PRIMES:
        packed, have = 0, 0
        while have < N:
            word = int.from_bytes(data[at:at + 8], "little") % 2**BITS
            at += 8
            if word < q:
                packed |= word << (BITS * have)
                have += 1
        out += packed.to_bytes(BITS * N // 8, "little")
    return out


def smallest_root(q):
    g = 2
    while pow(g, (q - 1) // 2, q) != q - 1:
        g += 1
    root = pow(g, (q - 1) // (2 * N), q)
    return min(pow(root, i, q) for i in range(1, 2 * N, 2))


parts = uniform("public key", 0) + uniform("upload", 5)
check("hash of two uniform parts", hashlib.sha256(parts).hexdigest(),
      "b400e8062a7eb2554fa5cbe1004a46ebac94c31fd3b564c6d1d9c32c6be9f427")
check("psi", [smallest_root(q) for q in PRIMES], [10074284903, 5813319370])
