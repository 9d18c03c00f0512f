# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # $bayhenn is the caller's
# What scripts share that test the command from outside; to be sourced where $bayhenn is
# the command and the current folder may be written to. $failures counts.
failures=0

fail() {
    echo "FAILED: $*"
    sed 's/^/    /' err | head -n 5
    failures=$((failures + 1))
}

# refused STATUS PART ARGUMENTS...: exit status, one line on stderr that holds PART and
# begins with the command, nothing on stdout.
refused() {
    expected=$1
    part=$2
    shift 2
    "$bayhenn" "$@" >out 2>err
    status=$?
    [ $status = "$expected" ] || fail "status $status, not $expected: $*"
    grep -q -- "$part" err || fail "no \"$part\": $*"
    [ "$(wc -l <err)" = 1 ] || fail "not one line: $*"
    grep -q "^bayhenn" err || fail "does not name the command: $*"
    [ -s out ] && fail "something on stdout: $*"
}

# wait_for FILE PART: until a server says that it is there.
wait_for() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        grep -q "$2" "$1" 2>/dev/null && return
        sleep 0.3
    done
    fail "no $2 in $1"
}

works() {
    "$bayhenn" "$@" >out 2>err || fail "status $?: $*"
}

has() {
    grep -q -- "$1" out || fail "no \"$1\" in the output"
}

has_not() {
    ! grep -q -- "$1" out || fail "\"$1\" in the output"
}

# json KEY...: every line of the output is JSON that has these keys.
json() {
    if command -v node >/dev/null 2>&1; then
        node -e '
            const lines = require("fs").readFileSync("out", "utf8").trim().split("\n");
            for (const line of lines)
                for (const key of process.argv.slice(1))
                    if (key.split(".").reduce((o, k) => o?.[k], JSON.parse(line)) === undefined)
                        { console.error(key); process.exit(1); }' "$@" 2>err ||
            fail "JSON without $(cat err)"
    else
        for key in "$@"; do
            grep -q "\"${key##*.}\":" out || fail "JSON without $key"
        done
    fi
}

# images PREFIX COUNT SIDE CLASSES SEED: as many squares, IDX; in the one of class k the
# k-th upright band is the bright one, in noise.
images() {
    for kind in images labels; do
        LC_ALL=C awk -v kind=$kind -v n="$2" -v side="$3" -v classes="$4" -v seed="$5" '
            function word(v) {
                printf "%c%c%c%c", int(v / 16777216) % 256, int(v / 65536) % 256,
                       int(v / 256) % 256, v % 256
            }
            function noise() { seed = (seed * 16807) % 2147483647; return seed % 120 }
            BEGIN {
                word(kind == "images" ? 2051 : 2049)
                word(n)
                if (kind == "images") { word(side); word(side) }
                for (i = 0; i < n; i++) {
                    if (kind == "labels") { printf "%c", i % classes; continue }
                    for (p = 0; p < side * side; p++) {
                        band = int(p % side * classes / side)
                        printf "%c", noise() + (band == i % classes ? 130 : 10)
                    }
                }
            }' >"$1$kind-idx$([ $kind = images ] && echo 3 || echo 1)-ubyte"
    done
}
