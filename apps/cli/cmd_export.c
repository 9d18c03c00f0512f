// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/file.h"
#include "cli.h"
#include "exchange/import.h"
#include "output.h"

static const char name[] = "export";

static const char help[] =
    "usage: bayhenn export MODEL --format FORMAT --out FILE.safetensors\n"
    "\n"
    "Writes a model's weights by the names and the transform of another library\n"
    "(docs/import.md). `import` reads them back.\n"
    "\n"
    "  --format FORMAT  bayesian-torch, blitz, torchbnn, pytorch-bayesiancnn, tfp, "
    "pyro\n"
    "                   or plain, which leaves the deviations out\n"
    "  --out FILE       the file to write; one that is there is replaced\n"
    "\n"
    "example:\n"
    "  bayhenn export models/lenet5-mnist.bhn --format torchbnn --out m.safetensors\n";

typedef struct export_options {
    const char *model, *format, *out;
} export_options;

static bool take(void *user, int c)
{
    export_options *o = user;
    *(c == 'f' ? &o->format : &o->out) = optarg;
    return true;
}

static void report(const bh_model *m, const export_options *o, size_t raised)
{
    const bh_library *library = bh_library_find(o->format);
    char shown[CLI_SHOWN_BYTES];
    printf("%s: %s as %s names it, %u layers with weights\n",
           cli_shown(shown, sizeof shown, o->out), m->graph.name, o->format,
           bh_graph_linear_count(&m->graph));
    if (!library->has_dev) {
        puts("the deviations are left out: this format has no place for them");
    } else if (raised > 0) {
        printf(
            "%zu deviation%s smaller than %.3g, which is written: this format has no "
            "0\n",
            raised, raised == 1 ? " is" : "s are",
            bh_transform_least(library->transform));
    }
}

static int run(const export_options *o)
{
    bh_error err = {0};
    bh_writer w = {0};
    size_t raised;
    bh_model *model = NULL;
    bh_status status = bh_model_load(&model, o->model, &err);
    if (status == BH_OK) {
        status = bh_export(&w, &raised, model, o->format, &err);
    }
    if (status == BH_OK) {
        status = bh_file_replace(o->out, w.data, w.len, &err);
    }
    if (status == BH_OK) {
        report(model, o, raised);
    }
    bh_writer_clear(&w);
    bh_model_free(model);
    return status == BH_OK ? CLI_OK : cli_fail_with(name, &err);
}

int cmd_export(int argc, char **argv)
{
    static const struct option longs[] = {{"format", required_argument, NULL, 'f'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    export_options o = {0};
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    o.model = optind < argc ? argv[optind++] : NULL;
    if (!cli_no_operands(name, argc, argv) || !cli_needs(name, "a MODEL", o.model) ||
        !cli_needs(name, "--format", o.format) || !cli_needs(name, "--out", o.out)) {
        return CLI_USAGE;
    }
    int status = output_check(name, o.out, OUTPUT_TENSORS);
    return status == CLI_OK ? run(&o) : status;
}
