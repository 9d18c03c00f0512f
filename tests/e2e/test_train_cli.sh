#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Training from outside: every option once, on images and tables that are made here;
# stopped, gone on with, and on one thread as on two to the same bytes; and a network
# from training to encrypted predictions.
#
# usage: test_train_cli.sh BAYHENN SOURCE_DIR
set -u
bayhenn=$1
source=$2
work=$(mktemp -d)
server=""
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
# shellcheck source=tests/e2e/outside.sh
. "$source/tests/e2e/outside.sh"

# table ROWS: three columns of numbers and a class that the first two decide.
table() {
    awk -v n="$1" 'BEGIN {
        print "age,pressure,noise,outcome"
        for (i = 0; i < n; i++) {
            sick = i * 7 % 5 < 2
            printf "%d,%.1f,%d,%s\n", 40 + i * 13 % 17 + 12 * sick,
                   110 + i * 29 % 23 + 30 * sick, i * 31 % 11, sick ? "sick" : "well"
        }
    }'
}

# figure KEY: of the whole evaluation that is in out, or of its last path.
figure() {
    tr ',' '\n' <out | sed -n "s/.*\"$1\":\([0-9.e-]*\).*/\1/p" | tail -n 1
}

# at_least KEY BOUND
at_least() {
    awk "BEGIN { exit !(\"$(figure "$1")\" + 0 >= $2) }" ||
        fail "$1 is $(figure "$1"), not at least $2"
}

# near A B MOST
near() {
    awk "BEGIN { d = $1 - ($2); exit !(d <= $3 && -d <= $3) }" || fail "$1 and $2"
}

same() {
    cmp -s "$1" "$2" || fail "$1 and $2 differ"
}

mkdir d
images d/train- 150 12 3 1
images d/t10k- 60 12 3 2
net="conv 4 3x3, relu, max 2, fc 12, relu, fc classes"
train="train --data d --batch 32"

# ---- every method learns ----
# shellcheck disable=SC2086 # a list of words, here and below
for method in bayes normal square "ensemble --members 2"; do
    name=${method%% *}
    works $train --net "$net" --method $method --epochs 12 --rate 0.005 --json --out $name.bhn
    grep -q "custom on d, 150 training examples" err || fail "no last line: $name"
    json epoch epochs member phase loss accuracy rate seconds
    has_not "val_loss"
    has '"epoch":12,"epochs":12'
    [ ! -e $name.bhn.checkpoint ] || fail "a checkpoint was left behind: $name"
    epochs=12
    case $name in
        bayes) [ "$(grep -c '"phase":"bayes".*"kl":[0-9]' out)" = 6 ] || fail "epochs with kl" ;;
        ensemble) epochs=24 && has '"member":2,"phase":"ordinary"' ;;
        *) has_not '"kl"' ;;
    esac
    [ "$(wc -l <out)" = $epochs ] || fail "not a line for each epoch: $name"
    works eval --model $name.bhn --data d --json --path float,quantised --samples 4
    at_least accuracy 0.9
done

# ---- every other option once ----
tiny="$train --net mlp:144x6x3 --epochs 2"
try() {
    # shellcheck disable=SC2086
    works $tiny --out try.bhn "$@"
}
for estimator in local flipout sample; do
    try --estimator $estimator
done
try --prior gauss:0.2 --kl-weight 1 --kl-warmup 0 --pretrain 0 --moped 0.2
try --prior mixture:0.5,0.3,0.01 --members 2
try --optimiser sgd --momentum 0.8 --rate 0.05 --weight-decay 0.001
for schedule in cosine step constant; do
    try --schedule $schedule
done
try --augment none
try --augment shift=1,rotate=10,scale=0.1,edge
try --augment flip=h,turn --normalise image
try --augment flip=hv
try --init-from bayes.bhn --net "$net"
try --method normal --init-from bayes.bhn --net "$net"
try --weight-bits 6 --act-bits 7 --seed 9 --threads 3
try --folds 3 --fold 2 --split-seed 4 --strict --dataset elsewhere
works info try.bhn
has "trained on elsewhere"
# The model knows its cut, and no other is taken: it would be images that it has learnt from.
works eval --model try.bhn --data d
has "^test part: fold 2 of 3, split seed 4$"
works eval --model try.bhn --data d --folds 3 --fold 2 --split-seed 4
for other in "--folds 3 --fold 1" "--folds 5 --fold 2" "--split-seed 5" \
    "--split train --validation 0.1"; do
    # shellcheck disable=SC2086
    refused 2 "try.bhn was trained on another cut of the data (fold 2 of 3, split seed 4)" \
        eval --model try.bhn --data d $other
done
refused 2 "another cut of the data (as the data names it): leave" \
    eval --model bayes.bhn --data d --folds 5 --fold 1
# Data from elsewhere is whole unless it names a test part.
mkdir elsewhere
images elsewhere/ 10 12 3 5
works eval --model try.bhn --data d --ood elsewhere --json
has '"part":"fold 2 of 3, split seed 4","ood_images":10,'
works eval --model try.bhn --data d --ood d --json
has '"ood_images":60,'
echo "$net # a comment" >tiny.net
try --net tiny.net
try --validation 0.2 --patience 1 --epochs 8 --pretrain 2 --json
json val_loss val_accuracy
for option in "" "--validation 0.2"; do
    # shellcheck disable=SC2086
    works eval --model try.bhn --data d --split validation $option --json
    has '"images":30'
done

# ---- tables ----
table 200 >patients.csv
works train --data patients.csv --label outcome --net mlp:3x8x2 --epochs 30 --batch 16 \
    --rate 0.02 --out patients.bhn
has "mlp on patients, 160 training examples"
works eval --model patients.bhn --data patients.csv --json
at_least accuracy 0.9
has '"part":"fold 1 of 5, split seed 1"'
# Classes are matched by name, whichever of them there are.
grep -v sick patients.csv >healthy.csv
sed 's/sick/ill/' patients.csv >ill.csv
works eval --model patients.bhn --data healthy.csv --json
at_least accuracy 0.9
refused 1 "has a class \"ill\", and the model's are sick, well:" \
    eval --model patients.bhn --data ill.csv
# A patient's number is no measurement.
awk -F , '{ print (NR == 1 ? "patient_id" : int(NR / 2)) "," $0 }' patients.csv >numbered.csv
works eval --model patients.bhn --data numbered.csv --folds 5 --fold 1
has "^test part: fold 1 of 5, split seed 1$"
refused 2 "another cut of the data (fold 1 of 5, split seed 1)" \
    eval --model patients.bhn --data numbered.csv --folds 5 --fold 2
# The weights alone, with the table for what they were normalised by.
works export patients.bhn --format blitz --out patients.safetensors
import="import patients.safetensors --net mlp:3x8x2 --input 1x1x3 --out back.bhn"
# shellcheck disable=SC2086
{
    works $import --data patients.csv --classes sick,well
    has "^inputs: rows of a table, columns: 3$"
    works eval --model back.bhn --data patients.csv --folds 4 --fold 2 --split-seed 3 --json
    has '"part":"fold 2 of 4, split seed 3"'
    at_least accuracy 0.9
    refused 2 "patients.csv names no validation part: say by --validation which share" \
        eval --model back.bhn --data patients.csv --split validation
    cut -d , -f 2-4 patients.csv >two.csv
    refused 1 "rows in two.csv are 2 x 1 with 1 channels, not 3 x 1" $import --data two.csv
    refused 2 "normalised by column: leave --input-mean" $import --data patients.csv \
        --input-dev 2
}
wdbc=$source/../shared/data/tabular/wdbc_breast_cancer.csv
if [ -e "$wdbc" ]; then
    works train --data "$wdbc" --net mlp:30x16x2 --epochs 30 --batch 32 --out wdbc.bhn
    works eval --model wdbc.bhn --data "$wdbc" --json
    at_least accuracy 0.93
else
    echo "WDBC is left out: there is no $wdbc"
fi

# ---- stopped and gone on with, on any number of threads ----
long="$train --net mlp:144x32x3 --epochs 60 --validation 0.2"
# shellcheck disable=SC2086
works $long --threads 1 --out one.bhn
# shellcheck disable=SC2086
works $long --threads 2 --out two.bhn
same one.bhn two.bhn

# stop SIGNAL STATUS METHOD...: after the first epochs of a run; --resume makes whole.
stop() {
    signal=$1
    expected=$2
    shift 2
    run="$long $* --out part.bhn"
    # shellcheck disable=SC2086
    works $long "$@" --out whole.bhn
    : >err # of the run before
    # shellcheck disable=SC2086
    "$bayhenn" $run >out 2>err &
    running=$!
    until grep -q "epoch [1-9]* of" err || ! kill -0 $running 2>/dev/null; do
        sleep 0.01
    done
    kill -"$signal" $running
    wait $running
    status=$?
    [ $status = "$expected" ] || fail "status $status, not $expected, after $signal"
    grep -q "stopped; the same command with --resume goes on from part.bhn.checkpoint" err ||
        fail "nothing is said of --resume"
    [ ! -e part.bhn ] || fail "a model of a run that was stopped"
    [ -s part.bhn.checkpoint ] || fail "no checkpoint"
    # shellcheck disable=SC2086
    {
        refused 1 "go on from it by --resume, or delete it" $run
        refused 2 "is of another run: .* have to be the same" $run --resume --rate 0.1
        works $run --resume
    }
    [ ! -e part.bhn.checkpoint ] || fail "the checkpoint is still there"
    same part.bhn whole.bhn
    rm part.bhn
}
stop INT 130 --batch 2
stop TERM 143 --batch 2 --method ensemble --members 2

# ---- what is refused, in one sentence ----
# shellcheck disable=SC2086
refuse() {
    expected_status=$1
    sentence=$2
    shift 2
    refused "$expected_status" "$sentence" $tiny --out no.bhn "$@"
}
refuse 1 "cannot write missing/no.bhn: No such file" --out missing/no.bhn
refuse 1 "it exists and is a folder" --out d
echo "somebody's data" >data.txt
refuse 1 "exists and is no model" --out data.txt
grep -q "somebody's data" data.txt || fail "a file of another kind was written over"
refused 1 "exists and is no safetensors file" export bayes.bhn --format plain \
    --out data.txt
refuse 1 "cannot write missing/c: No such file" --checkpoint missing/c
refuse 2 "are the same file" --checkpoint no.bhn
refuse 1 "no checkpoint no.bhn.checkpoint to go on from" --resume
refuse 2 "unknown network \"lenet\"; known are lenet5" --net lenet
refuse 2 "layer 2: " --net "conv 4 3x3, gelu, fc classes"
refuse 1 "missing.net: No such file" --net missing.net
refuse 1 "layer 1 (conv2d)" --net "conv 4 13x13, relu, fc classes"
refuse 2 "mlp:100x6x3 has 100 inputs for data of 144 values" --net mlp:100x6x3
refuse 2 "mlp:144x6x4 has 4 outputs for 3 classes" --net mlp:144x6x4
for word in blur shift "shift=2,," "" flip=x turn=1 none,turn; do
    refuse 2 "augment is shift=PIXELS" --augment "$word"
done
refuse 2 "augment shift takes a whole number" --augment shift=0
refuse 2 "augment rotate takes a number from 0 to 180" --augment rotate=181
refuse 2 "augment edge is for shift" --augment flip=h,edge
refuse 2 "shifts of 12 pixels leave nothing" --augment shift=12
for prior in gauss gauss:0 gauss:nan gauss:1x mixture:1,1,1 mixture:0.5,1; do
    refuse 2 "prior is gauss:DEV or mixture" --prior $prior
done
refuse 2 "method is one of bayes, normal, square, ensemble" --method vi
refuse 2 "estimator is one of local" --estimator global
refuse 2 "rate takes a number from" --rate 0
refuse 2 "size takes channels, height and width" --size 12x12
refuse 2 "size is 1 or 3 channels" --size 2x12x12
refuse 1 "1 channels, not 8 x 8" --size 1x8x8
refuse 2 "estimator is for --method bayes" --estimator flipout --method normal
refuse 2 "moped is for --method bayes" --moped 0.1 --method ensemble
refuse 2 "members is for --method bayes or ensemble" --method normal --members 3
refuse 2 "momentum is for --optimiser sgd" --momentum 0.5
refuse 2 "both start the means" --pretrain 1 --init-from bayes.bhn
refuse 2 "more than half of --epochs" --pretrain 2
refuse 2 "a network of other shapes" --init-from bayes.bhn
refuse 1 "missing.bhn: No such file" --init-from missing.bhn
refuse 2 "folds K and --fold I go together" --folds 5
refuse 2 "folds K and --fold I go together" --fold 1
refuse 2 "folds K and --fold I go together" --folds 2 --fold 3
refuse 2 "hold back a part of the training data by --validation" --patience 3
refuse 2 "nothing to cut by --split-seed" --split-seed 3
refuse 2 "label is for tables" --label outcome
refuse 2 "name of --dataset is too long" --dataset "$(printf %064d 0)"
mkdir own gap
cp d/* own
images own/val- 30 12 3 3
refuse 2 "own names its own validation part" --data own --validation 0.1
"$bayhenn" train --data patients.csv --net mlp:3x4x2 --optimiser sgd --rate 50 \
    --epochs 40 --out wild.bhn >out 2>err
grep -q "training diverged in epoch .*: lower the learning rate" err || fail "no divergence"
[ -e wild.bhn.checkpoint ] && fail "a run that diverged leaves its checkpoint"
refused 2 "own names its own validation part" eval --model bayes.bhn --data own \
    --split validation --validation 0.1
try --data own --patience 2
works eval --model try.bhn --data own --split validation
cp d/train-images-idx3-ubyte gap
LC_ALL=C tr '\1' '\2' <d/train-labels-idx1-ubyte |
    { head -c 3; head -c 1 >/dev/null; printf '\1'; cat; } >gap/train-labels-idx1-ubyte
refuse 1 "no training example is of class 1 (of 3)" --data gap
refused 2 "augment is for images" train --data patients.csv --net mlp:3x4x2 --augment turn \
    --out no.bhn
refused 2 "leave --normalise out" train --data patients.csv --net mlp:3x4x2 \
    --normalise image --out no.bhn
refused 1 "has no column \"income\"" train --data patients.csv --label income \
    --net mlp:3x4x2 --out no.bhn
[ -z "$(ls no.bhn* 2>/dev/null)" ] || fail "files were left behind: $(ls no.bhn*)"

# A disk that is full, and one that cannot be written to.
mkdir disk
on_disk() {
    # shellcheck disable=SC2086
    unshare -rm sh -c "mount -t tmpfs -o $1 none disk && exec \"\$@\"" sh \
        "$bayhenn" $tiny --out disk/no.bhn >out 2>err
}
if unshare -rm mount -t tmpfs -o size=16k none disk 2>err; then
    on_disk size=16k
    [ $? = 1 ] || fail "status of a full disk"
    grep -q "disk/no.bhn.* has 16.*make room, or choose another disk" err || fail "a full disk"
    [ "$(wc -l <err)" = 1 ] || fail "not one line: a full disk"
    on_disk ro
    [ $? = 1 ] || fail "status of a disk that cannot be written to"
    grep -q "cannot write disk/no.bhn: Read-only" err || fail "a disk that cannot be written to"
else
    echo "a full disk is left out: no file system can be mounted here"
fi

# ---- from training to encrypted predictions ----
sh "$source/scripts/make-cert" certs >/dev/null || fail "make-cert"

# serve MODEL OPTIONS...: sets connect.
serve() {
    model=$1
    shift
    : >says # of the server before
    "$bayhenn" serve --model "$model" --cert certs/server.crt --key certs/server.key \
        --listen 127.0.0.1:0 "$@" >says 2>log &
    server=$!
    wait_for says listening
    connect="--connect $(sed -n 's/^listening on //p' says) --ca certs/server.crt"
}

end_server() {
    kill "$server"
    wait "$server" 2>/dev/null
    server=""
}

# nll MODEL DATA PATH OPTIONS...: along one path; prints it.
nll() {
    model=$1
    data=$2
    path=$3
    shift 3
    works eval --model "$model" --data "$data" --path "$path" --json "$@"
    figure nll
}

# Without deviations there is one network: float is near it, an encrypted prediction is it.
serve normal.bhn --guard sampled --samples 1
float=$(nll normal.bhn d float --samples 1)
quantised=$(nll normal.bhn d quantised --samples 1)
# shellcheck disable=SC2086
encrypted=$(nll normal.bhn d encrypted --guard sampled $connect)
near "$float" "$quantised" 0.02
[ "$quantised" = "$encrypted" ] || fail "quantised $quantised, encrypted $encrypted"
end_server

# Draws differ, and sealed cuts logits.
serve bayes.bhn --samples 8
near "$(nll bayes.bhn d float)" "$(nll bayes.bhn d quantised)" 0.05
# shellcheck disable=SC2086
{
    near "$(nll bayes.bhn d quantised)" "$(nll bayes.bhn d encrypted $connect)" 0.05
    at_least accuracy 0.9
    works infer $connect --json d/t10k-images-idx3-ubyte:0-5
    [ "$(sed 's/.*"label":\([0-9]*\).*/\1/' out | tr '\n' ' ')" = "0 1 2 0 1 2 " ] ||
        fail "labels of the first images"
    refused 1 "patients.csv:0 is a row of a table, and the model takes images of 12x12" \
        infer $connect patients.csv:0
    refused 2 "label is for rows of a table, and none is named" \
        infer $connect --label outcome d/t10k-images-idx3-ubyte:0
}
end_server

# Of a network without deviations, whose labels do not depend on draws.
works train --data patients.csv --label outcome --net mlp:3x8x2 --epochs 30 --batch 16 \
    --rate 0.02 --method normal --out steady.bhn
serve steady.bhn --samples 1
# shellcheck disable=SC2086
near "$(nll steady.bhn patients.csv quantised)" \
    "$(nll steady.bhn patients.csv encrypted $connect)" 0.1
# labels: of the answers in out.
labels() {
    sed 's/.*"label":\([0-9]*\).*/\1/' out | tr '\n' ' '
}
cut -d , -f 1-3 patients.csv >inputs.csv
tail -n +2 inputs.csv >bare.csv
{ echo "outcome,age,pressure,noise"; tail -n +2 patients.csv | sed 's/\(.*\),\(.*\)/,\1/'; } >front.csv
printf 'age,pressure,noise\n60,150,NA\n60,150,3\n' >gaps.csv
cut -d , -f 1-2 patients.csv >narrow.csv
# shellcheck disable=SC2086
{
    works info $connect
    has "rows of a table, columns: 3"
    works info $connect --json
    has '"columns":3'
    works infer $connect --json patients.csv:0-9
    json file label probabilities
    has '"file":"patients.csv:9"'
    labels=$(labels)
    # Of words in order, sick is the first.
    [ "$labels" = "0 1 1 0 1 0 1 1 0 1 " ] || fail "labels of the first rows: $labels"
    for file in inputs.csv bare.csv; do
        works infer $connect --json $file:0-9
        [ "$(labels)" = "$labels" ] || fail "labels of $file: $(labels)"
    done
    works infer $connect --json --label outcome front.csv:0-9
    [ "$(labels)" = "$labels" ] || fail "labels of front.csv: $(labels)"
    works infer $connect patients.csv:3
    has "^patients.csv:3$"
    has "well"
    printf 'patients.csv:1\npatients.csv\ngaps.csv:0\ninputs.csv:0\n' |
        "$bayhenn" infer $connect --json - >out 2>err
    [ "$(labels)" = "1 0 " ] || fail "rows on standard input: $(labels)"
    [ "$(wc -l <err)" = 2 ] || fail "not a line for each row that is none"
    refused 1 "line 2 of gaps.csv: column \"noise\" is missing" infer $connect gaps.csv:0
    refused 2 "patients.csv holds many rows: say which" infer $connect patients.csv
    refused 1 "patients.csv holds 200 rows: there is no number 200" \
        infer $connect patients.csv:200
    refused 2 "index \"x\" is wrong" infer $connect patients.csv:x
    refused 1 "have 2 numbers beside the class, and the model takes 3" \
        infer $connect --label age inputs.csv:0
    refused 1 "the model takes 3" infer $connect narrow.csv:0
    refused 1 "has no column \"income\"" infer $connect --label income patients.csv:0
    refused 1 "is an image, and the model takes rows of a table with 3 columns" \
        infer $connect "$source/share/mnist/mnist-0003-label0.png"
    refused 1 "missing.csv:0: No such file\|missing.csv: No such file" \
        infer $connect missing.csv:0
}
end_server

[ $failures = 0 ] && echo "all as it should be"
exit $((failures > 0))
