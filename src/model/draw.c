// SPDX-License-Identifier: Apache-2.0
#include "model/draw.h"

#include <string.h>

#include "base/ct.h"
#include "base/memory.h"
#include "model/fixed.h"

#define DEVIATE_BYTES 18
#define CHUNK         1024 // deviates taken from the stream at once
#define E_BITS        19   // fraction bits of a deviate
#define E_MAX         ((int64_t)BH_DRAW_CLIP << E_BITS)
// round(2^35 / sqrt(385 / 12)) = round(6066107558.02...)
#define K_SCALE INT64_C(6066107558)

typedef struct deviates {
    bh_stream *stream;
    uint8_t bytes[CHUNK * DEVIATE_BYTES];
    int32_t e[CHUNK];
} deviates;

// |N| <= 64.5 * 2^16 < 2^22.02 and K < 2^32.5, so |N K| + 2^31 < 2^55; |E| <= 6 * 2^19.
static int32_t deviate(const uint8_t *bytes)
{
    uint64_t a, b; // of either byte order: only their bits are counted
    memcpy(&a, bytes, 8);
    memcpy(&b, bytes + 8, 8);
    uint64_t count = bh_ct_popcount(a) + bh_ct_popcount(b);
    int64_t smooth = (int64_t)(bytes[16] | (uint32_t)bytes[17] << 8) - (1 << 15);
    int64_t n = ((int64_t)count - 64) * (1 << 16) + smooth;
    return (int32_t)bh_ct_clamp(bh_round_shift(n * K_SCALE, 32), -E_MAX, E_MAX);
}

static bh_status next_deviates(deviates *d, size_t count)
{
    bh_status status = bh_stream_read(d->stream, d->bytes, count * DEVIATE_BYTES);
    for (size_t i = 0; i < count && status == BH_OK; i++) {
        d->e[i] = deviate(d->bytes + i * DEVIATE_BYTES);
    }
    return status;
}

// |dev E| + 2^18 <= 2^41 * 6 * 2^19 + 2^18 < 2^62.6, so |step| <= 6 * 2^41 and
// |mean + step| + 2^11 < 2^45.
static int64_t draw(int64_t mean, int64_t dev, int64_t e, int64_t max)
{
    int64_t step = bh_round_shift(dev * e, E_BITS);
    return bh_ct_clamp(bh_round_shift(mean + step, BH_DRAW_FRACTION_BITS), -max, max);
}

static bh_status draw_all(const bh_int_posterior *p, deviates *d, int32_t *weights,
                          int32_t *bias)
{
    bh_status status = BH_OK;
    size_t count;
    for (size_t i = 0; i < p->n_weights && status == BH_OK; i += count) {
        count = p->n_weights - i < CHUNK ? p->n_weights - i : CHUNK;
        status = next_deviates(d, count);
        for (size_t j = 0; j < count && status == BH_OK; j++) {
            weights[i + j] = (int32_t)draw(p->weight_mean[i + j], p->weight_dev[i + j],
                                           d->e[j], p->w_max);
        }
    }
    for (size_t i = 0; i < p->n_bias && status == BH_OK; i += count) {
        count = p->n_bias - i < CHUNK ? p->n_bias - i : CHUNK;
        status = next_deviates(d, count);
        for (size_t j = 0; j < count && status == BH_OK; j++) {
            bias[i + j] = (int32_t)draw(p->bias_mean[i + j], p->bias_dev[i + j],
                                        d->e[j], INT32_MAX);
        }
    }
    return status;
}

bh_status bh_draw_layer(const bh_int_posterior *p, int32_t *weights, int32_t *bias,
                        const uint8_t seed[BH_SEED_BYTES], uint32_t layer,
                        uint32_t sample)
{
    deviates d;
    bh_stream_key key;
    bh_status status = bh_stream_key_derive(&key, seed, "weights", NULL);
    d.stream = NULL;
    if (status == BH_OK) {
        status = bh_stream_new(&d.stream);
    }
    if (status == BH_OK) {
        status = bh_stream_start(d.stream, &key, bh_stream_number(layer, sample, 0));
    }
    if (status == BH_OK) {
        status = draw_all(p, &d, weights, bias);
    }
    bh_stream_free(d.stream);
    bh_wipe(&key, sizeof key);
    if (status != BH_OK) {
        bh_wipe(weights, p->n_weights * sizeof *weights);
        bh_wipe(bias, p->n_bias * sizeof *bias);
    }
    bh_wipe(&d, sizeof d);
    return status;
}
