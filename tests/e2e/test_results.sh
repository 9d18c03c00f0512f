#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# scripts/results and scripts/paper-table from end to end, on stand-ins for the data and
# for two epochs: that they run, what they write, and what they say where something is
# missing. No figure of theirs means anything here.
#
# usage: test_results.sh BAYHENN SOURCE_DIR
set -u
bayhenn=$1
source=$2
if ! command -v python3 >/dev/null 2>&1; then
    echo "skipped: there is no python3"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export PYTHONDONTWRITEBYTECODE=1 # beside the scripts
# shellcheck source=tests/e2e/outside.sh
. "$source/tests/e2e/outside.sh"

mkdir mnist fashion pneumonia malaria
for name in mnist fashion; do
    images $name/train- 80 28 10 1
    images $name/t10k- 40 28 10 2
done
images pneumonia/train- 40 28 2 3
images pneumonia/test- 20 28 2 4
images malaria/ 60 50 2 5
awk 'BEGIN { print "patient"; for (i = 0; i < 60; i++) print "p" int(i / 4) }' >malaria/index.csv

# script NAME ARGUMENTS...
script() {
    name=$1
    shift
    "$source/scripts/$name" "$@" --bayhenn "$bayhenn" --mnist mnist --fashion fashion \
        --malaria malaria --pneumonia pneumonia --seeds 1 --samples 2 --quick \
        --work made >out 2>err
}

# page NAME PART...: a page and its numbers.
page() {
    name=$1
    shift
    for part in "Made with .--quick" "bayhenn train" "$@"; do
        grep -q -- "$part" "made/$name.md" || fail "no \"$part\" in $name.md"
    done
    python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "made/$name.json" 2>err ||
        fail "$name.json is no JSON"
}

script results || fail "results: status $?"
page mnist "OOD AUROC, energy" ">= 99.45" "| seed 1 | float |" "lenet5"
page fashion "OOD AUROC, entropy"
page malaria "| seed 1, fold 5 | quantised |" "most certain 80 %"
page pneumonia "accuracy, %"

script paper-table || fail "paper-table: status $?"
page paper-table "| Normal | " "| Square | " "| Bayes | " "MNIST: train %" "malaria cells: train %"

# A run that fails is said to have failed, and the others are made.
rm pneumonia/train-labels-idx1-ubyte
script paper-table || fail "paper-table: status $?"
page paper-table "| Square | [0-9].*failed"
script results pneumonia && fail "results without labels"
grep -q "^results: exit status 1: .*--data pneumonia" err || fail "which run failed"
rm -r pneumonia
script results pneumonia || fail "results without a data set: status $?"
grep -q "^results: pneumonia is left out: there is no pneumonia" err || fail "what is left out"
script results imagenet && fail "results of an unknown data set"
grep -q "unknown data set imagenet; known are mnist" err || fail "an unknown data set"
"$source/scripts/results" --bayhenn missing --mnist mnist mnist >out 2>err && fail "no program"
grep -q "there is no missing: build" err || fail "no program"

[ $failures = 0 ] && echo "all as it should be"
exit $((failures > 0))
