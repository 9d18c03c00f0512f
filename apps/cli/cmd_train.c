// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bayes/train.h"
#include "cli.h"
#include "data/dataset.h"
#include "net/clock.h"
#include "ui.h"

static const char name[] = "train";

static const char help[] =
    "usage: bayhenn train --data DIR --net NAME --out FILE [--epochs E] [--seed N]\n"
    "\n"
    "Trains a Bayesian network by Bayes by Backprop and quantises it for `serve`. The\n"
    "same seed, options and machine give the same model.\n"
    "\n"
    "  --data DIR       a data set with a training split (docs/data.md), as a folder\n"
    "                   with train-images-idx3-ubyte and train-labels-idx1-ubyte;\n"
    "                   scripts/get-mnist fetches MNIST\n"
    "  --net NAME       lenet5, lenet-caffe, netd or minionn-cifar, which is made for\n"
    "                   3 x 32 x 32 images and slow to train\n"
    "  --out FILE       the model file (.bhn) to write; one that is there is\n"
    "                   replaced, but no folder, device or symbolic link\n"
    "  --epochs E       passes over the data [30: about 3 minutes for lenet5 on one\n"
    "                   core]\n"
    "  --seed N         of everything random [1]\n"
    "  --dataset NAME   what the model file calls the data [mnist]\n"
    "\n"
    "example:\n"
    "  scripts/get-mnist data/mnist\n"
    "  bayhenn train --data data/mnist --net lenet5 --seed 1 --out lenet5.bhn\n";

typedef struct train_options {
    const char *data, *net, *out, *dataset;
    uint64_t epochs, seed; // epochs 0: the default
} train_options;

static void on_progress(void *user, const bh_train_progress *p)
{
    const ui *u = user;
    char label[48], note[64];
    snprintf(label, sizeof label, "epoch %u of %u", p->epoch, p->epochs);
    snprintf(note, sizeof note, "loss %.4f  accuracy %.2f %%", p->loss,
             100 * p->accuracy);
    if (p->epoch_done) {
        ui_progress_end(u);
        fprintf(stderr, "%s  %s\n", label, note);
    } else {
        ui_progress(u, label, (double)p->step / (double)p->steps, p->seconds_left,
                    note);
    }
}

// Training must not end in "permission denied". What bh_model_save will do is tried:
// another file in the folder of this one.
static int check_writable(const char *path)
{
    struct stat info;
    char *trial = NULL;
    bool exists = lstat(path, &info) == 0;
    if (exists && !S_ISREG(info.st_mode)) {
        return cli_fail(name, "cannot write %s: it exists and is %s", path,
                        S_ISDIR(info.st_mode)   ? "a folder"
                        : S_ISLNK(info.st_mode) ? "a symbolic link"
                                                : "no regular file");
    }
    if (asprintf(&trial, "%s.XXXXXX", path) < 0) {
        return cli_fail(name, "out of memory");
    }
    int fd =
        path[0] == '\0' || (exists && access(path, W_OK) != 0) ? -1 : mkstemp(trial);
    int code = path[0] == '\0' ? ENOENT : errno;
    if (fd >= 0) {
        close(fd);
        unlink(trial);
    }
    free(trial);
    return fd >= 0 ? CLI_OK
                   : cli_fail(name, "cannot write \"%s\": %s", path, strerror(code));
}

static bh_status make_graph(bh_graph *graph, const train_options *o,
                            const bh_images *images, bh_error *err)
{
    uint32_t n_classes = 0;
    for (size_t i = 0; i < images->count; i++) {
        n_classes =
            images->labels[i] + 1u > n_classes ? images->labels[i] + 1u : n_classes;
    }
    bh_status status =
        bh_graph_named(graph, o->net, bh_images_input(images), n_classes, err);
    if (status == BH_OK) {
        snprintf(graph->dataset, sizeof graph->dataset, "%s", o->dataset);
        for (uint32_t i = 0; i < n_classes; i++) {
            snprintf(graph->class_names[i], sizeof graph->class_names[i], "%u", i);
        }
    }
    return status;
}

static bh_status train(const train_options *o, const bh_images *images, bh_graph *graph,
                       bh_model **model, bh_error *err)
{
    ui u = ui_make();
    bh_train_options options = bh_train_defaults();
    if (o->epochs != 0) {
        options.epochs = (uint32_t)o->epochs;
        options.pretrain_epochs = options.pretrain_epochs < options.epochs / 2
                                      ? options.pretrain_epochs
                                      : options.epochs / 2;
    }
    options.seed = o->seed;
    options.on_progress = on_progress;
    options.user = &u;
    bh_status status = make_graph(graph, o, images, err);
    if (status == BH_OK && (status = bh_model_new(model, graph, 1)) != BH_OK) {
        err->status = status;
    }
    if (status == BH_OK) {
        status = bh_train(*model, images, &options, err);
        ui_progress_end(&u);
    }
    return status;
}

static int run(const train_options *o)
{
    bh_graph *graph = calloc(1, sizeof *graph);
    bh_error err = {0};
    bh_dataset data = {0};
    bh_images images = {0};
    bh_model *model = NULL;
    uint64_t start = bh_clock_us();
    char took[UI_TEXT_BYTES], shown[CLI_SHOWN_BYTES];
    if (graph == NULL) {
        return cli_fail(name, "out of memory");
    }
    bh_status status =
        bh_dataset_load(&data, o->data, &(bh_dataset_options){.strict = true}, &err);
    if (status == BH_OK) {
        status = bh_dataset_take(&images, &data, &(bh_cut){.folds = 0}, BH_SPLIT_TRAIN,
                                 &err);
    }
    bh_dataset_clear(&data);
    if (status == BH_OK) {
        status = train(o, &images, graph, &model, &err);
    }
    if (status == BH_OK) {
        status = bh_model_save(model, o->out, &err);
    }
    if (status == BH_OK) {
        printf("%s: %s on %s, %zu images, trained in %s\n",
               cli_shown(shown, sizeof shown, o->out), o->net, o->dataset, images.count,
               ui_time(took, (double)(bh_clock_us() - start) / 1e3));
    }
    bh_model_free(model);
    bh_images_clear(&images);
    free(graph);
    return status == BH_OK ? CLI_OK : cli_fail_with(name, &err);
}

static bool take(void *user, int c)
{
    train_options *o = user;
    switch (c) {
    case 'd':
        o->data = optarg;
        return true;
    case 'n':
        o->net = optarg;
        return true;
    case 'o':
        o->out = optarg;
        return true;
    case 'D':
        o->dataset = optarg;
        return true;
    case 'e':
        return cli_number(name, "--epochs", optarg, 1, 100000, &o->epochs);
    case 's':
        return cli_number(name, "--seed", optarg, 0, UINT64_MAX, &o->seed);
    default:
        return false;
    }
}

int cmd_train(int argc, char **argv)
{
    static const struct option longs[] = {{"data", required_argument, NULL, 'd'},
                                          {"net", required_argument, NULL, 'n'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"epochs", required_argument, NULL, 'e'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"dataset", required_argument, NULL, 'D'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    train_options o = {.dataset = "mnist", .seed = 1};
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (!cli_no_operands(name, argc, argv) || !cli_needs(name, "--data", o.data) ||
        !cli_needs(name, "--net", o.net) || !cli_needs(name, "--out", o.out)) {
        return CLI_USAGE;
    }
    if (o.dataset[0] == '\0' || strlen(o.dataset) >= sizeof((bh_graph *)0)->dataset) {
        return cli_usage(name, "the name of --dataset is %s",
                         o.dataset[0] == '\0' ? "empty" : "too long");
    }
    bh_error err;
    if (bh_graph_check_named(o.net, &err) != BH_OK) {
        return cli_usage(name, "%s", err.message);
    }
    int status = check_writable(o.out);
    return status == CLI_OK ? run(&o) : status;
}
