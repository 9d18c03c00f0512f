// SPDX-License-Identifier: Apache-2.0
// Randomness: seeds from the operating system, and streams expanded from them.
//
// Source: rule R8 of docs/cryptography.md. A key belongs to a purpose and a seed; under
// it there are 2^64 streams of 2^68 bytes, each AES-256 in counter mode whose 16-byte
// counter block is the stream's number, then the block's index, both 64 bits and
// big-endian. So two streams are independent whenever purpose, seed or number differ.
#ifndef BH_BASE_RANDOM_H
#define BH_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "bayhenn/bayhenn.h"

#define BH_SEED_BYTES 32

// Fills out from getrandom. BH_ERR_RNG if the system refuses.
bh_status bh_random_bytes(uint8_t *out, size_t len) BH_MUST_CHECK;

// SHA-256 of the concatenation of two byte strings (b may be empty).
bh_status bh_hash(uint8_t out[32], const void *a, size_t a_len, const void *b,
                  size_t b_len) BH_MUST_CHECK;

// A stream's key: 32 bytes, secret where its seed is.
typedef struct bh_stream_key {
    uint8_t bytes[32];
} bh_stream_key;

// The key of a purpose: SHA-256 of an unambiguous encoding of the label, the transcript
// (a 32-byte hash, or NULL where no peer is involved) and the seed. The label names the
// purpose and the direction ("upload", "flooding", ...) in fewer than 64 bytes.
// Errors: BH_ERR_CRYPTO, BH_ERR_RNG. CT: leaks label and transcript, not the seed.
bh_status bh_stream_key_derive(bh_stream_key *out, const uint8_t seed[BH_SEED_BYTES],
                               const char *label,
                               const uint8_t *transcript) BH_MUST_CHECK;

// The number of a stream of one query that belongs to a layer (below 2^16), a sample
// (below 2^16) and, where there are several, an index.
static inline uint64_t bh_stream_number(uint32_t layer, uint32_t sample, uint32_t index)
{
    return (uint64_t)layer << 48 | (uint64_t)sample << 32 | index;
}

// A workspace that makes one stream after the other; it belongs to one thread.
typedef struct bh_stream bh_stream;

// By VAES at BH_CPU_AVX512, by OpenSSL below; the streams are the same. Errors:
// BH_ERR_NOMEM, BH_ERR_CRYPTO, BH_ERR_PARAMS (bh_cpu_pick).
bh_status bh_stream_new(bh_stream **out) BH_MUST_CHECK;
void bh_stream_free(bh_stream *s); // wipes
// The level that it was made at, for code that turns its bytes into something.
bh_cpu bh_stream_cpu(const bh_stream *s);

// Begins stream `number` of a key, at its first byte; takes no memory. Never two
// purposes under one (key, number). CT: leaks the number, not the key.
bh_status bh_stream_start(bh_stream *s, const bh_stream_key *key,
                          uint64_t number) BH_MUST_CHECK;

// The next read of the stream gives its bytes from byte_offset on.
bh_status bh_stream_seek(bh_stream *s, uint64_t byte_offset) BH_MUST_CHECK;

// The next len bytes of the stream, len < 2^31; zeroes on failure. BH_ERR_STATE if no
// stream was begun. CT: leaks len.
bh_status bh_stream_read(bh_stream *s, void *out, size_t len) BH_MUST_CHECK;

#endif
