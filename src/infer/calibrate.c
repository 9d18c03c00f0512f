// SPDX-License-Identifier: Apache-2.0
#include "infer/calibrate.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "infer/rig.h"
#include "model/segment.h"

#define REPEATS   5
#define BATCH_US  50 // a batch takes at least so long, so that a clock of microseconds
#define BATCH_MAX 16 // is fine enough

static bh_status encrypt(bh_rig *r)
{
    bh_linear_pack_input(&r->full, r->message, r->values, 0);
    return bh_encrypt(r->sk, r->ciphertext, r->work, r->counter++, r->message,
                      BH_RIG_T_BITS);
}

static bh_status load(bh_rig *r)
{
    r->counter++;
    return bh_upload_load(r->uploads[r->counter % BH_RIG_UPLOADS], r->work,
                          r->ciphertext, &r->uniform, r->counter);
}

static bh_status draw(bh_rig *r)
{
    bh_status status = bh_stream_start(r->stream, &r->draw_key, 0);
    return status == BH_OK
               ? bh_draw_weights(&r->posterior, r->weights, 0, BH_RIG_DRAWS, r->stream)
               : status;
}

static bh_status pack(bh_rig *r)
{
    bh_linear_pack_weights(&r->full, r->poly, r->weights, 0, 0);
    return BH_OK;
}

// The i-th product of a run. Factors are taken in turn, through all answers.
static bh_status add_product(bh_rig *r, uint32_t i)
{
    const bh_upload *upload = r->uploads[i % BH_RIG_UPLOADS];
    if (r->factors == NULL) {
        return bh_answer_add_product(r->work, upload, r->poly);
    }
    size_t at = r->counter++ % BH_RIG_FACTORS;
    return bh_answer_add_factor(r->work, upload,
                                r->factors + at * bh_he_factor_words(r->he));
}

static bh_status answer(bh_rig *r, const bh_linear *l, const bh_zero *zero,
                        uint32_t products)
{
    bh_answer_options finish = {.places = r->places,
                                .bias = r->spread,
                                .n_places = bh_linear_places(l, r->places, 0),
                                .t_bits = BH_RIG_T_BITS,
                                .keys = &r->keys,
                                .zero = zero};
    bh_status status = BH_OK;
    if (bh_he_is_masked(r->he)) {
        finish.bias = NULL;
        finish.share = r->share;
    }
    bh_answer_begin(r->work);
    for (uint32_t i = 0; i < products && status == BH_OK; i++) {
        status = add_product(r, i);
    }
    bh_linear_spread_bias(l, r->spread, r->zeros, 0);
    return status == BH_OK ? bh_answer_finish(r->work, r->bytes, r->pk, &finish)
                           : status;
}

static bh_status answer_few(bh_rig *r)
{
    return answer(r, &r->few, r->zero_few, 1);
}

static bh_status answer_few_multiply(bh_rig *r)
{
    return answer(r, &r->few, r->zero_few, 1 + BH_RIG_UPLOADS);
}

static bh_status answer_many(bh_rig *r)
{
    return answer(r, &r->many, r->zero_many, 1);
}

// Any bytes decrypt to something.
static bh_status decrypt(bh_rig *r, const bh_linear *l)
{
    size_t n_places = bh_linear_places(l, r->places, 0);
    bh_status status = bh_decrypt(r->sk, r->message, r->work, r->bytes, r->places,
                                  n_places, BH_RIG_T_BITS);
    bh_linear_unpack(l, r->values, r->message, 0);
    return status;
}

static bh_status decrypt_few(bh_rig *r)
{
    return decrypt(r, &r->few);
}

static bh_status decrypt_many(bh_rig *r)
{
    return decrypt(r, &r->many);
}

static bh_status segment(bh_rig *r)
{
    bh_segment_run(r->graph, 0, r->message, r->values, r->scratch);
    return BH_OK;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Nanoseconds of one call. *status keeps the first error; nothing is run after one.
static double time_of(bh_status (*operation)(bh_rig *r), bh_rig *r, bh_clock clock,
                      bh_status *status)
{
    double times[REPEATS];
    uint64_t start = clock();
    *status = *status == BH_OK ? operation(r) : *status;
    uint64_t once = clock() - start;
    uint64_t batch = once > 0 ? BATCH_US / once + 1 : BATCH_MAX;
    batch = batch < BATCH_MAX ? batch : BATCH_MAX;
    for (size_t i = 0; i < REPEATS; i++) {
        start = clock();
        for (uint64_t k = 0; k < batch && *status == BH_OK; k++) {
            *status = operation(r);
        }
        times[i] = (double)(clock() - start) * 1e3 / (double)batch;
    }
    qsort(times, REPEATS, sizeof times[0], ascending);
    return times[REPEATS / 2];
}

static bh_status measure_all(bh_cost *cost, bh_rig *r, bh_clock clock)
{
    bh_status status = BH_OK;
    double n = (double)bh_he_degree(r->he), few = (double)bh_linear_out_len(&r->few);
    cost->encrypt = time_of(encrypt, r, clock, &status);
    cost->load = time_of(load, r, clock, &status);
    for (uint32_t i = 0; i < BH_RIG_UPLOADS && status == BH_OK; i++) {
        status = load(r);
    }
    double drawing = time_of(draw, r, clock, &status) / BH_RIG_DRAWS;
    double packing =
        time_of(pack, r, clock, &status) / (double)bh_linear_weights(&r->full);
    cost->weight = cost->prepared ? 0 : drawing + packing;
    double one = time_of(answer_few, r, clock, &status);
    double more = time_of(answer_few_multiply, r, clock, &status);
    double wide = time_of(answer_many, r, clock, &status);
    // Differences of measurements can come out below zero.
    cost->product = fmax(more - one, 0) / BH_RIG_UPLOADS;
    cost->answer_place = fmax(wide - one, 0) / (n - few);
    cost->answer = fmax(one - cost->product - few * cost->answer_place, 0);
    one = time_of(decrypt_few, r, clock, &status);
    wide = time_of(decrypt_many, r, clock, &status);
    double place = fmax(wide - one, 0) / (n - few);
    cost->decrypt = fmax(one - few * place, 0);
    cost->decrypt_place =
        place + time_of(segment, r, clock, &status) / (BH_RIG_SIDE * BH_RIG_SIDE);
    return status;
}

bh_status bh_calibrate(bh_cost *cost, bh_guard guard, bh_clock clock, bh_error *err)
{
    bh_rig r = {0};
    bh_cost measured = *cost;
    if (bh_guard_params(guard) == NULL) {
        return bh_fail(err, BH_ERR_PARAMS, "unknown guard %d", (int)guard);
    }
    bh_status status = bh_rig_init(&r, guard, cost->prepared);
    if (status == BH_OK) {
        status = measure_all(&measured, &r, clock);
    }
    bh_rig_clear(&r);
    if (status != BH_OK) {
        return bh_fail(err, status, "measuring this machine: %s",
                       bh_status_message(status));
    }
    *cost = measured;
    return BH_OK;
}
