#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# python.sh SCRIPT: runs it; 77 if what it needs is not here.
set -eu
for tool in python3 openssl; do
    if ! command -v "$tool" >/dev/null; then
        echo "skipped: $tool is not installed"
        exit 77
    fi
done
exec python3 -B "$1"
