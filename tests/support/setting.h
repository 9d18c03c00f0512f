// SPDX-License-Identifier: Apache-2.0
// Running a check for every kernel variant, prime and length that fit each other.
#ifndef BH_TESTS_SUPPORT_SETTING_H
#define BH_TESTS_SUPPORT_SETTING_H

#include "ring/kernels.h"
#include "support/reference.h"
#include "support/test.h"

typedef struct setting {
    const bh_kernels *k;
    bh_ntt t;
    size_t n;
    uint64_t q, r;    // r: the factor R of mul_acc modulo q
    uint64_t *powers; // psi^i, i < 2n
    test_rng rng;
} setting;

typedef void check(setting *s);

// f for every variant, prime and length; variants that this CPU lacks are reported.
void setting_for_each(const char *name, check *f);

uint64_t *setting_words(const setting *s); // n zeroes, to be freed with bh_free
void setting_fill(const setting *s, uint64_t *a, uint64_t value);
// Uniform below bound; any words if it is zero.
void setting_fill_random(setting *s, uint64_t *a, uint64_t bound);

// Fails with everything that is needed to look at it, unless got equals want.
void setting_expect(const setting *s, const char *what, size_t i, uint64_t got,
                    uint64_t want);

// Index of psi's power at which place i of a transform evaluates.
size_t setting_root(const setting *s, size_t i);

#endif
