// SPDX-License-Identifier: Apache-2.0
#include "infer/sealed_cost.h"

#include <math.h>

#define NS 1e9 // in a second

// At both sides together, with what is computed beside them, as `bayhenn-bench
// inference` measures it with AVX-512.
#define COMPARISON_NS 160.0

bh_sealed_count bh_sealed_count_layer(const bh_plan *plan, uint32_t layer)
{
    const bh_script *s = plan->script;
    bh_sealed_count count = {0};
    for (uint32_t i = 0; i < s->n_moves; i++) {
        count.comparisons += s->moves[i].layer == layer ? s->moves[i].gate_len : 0;
    }
    for (uint32_t i = 0; i < s->n_parts; i++) {
        const bh_part *part = &s->parts[i];
        if (s->moves[part->move].layer == layer) {
            *(part->flight % 2 == 0 ? &count.bytes_up : &count.bytes_down) +=
                part->bytes;
            count.flights += i == 0 || s->parts[i - 1].flight != part->flight;
        }
    }
    const bh_plan_layer *l = &plan->layers[layer];
    count.off_by_one = (double)bh_linear_out_len(&l->linear) * l->repeats.samples *
                       l->noise.off_by_one;
    return count;
}

bh_sealed_count bh_sealed_count_all(const bh_plan *plan)
{
    bh_sealed_count sum = {0};
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        bh_sealed_count layer = bh_sealed_count_layer(plan, i);
        sum.comparisons += layer.comparisons;
        sum.bytes_up += layer.bytes_up;
        sum.bytes_down += layer.bytes_down;
        sum.off_by_one += layer.off_by_one;
    }
    sum.flights = plan->script->n_flights;
    return sum;
}

bh_sealed_transfers bh_sealed_transfers_of(const bh_plan *plan)
{
    bh_supplier_batch batch = plan->script->transfers;
    bh_sealed_transfers t = {
        .count = (uint64_t)batch.client_receives + batch.server_receives,
        .bytes_up = bh_supplier_batch_bytes(plan->supplier, batch, 0),
        .bytes_down = bh_supplier_batch_bytes(plan->supplier, batch, 1),
    };
    for (unsigned step = 0; step < BH_SUPPLIER_SETUP_STEPS; step++) {
        *(step % 2 == 0 ? &t.setup_up : &t.setup_down) +=
            bh_supplier_setup_bytes(plan->supplier, batch, step);
    }
    return t;
}

double bh_sealed_logit_deviation(const bh_plan *plan, uint64_t deviation)
{
    const bh_move *m = &plan->script->moves[plan->script->n_moves - 1];
    while (m->kind != BH_MOVE_TRUNCATE) {
        m--; // the last layer's: there is one
    }
    double cut = ldexp(1, (int)m->truncation.f) - 1; // to either neighbour
    return ((double)deviation + cut) * bh_graph_logit_scale(plan->graph);
}

// Ciphertexts of all layers are made, sent, computed on, sent back and decrypted, one
// after the other; the transfers' messages travel with them.
static double preparing(const bh_plan *plan, const bh_cost *cost)
{
    double client = 0, server = 0;
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        const bh_plan_layer *l = &plan->layers[i];
        bh_stages s = bh_cost_stages(cost, &l->linear, plan->he, l->t_bits);
        client += l->repeats.inputs * s.encrypt + l->repeats.samples * s.decrypt;
        server += l->repeats.inputs * s.load +
                  l->repeats.samples * (s.draw + s.n_answers * s.answer);
    }
    bh_sealed_transfers t = bh_sealed_transfers_of(plan);
    bh_plan_totals sum = bh_plan_sum(plan);
    double bytes = (double)(sum.bytes_up + sum.bytes_down + t.bytes_up + t.bytes_down);
    return client + server / cost->server_threads +
           bh_cost_transfer(plan->supplier) * (double)t.count +
           bytes * (2 * cost->byte + NS / cost->link.bytes_per_second) +
           cost->link.rtt_seconds * NS;
}

bh_sealed_latency bh_sealed_latency_of(const bh_plan *plan, const bh_cost *cost)
{
    bh_sealed_count all = bh_sealed_count_all(plan);
    double bytes = (double)(all.bytes_up + all.bytes_down);
    return (bh_sealed_latency){
        .prepare = preparing(plan, cost),
        .online = COMPARISON_NS * (double)all.comparisons +
                  bytes * (2 * cost->byte + NS / cost->link.bytes_per_second) +
                  all.flights * cost->link.rtt_seconds * NS / 2,
    };
}
