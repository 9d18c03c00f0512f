// SPDX-License-Identifier: Apache-2.0
#include "ring/sample.h"

#include <string.h>

#include "base/memory.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "streams are read as little-endian words in place");

// The number of coefficients that are drawn from one read of the stream.
enum { CHUNK = 512 };

bh_status bh_sample_uniform_vartime(const bh_ring *ring, uint64_t *out,
                                    bh_stream *stream)
{
    for (size_t p = 0; p < ring->n_primes; p++) {
        const bh_modulus *m = &ring->ntt[p].mod;
        uint64_t mask = (UINT64_C(1) << m->bits) - 1;
        uint64_t *row = bh_poly_row(ring, out, p);
        for (size_t have = 0; have < ring->n;) {
            size_t wanted = ring->n - have;
            bh_status status = bh_stream_read(stream, row + have, wanted * sizeof *row);
            if (status != BH_OK) {
                return status;
            }
            for (size_t end = have + wanted, i = have; i < end; i++) {
                uint64_t word = row[i] & mask;
                row[have] = word;
                have += word < m->q;
            }
        }
    }
    return BH_OK;
}

bh_status bh_sample_ternary(int32_t *out, size_t n, bh_stream *stream)
{
    uint64_t words[CHUNK / 8];
    bh_status status = BH_OK;
    for (size_t done = 0; done < n && status == BH_OK; done += CHUNK) {
        size_t len = n - done < CHUNK ? n - done : CHUNK;
        status = bh_stream_read(stream, words, len / 8 * sizeof words[0]);
        for (size_t i = 0; i < len; i++) {
            bh_u128 x = bh_wide_mul(words[i / 8], 3);
            out[done + i] = (int32_t)x.hi - 1;
            words[i / 8] = x.lo;
        }
    }
    bh_wipe(words, sizeof words);
    return status;
}

bh_status bh_sample_error(int32_t *out, size_t n, bh_stream *stream)
{
    enum { BYTES = 6 }; // 42 of 48 bits are used
    const uint64_t coins = (UINT64_C(1) << (2 * BH_SAMPLE_ERROR_COINS)) - 1;
    uint8_t bytes[CHUNK * BYTES + 2]; // + 2: the last word is read whole
    bh_status status = BH_OK;
    bytes[CHUNK * BYTES] = bytes[CHUNK * BYTES + 1] = 0;
    for (size_t done = 0; done < n && status == BH_OK; done += CHUNK) {
        size_t len = n - done < CHUNK ? n - done : CHUNK;
        status = bh_stream_read(stream, bytes, len * BYTES);
        for (size_t i = 0; i < len; i++) {
            uint64_t word;
            memcpy(&word, bytes + i * BYTES, sizeof word);
            out[done + i] =
                (int32_t)bh_ct_popcount(word & coins) - BH_SAMPLE_ERROR_COINS;
        }
    }
    bh_wipe(bytes, sizeof bytes);
    return status;
}
