// SPDX-License-Identifier: Apache-2.0
// What every test program includes: cmocka, and a seed that is printed and settable.
#ifndef BH_TESTS_SUPPORT_TEST_H
#define BH_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "bayhenn/bayhenn.h"

#define assert_ok(status)                                                              \
    do {                                                                               \
        bh_status status_ = (status);                                                  \
        if (status_ != BH_OK) {                                                        \
            fail_msg("%s: %s", #status, bh_status_name(status_));                      \
        }                                                                              \
    } while (0)

#define assert_status(status, expected)                                                \
    do {                                                                               \
        bh_status status_ = (status);                                                  \
        if (status_ != (expected)) {                                                   \
            fail_msg("%s: %s, expected %s", #status, bh_status_name(status_),          \
                     bh_status_name(expected));                                        \
        }                                                                              \
    } while (0)

static inline bool test_is_zero(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

// A small generator for test inputs (splitmix64); never for secrets.
typedef struct test_rng {
    uint64_t state;
} test_rng;

static inline uint64_t test_rng_next(test_rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// Uniform in 0 .. bound - 1 (bias below 2^-32 for the bounds that tests use).
static inline uint64_t test_rng_below(test_rng *rng, uint64_t bound)
{
    return test_rng_next(rng) % bound;
}

// Uniform in lo .. hi.
static inline int64_t test_rng_range(test_rng *rng, int64_t lo, int64_t hi)
{
    return lo + (int64_t)test_rng_below(rng, (uint64_t)(hi - lo) + 1);
}

// The run's generator: BH_TEST_SEED if set, the time otherwise; printed either way.
static inline test_rng test_rng_new(const char *name)
{
    const char *text = getenv("BH_TEST_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);
    printf("%s: BH_TEST_SEED=%llu\n", name, (unsigned long long)seed);
    return (test_rng){seed};
}

#endif
