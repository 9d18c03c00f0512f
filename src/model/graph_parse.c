// SPDX-License-Identifier: Apache-2.0
// The text form of a network. Files of it come from anywhere: every word is bounded,
// and what the layers mean is for bh_graph_check.
#include <string.h>

#include "base/error.h"
#include "model/graph.h"

#define DIGITS_MAX 9 // so that a number fits in 32 bits

typedef struct parser {
    const char *at;     // what was not read yet
    char word[32];      // the last one, cut; "" at the end of a layer
    uint32_t layer;     // counted from 1
    bool classes_given; // "fc classes" was seen
    bh_graph *g;
    bh_error *err;
} parser;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_end(char c) // of a layer
{
    return c == ',' || c == '\n' || c == '#' || c == '\0';
}

// The next word of the layer; false if there is none.
static bool next_word(parser *p)
{
    size_t len = 0;
    while (is_blank(*p->at)) {
        p->at++;
    }
    for (; !is_blank(*p->at) && !is_end(*p->at); p->at++) {
        if (len + 1 < sizeof p->word) {
            bool printable = *p->at > 0x20 && *p->at < 0x7f;
            p->word[len++] = printable ? *p->at : '?';
        }
    }
    p->word[len] = '\0';
    return len > 0;
}

// Moves to the first word of the next layer; false behind the last one.
static bool next_layer(parser *p)
{
    while (is_blank(*p->at) || (is_end(*p->at) && *p->at != '\0')) {
        p->at += *p->at == '#' ? strcspn(p->at, "\n") : 1;
    }
    p->layer++;
    return next_word(p);
}

static bh_status expected(parser *p, const char *what)
{
    return p->word[0] != '\0'
               ? bh_fail(p->err, BH_ERR_ARG, "layer %u: \"%s\" where %s is expected",
                         p->layer, p->word, what)
               : bh_fail(p->err, BH_ERR_ARG, "layer %u ends where %s is expected",
                         p->layer, what);
}

// The digits at *s, behind which it then is; false if there are none or too many.
static bool take_number(const char **s, uint32_t *out)
{
    size_t len = strspn(*s, "0123456789");
    *out = 0;
    for (size_t i = 0; i < len && i < DIGITS_MAX; i++) {
        *out = *out * 10 + (uint32_t)((*s)[i] - '0');
    }
    *s += len;
    return len > 0 && len <= DIGITS_MAX;
}

static bh_status read_number(parser *p, uint32_t *out, uint32_t least, const char *what)
{
    const char *s = p->word;
    bool ok = next_word(p) && take_number(&s, out) && *s == '\0' && *out >= least;
    return ok ? BH_OK : expected(p, what);
}

// "3x3" or "3".
static bh_status read_window(parser *p, bh_layer *layer)
{
    const char *s = p->word;
    bool ok = next_word(p) && take_number(&s, &layer->kernel_h);
    layer->kernel_w = layer->kernel_h;
    if (ok && *s == 'x') {
        s++;
        ok = take_number(&s, &layer->kernel_w);
    }
    return ok && *s == '\0' ? BH_OK : expected(p, "a window, as in 3x3,");
}

// "pad 1" and "stride 2", in any order, once.
static bh_status read_options(parser *p, bh_layer *layer)
{
    bh_status status = BH_OK;
    bool pads = layer->kind == BH_LAYER_CONV2D;
    while (status == BH_OK && next_word(p)) {
        if (pads && strcmp(p->word, "pad") == 0) {
            status = read_number(p, &layer->pad, 0, "a number of zeroes to pad with");
            pads = false;
        } else if (layer->stride == 0 && strcmp(p->word, "stride") == 0) {
            status = read_number(p, &layer->stride, 1, "a stride, 1 or more,");
        } else {
            status = expected(p, pads ? "pad, stride or the end of the layer"
                                      : "stride or the end of the layer");
        }
    }
    if (status != BH_OK || layer->stride != 0) {
        return status;
    }
    layer->stride = layer->kind == BH_LAYER_CONV2D ? 1 : layer->kernel_h;
    return layer->kind == BH_LAYER_CONV2D || layer->kernel_h == layer->kernel_w
               ? BH_OK
               : expected(p, "the stride of a window that is not square");
}

static bh_status read_conv(parser *p, bh_layer *layer)
{
    bh_status status =
        read_number(p, &layer->out_channels, 1, "a number of channels, 1 or more,");
    if (status == BH_OK) {
        status = read_window(p, layer);
    }
    return status == BH_OK ? read_options(p, layer) : status;
}

static bh_status read_pool(parser *p, bh_layer *layer)
{
    bh_status status = read_window(p, layer);
    return status == BH_OK ? read_options(p, layer) : status;
}

static bh_status read_end(parser *p)
{
    return next_word(p) ? expected(p, "the end of the layer") : BH_OK;
}

static bh_status read_fc(parser *p, bh_layer *layer)
{
    const char *s = p->word;
    if (next_word(p) && strcmp(p->word, "classes") == 0) {
        layer->out_channels = p->g->n_classes;
        p->classes_given = true;
    } else if (!take_number(&s, &layer->out_channels) || *s != '\0' ||
               layer->out_channels < 1) {
        return expected(p, "a number of outputs, 1 or more, or \"classes\"");
    }
    return read_end(p);
}

static bh_status read_rest(parser *p, bh_layer *layer)
{
    switch (layer->kind) {
    case BH_LAYER_CONV2D:
        return read_conv(p, layer);
    case BH_LAYER_FC:
        return read_fc(p, layer);
    case BH_LAYER_MAX_POOL:
    case BH_LAYER_AVG_POOL:
        return read_pool(p, layer);
    default:
        return read_end(p);
    }
}

// 0 for a word that is no kind of layer.
static bh_layer_kind kind_of(const char *word)
{
    static const struct {
        const char *word;
        bh_layer_kind kind;
    } kinds[] = {{"conv", BH_LAYER_CONV2D},    {"fc", BH_LAYER_FC},
                 {"relu", BH_LAYER_RELU},      {"square", BH_LAYER_SQUARE},
                 {"max", BH_LAYER_MAX_POOL},   {"avg", BH_LAYER_AVG_POOL},
                 {"flatten", BH_LAYER_FLATTEN}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(word, kinds[i].word) == 0) {
            return kinds[i].kind;
        }
    }
    return (bh_layer_kind)0;
}

static bh_status read_layer(parser *p)
{
    bh_layer layer = {.kind = kind_of(p->word)};
    if (layer.kind == 0) {
        return expected(p, "conv, relu, square, max, avg, flatten or fc");
    }
    if (p->g->n_layers == BH_GRAPH_LAYERS_MAX) {
        return bh_fail(p->err, BH_ERR_ARG, "more than %d layers", BH_GRAPH_LAYERS_MAX);
    }
    if (p->classes_given && bh_layer_is_linear(&layer)) {
        return expected(p, "no layer with weights, behind \"fc classes\",");
    }
    bh_status status = read_rest(p, &layer);
    p->g->layers[p->g->n_layers++] = layer;
    return status;
}

bh_status bh_graph_from_text(bh_graph *out, const char *text, const char *name,
                             bh_input input, uint32_t n_classes, bh_error *err)
{
    memset(out, 0, sizeof *out);
    if (strlen(name) >= sizeof out->name) {
        return bh_fail(err, BH_ERR_ARG, "the network's name has more than %zu bytes",
                       sizeof out->name - 1);
    }
    memcpy(out->name, name, strlen(name) + 1);
    out->input = input;
    out->n_classes = n_classes;
    parser p = {.at = text, .g = out, .err = err};
    bh_status status = BH_OK;
    while (status == BH_OK && next_layer(&p)) {
        status = read_layer(&p);
    }
    return status == BH_OK ? bh_graph_check(out, err) : status;
}
