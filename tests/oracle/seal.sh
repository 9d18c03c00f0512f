#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# seal.sh BRIDGE SEAL_JS NODE_MODULES: both directions; 77 if SEAL is not here.
set -eu
bridge=$1 script=$2 modules=$3
if ! command -v node >/dev/null; then
    echo "skipped: node is not installed"
    exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$bridge" make "$dir"
NODE_PATH=$modules node "$script" "$dir"
"$bridge" check "$dir"
