// SPDX-License-Identifier: Apache-2.0
// Samplers: what a stream of random bytes is turned into.
#ifndef BH_RING_SAMPLE_H
#define BH_RING_SAMPLE_H

#include "ring/ring.h"

// Centred binomial with 2 * 21 coins: deviation sqrt(10.5) = 3.24, range +-21.
#define BH_SAMPLE_ERROR_COINS 21
#define BH_SAMPLE_ERROR_DEV   3.2403703492039302 /* sqrt(BH_SAMPLE_ERROR_COINS / 2) */

// A uniform polynomial, canonical, by rejection. For each prime in turn 8-byte
// little-endian words are taken from the stream, cut to the prime's width, and skipped
// if not below it. CT: variable time: the result is public.
bh_status bh_sample_uniform_vartime(const bh_ring *ring, uint64_t *out,
                                    bh_stream *stream) BH_MUST_CHECK;

// The first n coefficients of one that is secret: from the stream the same words as
// above, n for each prime. CT: leaks n and which words are skipped, which says nothing
// about those that are kept.
bh_status bh_sample_uniform(const bh_ring *ring, uint64_t *out, size_t n,
                            bh_stream *stream) BH_MUST_CHECK;

// A polynomial of coefficients uniform in {-1, 0, 1}: each 8-byte word, read as a
// binary fraction, gives 8 base-3 digits; 8 words give 64 digits, in the order of
// bh_kernels.ternary, and a shorter polynomial takes the first of them. A word's digits
// are within 3^8 / 2^64 = 2^-51 of uniform, a polynomial of 4096 within 2^-42.
// CT: leaks the ring.
bh_status bh_sample_ternary(const bh_ring *ring, int32_t *out,
                            bh_stream *stream) BH_MUST_CHECK;

// n coefficients of the centred binomial error. CT: leaks n.
bh_status bh_sample_error(const bh_ring *ring, int32_t *out, size_t n,
                          bh_stream *stream) BH_MUST_CHECK;

// Adds noise uniform in [-F, F), F = 2^log2_f, 45 <= log2_f < 91, to the first n
// coefficients of a, canonical. From the stream, for every 512 of them: as many words
// for the low 46 bits, then as many for the others. CT: leaks n and F.
bh_status bh_sample_flood(const bh_ring *ring, uint64_t *a, size_t n, unsigned log2_f,
                          bh_stream *stream) BH_MUST_CHECK;

#endif
