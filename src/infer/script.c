// SPDX-License-Identifier: Apache-2.0
#include "infer/script.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "bayhenn/he.h"
#include "infer/schedule.h"
#include "mpc/relu.h"

// A pool: its windows and, since none has more than 2^26 inputs, 26 rounds. Any layer:
// a ReLU; a linear one: itself, clamp, truncation, vote, opening.
#define MOVES_PER_LAYER  28
#define MOVES_PER_LINEAR 8
// What no bound may exceed, so that sums of a few of them do not wrap: far above what
// fits into 28 bits.
#define BOUND_MAX (INT64_C(1) << 40)

// A script in the making, and what is known of the values at this place.
typedef struct builder {
    bh_script *s;
    const bh_graph *g;
    const bh_script_options *options;
    bh_error *err;
    uint32_t layer;      // linear layer
    uint32_t first_move; // of it
    size_t len;          // values, all samples
    int64_t lo, hi;      // their range
    bool relu;           // a ReLU waits
    int64_t largest;     // |value| that has to be told from its negative
} builder;

static bh_status refuse(const builder *b, bh_status status, const char *why)
{
    return bh_fail(b->err, status, "linear layer %u: %s", b->layer + 1, why);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bh_move *emit(builder *b, bh_move_kind kind, size_t out_len)
{
    bh_move *m = &b->s->moves[b->s->n_moves++];
    *m = (bh_move){
        .kind = kind, .layer = b->layer, .in_len = b->len, .out_len = out_len};
    b->len = out_len;
    b->s->longest = m->in_len > b->s->longest ? m->in_len : b->s->longest;
    b->s->longest = out_len > b->s->longest ? out_len : b->s->longest;
    return m;
}

// Values that are compared with zero lie in [lo, hi].
static void require(builder *b, int64_t lo, int64_t hi)
{
    b->largest = larger(b->largest, smaller(larger(-lo, hi), BOUND_MAX));
}

static void emit_rounds(builder *b, uint32_t width)
{
    while (width > 1) {
        size_t windows = b->len / width;
        uint32_t half = (width + 1) / 2;
        bh_move *m = emit(b, BH_MOVE_MAX, windows * half);
        m->width = width;
        m->gate_len = windows * (width / 2);
        require(b, b->lo - b->hi, b->hi - b->lo);
        width = half;
    }
}

static void emit_relu(builder *b)
{
    require(b, b->lo, b->hi);
    emit(b, BH_MOVE_RELU, b->len)->gate_len = b->len;
    b->lo = 0;
    b->relu = false;
}

static void emit_pool(builder *b, const bh_layer *layer)
{
    bool max = layer->kind == BH_LAYER_MAX_POOL;
    if (b->relu && !max) {
        emit_relu(b); // a sum does not commute with it
    }
    uint32_t width = layer->kernel_h * layer->kernel_w;
    size_t windows = b->options->samples * bh_shape_len(layer->out);
    emit(b, BH_MOVE_WINDOWS, windows * width)->pool = layer;
    if (max) {
        emit_rounds(b, width);
        return;
    }
    emit(b, BH_MOVE_SUM, windows)->width = width;
    b->lo = larger(b->lo * (int64_t)width, -BOUND_MAX);
    b->hi = smaller(b->hi * (int64_t)width, BOUND_MAX);
    require(b, b->lo, b->hi);
}

// To the range that the next linear layer takes, q, times 2^shift.
static void emit_clamp(builder *b, const bh_quant *q)
{
    const int64_t unit = INT64_C(1) << q->shift;
    bh_move *m = emit(b, BH_MOVE_CLAMP, b->len);
    m->base = q->x_lo * unit;
    m->lo = b->relu ? larger(0, m->base) : m->base;
    m->hi = q->x_hi * unit - (q->shift > 0); // so that no rounding ends above x_hi
    m->has_lo = b->lo < m->lo;
    m->has_hi = b->hi > m->hi;
    m->gate_len = b->len * (size_t)(m->has_lo + m->has_hi);
    if (m->has_lo) {
        require(b, b->lo - m->lo, b->hi - m->lo);
    }
    if (m->has_hi) {
        require(b, b->lo - m->hi, b->hi - m->hi);
    }
    b->relu = false;
    b->lo = 0;
    b->hi = smaller(b->hi, m->hi) - m->base;
    require(b, 0, b->hi);
}

static bh_status emit_segment(builder *b)
{
    const bh_layer *layer = &b->g->layers[bh_graph_linear_index(b->g, b->layer) + 1];
    for (; !bh_layer_is_linear(layer); layer++) {
        switch (layer->kind) {
        case BH_LAYER_RELU:
            b->relu = true;
            break;
        case BH_LAYER_MAX_POOL:
        case BH_LAYER_AVG_POOL:
            emit_pool(b, layer);
            break;
        case BH_LAYER_FLATTEN:
            break;
        default:
            return refuse(b, BH_ERR_PARAMS,
                          "squares behind it cannot be computed under guard "
                          "'sealed'; 'sampled' can");
        }
    }
    if (layer->quant.shift >= BH_T_BITS_MAX) {
        return refuse(b, BH_ERR_RANGE, "its results are shifted by 28 bits or more");
    }
    emit_clamp(b, &layer->quant);
    require(b, 0, INT64_C(1) << layer->quant.shift);
    bh_move *m = emit(b, BH_MOVE_TRUNCATE, b->len);
    m->truncation = (bh_truncation){.count = b->len, .f = layer->quant.shift};
    m->behind = layer->quant.x_lo;
    return BH_OK;
}

unsigned bh_script_logit_shift(const bh_graph *graph, unsigned logit_bits,
                               unsigned t_bits)
{
    double shift = floor(-(double)logit_bits - log2(bh_graph_logit_scale(graph)));
    double most = (double)t_bits - 2;
    return shift <= 0 ? 0 : (unsigned)(shift < most ? shift : most);
}

static unsigned bits_of(uint64_t v)
{
    unsigned bits = 0;
    for (; v >> bits != 0 && bits < 64; bits++) {
    }
    return bits;
}

static bh_status emit_vote(builder *b, unsigned logit_bits)
{
    const uint32_t classes = b->g->n_classes;
    unsigned index_bits = classes > 1 ? bits_of(classes - 1) : 1;
    // Logits are at most 2^logit_bits, one more by rounding.
    uint64_t sum = b->options->samples * ((UINT64_C(1) << logit_bits) + 1);
    if (bits_of(sum) + index_bits >= BH_SCRIPT_VOTE_BITS) {
        return refuse(b, BH_ERR_RANGE,
                      "the sum of its logits and a class need more than 31 bits; keep "
                      "fewer fraction bits, or take fewer samples");
    }
    emit(b, BH_MOVE_VOTE, classes)->index_bits = index_bits;
    emit_rounds(b, classes);
    emit(b, BH_MOVE_OPEN, 1)->index_bits = index_bits;
    return BH_OK;
}

// Logits, moved so that none is negative, lose what nobody is to see.
static bh_status emit_logits(builder *b)
{
    bool label = b->options->reveal == BH_REVEAL_LABEL;
    require(b, 0, 2 * b->hi + 1); // one bit for the offset
    unsigned l = bits_of((uint64_t)b->largest) + 1;
    unsigned f = bh_script_logit_shift(b->g, b->options->logit_bits, l);
    bh_move *m = emit(b, BH_MOVE_TRUNCATE, b->len);
    m->truncation = (bh_truncation){.count = b->len, .f = f};
    m->truncation.k = label ? BH_SCRIPT_VOTE_BITS : l - f;
    m->before = INT64_C(1) << (l - 2);
    m->client_chooses = true;
    if (label) {
        return emit_vote(b, l - 1 - f);
    }
    emit(b, BH_MOVE_OPEN, b->len);
    return BH_OK;
}

// Behind the last layer's truncation the modulus is another one.
static void set_bits(builder *b, unsigned l)
{
    unsigned bits = l;
    for (uint32_t i = b->first_move; i < b->s->n_moves; i++) {
        bh_move *m = &b->s->moves[i];
        m->bits = bits;
        if (m->kind == BH_MOVE_TRUNCATE) {
            m->truncation.l = l;
            bits = m->truncation.k;
        }
        // The truncation in front of this layer gives what it takes.
        if (m->kind == BH_MOVE_LINEAR && i > 0) {
            b->s->moves[i - 1].truncation.k = l;
        }
    }
}

static bh_status add_layer(builder *b, unsigned *t_bits)
{
    const bh_layer *layer = &b->g->layers[bh_graph_linear_index(b->g, b->layer)];
    b->first_move = b->s->n_moves;
    b->largest = BH_INPUT_MAX;
    b->len = bh_script_inputs(b->s, b->layer) * bh_shape_len(layer->in);
    emit(b, BH_MOVE_LINEAR, b->s->samples * bh_shape_len(layer->out));
    b->hi = (int64_t)layer->quant.acc_max;
    b->lo = -b->hi;
    b->relu = false;
    require(b, b->lo, b->hi);
    bool last = b->layer + 1 == b->s->n_layers;
    bh_status status = last ? emit_logits(b) : emit_segment(b);
    if (status != BH_OK) {
        return status;
    }
    *t_bits = bits_of((uint64_t)b->largest) + 1;
    if (*t_bits > BH_T_BITS_MAX) {
        return refuse(b, BH_ERR_RANGE,
                      "its accumulators and their differences need more than 28 bits; "
                      "quantise to fewer bits");
    }
    set_bits(b, *t_bits);
    return BH_OK;
}

bh_status bh_script_new(bh_script **out, unsigned *t_bits, const bh_graph *graph,
                        const bh_script_options *options, bh_error *err)
{
    *out = NULL;
    bh_script *s = bh_alloc(1, sizeof *s);
    if (s == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    s->samples = options->samples;
    s->n_layers = bh_graph_linear_count(graph);
    size_t most = (size_t)graph->n_layers * MOVES_PER_LAYER +
                  (size_t)s->n_layers * MOVES_PER_LINEAR;
    s->moves = bh_alloc(most, sizeof *s->moves);
    s->parts = bh_alloc(most, BH_RELU_STEPS * sizeof *s->parts);
    if (s->moves == NULL || s->parts == NULL) {
        bh_script_free(s);
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    bh_status status = BH_OK;
    builder b = {.s = s, .g = graph, .options = options, .err = err};
    for (uint32_t i = 0; i < s->n_layers && status == BH_OK; i++) {
        b.layer = i;
        status = add_layer(&b, &t_bits[i]);
    }
    if (status == BH_OK) {
        status = bh_schedule(s) == BH_OK ? BH_OK : bh_fail_plain(err, BH_ERR_NOMEM);
    }
    if (status != BH_OK) {
        bh_script_free(s);
        return status;
    }
    *out = s;
    return BH_OK;
}

void bh_script_free(bh_script *s)
{
    if (s != NULL) {
        bh_free(s->moves);
        bh_free(s->parts);
        bh_free(s->flight_bytes);
        bh_free(s->flight_layers);
        bh_free(s);
    }
}
