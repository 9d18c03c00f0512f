// SPDX-License-Identifier: Apache-2.0
// Randomness: seeds from the operating system, and streams expanded from them.
//
// Source: rule R8 of docs/cryptography.md. A stream is AES-256 in counter mode under
// a key that is SHA-256 of an unambiguous encoding of its domain, so two streams are
// independent whenever any part of their domain differs.
#ifndef BH_BASE_RANDOM_H
#define BH_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "bayhenn/bayhenn.h"

#define BH_SEED_BYTES 32

// Fills out from getrandom. BH_ERR_RNG if the system refuses.
bh_status bh_random_bytes(uint8_t *out, size_t len) BH_MUST_CHECK;

// SHA-256 of the concatenation of two byte strings (b may be empty).
bh_status bh_hash(uint8_t out[32], const void *a, size_t a_len, const void *b,
                  size_t b_len) BH_MUST_CHECK;

// What a stream is for. Unused fields are zero. The label names the purpose and the
// direction ("upload", "flooding", ...); it is shorter than 64 bytes.
typedef struct bh_domain {
    const char *label;
    const uint8_t *transcript; // 32-byte hash, or NULL where no peer is involved
    uint32_t layer, sample;
    uint64_t index;
} bh_domain;

typedef struct bh_stream bh_stream;

// A stream from a 32-byte seed. Errors: BH_ERR_NOMEM, BH_ERR_CRYPTO, BH_ERR_RNG.
// CT: leaks the domain, not the seed.
bh_status bh_stream_new(bh_stream **out, const uint8_t seed[BH_SEED_BYTES],
                        bh_domain domain) BH_MUST_CHECK;
void bh_stream_free(bh_stream *s);

// The next len bytes of the stream. CT: leaks len.
bh_status bh_stream_read(bh_stream *s, void *out, size_t len) BH_MUST_CHECK;

#endif
