// SPDX-License-Identifier: Apache-2.0
#include "support/setting.h"

#include "base/memory.h"
#include "ring/ntt.h"
#include "support/variants.h"

// Small, 46, 47 and 50 bits; a transform of length n exists where q = 1 mod 2n.
static const uint64_t primes[] = {17,
                                  97,
                                  193,
                                  7681,
                                  40961,
                                  70367133564929,
                                  70362301726721,
                                  140729166856193,
                                  140727556243457,
                                  1125872257990657};
enum { N_PRIMES = sizeof primes / sizeof primes[0] };

static void run_setting(const bh_kernels *k, uint64_t q, size_t n, test_rng *rng,
                        check *f)
{
    setting s = {.k = k, .n = n, .q = q, .rng = *rng};
    assert_ok(bh_ntt_init(&s.t, q, n, k));
    s.r = ref_pow(2, k->factor_log2, q);
    s.powers = bh_alloc(2 * n, sizeof *s.powers);
    s.powers[0] = 1;
    for (size_t i = 1; i < 2 * n; i++) {
        s.powers[i] = ref_mul(s.powers[i - 1], s.t.psi, q);
    }
    f(&s);
    *rng = s.rng;
    bh_free(s.powers);
    bh_ntt_clear(&s.t);
}

void setting_for_each(const char *name, check *f)
{
    test_rng rng = test_rng_new(name);
    const bh_kernels *k;
    for (size_t at = 0; (k = variants_next(&at)) != NULL;) {
        size_t runs = 0;
        for (size_t p = 0; p < N_PRIMES; p++) {
            for (size_t n = 4; n <= (size_t)1 << BH_LOG2_N_MAX; n *= 2) {
                if ((primes[p] - 1) % (2 * n) == 0 && variants_fits(k, n, primes[p])) {
                    run_setting(k, primes[p], n, &rng, f);
                    runs++;
                }
            }
        }
        printf("%s: %zu settings\n", k->name, runs);
        assert_true(runs > 0);
    }
}

uint64_t *setting_words(const setting *s)
{
    return bh_alloc(s->n, sizeof(uint64_t));
}

void setting_fill_random(setting *s, uint64_t *a, uint64_t bound)
{
    for (size_t i = 0; i < s->n; i++) {
        a[i] = bound == 0 ? test_rng_next(&s->rng) : test_rng_below(&s->rng, bound);
    }
}

void setting_fill(const setting *s, uint64_t *a, uint64_t value)
{
    for (size_t i = 0; i < s->n; i++) {
        a[i] = value;
    }
}

static void report(const setting *s, const char *what, size_t i, uint64_t got,
                   uint64_t want)
{
    fail_msg("%s of %s, n = %zu, q = %llu, place %zu: %llu, expected %llu", what,
             s->k->name, s->n, (unsigned long long)s->q, i, (unsigned long long)got,
             (unsigned long long)want);
}

void setting_expect(const setting *s, const char *what, size_t i, uint64_t got,
                    uint64_t want)
{
    if (got != want) {
        report(s, what, i, got, want);
    }
}

size_t setting_root(const setting *s, size_t i)
{
    return 2 * ref_reverse_bits(i, s->n) + 1;
}
