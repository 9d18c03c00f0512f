// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "he/internal.h"

#ifdef BH_TEST_HOOKS
#define INSECURE_TEST_FLOODED(degree)                                                  \
    {                                                                                  \
        .name = "INSECURE_TEST_n" #degree, .n = (degree), .n_primes = 2,               \
        .primes = {70367133564929, 70362301726721}, .c1_extra_bits = 9,                \
        .c0_extra_bits = 4                                                             \
    }
#define INSECURE_TEST_MASKED(degree)                                                   \
    {                                                                                  \
        .name = "INSECURE_TEST_masked_n" #degree, .n = (degree), .n_primes = 1,        \
        .primes = {70367133564929}, .c1_extra_bits = 10, .c0_extra_bits = 6,           \
        .masked = true                                                                 \
    }
#endif

// Security: lattice estimator with the MATZOV cost model, ternary secret; stated in
// docs/cryptography.md; that of n2048 is for 50 bits of q, of which it uses 46. All
// primes are = 1 mod 2^28 and have the 46 bits up to which the AVX-512 transform needs
// no reductions.
static const bh_he_literal literals[] = {
    {.name = "n4096",
     .n = 4096,
     .n_primes = 2,
     .primes = {70367133564929, 70362301726721},
     .security_bits = 150,
     .c1_extra_bits = 9,
     .c0_extra_bits = 4},
    {.name = "n2048",
     .n = 2048,
     .n_primes = 1,
     .primes = {70367133564929},
     .security_bits = 137,
     .c1_extra_bits = 10,
     .c0_extra_bits = 6,
     .masked = true},
#ifdef BH_TEST_HOOKS
    INSECURE_TEST_FLOODED(8),
    INSECURE_TEST_FLOODED(16),
    INSECURE_TEST_FLOODED(256),
    INSECURE_TEST_MASKED(8),
    INSECURE_TEST_MASKED(16),
    INSECURE_TEST_MASKED(256),
#endif
};

// Largest log2 q for 128 bits against a ternary secret: ePrint 2024/463, Table 5.2.
static double log2_q_limit(size_t n)
{
    switch (n) {
    case 1024:
        return 26;
    case 2048:
        return 53;
    case 4096:
        return 106;
    case 8192:
        return 214;
    default:
        return 0;
    }
}

static bool is_insecure_test_set(const char *name)
{
#ifdef BH_TEST_HOOKS
    return strncmp(name, "INSECURE_TEST_", 14) == 0;
#else
    (void)name;
    return false;
#endif
}

static void fill_delta(bh_he *he)
{
    for (size_t p = 0; p < he->ring.n_primes; p++) {
        const bh_modulus *m = &he->ring.ntt[p].mod;
        for (unsigned t_bits = 0; t_bits <= BH_T_BITS_MAX; t_bits++) {
            uint64_t t = bh_mod_pow_vartime(m, 2, t_bits);
            he->delta[t_bits][p] = bh_mod_neg(m, bh_mod_inverse_vartime(m, t));
        }
    }
}

bh_status bh_he_from_literal(bh_he **out, const bh_he_literal *literal, bh_error *err)
{
    *out = NULL;
    for (size_t i = 0; i < literal->n_primes; i++) {
        if (literal->primes[i] % (1u << BH_T_BITS_MAX) != 1) {
            return bh_fail(err, BH_ERR_PARAMS,
                           "parameter set %s: a prime is not 1 modulo 2^28",
                           literal->name);
        }
    }
    bh_he *he = bh_alloc(1, sizeof *he);
    if (he == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    he->literal = *literal;
    bh_status status =
        bh_ring_init(&he->ring, literal->n, literal->primes, literal->n_primes, NULL);
    if (status != BH_OK) {
        bh_fail(
            err, status,
            "parameter set %s: %s; is BH_CPU set to a kernel that this machine lacks?",
            literal->name, bh_status_message(status));
    } else if (he->ring.log2_q > log2_q_limit(literal->n) &&
               !is_insecure_test_set(literal->name)) {
        status = bh_fail(err, BH_ERR_PARAMS,
                         "parameter set %s: log2 q = %.1f exceeds %.0f, the limit for "
                         "128 bits at n = %zu",
                         literal->name, he->ring.log2_q, log2_q_limit(literal->n),
                         literal->n);
    }
    if (status != BH_OK) {
        bh_he_free(he);
        return status;
    }
    fill_delta(he);
    *out = he;
    return BH_OK;
}

bh_status bh_he_new(bh_he **out, const char *name, bh_error *err)
{
    *out = NULL;
    for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++) {
        if (strcmp(name, literals[i].name) == 0) {
            return bh_he_from_literal(out, &literals[i], err);
        }
    }
    return bh_fail(err, BH_ERR_PARAMS, "unknown parameter set '%s'", name);
}

void bh_he_free(bh_he *he)
{
    if (he != NULL) {
        bh_ring_clear(&he->ring);
        bh_free(he);
    }
}

const char *bh_he_name(const bh_he *he)
{
    return he->literal.name;
}

size_t bh_he_degree(const bh_he *he)
{
    return he->ring.n;
}

double bh_he_log2_q(const bh_he *he)
{
    return he->ring.log2_q;
}

unsigned bh_he_security_bits(const bh_he *he)
{
    return he->literal.security_bits;
}

bool bh_he_is_masked(const bh_he *he)
{
    return he->literal.masked;
}

const char *bh_he_kernels(const bh_he *he)
{
    return he->ring.kernels->name;
}

bool bh_he_t_bits_ok(unsigned t_bits)
{
    return t_bits >= BH_T_BITS_MIN && t_bits <= BH_T_BITS_MAX;
}

bool bh_he_places_ok(const bh_he *he, const uint32_t *places, size_t n_places)
{
    for (size_t i = 0; i < n_places; i++) {
        if (places[i] >= he->ring.n || (i > 0 && places[i] <= places[i - 1])) {
            return false;
        }
    }
    return true;
}

void bh_he_add_encoded(const bh_he *he, uint64_t *a, const int64_t *m_minus_te,
                       size_t n, unsigned t_bits)
{
    const bh_ring *ring = &he->ring;
    for (size_t p = 0; p < ring->n_primes; p++) {
        ring->kernels->add_scaled(&ring->ntt[p].mod, bh_poly_row(ring, a, p),
                                  m_minus_te, he->delta[t_bits][p], n);
    }
}

unsigned bh_he_flood_log2(const bh_he *he, unsigned t_bits)
{
    return (unsigned)floor(he->ring.log2_q - t_bits - 2);
}
