#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# expect_report.sh COMMAND...: passes if the tool reports a function control_*, with exit
# status 42, and no other first. A skipped command stays skipped.
status=0
said=$("$@" 2>&1) || status=$?
echo "$said"
first=$(echo "$said" | sed -n '/ at 0x\|#0 0x/{p;q}')
case "$status $first" in
"42 "*control_*) exit 0 ;;
"77 "*) exit 77 ;;
esac
echo "no such report: exit status $status"
exit 1
