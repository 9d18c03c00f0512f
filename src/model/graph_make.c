// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/graph.h"

#define MLP "mlp:"

// A fully connected layer, behind a ReLU if it is not the first one; false if there is
// no room.
static bool add(bh_graph *g, uint32_t outputs)
{
    if (g->n_layers + 2 > BH_GRAPH_LAYERS_MAX) {
        return false;
    }
    if (g->n_layers > 0) {
        g->layers[g->n_layers++] = (bh_layer){.kind = BH_LAYER_RELU};
    }
    g->layers[g->n_layers++] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = outputs};
    return true;
}

// The layers of "AxBxC", behind A inputs; false if it is no such list, or too long a
// one.
static bool add_all(bh_graph *g, uint32_t *inputs, const char *sizes)
{
    for (;;) {
        char *end;
        unsigned long size =
            *sizes >= '0' && *sizes <= '9' ? strtoul(sizes, &end, 10) : 0;
        if (size < 1 || size > BH_GRAPH_VALUES_MAX) {
            return false;
        }
        if (*inputs == 0) {
            *inputs = (uint32_t)size;
        } else if (!add(g, (uint32_t)size)) {
            return false;
        }
        if (*end != 'x') {
            return *end == '\0' && g->n_layers > 0;
        }
        sizes = end + 1;
    }
}

static bh_status make_mlp(bh_graph *out, const char *net, bh_input input,
                          uint32_t n_classes, bh_error *err)
{
    uint32_t inputs = 0;
    if (!add_all(out, &inputs, net + strlen(MLP))) {
        return bh_fail(err, BH_ERR_ARG,
                       "\"%.64s\" is not mlp:AxBx..xC, numbers with x between: inputs, "
                       "hidden units, classes",
                       net);
    }
    uint32_t outputs = out->layers[out->n_layers - 1].out_channels;
    if (inputs != bh_shape_len(input.shape)) {
        return bh_fail(err, BH_ERR_ARG, "%.64s has %u inputs for data of %zu values",
                       net, inputs, bh_shape_len(input.shape));
    }
    if (outputs != n_classes) {
        return bh_fail(err, BH_ERR_ARG, "%.64s has %u outputs for %u classes", net,
                       outputs, n_classes);
    }
    memcpy(out->name, "mlp", sizeof "mlp");
    out->input = input;
    out->n_classes = n_classes;
    return bh_graph_check(out, err);
}

bh_status bh_graph_make(bh_graph *out, const char *net, bh_input input,
                        uint32_t n_classes, bh_error *err)
{
    bh_error inner = {0};
    memset(out, 0, sizeof *out);
    if (strncmp(net, MLP, strlen(MLP)) == 0) {
        return make_mlp(out, net, input, n_classes, err);
    }
    if (strpbrk(net, " \t\n,") != NULL) {
        return bh_graph_from_text(out, net, "custom", input, n_classes, err);
    }
    bh_status status = bh_graph_check_named(net, &inner);
    if (status != BH_OK) {
        return bh_fail(err, status,
                       "%.150s; others are mlp:AxBxC and lists of layers, as in "
                       "\"conv 8 3x3, relu, fc classes\"",
                       inner.message);
    }
    return bh_graph_named(out, net, input, n_classes, err);
}
