# SPDX-License-Identifier: Apache-2.0
"""The stream of src/base/random.h, a second time: hashlib and the openssl command."""
import hashlib
import subprocess


def text(s):
    return len(s).to_bytes(2, "little") + s.encode()


def stream(seed, label, n_bytes, transcript=None, layer=0, sample=0, index=0):
    domain = text("bayhenn stream 1") + text(label)
    domain += b"\0" + bytes(32) if transcript is None else b"\1" + transcript
    domain += layer.to_bytes(4, "little") + sample.to_bytes(4, "little")
    domain += index.to_bytes(8, "little")
    key = hashlib.sha256(domain + seed).hexdigest()
    command = ["openssl", "enc", "-aes-256-ctr", "-K", key, "-iv", "0" * 32, "-nopad"]
    return subprocess.run(command, input=bytes(n_bytes), stdout=subprocess.PIPE,
                          check=True).stdout


def check(what, got, expected):
    print(f"{what}: {got}")
    if got != expected:
        raise SystemExit(f"{what}: expected {expected}")
