# SPDX-License-Identifier: Apache-2.0
"""The stream of src/base/random.h, a second time: hashlib and the openssl command."""
import hashlib
import subprocess


def text(s):
    return len(s).to_bytes(2, "little") + s.encode()


def key(seed, label, transcript=None):
    encoding = text("bayhenn stream 2") + text(label)
    encoding += b"\0" + bytes(32) if transcript is None else b"\1" + transcript
    return hashlib.sha256(encoding + seed).digest()


def number(layer=0, sample=0, index=0):
    return layer << 48 | sample << 32 | index


def stream(stream_key, stream_number, n_bytes):
    command = ["openssl", "enc", "-aes-256-ctr", "-nopad", "-K", stream_key.hex(),
               "-iv", f"{stream_number:016x}{0:016x}"]
    return subprocess.run(command, input=bytes(n_bytes), stdout=subprocess.PIPE,
                          check=True).stdout


def check(what, got, expected):
    print(f"{what}: {got}")
    if got != expected:
        raise SystemExit(f"{what}: expected {expected}")
