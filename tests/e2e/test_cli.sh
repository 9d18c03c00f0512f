#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command from outside: a whole session, and wrong input of every kind, which gets
# one sentence on stderr and the right exit status.
#
# usage: test_cli.sh BAYHENN SOURCE_DIR
set -u
bayhenn=$1
source=$2
work=$(mktemp -d)
server=""
other_server=""
sealed_server=""
label_server=""
trap 'kill $server $other_server $sealed_server $label_server 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
# shellcheck source=tests/e2e/outside.sh
. "$source/tests/e2e/outside.sh"

# notices_loss STATUS COMMAND: whose output went nowhere.
notices_loss() {
    [ "$1" = 1 ] || fail "status $1: $2"
    grep -q "writing the output failed" err || fail "lost output: $2"
}

# ---- a model: trained here on the sample, called a training set for once ----
mnist=$source/share/mnist
mkdir data
cp "$mnist/t10k-images-idx3-ubyte.gz" data/train-images-idx3-ubyte.gz
cp "$mnist/t10k-labels-idx1-ubyte.gz" data/train-labels-idx1-ubyte.gz
works train --data data --net lenet5 --epochs 2 --seed 1 --out m.bhn
has "lenet5 on data, 1000 training examples"
grep -q "epoch 2 of 2" err || fail "no line for an epoch"
works train --data data --net netd --dataset elsewhere --epochs 1 --out other.bhn
digit=$mnist/mnist-0003-label0.png

# ---- usage ----
for command in demo infer serve eval train plan info; do
    works $command --help
    has "usage: bayhenn $command"
    has "^examples*:"
    refused 2 "no such option" $command --nonsense
done
works --version
works --help
refused 2 "no command" nonsense
BH_CPU=AVX2 refused 2 'BH_CPU is "AVX2"; it takes portable' info
refused 2 "is needed" infer "$digit"
refused 2 "needs a value" infer --connect
refused 2 "ca or --fingerprint is needed" infer --connect localhost:1 "$digit"
refused 2 "not both" infer --connect localhost:1 --ca a --fingerprint b "$digit"
refused 2 "no image" infer --connect localhost:1 --ca a
refused 2 "no guard .secret.: write sealed or sampled" infer --connect localhost:1 --ca a \
    --guard secret "$digit"
refused 2 "no guard" serve --guard ""
refused 2 "takes logits or label, not .foo." serve --reveal foo
refused 2 "whole number from 1 to 24" serve --logit-bits 0
refused 2 "whole number from 1 to 24" serve --logit-bits 25
refused 2 "whole number from 1 to 255" serve --ahead 0
refused 2 "whole number from 1 to 255" serve --ahead 256
unusable="serve --model m.bhn --listen localhost:0 --cert c --key k"
# shellcheck disable=SC2086 # a list of words
{
    refused 2 "prepare is for guard sampled" $unusable --prepare 500M
    refused 2 "reveal is for guard sealed" $unusable --guard sampled --reveal label
    refused 2 "logit-bits is for guard sealed" $unusable --guard sampled --logit-bits 8
    refused 2 "ahead is for guard sealed" $unusable --guard sampled --ahead 1
}
refused 2 "reveal is for guard sealed" demo --guard sampled --reveal label
refused 2 "takes logits or label" demo --reveal nothing
refused 2 "reveal is for guard sealed" plan --net netd --guard sampled --reveal label
refused 2 "logit-bits is for guard sealed" plan --net netd --guard sampled --logit-bits 4
refused 2 "whole number from 1 to 24" plan --net netd --logit-bits 25
refused 2 "prepared is for guard sampled" plan --net netd --prepared
refused 2 "profile is for guard sampled" plan --net netd --profile p.json
refused 2 "stands alone" infer --connect localhost:1 --ca a - "$digit"
refused 2 "stands alone" infer --connect localhost:1 --ca a - -
refused 2 "whole number" plan --model m.bhn --samples 0
refused 2 "whole number" plan --model m.bhn --samples 1x
refused 2 "either --model or --net" plan
refused 2 "only one of --model and --net" plan --model m.bhn --net lenet5
refused 2 "unknown network .*minionn-cifar" plan --net resnet
refused 2 "no such speed in .fast" plan --model m.bhn --link fast
refused 2 "no such round trip" serve --link 1gbit,40
refused 2 "whole number" serve --workers 0
refused 2 "whole number" serve --threads 0
refused 2 "whole number" infer --threads 1000
refused 2 "too many" plan --model m.bhn more
refused 2 "model or --connect" eval --data data
refused 2 "by itself" eval --data data --connect a:1 --ca b --seed 2

for command in demo infer serve eval train plan info; do
    works help $command
    has "usage: bayhenn $command"
done
refused 2 "no command" help nonsense
refused 2 "no such option: --mod" plan --mod m.bhn
refused 2 "no such option: -x" plan -x
refused 2 "json takes no value" plan --json=1
refused 2 "no --connect" eval --model m.bhn --data data --ca certs/server.crt

# ---- files ----
refused 1 "No such file" plan --model missing.bhn
refused 1 "No such file" info missing.bhn
head -c 5000 m.bhn >short.bhn
refused 1 "short.bhn" plan --model short.bhn
{ head -c 5000 m.bhn; printf x; tail -c +5002 m.bhn; } >damaged.bhn
refused 1 "damaged" plan --model damaged.bhn
refused 1 "damaged" eval --model damaged.bhn --data "$mnist"
: >empty.bhn
refused 1 "empty.bhn" plan --model empty.bhn
refused 2 "no test split" eval --model m.bhn --data data
refused 2 "no training split" train --data "$mnist" --net lenet5 --out n.bhn
[ ! -e n.bhn ] || fail "a file was left behind by train"
refused 1 "cannot write" train --data data --net lenet5 --out missing/n.bhn
# Two images of 2 x 2 pixels, for which no network has room.
mkdir tiny
printf '\0\0\10\3\0\0\0\2\0\0\0\2\0\0\0\2abcdefgh' >tiny/train-images-idx3-ubyte
printf '\0\0\10\1\0\0\0\2\0\1' >tiny/train-labels-idx1-ubyte
refused 1 "layer 1 (conv2d)" train --data tiny --net netd --out n.bhn
refused 1 "layer 10 (avg-pool)" train --data tiny --net minionn-cifar --out n.bhn
[ ! -e n.bhn ] || fail "a file was left behind by train"
refused 2 "nonsense" train --data data --net nonsense --out n.bhn
refused 2 "no name" train --data data --net lenet5 --dataset "" --out n.bhn
# What is there and is no file is not replaced; the folder is as it was before.
mkdir kept
mkfifo kept/fifo
ln -s ../m.bhn kept/link
mkdir kept/folder
: >kept/n.bhn.tmp
for out in fifo link folder; do
    refused 1 "it exists and is" train --data data --net lenet5 --out kept/$out
done
refused 2 "no name of a file" train --data data --net lenet5 --out ""
works train --data data --net lenet5 --epochs 1 --out kept/n.bhn
[ "$(ls kept)" = "$(printf '%s\n' fifo folder link n.bhn n.bhn.tmp)" ] ||
    fail "train left something behind: $(ls kept)"
[ -p kept/fifo ] || fail "train replaced a pipe"
[ -h kept/link ] || fail "train replaced a link"
[ -e kept/n.bhn.tmp ] || fail "train took a temporary file of somebody else"

# ---- facts ----
works info
has "kernels"
works info --json
json version kernels guards.0.guard guards.1.params guards.1.security_bits
has '"guards":\[{"guard":"sealed"'
works info m.bhn
has "61706 parameters"
works info m.bhn --json
json model dataset parameters layers
works plan --model m.bhn
has "guard sealed"
has "margin"
has "random transfers"
has "comparisons"
has "round trips"
has "off by one"
has "0.2 ms there and back"
works plan --model m.bhn --json --samples 4 --link 100mbit,40ms --threads 2
json layers.0.accumulator_bits layers.0.prepare.ciphertexts.up layers.4.prepare.bytes.down \
    layers.0.comparisons layers.0.bytes.up comparisons bytes.up bytes.down flights rounds \
    prepare.bytes.up prepare.transfers.count prepare.predicted_ms prepare.answers reveal \
    logit_bits off_by_one logit_deviation_max predicted_ms link.rtt_ms threads security_bits
works plan --model m.bhn --reveal label --logit-bits 5 --json
has '"reveal":"label".*"logit_bits":5'
works plan --net minionn-cifar --samples 1 --link bytes
has "conv 1x1 64-16"
works plan --model m.bhn --guard sampled
has "margin"
has "log2 F"
has "0.2 ms there and back"
works plan --model m.bhn --guard sampled --json --samples 4 --link 100mbit,40ms --threads 2
json layers bytes.up bytes.down security_bits layers.0.noise_log2 layers.0.margin_bits \
    predicted_ms layers.0.predicted_ms.done link.rtt_ms threads prepared
works plan --net lenet-caffe --guard sampled --link bytes --prepared
has "fc 800-500"
works plan --net minionn-cifar --guard sampled --samples 1
has "conv 3x3 3-64"
has "fc 1024-10"
refused 1 "missing.json: No such file" plan --model m.bhn --guard sampled \
    --profile missing.json
refused 1 "not a profile" plan --model m.bhn --guard sampled --profile m.bhn

# ---- import, export ----
for command in import export; do
    works help $command
    has "usage: bayhenn $command"
    has "^example:"
    refused 2 "no such option" $command --nonsense
    refused 2 "is needed" $command
done
refused 2 "a FILE is needed" import --list
refused 2 "net is needed" import x.safetensors --out n.bhn
refused 2 "out is needed" import x.safetensors --net lenet5
refused 2 "format is needed" export m.bhn --out x.safetensors
refused 2 "too many" export m.bhn m.bhn --format blitz --out x.safetensors
refused 1 "No such file" import --list missing.safetensors
refused 1 "no safetensors file" import --list m.bhn
refused 1 "No such file" export missing.bhn --format blitz --out x.safetensors
refused 2 "unknown format .caffe.; known are bayesian-torch" export m.bhn --format caffe \
    --out x.safetensors
refused 1 "it exists and is a folder" export m.bhn --format blitz --out kept
[ ! -e x.safetensors ] || fail "a file was left behind by export"
for format in bayesian-torch blitz torchbnn pytorch-bayesiancnn tfp pyro; do
    works export m.bhn --format $format --out $format.safetensors
    works import $format.safetensors --net lenet5 --input-mean 0.1307 --input-dev 0.3081 \
        --data data --dataset mnist --out back.bhn
    has "lenet5 from $format names, 5 layers with weights, 10 classes"
    has "inputs: 1x28x28, pixels / 255, mean 0.1307 deviation 0.3081"
    has_not "not quantised"
    works eval --model back.bhn --data "$mnist" --samples 1 --limit 1
    works export back.bhn --format $format --out again.safetensors
    works import --list again.safetensors
    has "F32 *\[10\]$"
done
works export m.bhn --format plain --out plain.safetensors
has "deviations are left out"
works import --list plain.safetensors
has "^conv1.weight  F32      \[6,1,5,5\]$"
has "^fc3.bias      F32      \[10\]$"
works import plain.safetensors --net lenet5 --moped 0 --classes a,b,c,d,e,f,g,h,i,j --out n.bhn
has "mean 0 deviation 1"
has "not quantised"
import="import plain.safetensors --net lenet5 --moped 0.1 --out n.bhn"
rm n.bhn
# shellcheck disable=SC2086 # a list of words
{
    refused 2 "only one of --map and --format" $import --map x.json --format blitz
    refused 1 "x.json: No such file" $import --map x.json
    echo '{}' >x.json
    refused 1 "x.json: .layers. is a list" $import --map x.json
    refused 1 "as blitz names them, but conv1.bias, conv1.weight" $import --format blitz
    refused 2 "moped takes a number from 0 to 1" $import --moped 2
    refused 2 "moped takes a number" $import --moped nan
    refused 2 "tolerance takes a number" $import --tolerance 1x
    refused 2 "input takes channels, height and width" $import --input 28x28
    refused 2 "input takes channels, height and width" $import --input 1x28x28x1
    refused 2 "input takes channels, height and width" $import --input 1x-2x28
    refused 2 "input-mean takes up to 4 numbers" $import --input-mean 1,2,3,4,5
    refused 2 "input-mean takes up to 4 numbers" $import --input-mean 1,
    refused 2 "input-dev takes up to 4 numbers" $import --input-dev 0
    refused 2 "input-dev has 2 numbers; the input has 1 channel" $import --input-dev 1,2
    refused 2 "classes has 2 names; the network has 10 classes" $import --classes a,b
    refused 2 "name 2 of --classes is too long" $import \
        --classes a,123456789012345678901234567890123
    refused 2 "resnet is no name that says its input" $import --net resnet
    refused 2 "unknown network .resnet." $import --net resnet --input 1x28x28
    refused 1 "has shape \[120,400\]; the network.s fc takes \[120,784\]" $import \
        --input 1x36x36
    refused 1 "the images in data are 28 x 28 with 1 channels, not 29 x 29 with 1" $import \
        --input 1x29x29 --data data
    refused 1 "No such file" $import --check missing.safetensors
    refused 1 "has no tensor .input." $import --check plain.safetensors
    refused 1 "it exists and is a folder" $import --out kept
}
refused 2 "holds no deviations: --moped" import plain.safetensors --net lenet5 --out n.bhn
refused 2 "moped is for files without" import blitz.safetensors --net lenet5 --moped 0 \
    --out n.bhn
refused 1 "2 convolutions and 3 fully" import blitz.safetensors --net netd --out n.bhn
[ ! -e n.bhn ] || fail "a file was left behind by import"

# ---- lost output ----
for lost in "info" "info m.bhn --json" "plan --model m.bhn" "infer --help" "--help" \
    "--version"; do
    # shellcheck disable=SC2086 # a list of words
    if [ -c /dev/full ]; then
        "$bayhenn" $lost >/dev/full 2>err
        notices_loss $? "$lost >/dev/full"
    fi
    # shellcheck disable=SC2086
    "$bayhenn" $lost >&- 2>err
    notices_loss $? "$lost >&-"
done

# ---- eval ----
refused 2 "only 1000 images" eval --model m.bhn --data "$mnist" --limit 1001
works eval --model m.bhn --data "$mnist" --samples 1 --limit 1
has "(1 image, 1 draw,"
works eval --model m.bhn --data "$mnist" --samples 2 --limit 40 --seed 5 --json
json images accuracy nll brier ece samples
cp out first
works eval --model m.bhn --data "$mnist" --samples 2 --limit 40 --seed 5 --json --threads 1
cmp -s out first || fail "eval is not reproducible"
json split dataset ood_images paths.0.path paths.0.ece_adaptive paths.0.accuracy_error \
    paths.0.bins.14.images paths.0.classes.9.f1 paths.0.confusion.9.9 \
    paths.0.accuracy_at_coverage.19
[ "$(awk 'length > 80' out | wc -l)" = 1 ] || fail "JSON is not one line"

# Two paths side by side, and a report. The images themselves, called another data set,
# cannot be told apart: of equal draws they have equal scores.
cp -r data both
cp "$mnist"/*.gz both
cat >curves.jsonl <<'END'
{"epoch":1,"epochs":2,"member":1,"phase":"ordinary","loss":0.5,"accuracy":0.8}
{"epoch":2,"epochs":2,"member":1,"phase":"bayes","loss":0.2,"accuracy":0.9,"kl":12,"val_loss":0.3,"val_accuracy":0.85,"rate":0.001}
{"done":true}
END
two="eval --model m.bhn --data both --samples 2 --limit 40 --path quantised,float --ood both"
# shellcheck disable=SC2086
works $two --json
json paths.0.auroc_energy paths.1.fpr95_entropy
has '"part":"as the data names it","ood_images":40,'
has '"path":"float".*"path":"quantised".*"auroc_entropy":0.5,'
# shellcheck disable=SC2086
works $two --report report.html --curves curves.jsonl
has "float *quantised"
has "OOD AUROC, energy"
[ "$(awk 'length > 80' out | wc -l)" = 0 ] || fail "eval is wider than 80 columns"

# whole FILE: a page that is complete, and asks nobody for anything.
whole() {
    tail -n 1 "$1" | grep -q "</html>$" || fail "$1 has no end"
    ! grep -Eq '<script|https?://|url\(|@import|<link' "$1" || fail "$1 asks for more"
    ! grep -Eiq ' (d|x|y|width|height|c[xy])="[^"]*(nan|inf)' "$1" || fail "$1: no numbers"
    for tag in svg figure table ul section div; do
        [ "$(grep -o "<${tag}[ >]" "$1" | wc -l)" = "$(grep -o "</$tag>" "$1" | wc -l)" ] ||
            fail "$1: <$tag> without its end"
    done
}
whole report.html
for part in Training Reliability "Telling other data apart" "Least certain" \
    "data:image/png;base64," "Class by class" "prefers-color-scheme:dark"; do
    grep -q "$part" report.html || fail "no \"$part\" in the report"
done
works train --data data --net netd --dataset '<i>"&'"'" --epochs 1 --out odd.bhn
works eval --model odd.bhn --data "$mnist" --limit 1 --samples 1 --report odd.html
whole odd.html
grep -q '<h1>netd on &lt;i&gt;&quot;&amp;&#39;</h1>' odd.html || fail "names are not escaped"
grep -q '<i>' odd.html && fail "a name became an element"
refused 1 "cannot write none/r.html" eval --model m.bhn --data "$mnist" --report none/r.html
refused 1 "line 1 of m.bhn" eval --model m.bhn --data "$mnist" --report r.html --curves m.bhn
echo "[1]" >list.jsonl
refused 1 "line 1 of list.jsonl is no JSON object" \
    eval --model m.bhn --data "$mnist" --report r.html --curves list.jsonl
[ ! -e r.html ] || fail "a report was left behind"
[ ! -c /dev/full ] || refused 1 "it exists and is no regular file" \
    eval --model m.bhn --data "$mnist" --report /dev/full
# What is written replaces files of its own kind alone.
cp m.bhn kept.bhn
refused 1 "m.bhn exists and is no HTML page" eval --model m.bhn --data "$mnist" --report m.bhn
refused 1 "list.jsonl exists and is no safetensors file" export m.bhn --format plain \
    --out list.jsonl
cmp -s m.bhn kept.bhn || fail "a model was written over"

# Images of another size are no test of whether the network notices.
mkdir small
printf '\0\0\10\3\0\0\0\1\0\0\0\2\0\0\0\3abcdef' >small/t10k-images-idx3-ubyte
printf '\0\0\10\1\0\0\0\1\0' >small/t10k-labels-idx1-ubyte
refused 1 "images in small are 3 x 2 with 1 channels, not 28 x 28 with 1" \
    eval --model m.bhn --data "$mnist" --ood small

# Classes are matched by name.
mkdir -p pictures/seven
for i in 1 2 3 4 5; do
    cp "$source/share/mnist/mnist-0000-label7.png" pictures/seven/$i.png
done
refused 1 "has a class \"seven\", and the model's are 0, 1, 2" \
    eval --model m.bhn --data pictures

refused 2 "data names no validation part, and train held none back for m.bhn" \
    eval --model m.bhn --data data --split validation
works train --data data --net netd --epochs 1 --validation 0.2 --out held.bhn
fit="eval --model held.bhn --data both --fit-temperature --out calibrated.bhn --samples 2"
# shellcheck disable=SC2086
{
    refused 2 "0.2 held back for validation, split seed 1): leave" $fit --validation 0.1
    works $fit
}
has "^temperature [0-9.]*, fitted on [0-9]* images of the validation split"
has "NLL .* before, .* after"
# shellcheck disable=SC2086
works $fit --path float --json
json temperature images before.nll after.nll before.ece after.ece
works eval --model calibrated.bhn --data "$mnist" --limit 1

eval_refused() {
    sentence=$1
    shift
    refused 2 "$sentence" eval --data data "$@"
}
eval_refused "to a server: --connect" --model m.bhn --path encrypted
eval_refused "no encrypted in it" --model m.bhn --connect a:1 --ca b --path float
eval_refused "take a --model" --connect a:1 --ca b --path float,encrypted
for paths in float,float fast "" "float,"; do
    eval_refused "each at most once" --model m.bhn --path "$paths"
done
eval_refused "belong together" --model m.bhn --folds 5
eval_refused "belong together" --model m.bhn --fold 5
eval_refused "larger than --folds" --model m.bhn --folds 2 --fold 3
eval_refused "not \"rest\"" --model m.bhn --split rest
eval_refused "nothing about the test split" --model m.bhn --validation 0.2
for share in 0 1 -1 nan x "" 0.1x; do
    eval_refused "a share above 0 and below 1" --model m.bhn --split train --validation "$share"
done
eval_refused "out is needed" --model m.bhn --fit-temperature
eval_refused "that --fit-temperature writes" --model m.bhn --out x.bhn
eval_refused "and no other" --model m.bhn --fit-temperature --out x.bhn --split test
eval_refused "along one path" --model m.bhn --fit-temperature --out x.bhn --path float,quantised
eval_refused "neither --ood nor" --model m.bhn --fit-temperature --out x.bhn --ood data
eval_refused "none is asked for" --model m.bhn --curves curves.jsonl

# ---- a server ----
sh "$source/scripts/make-cert" certs >/dev/null || fail "make-cert"
[ "$(stat -c %a certs/server.key)" = 600 ] || fail "the key can be read by others"
sh "$source/scripts/make-cert" other >/dev/null
for host in a/b "a b" "" 1.2 a..b --days "x,DNS:y"; do
    sh "$source/scripts/make-cert" none "$host" >out 2>err && fail "make-cert none $host"
    [ "$(wc -l <err)" = 1 ] || fail "make-cert, not one line: $host"
    grep -q "^make-cert: " err || fail "make-cert does not name itself: $host"
    [ ! -e none ] || fail "make-cert leaves a folder"
done
sh "$source/scripts/make-cert" more server.example 10.0.0.1 fe80::1 >out || fail "make-cert"
has "DNS:server.example,IP:10.0.0.1,IP:fe80::1"
for script in make-cert get-mnist; do
    for option in -h --help; do
        sh "$source/scripts/$script" $option >out 2>err || fail "$script $option"
        has "usage: scripts/$script"
    done
done
fingerprint=$(openssl x509 -in certs/server.crt -noout -fingerprint -sha256 | sed 's/.*=//')
serve="serve --model m.bhn --cert certs/server.crt --key certs/server.key --guard sampled"
# shellcheck disable=SC2086 # a list of words
"$bayhenn" $serve --listen 127.0.0.1:0 --samples 3 --workers 2 --threads 2 \
    --prepare 200M >listening 2>log &
server=$!
wait_for listening listening
address=$(sed -n 's/^listening on //p' listening)
grep -q "prepares [0-9.]* queries ahead" listening || fail "serve does not say what it prepares"
grep -q "NOT protected" listening || fail "serve does not say what its guard gives away"

# shellcheck disable=SC2086
{
    refused 1 "in use" $serve --listen "$address"
    if [ -c /dev/full ]; then
        timeout 10 "$bayhenn" $serve --listen 127.0.0.1:0 >/dev/full 2>err
        notices_loss $? "serve >/dev/full"
    fi
}
# shellcheck disable=SC2086
{
    refused 2 "HOST:PORT" $serve --listen "::1:80"
    refused 2 "write HOST:PORT" $serve --listen 7443
    refused 2 "such as 500M" $serve --listen 127.0.0.1:0 --prepare 2MB
    refused 2 "one query takes" $serve --listen 127.0.0.1:0 --prepare 2M
}
refused 1 "does not belong" serve --model m.bhn --listen 127.0.0.1:0 --guard sampled \
    --cert certs/server.crt --key other/server.key
refused 1 "No such file" serve --model m.bhn --listen 127.0.0.1:0 --guard sampled \
    --cert missing.crt --key certs/server.key
refused 1 "no usable certificate" serve --model m.bhn --listen 127.0.0.1:0 \
    --guard sampled --cert m.bhn --key certs/server.key
refused 1 "short.bhn" serve --model short.bhn --listen 127.0.0.1:0 --guard sampled \
    --cert certs/server.crt --key certs/server.key

connect="--connect $address --ca certs/server.crt --guard sampled"
# shellcheck disable=SC2086
{
    works infer $connect --json --threads 2 "$digit" "$mnist/t10k-images-idx3-ubyte.gz:0-2"
    [ "$(wc -l <out)" = 4 ] || fail "not a line for each of four images"
    json file label probabilities entropy mutual_information samples guard rounds \
        ms.total ms.client ms.server bytes.up bytes.down
    has '"samples":3,"guard":"sampled","rounds":5'
    works infer $connect --profile profile.json "$digit" "$digit"
    works plan --guard sampled --model m.bhn --samples 3 --profile profile.json
    has "Measured.*2 queries"
    works plan --guard sampled --model m.bhn --samples 3 --profile profile.json --json
    json measured_ms layers.4.measured_ms.server
    refused 1 "another number of draws" plan --guard sampled --model m.bhn --profile profile.json
    refused 1 "fit no plan of this model" plan --guard sampled --net netd --samples 3 \
        --profile profile.json
    [ -z "$(tail -c 1 profile.json)" ] || fail "no newline at the end of a profile"
    sed 's/"total_ms": [0-9.]*/"total_ms": -1/' profile.json >negative.json
    refused 1 "not a profile" plan --guard sampled --model m.bhn --samples 3 --profile negative.json
    sed 's/"server_ms": [0-9.]*/"server_ms": 1e10/' profile.json >large.json
    refused 1 "not a profile" plan --guard sampled --model m.bhn --samples 3 --profile large.json
    refused 1 "none/p.json: No such file" infer $connect --profile none/p.json "$digit"
    refused 2 "name of a file" infer $connect --profile "" "$digit"
    works infer $connect "$digit"
    has "guard sampled"
    has "entropy"
    has "rounds"
    grep -q "$(printf '\033')" out && fail "escape sequences in a file"
    LC_ALL=C "$bayhenn" infer $connect "$digit" >out 2>err || fail "infer under LC_ALL=C"
    LC_ALL=C grep -q '[^ -~]' out && fail "more than ASCII under LC_ALL=C"
    works eval --data "$mnist" --limit 3 $connect --json
    json images accuracy samples
    works eval --model m.bhn --data "$mnist" --samples 3 --limit 2 $connect --json
    has '"images":2.*"samples":3'
    works eval --model m.bhn --data "$mnist" --limit 2 $connect --path float,quantised,encrypted
    has "float *quantised *encrypted"
    has "(2 images, 3 draws,"
    refused 1 "makes 3 draws" eval --data "$mnist" --samples 8 --limit 2 $connect
    refused 1 "has a class \"seven\", and the model's are 0, 1, 2" \
        eval --data pictures $connect
    refused 1 "server's model is" eval --model other.bhn --data "$mnist" $connect
    "$bayhenn" infer $connect "$digit" "$digit" >&- 2>err
    notices_loss $? "infer >&-"
    if [ -c /dev/full ]; then
        "$bayhenn" infer $connect --json "$digit" >/dev/full 2>err
        notices_loss $? "infer >/dev/full"
    fi
    works info $connect
    has "lenet5"
    has "NOT protected"
    works info --connect "$address" --ca certs/server.crt --json
    json model guard samples rounds
    has_not '"reveal"'
    refused 1 "offers guard sampled, .*--guard sampled accepts that" \
        infer --connect "$address" --ca certs/server.crt "$digit"
    refused 1 "offers guard sampled" eval --data "$mnist" --limit 1 \
        --connect "$address" --ca certs/server.crt
    refused 1 "offers guard sampled" info --guard sealed \
        --connect "$address" --ca certs/server.crt
    refused 1 "No such file" infer $connect missing.png
    refused 1 "no image" infer $connect m.bhn
    refused 1 "Is a directory" infer $connect "$mnist"
    refused 2 "holds many images" infer $connect "$mnist/t10k-images-idx3-ubyte.gz"
    for index in abc -1 0- "" 1x 1-2-3; do
        refused 2 "index \"$index\" is wrong" infer $connect \
            "$mnist/t10k-images-idx3-ubyte.gz:$index"
    done
    for index in 99999999999999999999 0-99999999999999999999 18446744073709551615; do
        refused 2 "larger than" infer $connect "$mnist/t10k-images-idx3-ubyte.gz:$index"
    done
    refused 2 "no range" infer $connect "$mnist/t10k-images-idx3-ubyte.gz:5-2"
    refused 1 'open "": No such file' infer $connect ""
    refused 1 "open missing???\[2Jx: No such" infer $connect "$(printf 'missing\n\r\033[2Jx')"
    refused 1 "no number 1000" infer $connect "$mnist/t10k-images-idx3-ubyte.gz:1000"
    head -c 100 "$digit" >short.png
    refused 1 "short.png: it is damaged" infer $connect short.png
    { head -c 16 "$digit"; printf '\377'; tail -c +18 "$digit"; } >large.png
    refused 1 "it is larger than 16384 pixels" infer $connect large.png
    escape=$(printf 'a\033[31m.png')
    cp "$digit" "$escape"
    works infer $connect "$escape"
    grep -q "$(printf '\033')" out && fail "escape sequences of a name"
    for byte in 350 351; do
        # shellcheck disable=SC2059 # the byte itself
        cp "$digit" "$(printf "\\$byte.png")"
        # shellcheck disable=SC2059
        works infer $connect --json "$(printf "\\$byte.png")"
        json file
        cp out "named$byte"
    done
    cmp -s named350 named351 && fail "names that are not UTF-8 look alike"
    grep -q 'xe8' named350 || fail "a name that is not UTF-8"
    refused 1 "t10k-labels" infer $connect "$mnist/t10k-labels-idx1-ubyte.gz:1"
}
works infer --connect "$address" --guard sampled --fingerprint "$fingerprint" --json "$digit"
json label

refused 1 "not trusted.*other/server.crt" infer --connect "$address" --ca other/server.crt "$digit"
refused 1 "No such file" infer --connect "$address" --ca missing.crt "$digit"
refused 1 "no certificate" infer --connect "$address" --ca m.bhn "$digit"
refused 1 "fingerprint" infer --connect "$address" "$digit" \
    --fingerprint "$(printf %064d 0)"
refused 2 "64 hex digits" infer --connect "$address" --fingerprint 12 "$digit"
refused 1 "Connection refused" infer --connect 127.0.0.1:1 --ca certs/server.crt "$digit"
refused 1 "cannot find the host" infer --connect nowhere.invalid:1 \
    --ca certs/server.crt "$digit"
refused 2 "not a number" infer --connect localhost:x --ca certs/server.crt "$digit"
refused 2 "write HOST:PORT" infer --connect localhost:0 --ca certs/server.crt "$digit"

# Others who speak TLS, at either end.
openssl s_client -connect "$address" </dev/null >out 2>&1
has "no application protocol"
openssl s_client -connect "$address" -alpn bayhenn/1 </dev/null >out 2>&1
has "ALPN protocol: bayhenn/1"
mkfifo silence logpipe
openssl s_server -accept 127.0.0.1:0 -cert certs/server.crt -key certs/server.key \
    -tls1_3 >other.log 2>&1 0<>silence &
other_server=$!
wait_for other.log ACCEPT
refused 1 "is not a bayhenn server" infer --ca certs/server.crt "$digit" \
    --connect "$(sed -n 's/^ACCEPT //p' other.log)" --timeout 5
kill $other_server
wait $other_server 2>/dev/null

# A name with several addresses; and a log that nobody reads any more.
head -n 1 <logpipe >/dev/null &
# shellcheck disable=SC2086
"$bayhenn" $serve --listen localhost:0 --samples 1 >names 2>logpipe &
other_server=$!
wait_for names "listening on localhost"
port=$(sed -n 's/^listening on localhost://p' names)
for host in $(getent ahosts localhost | sed 's/ .*//' | sort -u); do
    case "$host" in *:*) host="[$host]" ;; esac
    works infer --connect "$host:$port" --ca certs/server.crt --guard sampled --json "$digit"
    works infer --connect "$host:$port" --ca certs/server.crt --guard sampled --json "$digit"
done
kill $other_server
wait $other_server || fail "a server without its log"
other_server=""

# Clients that die at any moment, while another is served.
# shellcheck disable=SC2086
{
    "$bayhenn" infer $connect --json "$mnist"/mnist-00*.png >served 2>served.err &
    served=$!
    for delay in 0.01 0.02 0.05 0.1 0.2; do
        "$bayhenn" infer $connect "$mnist"/mnist-00*.png >/dev/null 2>&1 &
        victim=$!
        sleep $delay
        kill -9 $victim 2>/dev/null # or done already
        wait $victim 2>/dev/null
    done
    wait $served || fail "a client beside vanishing ones: $(cat served.err)"
    [ "$(wc -l <served)" = 20 ] || fail "images of a client beside vanishing ones"
    works infer $connect "$digit"
}

kill -TERM "$server"
wait "$server"
status=$?
server=""
[ $status = 0 ] || fail "serve ended with $status after SIGTERM"
grep -q "answered" log || fail "serve logs nothing"

# ---- guard sealed ----
keys="--cert certs/server.crt --key certs/server.key"
# shellcheck disable=SC2086 # a list of words
{
    "$bayhenn" serve --model m.bhn $keys --listen 127.0.0.1:0 --samples 2 --logit-bits 6 \
        --ahead 2 --idle-timeout 3 >sealed.says 2>sealed.log &
    sealed_server=$!
    "$bayhenn" serve --model m.bhn $keys --listen 127.0.0.1:0 --samples 2 --reveal label \
        >label.says 2>label.log &
    label_server=$!
}
wait_for sealed.says listening
wait_for label.says listening
grep -q "^guard sealed: " sealed.says || fail "serve does not say that it is sealed"
grep -q "logits of 2 draws, cut to 6 fraction bits" sealed.says || fail "serve: what clients learn"
grep -q "2 queries prepared ahead" sealed.says || fail "serve: what clients may have prepared"
grep -q "label alone" label.says || fail "serve does not say that it reveals the label"
sealed="--connect $(sed -n 's/^listening on //p' sealed.says) --ca certs/server.crt"
label="--connect $(sed -n 's/^listening on //p' label.says) --ca certs/server.crt"
idx=$mnist/t10k-images-idx3-ubyte.gz
# shellcheck disable=SC2086
{
    works infer $sealed "$digit"
    has "guard sealed: "
    has "follow the protocol"
    has "entropy"
    has "prepared in .* up, .* down), within the total"
    works infer $sealed --guard sealed --threads 2 --json "$digit" "$idx:0-2"
    [ "$(wc -l <out)" = 4 ] || fail "not a line for each of four images"
    json file label probabilities entropy mutual_information samples guard reveal rounds \
        ms.total ms.client ms.server bytes.up bytes.down prepare.ms prepare.ahead \
        prepare.bytes.up prepare.bytes.down
    has '"guard":"sealed","reveal":"logits"'
    refused 1 "offers guard sealed, .*--guard sealed accepts that" \
        infer $sealed --guard sampled "$digit"
    refused 2 "times of --guard sampled alone" infer $sealed --profile p.json "$digit"
    works eval --data "$mnist" --limit 3 $sealed --json
    json images accuracy samples
    works info $sealed
    has "logits of every draw"
    has "2 queries can be prepared"
    works info $sealed --json
    json guard reveal ahead rounds

    works infer $label "$digit"
    has "the server reveals the label alone"
    has_not "entropy"
    has_not "%"
    works infer $label --json "$digit"
    json label samples guard reveal rounds ms.total bytes.up prepare.ms
    has '"reveal":"label"'
    has_not "probabilities"
    has_not "entropy"
    has_not "mutual_information"
    refused 1 "reveals labels alone" eval --data "$mnist" --limit 3 $label
    works info $label
    has "the label alone"
}

# Names on standard input: the one behind a pause finds a query prepared.
# shellcheck disable=SC2086
{
    works infer $sealed --json - </dev/null
    [ -s out ] && fail "something on stdout for no image"
    { printf '%s\n\n' "$digit"; sleep 1; printf %s "$idx:3"; } |
        "$bayhenn" infer $sealed --json - >out 2>err || fail "infer -"
    [ "$(wc -l <out)" = 2 ] || fail "not a line for each of two names"
    tail -n 1 out | grep -q '"ahead":true' || fail "nothing was prepared in a pause"
    [ -s err ] && fail "something on stderr for good names"
    # A name of 5000 bytes, one with a NUL, and wrong ones of every other kind.
    { printf '%s\n' missing.png "$idx" "$idx:5000" "$digit"; printf '%05000d\n' 0
        printf 'a\0b\n'; printf '%s\n' m.bhn "$idx:0-1"; } >names
    "$bayhenn" infer $sealed --json - <names >out 2>err
    status=$?
    [ $status = 1 ] || fail "status $status for lines that name no image"
    [ "$(wc -l <out)" = 3 ] || fail "lines that name images, beside others"
    [ "$(wc -l <err)" = 6 ] || fail "not a line on stderr for each that names no image"
    grep -q "missing.png: No such file" err || fail "which line names no image"
    [ "$(grep -c "a line of standard input is no name" err)" = 2 ] || fail "lines that are none"
    "$bayhenn" infer $sealed --json - <&- >out 2>err
    status=$?
    [ $status = 1 ] || fail "status $status for no standard input"
    grep -q "cannot read standard input" err || fail "no standard input"
    # An answer comes before the next line is asked for.
    mkfifo names.pipe
    "$bayhenn" infer $sealed --json - <names.pipe >answers 2>err &
    reader=$!
    exec 9>names.pipe
    echo "$digit" >&9
    wait_for answers '"label"'
    # The server drops whoever is silent for so long; the client comes back.
    sleep 4
    echo "$idx:1" >&9
    exec 9>&-
    wait $reader || fail "a client that was silent for long"
    [ "$(wc -l <answers)" = 2 ] || fail "answers to a client that was silent for long"
    "$bayhenn" infer $connect --json - <names >out 2>err && fail "a server that is gone"
}
kill -TERM "$sealed_server" "$label_server"
wait "$sealed_server" || fail "a sealed server after SIGTERM"
wait "$label_server" || fail "a server of labels after SIGTERM"
sealed_server=""
label_server=""

# ---- demo ----
mkdir tmp
TMPDIR=$work/tmp works demo --model m.bhn --count 2 --samples 2 --images "$mnist"
[ -z "$(ls tmp)" ] || fail "demo leaves files behind"
has "mnist-0001"
has "of 2 digits right"
has "guard sealed"
has "prepared ahead"
has "hidden from the server"
has "random numbers only"
works demo --model m.bhn --count 9 --samples 2 --images "$mnist" --guard sampled
has "nothing that counts"
has "mean of two images"
works demo --model m.bhn --count 9 --samples 2 --images "$mnist" --reveal label
has "the label of each image, nothing else"
has_not "mean of two images"
refused 1 "No such file" demo --model missing.bhn --images "$mnist"
refused 1 "no PNG files" demo --model m.bhn --images certs

[ $failures = 0 ] && echo "all as it should be"
exit $((failures > 0))
