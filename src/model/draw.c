// SPDX-License-Identifier: Apache-2.0
#include "model/draw.h"

#include <string.h>

#include "base/cpu.h"
#include "base/ct.h"
#include "base/memory.h"
#include "model/draw_kernels.h"
#include "model/fixed.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "streams are read as little-endian words in place");

enum { CHUNK = 1024 }; // deviates taken from the stream at once

// |N| <= 20 * 2^12 + 4095 < 2^16.4, so N^2 B < 2^63, T = A + (N^2 B >> 36) < 2^30.5 and
// |N T| < 2^47. T never falls as |N| grows, so E is monotone in N; at the largest |N|
// it would be 7.2 deviations, so the clip is attained.
static int64_t deviate(uint64_t word)
{
    uint64_t count = bh_ct_popcount(word & UINT64_C(0x000ffffffffff000));
    int64_t n =
        (int64_t)((count << 12) + (word & 0xfff) + (word >> 52)) - ((20 << 12) + 4095);
    uint64_t square = (uint64_t)(n * n);
    int64_t factor = BH_DRAW_LINEAR + (int64_t)(square * BH_DRAW_CUBIC >> 36);
    return bh_ct_clamp(bh_round_shift(n * factor, 25), -BH_DRAW_E_MAX, BH_DRAW_E_MAX);
}

// |dev E| + 2^18 <= 2^41 * 6 * 2^19 + 2^18 < 2^62.6, so |step| <= 6 * 2^41 and
// |mean + step| + 2^11 < 2^45.
static int32_t draw(uint64_t word, int64_t mean, int64_t dev, int64_t max)
{
    int64_t step = bh_round_shift(dev * deviate(word), BH_DRAW_E_BITS);
    return (int32_t)bh_ct_clamp(bh_round_shift(mean + step, BH_DRAW_FRACTION_BITS),
                                -max, max);
}

static void draw_chunk(const bh_int_posterior *p, int32_t *weights, size_t first,
                       const uint64_t *words, size_t count, bh_cpu cpu)
{
    const int32_t *mean = p->weight_mean + first, *dev = p->weight_dev + first;
    if (cpu >= BH_CPU_AVX512) {
        bh_draw_avx512(weights, words, mean, dev, count, p->w_max);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        weights[i] = draw(words[i], mean[i], dev[i], p->w_max);
    }
}

bh_status bh_draw_key(bh_stream_key *out, const uint8_t seed[BH_SEED_BYTES])
{
    return bh_stream_key_derive(out, seed, "weights", NULL);
}

bh_status bh_draw_weights(const bh_int_posterior *p, int32_t *weights, size_t first,
                          size_t count, bh_stream *stream)
{
    _Alignas(BH_ALIGNMENT) uint64_t words[CHUNK];
    bh_status status = bh_stream_seek(stream, first * sizeof words[0]);
    for (size_t done = 0; done < count && status == BH_OK; done += CHUNK) {
        size_t len = count - done < CHUNK ? count - done : CHUNK;
        status = bh_stream_read(stream, words, len * sizeof words[0]);
        draw_chunk(p, weights + done, first + done, words, len, bh_stream_cpu(stream));
    }
    if (status != BH_OK) {
        bh_wipe(weights, count * sizeof *weights);
    }
    bh_wipe(words, sizeof words);
    return status;
}

bh_status bh_draw_bias(const bh_int_posterior *p, int32_t *bias, bh_stream *stream)
{
    uint64_t words[64];
    const size_t most = sizeof words / sizeof words[0];
    bh_status status = bh_stream_seek(stream, p->n_weights * sizeof words[0]);
    for (size_t done = 0; done < p->n_bias && status == BH_OK; done += most) {
        size_t len = p->n_bias - done < most ? p->n_bias - done : most;
        status = bh_stream_read(stream, words, len * sizeof words[0]);
        for (size_t i = done; i < done + len; i++) {
            bias[i] = draw(words[i - done], p->bias_mean[i], p->bias_dev[i], INT32_MAX);
        }
    }
    if (status != BH_OK) {
        bh_wipe(bias, p->n_bias * sizeof *bias);
    }
    bh_wipe(words, sizeof words);
    return status;
}

bh_status bh_draw_layer(const bh_int_posterior *p, int32_t *weights, int32_t *bias,
                        const uint8_t seed[BH_SEED_BYTES], uint32_t layer,
                        uint32_t sample)
{
    bh_stream_key key;
    bh_stream *stream = NULL;
    bh_status status = bh_draw_key(&key, seed);
    if (status == BH_OK) {
        status = bh_stream_new(&stream);
    }
    if (status == BH_OK) {
        status = bh_stream_start(stream, &key, bh_stream_number(layer, sample, 0));
    }
    if (status == BH_OK) {
        status = bh_draw_weights(p, weights, 0, p->n_weights, stream);
    }
    if (status == BH_OK) {
        status = bh_draw_bias(p, bias, stream);
    }
    if (status != BH_OK) {
        bh_wipe(weights, p->n_weights * sizeof *weights);
        bh_wipe(bias, p->n_bias * sizeof *bias);
    }
    bh_stream_free(stream);
    bh_wipe(&key, sizeof key);
    return status;
}
