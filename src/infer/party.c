// SPDX-License-Identifier: Apache-2.0
#include "infer/party.h"

#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "infer/moves.h"
#include "infer/shares.h"
#include "mpc/bits.h"

static bh_status write_part(bh_party *p, const bh_part *part, uint8_t *out)
{
    const bh_move *m = &p->plan->script->moves[part->move];
    bh_gate *g = &p->gates[m->gate % 2];
    switch (part->kind) {
    case BH_PART_INPUT:
        bh_bits_pack(out, p->input, m->in_len, m->bits);
        // Public: masked by r, uniform, of which the server has only an encryption.
        BH_DECLASSIFY(out, part->bytes);
        p->input_waits = false;
        // The next layer's input may be known already, if no message is between them.
        return bh_moves_current(p)->kind == BH_MOVE_LINEAR ? bh_moves_run(p) : BH_OK;
    case BH_PART_GATE:
        bh_relu_write(g->relu, part->step, out);
        if (part->step + 1 == BH_RELU_STEPS) {
            bh_moves_end_gate(g);
        }
        break;
    case BH_PART_TRUNCATION:
        if (part->step == 0) {
            p->choices = bh_rot_take_received(&p->unit->receive,
                                              bh_truncate_needs(&m->truncation));
            bh_truncate_choose(&m->truncation, out, p->values, p->choices);
        } else {
            memcpy(out, p->reply, part->bytes);
        }
        break;
    case BH_PART_OPENING:
        bh_bits_pack(out, p->values, m->in_len, bh_move_opened_bits(m));
        // Public: with the client's share, uniform, it is the result, which is
        // revealed.
        BH_DECLASSIFY(out, part->bytes);
        break;
    }
    return BH_OK;
}

static bh_status read_gate(bh_party *p, const bh_move *m, unsigned step,
                           const uint8_t *in)
{
    bh_gate *g = &p->gates[m->gate % 2];
    bh_relu_read(g->relu, step, in);
    if (step + 2 < BH_RELU_STEPS) {
        return BH_OK;
    }
    bh_moves_take_gate(p, m);
    if (step + 1 == BH_RELU_STEPS) { // the other party still has to write
        bh_moves_end_gate(g);
    }
    return bh_moves_next(p);
}

static bh_status read_truncation(bh_party *p, const bh_move *m, unsigned step,
                                 const uint8_t *in)
{
    if (step == 0) {
        bh_rot_sent pads =
            bh_rot_take_sent(&p->unit->send, bh_truncate_needs(&m->truncation));
        bh_truncate_answer(&m->truncation, p->reply, p->next, p->values, in, pads);
    } else {
        bh_truncate_finish(&m->truncation, p->next, p->values, in, p->choices);
    }
    bh_moves_end_truncation(p, m);
    return bh_moves_next(p);
}

static void read_opening(bh_party *p, const bh_move *m, const uint8_t *in)
{
    unsigned bits = bh_move_opened_bits(m);
    bh_bits_unpack(p->opened, in, m->in_len, bits);
    bh_shares_sum(p->opened, p->opened, p->values, m->in_len);
    for (size_t i = 0; i < m->in_len; i++) {
        p->opened[i] &= bh_bits_mask(bits);
    }
    // The result belongs to the caller; what happens to it is no longer constant time.
    BH_DECLASSIFY(p->opened, m->in_len * sizeof *p->opened);
}

static bh_status read_part(bh_party *p, const bh_part *part, const uint8_t *in)
{
    const bh_move *m = &p->plan->script->moves[part->move];
    switch (part->kind) {
    case BH_PART_INPUT:
        bh_bits_unpack(p->input, in, m->in_len, m->bits);
        bh_moves_server_linear(p, m);
        return bh_moves_next(p);
    case BH_PART_GATE:
        return read_gate(p, m, part->step, in);
    case BH_PART_TRUNCATION:
        return read_truncation(p, m, part->step, in);
    case BH_PART_OPENING:
        read_opening(p, m, in);
        break;
    }
    return BH_OK;
}

// The parts of the flight in turn; those without bytes are there for both parties'
// count only.
static bh_status do_flight(bh_party *p, uint8_t *out, const uint8_t *in)
{
    const bh_script *s = p->plan->script;
    size_t at = 0;
    bh_status status = BH_OK;
    for (; status == BH_OK && p->part < s->n_parts &&
           s->parts[p->part].flight == p->flight;
         p->part++) {
        const bh_part *part = &s->parts[p->part];
        if (part->bytes > 0 && out != NULL) {
            status = write_part(p, part, out + at);
        } else if (part->bytes > 0) {
            status = read_part(p, part, in + at);
        }
        at += part->bytes;
    }
    p->flight++;
    return status;
}

bh_status bh_party_write(bh_party *p, uint8_t *message)
{
    return do_flight(p, message, NULL);
}

bh_status bh_party_read(bh_party *p, const uint8_t *message)
{
    return do_flight(p, NULL, message);
}

static size_t longest_reply(const bh_script *s)
{
    size_t longest = 0;
    for (uint32_t i = 0; i < s->n_parts; i++) {
        bool is_reply = s->parts[i].kind == BH_PART_TRUNCATION && s->parts[i].step == 1;
        if (is_reply && s->parts[i].bytes > longest) {
            longest = s->parts[i].bytes;
        }
    }
    return longest;
}

bh_status bh_party_begin(bh_party *p, const bh_plan *plan, bool is_client,
                         bh_unit *unit, const int64_t *x)
{
    const bh_script *s = plan->script;
    *p = (bh_party){.plan = plan, .is_client = is_client, .unit = unit};
    p->values = bh_alloc(s->longest, sizeof *p->values);
    p->next = bh_alloc(s->longest, sizeof *p->next);
    p->input = bh_alloc(s->longest, sizeof *p->input);
    p->reply = bh_alloc(longest_reply(s), 1);
    size_t n_opened = is_client ? s->moves[s->n_moves - 1].in_len : 0;
    p->opened = bh_alloc(n_opened, sizeof *p->opened);
    if (p->values == NULL || p->next == NULL || p->input == NULL || p->reply == NULL ||
        p->opened == NULL) {
        return BH_ERR_NOMEM;
    }
    bh_status status = bh_cpu_pick(&p->cpu, NULL);
    if (status != BH_OK) {
        return status;
    }
    for (size_t i = 0; is_client && i < s->moves[0].in_len; i++) {
        p->values[i] = (uint32_t)x[i];
    }
    return bh_moves_run(p);
}

bh_unit *bh_party_release(bh_party *p)
{
    bh_unit *unit = p->unit;
    p->unit = NULL;
    bh_party_clear(p);
    if (unit != NULL) {
        bh_unit_wipe(unit);
    }
    return unit;
}

void bh_party_clear(bh_party *p)
{
    bh_unit_free(p->unit);
    bh_free(p->values);
    bh_free(p->next);
    bh_free(p->input);
    bh_free(p->reply);
    bh_free(p->opened);
    bh_moves_end_gate(&p->gates[0]);
    bh_moves_end_gate(&p->gates[1]);
    *p = (bh_party){0};
}

// Truncation gives (v + 1) / 2^f in the mean.
void bh_party_logits(const bh_party *p, double *logits)
{
    const bh_script *s = p->plan->script;
    const bh_move *open = &s->moves[s->n_moves - 1], *cut = open - 1;
    double scale = bh_graph_logit_scale(p->plan->graph);
    double unit = (double)(UINT64_C(1) << cut->truncation.f);
    double offset = (double)cut->before + (cut->truncation.f > 0);
    for (size_t i = 0; i < open->in_len; i++) {
        logits[i] = ((double)p->opened[i] * unit - offset) * scale;
    }
}

uint32_t bh_party_label(const bh_party *p)
{
    const bh_script *s = p->plan->script;
    const bh_move *open = &s->moves[s->n_moves - 1];
    uint32_t label = bh_bits_mask(open->index_bits) - p->opened[0];
    // Any index of fewer classes than 2^index_bits is possible only from a server that
    // deviates.
    uint32_t last = p->plan->graph->n_classes - 1;
    return label < last ? label : last;
}
