#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The release library holds nothing of the test build: no hook, no insecure parameter
# set, no reproducible randomness. The test library, which must show all of them, proves
# that this test can fail.
#
# usage: test_release.sh LIBBAYHENN LIBBAYHENN_HOOKS
set -eu

traces() {
    { nm "$1" 2>/dev/null | grep -E 'hooks_get|fixed_bytes|count_and_fail' || true
      strings -a "$1" | grep -F 'INSECURE' || true; } | wc -l
}

in_release=$(traces "$1")
in_tests=$(traces "$2")
echo "traces of the test build: $in_release in the release library, $in_tests in the test library"
[ "$in_release" -eq 0 ] && [ "$in_tests" -gt 3 ]
