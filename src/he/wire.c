// SPDX-License-Identifier: Apache-2.0
// Packed polynomials, and the uniform parts that never travel.
#include <string.h>

#include "base/memory.h"
#include "he/internal.h"
#include "ring/sample.h"

static size_t row_bytes(const bh_he *he, size_t prime)
{
    return (he->ring.n * he->ring.ntt[prime].mod.bits + 7) / 8;
}

size_t bh_he_poly_bytes(const bh_he *he)
{
    size_t bytes = 0;
    for (size_t p = 0; p < he->ring.n_primes; p++) {
        bytes += row_bytes(he, p);
    }
    return bytes;
}

size_t bh_he_answer_bytes(const bh_he *he, size_t n_places, unsigned t_bits)
{
    return (he->ring.n * bh_he_c1_bits(he, t_bits) + 7) / 8 +
           (n_places * bh_he_c0_bits(he, t_bits) + 7) / 8;
}

void bh_he_pack_poly(const bh_he *he, uint8_t *out, const uint64_t *a)
{
    for (size_t p = 0; p < he->ring.n_primes; p++) {
        he->ring.kernels->pack(out, bh_poly_row_const(&he->ring, a, p), he->ring.n,
                               he->ring.ntt[p].mod.bits);
        out += row_bytes(he, p);
    }
}

bh_status bh_he_unpack_poly(const bh_he *he, uint64_t *out, const uint8_t *in)
{
    uint64_t too_large = 0;
    for (size_t p = 0; p < he->ring.n_primes; p++) {
        const bh_modulus *m = &he->ring.ntt[p].mod;
        uint64_t *row = bh_poly_row(&he->ring, out, p);
        he->ring.kernels->unpack(row, in, he->ring.n, m->bits);
        for (size_t i = 0; i < he->ring.n; i++) {
            too_large |= m->q - 1 - row[i]; // its top bit, where row[i] >= q
        }
        in += row_bytes(he, p);
    }
    return too_large >> 63 == 0 ? BH_OK : BH_ERR_ENCODING;
}

bh_status bh_uniform_init(bh_uniform *out, const uint8_t transcript[32],
                          const uint8_t seed[32])
{
    bh_stream_key public_key, upload;
    bh_status status =
        bh_stream_key_derive(&public_key, seed, "public key", transcript);
    *out = (bh_uniform){0};
    if (status == BH_OK) {
        status = bh_stream_key_derive(&upload, seed, "upload", transcript);
    }
    if (status == BH_OK) {
        memcpy(out->public_key, public_key.bytes, sizeof out->public_key);
        memcpy(out->upload, upload.bytes, sizeof out->upload);
    }
    return status;
}

bh_status bh_he_start_stream(bh_stream *stream, const uint8_t key[32], uint64_t number)
{
    bh_stream_key stream_key;
    memcpy(stream_key.bytes, key, sizeof stream_key.bytes);
    bh_status status = bh_stream_start(stream, &stream_key, number);
    bh_wipe(&stream_key, sizeof stream_key);
    return status;
}

bh_status bh_he_expand_uniform(const bh_he *he, uint64_t *out, bh_stream *stream,
                               const uint8_t key[32], uint64_t counter)
{
    bh_status status = bh_he_start_stream(stream, key, counter);
    return status == BH_OK ? bh_sample_uniform_vartime(&he->ring, out, stream) : status;
}
