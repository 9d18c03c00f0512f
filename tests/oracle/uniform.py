#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recomputes what tests/unit/test_sample.c pins, from the description in base/random.h
and ring/sample.h: for each parameter set the hash of two uniform parts and the roots psi."""
import hashlib

from stream import check, key, stream

PRIMES = [70367133564929, 70362301726721]
BITS = 46
TRANSCRIPT = bytes(range(32))
SEED = bytes(0x80 + i for i in range(32))


def uniform(label, counter, n, primes):
    data = stream(key(SEED, label, TRANSCRIPT), counter, 8 * (len(primes) * n + 100))
    at, out = 0, b""
    for q in primes:
        packed, have = 0, 0
        while have < n:
            word = int.from_bytes(data[at:at + 8], "little") % 2**BITS
            at += 8
            if word < q:
                packed |= word << (BITS * have)
                have += 1
        out += packed.to_bytes(BITS * n // 8, "little")
    return out


def smallest_root(q, n):
    g = 2
    while pow(g, (q - 1) // 2, q) != q - 1:
        g += 1
    root = pow(g, (q - 1) // (2 * n), q)
    return min(pow(root, i, q) for i in range(1, 2 * n, 2))


def check_set(n, primes, digest, roots):
    parts = uniform("public key", 0, n, primes) + uniform("upload", 5, n, primes)
    check(f"n{n}: hash of two uniform parts", hashlib.sha256(parts).hexdigest(), digest)
    check(f"n{n}: psi", [smallest_root(q, n) for q in primes], roots)


check_set(4096, PRIMES,
          "b400e8062a7eb2554fa5cbe1004a46ebac94c31fd3b564c6d1d9c32c6be9f427",
          [10074284903, 5813319370])
check_set(2048, PRIMES[:1],
          "d463b96a5b282ad915f44fa0a78fe7e5eb73ce71553626a7d477588986af8338", [19368377211])
