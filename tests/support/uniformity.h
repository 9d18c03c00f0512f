// SPDX-License-Identifier: Apache-2.0
// Whether fields of many runs, strings of bits, are uniform and independent: each field
// is judged by four statistics, whose limits have one probability of 1e-6 together.
#ifndef BH_TESTS_SUPPORT_UNIFORMITY_H
#define BH_TESTS_SUPPORT_UNIFORMITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct uniform_field {
    char name[64];
    size_t n_bits;  // of a run
    unsigned width; // bits of one value; the field is values back to back
    size_t runs;
    uint32_t *ones;      // [n_bits] runs in which the bit was set
    uint64_t bytes[256]; // of whole bytes, all runs
} uniform_field;

typedef struct uniform_set {
    uniform_field *fields;
    size_t count, room;
} uniform_set;

void uniform_clear(uniform_set *s);
// One run's bits of the field of this name, low bits of bytes first; what is behind the
// last bit in its byte must be zero.
void uniform_add(uniform_set *s, const char *name, const uint8_t *bits, size_t n_bits,
                 unsigned width);
// Numbers of `width` bits.
void uniform_add_values(uniform_set *s, const char *name, const uint32_t *values,
                        size_t count, unsigned width);

// The statistics, as multiples of their limits where `tests` tests are made in all:
// - chi-square of bytes (nibbles where there are few);
// - chi-square of every bit over runs, summed over the field;
// - the largest of them;
// - chi-square of every bit of a value, over values and runs.
typedef struct uniform_verdict {
    double bytes, bits, largest, value;
    double worst;
} uniform_verdict;

enum { UNIFORM_STATISTICS = 4 };

uniform_verdict uniform_judge(const uniform_field *f, size_t tests);

#endif
