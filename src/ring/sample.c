// SPDX-License-Identifier: Apache-2.0
#include "ring/sample.h"

#include <string.h>

#include "base/memory.h"
#include "base/secret.h"

// The number of coefficients that are drawn from one read of the stream.
enum { CHUNK = 512 };

bh_status bh_sample_uniform_vartime(const bh_ring *ring, uint64_t *out,
                                    bh_stream *stream)
{
    for (size_t p = 0; p < ring->n_primes; p++) {
        const bh_modulus *m = &ring->ntt[p].mod;
        uint64_t *row = bh_poly_row(ring, out, p);
        for (size_t have = 0; have < ring->n;) {
            size_t wanted = ring->n - have;
            bh_status status = bh_stream_read(stream, row + have, wanted * sizeof *row);
            if (status != BH_OK) {
                return status;
            }
            have += ring->kernels->accept_vartime(m, row + have, row + have, wanted);
        }
    }
    return BH_OK;
}

// Cuts n words to the prime's width and moves those below q to the front; returns how
// many.
static size_t accept(const bh_modulus *m, uint64_t *words, size_t n)
{
    uint64_t too_large = 0;
    for (size_t i = 0; i < n; i++) {
        words[i] &= (UINT64_C(1) << m->bits) - 1;
        too_large |= m->q - 1 - words[i]; // its top bit, where the word is not below q
    }
    too_large >>= 63;
    // Public: a kept word is uniform below q whatever became of the others.
    BH_DECLASSIFY(&too_large, sizeof too_large);
    size_t kept = too_large != 0 ? 0 : n;
    for (size_t i = 0; i < n && too_large != 0; i++) {
        uint64_t skip = (m->q - 1 - words[i]) >> 63;
        BH_DECLASSIFY(&skip, sizeof skip); // public: as above
        words[kept] = words[i];
        kept += 1 - (size_t)skip;
    }
    return kept;
}

bh_status bh_sample_uniform(const bh_ring *ring, uint64_t *out, size_t n,
                            bh_stream *stream)
{
    for (size_t p = 0; p < ring->n_primes; p++) {
        uint64_t *row = bh_poly_row(ring, out, p);
        for (size_t have = 0; have < n;) {
            size_t wanted = n - have;
            bh_status status = bh_stream_read(stream, row + have, wanted * sizeof *row);
            if (status != BH_OK) {
                return status;
            }
            have += accept(&ring->ntt[p].mod, row + have, wanted);
        }
    }
    return BH_OK;
}

bh_status bh_sample_ternary(const bh_ring *ring, int32_t *out, bh_stream *stream)
{
    enum { DIGITS = 64 };
    uint64_t words[CHUNK / 8];
    int32_t digits[DIGITS];
    bh_status status = BH_OK;
    for (size_t done = 0; done < ring->n && status == BH_OK; done += CHUNK) {
        size_t len = ring->n - done < CHUNK ? ring->n - done : CHUNK;
        size_t groups = (len + DIGITS - 1) / DIGITS;
        status = bh_stream_read(stream, words, groups * 8 * sizeof words[0]);
        for (size_t g = 0; g < len / DIGITS; g++) {
            ring->kernels->ternary(out + done + g * DIGITS, words + 8 * g);
        }
        if (len % DIGITS != 0) { // a polynomial of fewer than 64 coefficients
            ring->kernels->ternary(digits, words + 8 * (groups - 1));
            memcpy(out, digits, len * sizeof *out);
        }
    }
    bh_wipe(words, sizeof words);
    bh_wipe(digits, sizeof digits);
    return status;
}

bh_status bh_sample_error(const bh_ring *ring, int32_t *out, size_t n,
                          bh_stream *stream)
{
    enum { BYTES = 6 };
    uint8_t bytes[CHUNK * BYTES];
    bh_status status = BH_OK;
    for (size_t done = 0; done < n && status == BH_OK; done += CHUNK) {
        size_t len = n - done < CHUNK ? n - done : CHUNK;
        status = bh_stream_read(stream, bytes, len * BYTES);
        ring->kernels->binomial(out + done, bytes, len);
    }
    bh_wipe(bytes, sizeof bytes);
    return status;
}

// x = hi 2^46 + lo in width bits, less 2^(width-1).
bh_status bh_sample_flood(const bh_ring *ring, uint64_t *a, size_t n, unsigned log2_f,
                          bh_stream *stream)
{
    uint64_t words[2 * CHUNK];
    bh_status status = BH_OK;
    for (size_t done = 0; done < n && status == BH_OK; done += CHUNK) {
        size_t len = n - done < CHUNK ? n - done : CHUNK;
        status = bh_stream_read(stream, words, 2 * len * sizeof words[0]);
        for (size_t p = 0; p < ring->n_primes; p++) {
            const bh_modulus *m = &ring->ntt[p].mod;
            ring->kernels->add_wide(m, bh_poly_row(ring, a, p) + done, words,
                                    words + len, log2_f + 1 - 46,
                                    bh_mod_pow_vartime(m, 2, log2_f), len);
        }
    }
    bh_wipe(words, sizeof words);
    return status;
}
