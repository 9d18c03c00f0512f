// SPDX-License-Identifier: Apache-2.0
#include "infer/moves.h"

#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "infer/shares.h"
#include "linear/plain.h"

static void swap_values(bh_party *p)
{
    uint32_t *values = p->values;
    p->values = p->next;
    p->next = values;
}

// Public numbers are added to the server's share.
static uint32_t constant(const bh_party *p, int64_t v)
{
    return p->is_client ? 0 : (uint32_t)v;
}

static bh_status begin_gate(bh_party *p, const bh_move *m)
{
    bh_gate *g = &p->gates[m->gate % 2];
    g->d = bh_alloc(m->gate_len, sizeof *g->d);
    if (g->d == NULL) {
        return BH_ERR_NOMEM;
    }
    if (m->kind == BH_MOVE_MAX) {
        bh_shares_differences(g->d, p->values, m->in_len / m->width, m->width);
    } else if (m->kind == BH_MOVE_RELU) {
        memcpy(g->d, p->values, m->in_len * sizeof *g->d);
    } else {
        uint32_t *d = g->d;
        if (m->has_lo) {
            bh_shares_add(d, p->values, constant(p, -m->lo), m->in_len);
            d += m->in_len;
        }
        if (m->has_hi) {
            bh_shares_add(d, p->values, constant(p, -m->hi), m->in_len);
        }
    }
    return bh_relu_new(&g->relu, m->client_is_x == p->is_client, m->gate_len, m->bits,
                       g->d, &p->unit->receive, &p->unit->send);
}

void bh_moves_end_gate(bh_gate *g)
{
    bh_relu_free(g->relu);
    bh_free(g->d);
    *g = (bh_gate){0};
}

// w = lo - base + max(v - lo, 0) - max(v - hi, 0).
static void clamp(bh_party *p, const bh_move *m, const uint32_t *relu)
{
    const uint32_t *low = m->has_lo ? relu : p->values;
    const uint32_t *high = m->has_lo ? relu + m->in_len : relu;
    uint32_t offset = constant(p, (m->has_lo ? m->lo : 0) - m->base);
    bh_shares_add(p->next, low, offset, m->in_len);
    if (m->has_hi) {
        bh_shares_subtract(p->next, p->next, high, m->in_len);
    }
    swap_values(p);
}

// This party has its share of a gate's result.
void bh_moves_take_gate(bh_party *p, const bh_move *m)
{
    const uint32_t *relu = bh_relu_result(p->gates[m->gate % 2].relu);
    if (m->kind == BH_MOVE_MAX) {
        bh_shares_winners(p->next, p->values, relu, m->in_len / m->width, m->width);
        swap_values(p);
    } else if (m->kind == BH_MOVE_RELU) {
        memcpy(p->values, relu, m->in_len * sizeof *relu);
    } else {
        clamp(p, m, relu);
    }
}

// The client's share of a layer's result has been there since the unit was made; what
// is left of the input goes to the server.
static void client_linear(bh_party *p, const bh_move *m)
{
    bh_shares_subtract(p->input, p->values, p->unit->input[m->layer], m->in_len);
    memcpy(p->values, p->unit->output[m->layer], m->out_len * sizeof *p->values);
    p->input_waits = true;
    BH_HOOK_CALL(on_shares, p->is_client, m->layer, 0, p->values, m->out_len);
}

// p->input has come: the input less r, without the server's share of the input, which
// is in values (none at the first layer).
void bh_moves_server_linear(bh_party *p, const bh_move *m)
{
    const bh_script *s = p->plan->script;
    const bh_linear_shape shape = bh_plan_shape(p->plan, m->layer);
    size_t out_len = m->out_len / s->samples;
    size_t in_len = m->in_len / bh_script_inputs(s, m->layer);
    size_t n_weights = (size_t)bh_linear_weights(&p->plan->layers[m->layer].linear);
    if (m->layer > 0) {
        bh_shares_sum(p->input, p->input, p->values, m->in_len);
    }
    for (uint32_t k = 0; k < s->samples; k++) {
        const uint32_t *x = p->input + (m->layer > 0 ? k * in_len : 0);
        bh_plain_linear(&shape, p->values + k * out_len, x,
                        p->unit->weights[m->layer] + k * n_weights, p->cpu);
    }
    bh_shares_sum(p->values, p->values, p->unit->output[m->layer], m->out_len);
    BH_HOOK_CALL(on_shares, p->is_client, m->layer, 0, p->values, m->out_len);
}

static void begin_truncation(bh_party *p, const bh_move *m)
{
    bh_shares_add(p->values, p->values, constant(p, m->before), m->in_len);
    BH_HOOK_CALL(on_shares, p->is_client, m->layer, 1, p->values, m->in_len);
}

void bh_moves_end_truncation(bh_party *p, const bh_move *m)
{
    swap_values(p);
    bh_shares_add(p->values, p->values, constant(p, m->behind), m->in_len);
    BH_HOOK_CALL(on_shares, p->is_client, m->layer, 2, p->values, m->in_len);
}

// Without messages: where the new modulus is small enough.
static void truncate_alone(bh_party *p, const bh_move *m)
{
    if (m->client_chooses == p->is_client) {
        bh_truncate_finish(&m->truncation, p->next, p->values, NULL,
                           (bh_rot_received){0});
    } else {
        bh_truncate_answer(&m->truncation, NULL, p->next, p->values, NULL,
                           (bh_rot_sent){0});
    }
    bh_moves_end_truncation(p, m);
}

static void vote(bh_party *p, const bh_move *m)
{
    const uint32_t classes = (uint32_t)m->out_len;
    for (uint32_t c = 0; c < classes; c++) {
        uint32_t sum = 0;
        for (uint32_t k = 0; k < p->plan->samples; k++) {
            sum += p->values[(size_t)k * classes + c];
        }
        // Of equal sums the first class wins.
        p->next[c] =
            (sum << m->index_bits) + constant(p, (INT64_C(1) << m->index_bits) - 1 - c);
    }
    swap_values(p);
}

// One local move, or the beginning of one that takes messages. *waits: it does.
static bh_status make_move(bh_party *p, const bh_move *m, bool *waits)
{
    *waits = m->gate_len > 0;
    if (*waits) {
        return begin_gate(p, m);
    }
    switch (m->kind) {
    case BH_MOVE_LINEAR:
        *waits = !p->is_client || p->input_waits;
        if (!*waits) {
            client_linear(p, m);
        }
        break;
    case BH_MOVE_WINDOWS:
        bh_shares_windows(p->next, p->values, m->pool, p->plan->samples);
        swap_values(p);
        break;
    case BH_MOVE_SUM:
        bh_shares_sums(p->next, p->values, m->out_len, m->width);
        swap_values(p);
        break;
    case BH_MOVE_CLAMP:
        clamp(p, m, p->values); // no ReLU is asked for
        break;
    case BH_MOVE_TRUNCATE:
        begin_truncation(p, m);
        *waits = bh_truncate_needs(&m->truncation) > 0;
        if (!*waits) {
            truncate_alone(p, m);
        }
        break;
    case BH_MOVE_VOTE:
        vote(p, m);
        break;
    default: // BH_MOVE_OPEN; a tournament of one is no gate and changes nothing
        *waits = m->kind == BH_MOVE_OPEN;
        break;
    }
    return BH_OK;
}

// Goes on until a message is needed.
bh_status bh_moves_run(bh_party *p)
{
    bh_status status = BH_OK;
    for (bool waits = false; status == BH_OK && !waits;) {
        status = make_move(p, bh_moves_current(p), &waits);
        p->move += !waits;
    }
    return status;
}

bh_status bh_moves_next(bh_party *p)
{
    p->move++;
    return bh_moves_run(p);
}
