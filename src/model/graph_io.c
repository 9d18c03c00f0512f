// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/error.h"
#include "model/graph.h"

static bool has_window(const bh_layer *layer)
{
    return layer->kind == BH_LAYER_CONV2D || layer->kind == BH_LAYER_MAX_POOL ||
           layer->kind == BH_LAYER_AVG_POOL;
}

static void write_quant(const bh_quant *q, bh_writer *w)
{
    bh_writer_f64(w, q->x_scale);
    bh_writer_f64(w, q->w_scale);
    bh_writer_u32(w, q->shift);
    bh_writer_i32(w, q->x_lo);
    bh_writer_i32(w, q->x_hi);
    bh_writer_u32(w, q->w_max);
    bh_writer_u64(w, q->acc_max);
}

static void read_quant(bh_quant *q, bh_reader *r)
{
    q->x_scale = bh_reader_f64(r);
    q->w_scale = bh_reader_f64(r);
    q->shift = bh_reader_u32(r);
    q->x_lo = bh_reader_i32(r);
    q->x_hi = bh_reader_i32(r);
    q->w_max = bh_reader_u32(r);
    q->acc_max = bh_reader_u64(r);
}

static void write_layer(const bh_layer *layer, bool quantised, bh_writer *w)
{
    bh_writer_u8(w, (uint8_t)layer->kind);
    if (bh_layer_is_linear(layer)) {
        bh_writer_u32(w, layer->out_channels);
    }
    if (has_window(layer)) {
        bh_writer_u32(w, layer->kernel_h);
        bh_writer_u32(w, layer->kernel_w);
        bh_writer_u32(w, layer->stride);
    }
    if (layer->kind == BH_LAYER_CONV2D) {
        bh_writer_u32(w, layer->pad);
    }
    if (bh_layer_is_linear(layer) && quantised) {
        write_quant(&layer->quant, w);
    }
}

static void read_layer(bh_layer *layer, bool quantised, bh_reader *r)
{
    uint8_t kind = bh_reader_u8(r);
    if (kind < BH_LAYER_CONV2D || kind > BH_LAYER_FLATTEN) {
        r->status = BH_ERR_ENCODING;
        return;
    }
    layer->kind = (bh_layer_kind)kind;
    if (bh_layer_is_linear(layer)) {
        layer->out_channels = bh_reader_u32(r);
    }
    if (has_window(layer)) {
        layer->kernel_h = bh_reader_u32(r);
        layer->kernel_w = bh_reader_u32(r);
        layer->stride = bh_reader_u32(r);
    }
    if (layer->kind == BH_LAYER_CONV2D) {
        layer->pad = bh_reader_u32(r);
    }
    if (bh_layer_is_linear(layer) && quantised) {
        read_quant(&layer->quant, r);
    }
}

static void write_input(const bh_input *in, bh_writer *w)
{
    bh_writer_u32(w, in->shape.channels);
    bh_writer_u32(w, in->shape.height);
    bh_writer_u32(w, in->shape.width);
    bh_writer_u8(w, (uint8_t)in->normalise);
    for (uint32_t c = 0; c < in->shape.channels; c++) {
        bh_writer_f32(w, in->mean[c]);
        bh_writer_f32(w, in->dev[c]);
    }
    bh_writer_u32(w, in->n_columns);
    for (uint32_t j = 0; j < in->n_columns; j++) {
        bh_writer_f32(w, in->column_mean[j]);
        bh_writer_f32(w, in->column_dev[j]);
    }
}

void bh_graph_write(const bh_graph *g, bh_writer *w)
{
    bh_writer_text(w, g->name);
    bh_writer_text(w, g->dataset);
    bh_writer_u8(w, g->quantised);
    bh_writer_f64(w, g->temperature);
    write_input(&g->input, w);
    bh_writer_u32(w, g->n_layers);
    for (uint32_t i = 0; i < g->n_layers; i++) {
        write_layer(&g->layers[i], g->quantised, w);
    }
    bh_writer_u32(w, g->n_classes);
    for (uint32_t i = 0; i < g->n_classes; i++) {
        bh_writer_text(w, g->class_names[i]);
    }
}

// A count that the arrays of a graph have room for; 0 otherwise.
static uint32_t read_count(bh_reader *r, uint32_t max)
{
    uint32_t count = bh_reader_u32(r);
    if (count > max) {
        r->status = BH_ERR_ENCODING;
        return 0;
    }
    return count;
}

static void read_input(bh_input *in, bh_reader *r)
{
    in->shape.channels = read_count(r, BH_GRAPH_CHANNELS_MAX);
    in->shape.height = bh_reader_u32(r);
    in->shape.width = bh_reader_u32(r);
    in->normalise = (bh_normalise)bh_reader_u8(r);
    for (uint32_t c = 0; c < in->shape.channels; c++) {
        in->mean[c] = bh_reader_f32(r);
        in->dev[c] = bh_reader_f32(r);
    }
    in->n_columns = read_count(r, BH_GRAPH_COLUMNS_MAX);
    for (uint32_t j = 0; j < in->n_columns; j++) {
        in->column_mean[j] = bh_reader_f32(r);
        in->column_dev[j] = bh_reader_f32(r);
    }
}

bh_status bh_graph_read(bh_graph *g, bh_reader *r, bh_error *err)
{
    memset(g, 0, sizeof *g);
    bh_reader_text(r, g->name, sizeof g->name);
    bh_reader_text(r, g->dataset, sizeof g->dataset);
    uint8_t quantised = bh_reader_u8(r);
    g->quantised = quantised == 1;
    g->temperature = bh_reader_f64(r);
    // 0 would become 1, which has an encoding of its own.
    if (quantised > 1 || g->temperature == 0) {
        r->status = BH_ERR_ENCODING;
    }
    read_input(&g->input, r);
    g->n_layers = read_count(r, BH_GRAPH_LAYERS_MAX);
    for (uint32_t i = 0; i < g->n_layers; i++) {
        read_layer(&g->layers[i], g->quantised, r);
    }
    g->n_classes = read_count(r, BH_GRAPH_CLASSES_MAX);
    for (uint32_t i = 0; i < g->n_classes; i++) {
        bh_reader_text(r, g->class_names[i], sizeof g->class_names[i]);
    }
    bh_status status =
        r->status == BH_OK
            ? bh_graph_check(g, err)
            : bh_fail(err, BH_ERR_ENCODING, "the network's description is damaged");
    if (status != BH_OK) {
        memset(g, 0, sizeof *g);
    }
    return status;
}
