// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "cli.h"
#include "data/dataset.h"
#include "exchange/import.h"
#include "import_options.h"
#include "model/input.h"
#include "net_text.h"
#include "output.h"

static const char name[] = "import";

#define CALIBRATION   1000 // images
#define MAP_BYTES_MAX ((size_t)1 << 20)
#define NAME_COLUMNS  60 // of a tensor's name in a list

// The shape that --input states, or that a known network was made for.
static bh_status input_shape(bh_shape *out, const import_options *o, bh_error *err)
{
    *out = o->shape;
    if (out->channels > 0 || bh_graph_named_shape(out, o->net, NULL) == BH_OK) {
        return BH_OK;
    }
    return bh_fail(err, BH_ERR_ARG,
                   "--input CxHxW is needed: %.80s is no name that says its input",
                   o->net);
}

static bh_status make_graph(bh_graph *graph, const import_options *o,
                            const bh_found *found, bh_error *err)
{
    const uint64_t classes = bh_found_classes(found);
    bh_shape shape;
    bh_input input;
    char *net = NULL;
    bh_status status = input_shape(&shape, o, err);
    status = status == BH_OK ? import_options_input(&input, o, shape, err) : status;
    status = status == BH_OK ? net_text_read(&net, o->net, err) : status;
    if (status == BH_OK) {
        // More classes than a graph has room for are refused whatever their number.
        const uint64_t max = BH_GRAPH_CLASSES_MAX + 1;
        status = bh_graph_make(graph, net, input,
                               (uint32_t)(classes < max ? classes : max), err);
    }
    free(net);
    return status == BH_OK ? import_options_label(graph, o, err) : status;
}

static bh_status find_layers(bh_found *found, const bh_tensors *tensors,
                             const import_options *o, bh_error *err)
{
    uint8_t *map = NULL;
    size_t len = 0;
    bh_status status;
    if (o->map != NULL) {
        status = bh_file_load(&map, &len, o->map, MAP_BYTES_MAX, err);
        if (status == BH_OK) {
            status =
                bh_found_by_map(found, tensors, (const char *)map, len, o->map, err);
        }
        bh_free(map);
    } else {
        status = bh_found_by_name(found, tensors, o->format, err);
    }
    return status == BH_OK && !o->allow_unused
               ? bh_found_check_all_used(found, tensors, err)
               : status;
}

static bh_status convert(bh_model **model, bh_found *found, const bh_tensors *tensors,
                         const import_options *o, bh_error *err)
{
    bh_graph *graph = calloc(1, sizeof *graph);
    bh_status status =
        graph != NULL ? find_layers(found, tensors, o, err) : BH_ERR_NOMEM;
    if (status == BH_OK) {
        status = make_graph(graph, o, found, err);
    }
    if (status == BH_OK) {
        status = bh_model_new(model, graph, 1);
    }
    if (status == BH_OK) {
        status = bh_import(*model, tensors, found, o->moped, err);
    }
    free(graph);
    err->status = status;
    return status;
}

// --check: reads the examples and compares.
static bh_status check(bh_examples *examples, const bh_model *model,
                       const import_options *o, bh_error *err)
{
    bh_tensors tensors;
    double difference;
    bh_status status = bh_tensors_load(&tensors, o->check, err);
    if (status == BH_OK) {
        status = bh_examples_read(examples, &tensors, model, err);
        bh_tensors_clear(&tensors);
    }
    if (status == BH_OK) {
        status = bh_examples_check_range(examples, model, err);
    }
    if (status == BH_OK) {
        status = bh_examples_compare(&difference, examples, model, err);
    }
    if (status != BH_OK) {
        return status;
    }
    printf("check: %zu example%s, largest difference %.2g of the largest logit\n",
           examples->count, examples->count == 1 ? "" : "s", difference);
    if (!(difference <= o->tolerance)) {
        err->status = BH_ERR_RANGE;
        snprintf(
            err->message, sizeof err->message,
            "the imported means answer the examples otherwise: they differ by %.2g "
            "of the largest logit, more than %g (--tolerance)",
            difference, o->tolerance);
    }
    return err->status;
}

// A table's columns become the model's, as if it had been trained on them.
static bh_status take_columns(bh_model *model, bh_dataset *table, const bh_cut *cut,
                              const import_options *o, bh_error *err)
{
    if (o->normalised) {
        return bh_fail(err, BH_ERR_ARG,
                       "tables are normalised by column: leave --input-mean and "
                       "--input-dev out");
    }
    bh_status status = bh_dataset_fit_columns(&model->graph.input, table, cut, err);
    return status == BH_OK ? bh_dataset_encode(table, &model->graph.input, err)
                           : status;
}

// Images spread over the training split, as the network takes them.
static bh_status load_images(bh_examples *out, bh_model *model, const import_options *o,
                             bh_error *err)
{
    bh_images images = {0};
    bh_dataset set;
    const size_t len = bh_model_input_len(model);
    const bh_dataset_options options = {.wanted = model->graph.input.shape};
    const bh_cut cut = {.seed = 1};
    bh_status status = bh_dataset_load(&set, o->data, &options, err);
    if (status != BH_OK) {
        return status;
    }
    if (set.values != NULL) {
        status = take_columns(model, &set, &cut, o, err);
    }
    if (status == BH_OK) {
        status = bh_dataset_take(&images, &set, &cut, BH_SPLIT_TRAIN, err);
    }
    bh_dataset_clear(&set);
    if (status != BH_OK) {
        return status;
    }
    out->count = images.count < CALIBRATION ? images.count : CALIBRATION;
    out->inputs = bh_alloc(out->count * len, sizeof *out->inputs);
    for (size_t i = 0; i < out->count && out->inputs != NULL; i++) {
        bh_normalise_pixels(&model->graph, out->inputs + i * len,
                            images.pixels + i * images.count / out->count * len);
    }
    bh_images_clear(&images);
    return err->status = out->inputs != NULL ? BH_OK : BH_ERR_NOMEM;
}

// Checks, quantises by what inputs there are, and saves. The data comes first: a table
// says what the inputs of the examples are.
static bh_status finish(bh_model *model, const import_options *o, bh_error *err)
{
    bh_examples examples = {0}, images = {0};
    bh_status status = o->data != NULL ? load_images(&images, model, o, err) : BH_OK;
    if (status == BH_OK && o->check != NULL) {
        status = check(&examples, model, o, err);
    }
    const bh_examples *inputs = o->data != NULL ? &images : &examples;
    if (status == BH_OK && inputs->count > 0) {
        status = bh_model_quantise(model, inputs->inputs, inputs->count, 8, 8, err);
    }
    bh_examples_clear(&examples);
    bh_examples_clear(&images);
    return status == BH_OK ? bh_model_save(model, o->out, err) : status;
}

static void report_input(const bh_input *in)
{
    if (in->n_columns > 0) {
        printf("inputs: rows of a table, columns: %u\n", in->n_columns);
        return;
    }
    printf("inputs: %ux%ux%u, pixels / 255", in->shape.channels, in->shape.height,
           in->shape.width);
    for (uint32_t c = 0; c < in->shape.channels; c++) {
        printf("%s mean %g deviation %g", c == 0 ? "," : ";", (double)in->mean[c],
               (double)in->dev[c]);
    }
    putchar('\n');
}

static void report(const bh_model *model, const bh_found *found,
                   const import_options *o)
{
    const bh_graph *g = &model->graph;
    char shown[CLI_SHOWN_BYTES];
    printf("%s: %s from %s names, %u layers with weights, %u classes\n",
           cli_shown(shown, sizeof shown, o->out), g->name, found->format,
           found->n_layers, g->n_classes);
    report_input(&g->input);
    if (!g->quantised) {
        puts("not quantised: `serve` takes quantised models; --data or --check gives "
             "the inputs that this needs");
    }
}

static int run_import(const import_options *o)
{
    bh_error err = {0};
    bh_tensors tensors;
    bh_found found;
    bh_model *model = NULL;
    bh_status status = bh_tensors_load(&tensors, o->file, &err);
    if (status == BH_OK) {
        status = convert(&model, &found, &tensors, o, &err);
        status = status == BH_OK ? finish(model, o, &err) : status;
        if (status == BH_OK) {
            report(model, &found, o);
        }
        bh_tensors_clear(&tensors);
    }
    bh_model_free(model);
    return status == BH_OK ? CLI_OK : cli_fail_with(name, &err);
}

static int list(const char *path)
{
    bh_error err = {0};
    bh_tensors tensors;
    int width = 0;
    if (bh_tensors_load(&tensors, path, &err) != BH_OK) {
        return cli_fail_with(name, &err);
    }
    for (size_t i = 0; i < tensors.count; i++) {
        int len = (int)strlen(tensors.items[i].name);
        width = len > width ? len : width;
    }
    width = width < NAME_COLUMNS ? width : NAME_COLUMNS;
    for (size_t i = 0; i < tensors.count; i++) {
        const bh_tensor *t = &tensors.items[i];
        char shown[CLI_SHOWN_BYTES], shape[BH_SHAPE_TEXT_BYTES];
        printf("%-*s  %-7s  %s\n", width, cli_shown(shown, sizeof shown, t->name),
               t->type, bh_shape_text(shape, t->shape, t->rank));
    }
    bh_tensors_clear(&tensors);
    return CLI_OK;
}

int cmd_import(int argc, char **argv)
{
    import_options o;
    int parsed = import_options_parse(&o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (o.list) {
        return list(o.file);
    }
    int status = output_check(name, o.out, OUTPUT_MODEL);
    return status == CLI_OK ? run_import(&o) : status;
}
