// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "eval/eval.h"

static const char help[] =
    "usage: bayhenn eval --model FILE --data PATH [--ood PATH] [--samples S]\n"
    "                    [--report FILE.html] [--json]\n"
    "       bayhenn eval [--model FILE] --data PATH [--path LIST]\n"
    "                    --connect HOST:PORT (--ca FILE | --fingerprint HEX)\n"
    "       bayhenn eval --model FILE --data PATH --fit-temperature --out FILE\n"
    "\n"
    "How accurate a model is on labelled data, how far its probabilities can be\n"
    "believed, and whether it notices what it has not learnt.\n"
    "\n"
    "  --model FILE         a trained model (.bhn); with --connect the server\n"
    "                       computes, and has to say that its model is this one:\n"
    "                       name, data set, input and classes\n"
    "  --data PATH          a data set; one in MNIST's layout is a folder with\n"
    "                       t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte\n"
    "  --split NAME         test, validation or train [test]\n"
    "  --validation SHARE   of the training split, as train held it back, where data\n"
    "                       names no validation split [as in train, of --model]\n"
    "  --folds K --fold I   the data set in K parts, of which the I-th is the test\n"
    "                       split [as in train, of --model]\n"
    "  --split-seed N       of parts and shares [as in train, of --model; else 1]\n"
    "  --label COLUMN       of a table: the class [the last column]\n"
    "  --strict             a broken file is an error; it is skipped otherwise\n"
    "  --path LIST          float, quantised, encrypted: ways to the predictions,\n"
    "                       side by side [quantised; with --connect encrypted]\n"
    "  --ood PATH           a data set that is none of the model's business: how\n"
    "                       well uncertainty tells it apart\n"
    "  --samples S          draws of the weights for every image [8]; with --connect\n"
    "                       the server chooses, and is refused if it chose another S\n"
    "  --limit N            only the first N images of each data set\n"
    "  --seed N             of the draws in the clear [1]\n"
    "  --threads N          for paths in the clear [2]\n" REMOTE_HELP
    "  --report FILE.html   a page with charts, for a browser; it needs no network\n"
    "  --curves FILE        lines that train --json wrote, for the report\n"
    "  --fit-temperature    on the validation split: divides logits by what makes\n"
    "                       them calibrated, and writes the model with it to --out\n"
    "  --out FILE           the model file to write\n"
    "  --json               one line of JSON\n"
    "\n"
    "nll: mean of -log p(label). brier: mean squared error of the probabilities. ece:\n"
    "expected calibration error, 15 bins. docs/evaluation.md explains every figure.\n"
    "\n"
    "examples:\n"
    "  bayhenn eval --model models/lenet5-mnist.bhn --data share/mnist --samples 8\n"
    "  bayhenn eval --model lenet5.bhn --data data/mnist --path float,quantised \\\n"
    "    --ood data/fashion-mnist --report report.html\n"
    "  bayhenn eval --model lenet5.bhn --data data/mnist --validation 0.1 \\\n"
    "    --fit-temperature --out calibrated.bhn\n";

static const char *const path_names[EVAL_PATHS] = {"float", "quantised", "encrypted"};
static const char *const split_names[] = {[BH_SPLIT_TRAIN] = "train",
                                          [BH_SPLIT_VALIDATION] = "validation",
                                          [BH_SPLIT_TEST] = "test"};

const char *eval_path_name(eval_path path)
{
    return path_names[path];
}

const char *eval_split_name(bh_split split)
{
    return split_names[split];
}

static bool take_path(eval_options *o, const char *text, size_t len)
{
    for (int i = 0; i < EVAL_PATHS; i++) {
        if (strlen(path_names[i]) == len && strncmp(path_names[i], text, len) == 0 &&
            !o->paths[i]) {
            o->paths[i] = true;
            return true;
        }
    }
    cli_usage(eval_name,
              "--path \"%.*s\" is wrong: float, quantised and encrypted, each at most "
              "once, with commas between them",
              (int)len, text);
    return false;
}

static bool take_paths(eval_options *o, const char *text)
{
    memset(o->paths, 0, sizeof o->paths);
    o->paths_given = true;
    for (;;) {
        size_t len = strcspn(text, ",");
        if (!take_path(o, text, len)) {
            return false;
        }
        if (text[len] == '\0') {
            return true;
        }
        text += len + 1;
    }
}

static bool take_split(eval_options *o, const char *text)
{
    o->split_given = true;
    for (size_t i = 0; i < sizeof split_names / sizeof split_names[0]; i++) {
        if (strcmp(split_names[i], text) == 0) {
            o->split = (bh_split)i;
            return true;
        }
    }
    cli_usage(eval_name, "--split is test, validation or train, not \"%s\"", text);
    return false;
}

static bool take_share(eval_options *o, const char *text)
{
    char *end;
    o->validation_given = true;
    o->validation = strtod(text, &end);
    if (end == text || *end != '\0' || !(o->validation > 0 && o->validation < 1)) {
        cli_usage(eval_name, "--validation is a share above 0 and below 1, not \"%s\"",
                  text);
        return false;
    }
    return true;
}

enum {
    OPTION_SPLIT = 2000,
    OPTION_VALIDATION,
    OPTION_FOLDS,
    OPTION_FOLD,
    OPTION_SPLIT_SEED,
    OPTION_LABEL,
    OPTION_STRICT,
    OPTION_PATH,
    OPTION_OOD,
    OPTION_REPORT,
    OPTION_CURVES,
    OPTION_FIT,
    OPTION_OUT,
};

static bool take_data_option(eval_options *o, int c)
{
    switch (c) {
    case 'd':
        o->data = optarg;
        return true;
    case OPTION_SPLIT:
        return take_split(o, optarg);
    case OPTION_VALIDATION:
        return take_share(o, optarg);
    case OPTION_FOLDS:
        return cli_number(eval_name, "--folds", optarg, 2, 1000, &o->folds);
    case OPTION_FOLD:
        return cli_number(eval_name, "--fold", optarg, 1, 1000, &o->fold);
    case OPTION_SPLIT_SEED:
        o->split_seed_given = true;
        return cli_number(eval_name, "--split-seed", optarg, 0, UINT64_MAX,
                          &o->split_seed);
    case OPTION_LABEL:
        o->label = optarg;
        return true;
    case OPTION_STRICT:
        o->strict = true;
        return true;
    case OPTION_OOD:
        o->ood = optarg;
        return true;
    case 'l':
        return cli_number(eval_name, "--limit", optarg, 1, BH_IMAGES_COUNT_MAX,
                          &o->limit);
    default:
        return remote_take(&o->server, c, optarg);
    }
}

static bool take(void *user, int c)
{
    eval_options *o = user;
    switch (c) {
    case 'm':
        o->model = optarg;
        return true;
    case 'j':
        o->json = true;
        return true;
    case 's':
        o->samples_given = true;
        return cli_number(eval_name, "--samples", optarg, 1, BH_SAMPLES_MAX,
                          &o->samples);
    case 'r':
        o->seed_given = true;
        return cli_number(eval_name, "--seed", optarg, 0, UINT64_MAX, &o->seed);
    case 't':
        o->threads_given = true;
        return cli_number(eval_name, "--threads", optarg, 1, 64, &o->threads);
    case OPTION_PATH:
        return take_paths(o, optarg);
    case OPTION_REPORT:
        o->report = optarg;
        return true;
    case OPTION_CURVES:
        o->curves = optarg;
        return true;
    case OPTION_FIT:
        o->fit = true;
        return true;
    case OPTION_OUT:
        o->out = optarg;
        return true;
    default:
        return take_data_option(o, c);
    }
}

static const struct option longs[] = {
    {"model", required_argument, NULL, 'm'},
    {"data", required_argument, NULL, 'd'},
    {"split", required_argument, NULL, OPTION_SPLIT},
    {"validation", required_argument, NULL, OPTION_VALIDATION},
    {"folds", required_argument, NULL, OPTION_FOLDS},
    {"fold", required_argument, NULL, OPTION_FOLD},
    {"split-seed", required_argument, NULL, OPTION_SPLIT_SEED},
    {"label", required_argument, NULL, OPTION_LABEL},
    {"strict", no_argument, NULL, OPTION_STRICT},
    {"path", required_argument, NULL, OPTION_PATH},
    {"ood", required_argument, NULL, OPTION_OOD},
    {"samples", required_argument, NULL, 's'},
    {"limit", required_argument, NULL, 'l'},
    {"seed", required_argument, NULL, 'r'},
    {"threads", required_argument, NULL, 't'},
    {"report", required_argument, NULL, OPTION_REPORT},
    {"curves", required_argument, NULL, OPTION_CURVES},
    {"fit-temperature", no_argument, NULL, OPTION_FIT},
    {"out", required_argument, NULL, OPTION_OUT},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    REMOTE_OPTIONS,
    {0}};

int eval_options_parse(eval_options *o, int argc, char **argv)
{
    *o = (eval_options){.server = {.wanted = CLI_GUARD_DEFAULT},
                        .split = BH_SPLIT_TEST,
                        .split_seed = 1,
                        .samples = 8,
                        .limit = UINT64_MAX,
                        .seed = 1,
                        .threads = 2,
                        .argc = argc,
                        .argv = argv};
    int parsed = cli_parse(eval_name, help, longs, take, o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (!cli_no_operands(eval_name, argc, argv) ||
        !cli_needs(eval_name, "--data", o->data)) {
        return CLI_USAGE;
    }
    o->split = o->fit && !o->split_given ? BH_SPLIT_VALIDATION : o->split;
    if (!o->paths_given) {
        o->paths[o->server.connect != NULL ? EVAL_ENCRYPTED : EVAL_QUANTISED] = true;
    }
    return CLI_GO_ON;
}
