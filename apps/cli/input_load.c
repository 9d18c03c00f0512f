// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "data/rows.h"
#include "input.h"

// What is being read. Neighbours in a list often share a file, so the last one of each
// kind stays open.
typedef struct loader {
    const char *command;
    const bh_client *client;
    bh_client_facts facts;
    const char *label;
    bh_images images;
    const char *images_path; // NULL: none
    bh_rows *rows;
    const char *rows_path;
    float *values; // of a row
} loader;

static void loader_clear(loader *l)
{
    bh_images_clear(&l->images);
    bh_rows_close(l->rows);
    free(l->values);
}

static int load_png(const loader *l, input *item)
{
    bh_error err = {0};
    const bh_shape shape = {l->facts.channels, l->facts.height, l->facts.width};
    return bh_png_load(item->pixels, shape, item->path, &err) == BH_OK
               ? CLI_OK
               : cli_fail_with(l->command, &err);
}

static int open_images(loader *l, const char *path)
{
    bh_error err = {0};
    if (l->images_path != NULL && strcmp(l->images_path, path) == 0) {
        return CLI_OK;
    }
    bh_images_clear(&l->images);
    l->images_path = NULL;
    if (bh_idx_load_images(&l->images, path, &err) != BH_OK) {
        return cli_fail_with(l->command, &err);
    }
    l->images_path = path;
    return CLI_OK;
}

static int load_idx(loader *l, input *item)
{
    const bh_client_facts *f = &l->facts;
    const bh_shape *own = &l->images.shape;
    int status = open_images(l, item->path);
    if (status != CLI_OK) {
        return status;
    }
    if (own->channels != f->channels || own->height != f->height ||
        own->width != f->width) {
        return cli_fail(l->command,
                        "the images of %s are %ux%u with %u channels, the model takes "
                        "%ux%u with %u",
                        item->path, own->width, own->height, own->channels, f->width,
                        f->height, f->channels);
    }
    if (item->index >= l->images.count) {
        return cli_fail(l->command, "%s holds %zu images: there is no number %zu",
                        item->path, l->images.count, item->index);
    }
    const size_t len = bh_shape_len(*own);
    memcpy(item->pixels, l->images.pixels + item->index * len, len);
    return CLI_OK;
}

static bh_status open_rows(loader *l, const char *path, bh_error *err)
{
    if (l->rows_path != NULL && strcmp(l->rows_path, path) == 0) {
        return BH_OK;
    }
    bh_rows_close(l->rows);
    l->rows_path = NULL;
    bh_status status = bh_rows_open(&l->rows, path, l->label, l->facts.columns, err);
    l->rows_path = status == BH_OK ? path : NULL;
    return status;
}

static int load_row(loader *l, input *item)
{
    bh_error err = {0};
    const uint32_t columns = l->facts.columns;
    if (l->values == NULL && (l->values = calloc(columns, sizeof(float))) == NULL) {
        return cli_fail(l->command, "out of memory");
    }
    bh_status status = open_rows(l, item->path, &err);
    if (status == BH_OK) {
        status = bh_rows_read(l->rows, l->values, item->index, &err);
    }
    if (status == BH_OK) {
        status =
            bh_client_encode_row(l->client, item->pixels, l->values, columns, &err);
    }
    return status == BH_OK ? CLI_OK : cli_fail(l->command, "%s", err.message);
}

static int load(loader *l, input *item)
{
    const bh_client_facts *f = &l->facts;
    if ((item->kind == INPUT_ROW) != (f->columns > 0)) {
        return f->columns > 0
                   ? cli_fail(
                         l->command,
                         "%s is an image, and the model takes rows of a table with "
                         "%u columns of numbers: FILE.csv:7 or FILE.csv:0-19",
                         item->name, f->columns)
                   : cli_fail(l->command,
                              "%s is a row of a table, and the model takes images of "
                              "%ux%u: a PNG file, or images of an IDX file",
                              item->name, f->width, f->height);
    }
    item->pixels = malloc((size_t)f->channels * f->height * f->width);
    if (item->pixels == NULL) {
        return cli_fail(l->command, "out of memory");
    }
    return item->kind == INPUT_ROW   ? load_row(l, item)
           : item->kind == INPUT_IDX ? load_idx(l, item)
                                     : load_png(l, item);
}

int inputs_load(const char *command, inputs *in, const bh_client *client)
{
    loader l = {.command = command,
                .client = client,
                .facts = bh_client_get_facts(client),
                .label = in->label};
    int status = CLI_OK;
    for (size_t i = 0; i < in->count && status == CLI_OK; i++) {
        status = load(&l, &in->items[i]);
    }
    loader_clear(&l);
    return status;
}
