// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bayes/evaluate.h"
#include "bayes/metrics.h"
#include "data/dataset.h"
#include "net/clock.h"
#include "remote.h"
#include "ui.h"

static const char name[] = "eval";

static const char help[] =
    "usage: bayhenn eval --model FILE --data DIR [--samples S] [--limit N] [--seed N]\n"
    "       bayhenn eval [--model FILE] --data DIR [--samples S] [--limit N]\n"
    "                    --connect HOST:PORT (--ca FILE | --fingerprint HEX)\n"
    "\n"
    "Accuracy and calibration on the test split of a data set: with the quantised\n"
    "model in the clear, or under encryption through a server.\n"
    "\n"
    "  --model FILE         a trained model (.bhn); with --connect the server\n"
    "                       computes, and has to say that its model is this one:\n"
    "                       name, data set, input and classes\n"
    "  --data DIR           a data set with a test split (docs/data.md), as a folder\n"
    "                       with t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte\n"
    "  --samples S          draws of the weights for every image [8]; with --connect\n"
    "                       the server chooses, and is refused if it chose another S\n"
    "  --limit N            only the first N images\n"
    "  --seed N             of the draws [1]; not with --connect\n"
    "  --threads N          [2]; not with --connect\n" REMOTE_HELP
    "  --json               one line of JSON\n"
    "\n"
    "nll: mean of -log p(label). brier: mean squared error of the probabilities. ece:\n"
    "expected calibration error, 15 bins.\n"
    "\n"
    "example:\n"
    "  bayhenn eval --model models/lenet5-mnist.bhn --data share/mnist --samples 8\n";

typedef struct eval_options {
    const char *model, *data;
    remote server;
    bool seed_given, samples_given, threads_given, json;
    uint64_t samples, limit, seed, threads;
} eval_options;

typedef struct progress {
    ui u;
    uint64_t start; // of bh_clock_us
    size_t count;
} progress;

static void on_progress(void *user, size_t done)
{
    const progress *p = user;
    char note[64];
    double elapsed = (double)(bh_clock_us() - p->start) / 1e6;
    snprintf(note, sizeof note, "%zu of %zu images", done, p->count);
    ui_progress(&p->u, "eval", (double)done / (double)p->count,
                elapsed / (double)done * (double)(p->count - done), note);
}

static int check_images(const eval_options *o, const bh_images *images, bh_shape shape,
                        uint32_t n_classes)
{
    if (memcmp(&images->shape, &shape, sizeof shape) != 0) {
        return cli_fail(name, "the images in %s are %ux%u, the model takes %ux%u",
                        o->data, images->shape.width, images->shape.height, shape.width,
                        shape.height);
    }
    for (size_t i = 0; i < images->count; i++) {
        if (images->labels[i] >= n_classes) {
            return cli_fail(name, "image %zu in %s has label %u, the model %u classes",
                            i, o->data, images->labels[i], n_classes);
        }
    }
    return CLI_OK;
}

static void report(const eval_options *o, const bh_metrics *m, uint64_t samples,
                   double seconds)
{
    ui u = ui_make();
    char time[UI_TEXT_BYTES];
    if (o->json) {
        json_t *line =
            json_pack("{s:I, s:f, s:f, s:f, s:f, s:I}", "images", (json_int_t)m->images,
                      "accuracy", m->accuracy, "nll", m->nll, "brier", m->brier, "ece",
                      m->ece, "samples", (json_int_t)samples);
        json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(10));
        putchar('\n');
        json_decref(line);
        return;
    }
    printf("  accuracy %s%.2f %%%s  (%zu image%s, %llu draw%s, %s)\n",
           ui_on(&u, UI_BOLD), 100 * m->accuracy, ui_on(&u, UI_PLAIN), m->images,
           m->images == 1 ? "" : "s", (unsigned long long)samples,
           samples == 1 ? "" : "s", ui_time(time, seconds * 1000));
    printf("  nll %.4f   brier %.4f   calibration error %.4f\n", m->nll, m->brier,
           m->ece);
}

static int score(const eval_options *o, const bh_images *images, size_t count,
                 const bh_model *model, bh_tls_client *connection,
                 double *probabilities, size_t n_classes)
{
    progress p = {.u = ui_make(), .start = bh_clock_us(), .count = count};
    bh_error err = {0};
    bh_status status = BH_OK;
    if (connection == NULL) {
        bh_evaluation job = {.model = model,
                             .images = images,
                             .count = count,
                             .samples = (uint32_t)o->samples,
                             .seed = o->seed,
                             .threads = (unsigned)o->threads,
                             .probabilities = probabilities,
                             .on_progress = on_progress,
                             .user = &p};
        status = bh_evaluate(&job);
        err.status = status;
    }
    for (size_t i = 0; connection != NULL && i < count && status == BH_OK; i++) {
        bh_client_result result;
        status =
            bh_tls_client_query(connection, &result,
                                images->pixels + i * bh_shape_len(images->shape), &err);
        if (status == BH_OK) {
            memcpy(probabilities + i * n_classes, result.probabilities,
                   n_classes * sizeof *probabilities);
            on_progress(&p, i + 1);
        }
    }
    ui_progress_end(&p.u);
    return status == BH_OK ? CLI_OK : cli_fail_with(name, &err);
}

static int eval(const eval_options *o, const bh_images *images, const bh_model *model,
                bh_tls_client *connection)
{
    bh_shape shape = {0};
    uint32_t n_classes = 0;
    uint64_t samples = o->samples;
    if (connection == NULL && model != NULL) {
        shape = model->graph.input.shape;
        n_classes = model->graph.n_classes;
    } else if (connection != NULL) {
        bh_client_facts facts = bh_client_get_facts(bh_tls_client_engine(connection));
        shape = (bh_shape){facts.channels, facts.height, facts.width};
        n_classes = facts.n_classes;
        samples = facts.samples;
    }
    int status = check_images(o, images, shape, n_classes);
    if (status != CLI_OK) {
        return status;
    }
    if (o->limit != UINT64_MAX && o->limit > images->count) {
        return cli_usage(name, "there are only %zu images in %s: --limit %llu is more",
                         images->count, o->data, (unsigned long long)o->limit);
    }
    size_t count = o->limit < images->count ? (size_t)o->limit : images->count;
    uint64_t start = bh_clock_us();
    double *probabilities = calloc(count * n_classes, sizeof *probabilities);
    if (probabilities == NULL) {
        return cli_fail(name, "out of memory");
    }
    status = score(o, images, count, model, connection, probabilities, n_classes);
    if (status == CLI_OK) {
        bh_metrics m =
            bh_metrics_compute(probabilities, images->labels, count, n_classes);
        report(o, &m, samples, (double)(bh_clock_us() - start) / 1e6);
    }
    free(probabilities);
    return status;
}

// The numbers would be called those of a model that did not make them. The manifest
// does not prove what the server computes with; this finds the honest mistake.
static int check_server(const eval_options *o, const bh_model *model,
                        const bh_tls_client *connection)
{
    bh_client_facts f = bh_client_get_facts(bh_tls_client_engine(connection));
    if (f.guard == BH_GUARD_SEALED && f.reveal == BH_REVEAL_LABEL) {
        return cli_fail(name, "the server reveals labels alone, and eval takes the "
                              "probabilities of every class");
    }
    if (o->samples_given && f.samples != o->samples) {
        return cli_fail(name,
                        "the server makes %u draws for every image, not %llu: leave "
                        "--samples out, or start the server with --samples %llu",
                        f.samples, (unsigned long long)o->samples,
                        (unsigned long long)o->samples);
    }
    if (model == NULL) {
        return CLI_OK;
    }
    const bh_graph *g = &model->graph;
    const bh_shape *in = &g->input.shape;
    if (strcmp(g->name, f.model_name) != 0 || strcmp(g->dataset, f.dataset) != 0 ||
        in->channels != f.channels || in->height != f.height || in->width != f.width ||
        g->n_classes != f.n_classes) {
        return cli_fail(name,
                        "the server's model is %s on %s (%ux%u, %u classes), not that "
                        "of %s: %s on %s (%ux%u, %u classes)",
                        f.model_name, f.dataset, f.width, f.height, f.n_classes,
                        o->model, g->name, g->dataset, in->width, in->height,
                        g->n_classes);
    }
    return CLI_OK;
}

static int run(const eval_options *o, const bh_tls_client_options *server)
{
    bh_error err = {0};
    bh_dataset data = {0};
    bh_images images = {0};
    bh_model *model = NULL;
    bh_tls_client *connection = NULL;
    bh_status status = o->model != NULL ? bh_model_load(&model, o->model, &err) : BH_OK;
    if (status == BH_OK) {
        status = bh_dataset_load(&data, o->data, &(bh_dataset_options){.strict = true},
                                 &err);
    }
    if (status == BH_OK) {
        status =
            bh_dataset_take(&images, &data, &(bh_cut){.folds = 0}, BH_SPLIT_TEST, &err);
    }
    bh_dataset_clear(&data);
    int exit_status = status == BH_OK ? CLI_OK : cli_fail_with(name, &err);
    if (exit_status == CLI_OK && o->server.connect != NULL) {
        exit_status = remote_open(name, &o->server, server, &connection);
    }
    if (exit_status == CLI_OK && connection != NULL) {
        exit_status = check_server(o, model, connection);
    }
    if (exit_status == CLI_OK) {
        exit_status = eval(o, &images, model, connection);
    }
    bh_tls_client_free(connection);
    bh_images_clear(&images);
    bh_model_free(model);
    return exit_status;
}

static bool take(void *user, int c)
{
    eval_options *o = user;
    switch (c) {
    case 'm':
        o->model = optarg;
        return true;
    case 'd':
        o->data = optarg;
        return true;
    case 'j':
        o->json = true;
        return true;
    case 's':
        o->samples_given = true;
        return cli_number(name, "--samples", optarg, 1, BH_SAMPLES_MAX, &o->samples);
    case 'l':
        return cli_number(name, "--limit", optarg, 1, BH_IMAGES_COUNT_MAX, &o->limit);
    case 'r':
        o->seed_given = true;
        return cli_number(name, "--seed", optarg, 0, UINT64_MAX, &o->seed);
    case 't':
        o->threads_given = true;
        return cli_number(name, "--threads", optarg, 1, 64, &o->threads);
    default:
        return remote_take(&o->server, c, optarg);
    }
}

int cmd_eval(int argc, char **argv)
{
    static const struct option longs[] = {{"model", required_argument, NULL, 'm'},
                                          {"data", required_argument, NULL, 'd'},
                                          {"samples", required_argument, NULL, 's'},
                                          {"limit", required_argument, NULL, 'l'},
                                          {"seed", required_argument, NULL, 'r'},
                                          {"threads", required_argument, NULL, 't'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          REMOTE_OPTIONS,
                                          {0}};
    eval_options o = {.server = {.wanted = CLI_GUARD_DEFAULT},
                      .samples = 8,
                      .limit = UINT64_MAX,
                      .seed = 1,
                      .threads = 2};
    bh_tls_client_options server = {0};
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (!cli_no_operands(name, argc, argv) || !cli_needs(name, "--data", o.data)) {
        return CLI_USAGE;
    }
    if (o.model == NULL && o.server.connect == NULL) {
        return cli_usage(name, "--model or --connect is needed");
    }
    if (o.server.connect != NULL && (o.seed_given || o.threads_given)) {
        return cli_usage(name, "a server chooses its draws and threads by itself");
    }
    if (o.server.connect == NULL && remote_is_given(&o.server)) {
        return cli_usage(name, "an option for a server is given, but no --connect");
    }
    if (o.server.connect != NULL && !remote_options(name, &o.server, &server)) {
        return CLI_USAGE;
    }
    return run(&o, &server);
}
