// SPDX-License-Identifier: Apache-2.0
#include "import_options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static const char name[] = "import";

static const char help[] =
    "usage: bayhenn import FILE.safetensors --net NET --out FILE [OPTIONS]\n"
    "       bayhenn import --list FILE.safetensors\n"
    "\n"
    "Makes a model of weights that another library trained (docs/import.md): of\n"
    "bayesian-torch, BLiTZ, torchbnn, PyTorch-BayesianCNN, TensorFlow Probability,\n"
    "Pyro, or of an ordinary network. Convolutions and fully connected layers become\n"
    "the network's in the order of their names.\n"
    "\n"
    "  --net NET            as train takes it: a name, mlp:AxBxC, layers in text, or\n"
    "                       FILE.net\n"
    "  --out FILE           the model file (.bhn) to write\n"
    "  --format FORMAT      auto, bayesian-torch, blitz, torchbnn,\n"
    "                       pytorch-bayesiancnn, tfp, pyro or plain [auto]\n"
    "  --map FILE           names the tensors of each layer, where no format does\n"
    "  --moped DELTA        for files without deviations: DELTA times the weight's\n"
    "                       size; 0: a network without uncertainty\n"
    "  --allow-unused       leave out tensors that belong to no layer\n"
    "  --input CxHxW        channels, height and width [what a name was made for]\n"
    "  --input-mean A,B,..  the inputs are (pixel / 255 - mean) / deviation, one "
    "number\n"
    "  --input-dev A,B,..   for all channels or one for each [0 and 1]\n"
    "  --data PATH          images like those trained on: the model is quantised by\n"
    "                       them, which `serve` needs; without, by the inputs of "
    "--check;\n"
    "                       or the table trained on, by whose columns rows are "
    "normalised\n"
    "  --dataset NAME       what the model file calls the data [unknown data]\n"
    "  --classes A,B,...    names of the classes [0, 1, ...]\n"
    "  --check FILE         tensors \"input\" and \"output\": the means must answer "
    "alike\n"
    "  --tolerance T        as a share of the largest logit [0.001]\n"
    "  --list               print names, types and shapes of the tensors\n"
    "\n"
    "example:\n"
    "  bayhenn import lenet5.safetensors --net lenet5 --input-mean 0.1307 \\\n"
    "      --input-dev 0.3081 --data data/mnist --dataset mnist --out lenet5.bhn\n";

// "0.5" or "0.49,0.48,0.45": numbers from min to 1000 in size.
static bool numbers(const char *option, const char *text, double min,
                    import_numbers *out)
{
    const char *at = text;
    char *end = NULL;
    *out = (import_numbers){0};
    do {
        double v = strtod(at, &end);
        if (out->count == BH_GRAPH_CHANNELS_MAX || end == at || !(v >= min) ||
            v > 1000 || (*end != ',' && *end != '\0')) {
            cli_usage(name,
                      "%s takes up to %d numbers from %g to 1000, separated by commas, "
                      "not \"%s\"",
                      option, BH_GRAPH_CHANNELS_MAX, min, text);
            return false;
        }
        out->values[out->count++] = (float)v;
        at = end + 1;
    } while (*end == ',');
    return true;
}

// Options that are kept as they are given.
static const char **text_option(import_options *o, int c)
{
    switch (c) {
    case 'n':
        return &o->net;
    case 'f':
        return &o->format;
    case 'p':
        return &o->map;
    case 'o':
        return &o->out;
    case 'd':
        return &o->data;
    case 'D':
        return &o->dataset;
    case 'C':
        return &o->classes;
    case 'k':
        return &o->check;
    default:
        return NULL;
    }
}

static bool take(void *user, int c)
{
    import_options *o = user;
    const char **text = text_option(o, c);
    switch (c) {
    case 'm':
        return cli_real(name, "--moped", optarg, 0, 1, &o->moped);
    case 't':
        return cli_real(name, "--tolerance", optarg, 0, 1, &o->tolerance);
    case 'i':
        return cli_shape(name, "--input", optarg, &o->shape);
    case 'M':
        o->normalised = true;
        return numbers("--input-mean", optarg, -1000, &o->mean);
    case 'S':
        o->normalised = true;
        return numbers("--input-dev", optarg, 1e-6, &o->dev);
    case 'u':
        o->allow_unused = true;
        return true;
    case 'l':
        o->list = true;
        return true;
    default:
        *text = optarg;
        return true;
    }
}

static bool check_options(import_options *o, int argc, char **argv)
{
    o->file = optind < argc ? argv[optind++] : NULL;
    if (!cli_no_operands(name, argc, argv) || !cli_needs(name, "a FILE", o->file)) {
        return false;
    }
    if (o->list) {
        return true;
    }
    if (!cli_needs(name, "--net", o->net) || !cli_needs(name, "--out", o->out)) {
        return false;
    }
    if (o->map != NULL && strcmp(o->format, "auto") != 0) {
        cli_usage(name, "only one of --map and --format can be given");
        return false;
    }
    if (strlen(o->dataset) >= sizeof((bh_graph *)0)->dataset) {
        cli_usage(name, "the name of --dataset is too long");
        return false;
    }
    return true;
}

int import_options_parse(import_options *o, int argc, char **argv)
{
    static const struct option longs[] = {
        {"net", required_argument, NULL, 'n'},
        {"out", required_argument, NULL, 'o'},
        {"format", required_argument, NULL, 'f'},
        {"map", required_argument, NULL, 'p'},
        {"moped", required_argument, NULL, 'm'},
        {"allow-unused", no_argument, NULL, 'u'},
        {"input", required_argument, NULL, 'i'},
        {"input-mean", required_argument, NULL, 'M'},
        {"input-dev", required_argument, NULL, 'S'},
        {"data", required_argument, NULL, 'd'},
        {"dataset", required_argument, NULL, 'D'},
        {"classes", required_argument, NULL, 'C'},
        {"check", required_argument, NULL, 'k'},
        {"tolerance", required_argument, NULL, 't'},
        {"list", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    *o = (import_options){
        .format = "auto",
        .dataset = "unknown data",
        .mean = {1, {0}},
        .dev = {1, {1}},
        .moped = NAN,
        .tolerance = 1e-3,
    };
    int parsed = cli_parse(name, help, longs, take, o, argc, argv);
    return parsed != CLI_GO_ON            ? parsed
           : check_options(o, argc, argv) ? CLI_GO_ON
                                          : CLI_USAGE;
}

bh_status import_options_input(bh_input *out, const import_options *o, bh_shape in,
                               bh_error *err)
{
    const import_numbers *const both[] = {&o->mean, &o->dev};
    *out = (bh_input){.shape = in};
    for (size_t i = 0; i < 2; i++) {
        if (both[i]->count != 1 && both[i]->count != in.channels) {
            return bh_fail(err, BH_ERR_ARG,
                           "%s has %u numbers; the input has %u channel%s",
                           i == 0 ? "--input-mean" : "--input-dev", both[i]->count,
                           in.channels, in.channels == 1 ? "" : "s");
        }
    }
    for (uint32_t c = 0; c < in.channels && c < BH_GRAPH_CHANNELS_MAX; c++) {
        out->mean[c] = o->mean.values[o->mean.count > 1 ? c : 0];
        out->dev[c] = o->dev.values[o->dev.count > 1 ? c : 0];
    }
    return BH_OK;
}

static bh_status label_classes(bh_graph *graph, const char *names, bh_error *err)
{
    const size_t size = sizeof graph->class_names[0];
    uint32_t count = 0;
    for (const char *at = names; at != NULL; count++) {
        size_t len = strcspn(at, ",");
        if (len >= size) {
            return bh_fail(err, BH_ERR_ARG, "name %u of --classes is too long",
                           count + 1);
        }
        if (count < graph->n_classes) {
            snprintf(graph->class_names[count], size, "%.*s", (int)len, at);
        }
        at = at[len] == ',' ? at + len + 1 : NULL;
    }
    return count == graph->n_classes
               ? BH_OK
               : bh_fail(err, BH_ERR_ARG,
                         "--classes has %u names; the network has %u classes", count,
                         graph->n_classes);
}

bh_status import_options_label(bh_graph *graph, const import_options *o, bh_error *err)
{
    snprintf(graph->dataset, sizeof graph->dataset, "%s", o->dataset);
    if (o->classes != NULL) {
        return label_classes(graph, o->classes, err);
    }
    for (uint32_t i = 0; i < graph->n_classes; i++) {
        snprintf(graph->class_names[i], sizeof graph->class_names[i], "%u", i);
    }
    return BH_OK;
}
