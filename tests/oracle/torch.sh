#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# torch.sh SCRIPT ARGUMENTS...: runs it with a Python that has torch; 77 if none has.
set -eu
for python in python3 /usr/bin/python3; do
    if "$python" -c "import torch" 2>/dev/null; then
        exec "$python" -B "$@"
    fi
done
echo "skipped: no Python with torch is here (Debian: python3-torch)"
exit 77
