#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recomputes what tests/unit/test_draw.c pins: the law of src/model/draw.h, written a
second time with Python's integers."""
import math

from stream import check, key, number, stream


def nearest(v, bits):
    return (v + (1 << bits >> 1)) >> bits


def clamp(v, limit):
    return max(-limit, min(limit, v))


def deviate(block):
    # round(2^35 / sqrt(385/12)) as the rounded square root of 2^70 * 12 / 385
    k = (math.isqrt(4 * 2**70 * 12 // 385) + 1) // 2
    count = sum(bin(b).count("1") for b in block[:16])
    n = ((count - 64) << 16) + int.from_bytes(block[16:], "little") - (1 << 15)
    return clamp(nearest(n * k, 32), 6 << 19)


def main():
    n_weights, n_bias = 1500, 3
    data = stream(key(bytes(range(32)), "weights"), number(7, 9), 18 * (n_weights + n_bias))
    e = [deviate(data[18 * i:18 * i + 18]) for i in range(n_weights + n_bias)]
    weights = [clamp(nearest((i - 750) * 500 + nearest(e[i] * (i * 40), 19), 12), 127)
               for i in range(n_weights)]
    bias = [nearest((1 << 40) + nearest(e[n_weights + i] * (1 << 38), 19), 12)
            for i in range(n_bias)]
    digest = 0
    for w in weights:
        digest = (digest * 1000003 + w) % 2**64
    check("first and last weight", [weights[0], weights[-1]], [-92, 126])
    check("digest of the weights", hex(digest), "0x5be076bcb0db7b2c")
    check("biases", bias, [272399744, 335162368, 388356608])


main()
