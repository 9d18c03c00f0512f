// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"
#include "base/random.h"
#include "infer/sealed.h"
#include "model/input.h"
#include "mpc/bits.h"

bh_status bh_sealed_client_init(bh_sealed_client *c, const bh_plan *plan,
                                const bh_secret_key *sk, bh_pool *pool,
                                const uint8_t transcript[32])
{
    *c = (bh_sealed_client){.plan = plan, .sk = sk, .pool = pool};
    const bh_plan_largest most = bh_plan_largest_of(plan);
    size_t len = most.in > most.out ? most.in : most.out;
    const bh_graph *g = plan->graph;
    c->real = bh_alloc(bh_shape_len(g->input.shape), sizeof *c->real);
    c->x = bh_alloc(len, sizeof *c->x);
    c->starts = bh_alloc(most.n_answers, sizeof *c->starts);
    c->logits = bh_alloc(plan->samples, g->n_classes * sizeof *c->logits);
    if (c->real == NULL || c->x == NULL || c->starts == NULL || c->logits == NULL) {
        return BH_ERR_NOMEM;
    }
    bh_status status =
        bh_client_scratch_new(&c->scratch, plan->he, bh_pool_threads(pool));
    return status == BH_OK ? bh_supplier_new(&c->supplier, plan->supplier,
                                             plan->script->transfers, true, transcript)
                           : status;
}

void bh_sealed_client_clear(bh_sealed_client *c)
{
    bh_supplier_free(c->supplier);
    bh_client_scratch_free(c->scratch, bh_pool_threads(c->pool));
    bh_free(c->real);
    bh_free(c->x);
    bh_free(c->starts);
    bh_free(c->logits);
    bh_unit_free(c->making);
    bh_units_clear(&c->ready);
    bh_party_clear(&c->party);
    bh_wipe(c, sizeof *c);
}

// What the tasks of one run share.
typedef struct run {
    bh_sealed_client *client;
    uint32_t layer;
    const uint8_t *answer;
} run;

// The client's share of one input: uniform modulo 2^l.
static bh_status draw_input(bh_sealed_client *c, bh_stream *stream, uint32_t layer,
                            uint32_t input)
{
    size_t len = bh_linear_in_len(&c->plan->layers[layer].linear);
    unsigned l = c->plan->layers[layer].t_bits;
    uint32_t *r = c->making->input[layer] + input * len;
    bh_status status = bh_stream_read(stream, r, len * sizeof *r);
    for (size_t i = 0; i < len; i++) {
        r[i] &= bh_bits_mask(l);
        // In [-2^(l-1), 2^(l-1)), as messages are.
        c->x[i] = (int64_t)((uint64_t)r[i] << (64 - l)) >> (64 - l);
    }
    return status;
}

static bh_status upload(bh_sealed_client *c, uint8_t *out, bh_stream *stream)
{
    bh_status status = BH_OK;
    for (uint32_t i = 0; i < c->plan->n_layers; i++) {
        const bh_linear *l = &c->plan->layers[i].linear;
        for (uint32_t k = 0; k < bh_script_inputs(c->plan->script, i); k++) {
            bh_client_upload one = {c->plan, c->sk,      c->scratch, c->x,
                                    i,       c->counter, out};
            if (status == BH_OK) {
                status = draw_input(c, stream, i, k);
            }
            if (status == BH_OK) {
                status = bh_pool_run(c->pool, l->n_uploads, bh_client_encrypt, &one);
            }
            // Moved on even after a failure: no uniform part may serve twice (R8).
            c->counter += l->n_uploads;
            out += bh_plan_upload_bytes(c->plan, i);
        }
    }
    return status;
}

// A stream of its own for the shares of one query.
static bh_status start_stream(bh_stream **out)
{
    uint8_t seed[BH_SEED_BYTES];
    bh_stream_key key;
    bh_status status = bh_random_bytes(seed, sizeof seed);
    if (status == BH_OK) {
        status = bh_stream_key_derive(&key, seed, "input shares", NULL);
    }
    if (status == BH_OK) {
        status = bh_stream_new(out);
    }
    if (status == BH_OK) {
        status = bh_stream_start(*out, &key, 0);
    }
    bh_wipe(seed, sizeof seed);
    bh_wipe(&key, sizeof key);
    return status;
}

bh_status bh_sealed_client_prepare(bh_sealed_client *c, uint8_t *out)
{
    bh_stream *stream = NULL;
    bh_status status = bh_units_room(&c->ready, &c->making, c->plan, true);
    if (status == BH_OK) {
        status = start_stream(&stream);
    }
    if (status == BH_OK) {
        status = upload(c, out, stream);
    }
    bh_stream_free(stream);
    if (status == BH_OK) {
        out += bh_plan_sum(c->plan).bytes_up;
        status =
            bh_supplier_write(c->supplier, &c->making->receive, &c->making->send, out);
    }
    return status;
}

static bh_status decrypt_one(void *arg, size_t i, uint32_t worker)
{
    const run *r = arg;
    const bh_sealed_client *c = r->client;
    const bh_plan_layer *l = &c->plan->layers[r->layer];
    bh_client_scratch *mine = &c->scratch[worker];
    size_t n_places = bh_linear_places(&l->linear, mine->places, (uint32_t)i);
    bh_status status =
        bh_decrypt(c->sk, mine->poly, mine->work, r->answer + c->starts[i],
                   mine->places, n_places, l->t_bits);
    bh_linear_unpack(&l->linear, c->x, mine->poly, (uint32_t)i);
    return status;
}

static bh_status decrypt(bh_sealed_client *c, const uint8_t *in)
{
    bh_status status = BH_OK;
    for (uint32_t i = 0; i < c->plan->n_layers; i++) {
        const bh_linear *l = &c->plan->layers[i].linear;
        size_t len = bh_linear_out_len(l);
        bh_plan_answer_starts(c->plan, i, c->starts);
        for (uint32_t k = 0; k < c->plan->samples && status == BH_OK; k++) {
            run r = {.client = c, .layer = i, .answer = in};
            status = bh_pool_run(c->pool, l->n_answers, decrypt_one, &r);
            for (size_t v = 0; v < len; v++) {
                c->making->output[i][k * len + v] = (uint32_t)c->x[v];
            }
            in += bh_plan_answer_bytes(c->plan, i);
            c->answers += l->n_answers;
        }
    }
    return status;
}

bh_status bh_sealed_client_take(bh_sealed_client *c, const uint8_t *in)
{
    bh_status status = decrypt(c, in);
    if (status == BH_OK) {
        in += bh_plan_sum(c->plan).bytes_down;
        status =
            bh_supplier_read(c->supplier, &c->making->receive, &c->making->send, in);
    }
    if (status == BH_OK) {
        bh_units_add(&c->ready, c->making);
        c->making = NULL;
    }
    return status;
}

bh_status bh_sealed_client_start(bh_sealed_client *c, const uint8_t *pixels)
{
    bh_normalise_pixels(c->plan->graph, c->real, pixels);
    bh_quantise_input(c->plan->graph, c->x, c->real);
    return bh_party_begin(&c->party, c->plan, true, bh_units_take(&c->ready), c->x);
}

void bh_sealed_client_end(bh_sealed_client *c, uint32_t *label)
{
    if (c->plan->reveal == BH_REVEAL_LABEL) {
        *label = bh_party_label(&c->party);
    } else {
        bh_party_logits(&c->party, c->logits);
    }
    bh_units_keep(&c->ready, bh_party_release(&c->party));
}
