#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recomputes what tests/unit/test_draw.c pins: the law of src/model/draw.h, written a
second time with Python's integers."""
from stream import check, key, number, stream


def nearest(v, bits):
    return (v + (1 << bits >> 1)) >> bits


def clamp(v, limit):
    return max(-limit, min(limit, v))


def deviate(block):
    word = int.from_bytes(block, "little")
    count = bin(word >> 12 & (1 << 40) - 1).count("1")
    n = ((count - 20) << 12) + (word & 4095) + (word >> 52) - 4095
    factor = 1338485727 + (n * n * 1161142459 >> 36)
    return clamp(nearest(n * factor, 25), 6 << 19)


def main():
    n_weights, n_bias = 1500, 3
    data = stream(key(bytes(range(32)), "weights"), number(7, 9), 8 * (n_weights + n_bias))
    e = [deviate(data[8 * i:8 * i + 8]) for i in range(n_weights + n_bias)]
    weights = [clamp(nearest((i - 750) * 500 + nearest(e[i] * (i * 40), 19), 12), 127)
               for i in range(n_weights)]
    bias = [nearest((1 << 40) + nearest(e[n_weights + i] * (1 << 38), 19), 12)
            for i in range(n_bias)]
    digest = 0
    for w in weights:
        digest = (digest * 1000003 + w) % 2**64
    check("first and last weight", [weights[0], weights[-1]], [-92, 118])
    check("digest of the weights", hex(digest), "0xafb9f17fd9ddafa0")
    check("biases", bias, [315639424, 250362752, 249744640])


main()
