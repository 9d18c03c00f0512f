// SPDX-License-Identifier: Apache-2.0
#include "infer/cost.h"

#include <math.h>

#define NS 1e9 // in a second

bh_cost bh_cost_default(void)
{
    return (bh_cost){
        .encrypt = 30e3,
        .decrypt = 11e3,
        .decrypt_place = 5.3,
        .load = 8.5e3,
        .weight = 1.3,
        .product = 9.2e3,
        .answer = 40e3,
        .answer_place = 5.5,
        .byte = 0.5,
        .client_threads = 1,
        .server_threads = 1,
        .link = {BH_LINK_BYTES_PER_SECOND, BH_LINK_RTT_SECONDS},
    };
}

// Time of `count` equal tasks on so many threads.
static double spread(double count, double each, uint32_t threads)
{
    return ceil(count / threads) * each;
}

bh_stages bh_cost_stages(const bh_cost *c, const bh_linear *l, const bh_he *he,
                         unsigned t_bits)
{
    const bh_repeats once = {1, 1};
    double up = (double)bh_linear_bytes_up(l, he, once);
    double down = (double)bh_linear_bytes_down(l, he, t_bits, once);
    double weights = (double)bh_linear_weights(l);
    double places = (double)bh_linear_out_len(l);
    double ns_per_byte = NS / c->link.bytes_per_second;
    return (bh_stages){
        .encrypt = spread(l->n_uploads, c->encrypt, c->client_threads),
        .load = l->n_uploads * c->load,
        .draw = weights * c->weight,
        .answer = l->in_blocks * c->product + c->answer +
                  places / l->n_answers * c->answer_place,
        .decrypt = spread(l->n_answers, c->decrypt, c->client_threads) +
                   places * c->decrypt_place,
        .pass_up = up * c->byte,
        .pass_down = down * c->byte,
        .up = up * ns_per_byte,
        .down = down * ns_per_byte,
        .n_answers = l->n_answers,
    };
}

double bh_stages_work(const bh_stages *s, bh_repeats r)
{
    return r.inputs * (s->encrypt + s->load + 2 * s->pass_up + s->up) +
           r.samples * (s->draw + s->n_answers * s->answer + s->decrypt +
                        2 * s->pass_down + s->down);
}

// Nanoseconds of a transfer at both parties together (bayhenn-bench ot, AVX-512).
#define SOFTSPOKEN_NS 11
#define FERRET_NS     21
#define BOOTSTRAP_NS  45 // of one that Ferret starts from
double bh_cost_transfer(bh_supplier_kind kind)
{
    return kind == BH_SUPPLIER_FERRET ? FERRET_NS : SOFTSPOKEN_NS;
}

// Queries of a session that its setup is shared out among.
#define SETUP_QUERIES 10

// What one query takes with this kind of supplier, in nanoseconds.
static double supplier_cost(const bh_cost *cost, bh_supplier_kind kind,
                            bh_supplier_batch batch)
{
    double transfers = (double)(batch.client_receives + batch.server_receives);
    double bytes = 0, setup = 0;
    for (unsigned step = 0; step < 2; step++) {
        bytes += (double)bh_supplier_batch_bytes(kind, batch, step);
    }
    for (unsigned step = 0; step < BH_SUPPLIER_SETUP_STEPS; step++) {
        setup += (double)bh_supplier_setup_bytes(kind, batch, step);
    }
    bytes += setup / SETUP_QUERIES;
    double first = (double)bh_supplier_bootstrap(kind, batch) / SETUP_QUERIES;
    return transfers * bh_cost_transfer(kind) + first * BOOTSTRAP_NS +
           bytes * (1e9 / cost->link.bytes_per_second + 2 * cost->byte);
}

bh_supplier_kind bh_cost_supplier(const bh_cost *cost, bh_supplier_batch batch)
{
    return supplier_cost(cost, BH_SUPPLIER_FERRET, batch) <
                   supplier_cost(cost, BH_SUPPLIER_SOFTSPOKEN, batch)
               ? BH_SUPPLIER_FERRET
               : BH_SUPPLIER_SOFTSPOKEN;
}
