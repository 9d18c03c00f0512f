// SPDX-License-Identifier: Apache-2.0
#include "ring/ntt.h"

#include "base/memory.h"

static size_t reverse_bits(size_t i, unsigned bits)
{
    size_t r = 0;
    for (unsigned b = 0; b < bits; b++) {
        r |= ((i >> b) & 1) << (bits - 1 - b);
    }
    return r;
}

// psi^n = -1 characterises the primitive 2n-th roots; they are the odd powers of one.
static uint64_t smallest_root_vartime(const bh_modulus *m, size_t n)
{
    uint64_t root = 0;
    for (uint64_t g = 2; root == 0; g++) {
        uint64_t r = bh_mod_pow_vartime(m, g, (m->q - 1) / (2 * n));
        if (bh_mod_pow_vartime(m, r, n) == m->q - 1) {
            root = r;
        }
    }
    uint64_t square = bh_mod_mul(m, root, root), smallest = root;
    for (size_t i = 1; i < n; i++) {
        root = bh_mod_mul(m, root, square);
        smallest = root < smallest ? root : smallest;
    }
    return smallest;
}

typedef void fill_table(const bh_modulus *m, uint64_t *table, const uint64_t *factors,
                        size_t n);

// The first n powers of `base` in bit-reversed order, in the variant's form; `first`
// takes the place of power 0, which no stage needs.
static bh_status make_table(const bh_ntt *t, uint64_t **table, uint64_t base,
                            uint64_t first, fill_table *fill)
{
    uint64_t *factors = bh_alloc(t->n, sizeof *factors), power = 1;
    *table = bh_alloc(4 * t->n, sizeof **table);
    if (factors == NULL || *table == NULL) {
        bh_free(factors);
        return BH_ERR_NOMEM;
    }
    for (size_t i = 0; i < t->n; i++) {
        factors[reverse_bits(i, t->log2_n)] = power;
        power = bh_mod_mul(&t->mod, power, base);
    }
    factors[0] = first;
    fill(&t->mod, *table, factors, t->n);
    bh_free(factors);
    return BH_OK;
}

bh_status bh_ntt_init(bh_ntt *t, uint64_t q, size_t n, const bh_kernels *kernels)
{
    *t = (bh_ntt){.n = n};
    if (n < 4 || (n & (n - 1)) != 0 || n > (size_t)1 << BH_LOG2_N_MAX ||
        (q - 1) % (2 * n) != 0) {
        return BH_ERR_PARAMS;
    }
    bh_status status = bh_modulus_init(&t->mod, q);
    if (status != BH_OK) {
        return status;
    }
    while ((size_t)1 << t->log2_n < n) {
        t->log2_n++;
    }
    const bh_modulus *m = &t->mod;
    t->psi = smallest_root_vartime(m, n);
    uint64_t factor = bh_mod_pow_vartime(m, 2, kernels->factor_log2);
    uint64_t n_inverse = bh_mod_inverse_vartime(m, bh_mod_reduce(m, n));
    status = make_table(t, &t->forward, t->psi, 1, kernels->fill_forward);
    if (status == BH_OK) {
        status = make_table(t, &t->inverse, bh_mod_inverse_vartime(m, t->psi),
                            bh_mod_mul(m, factor, n_inverse), kernels->fill_inverse);
    }
    if (status != BH_OK) {
        bh_ntt_clear(t);
    }
    return status;
}

void bh_ntt_clear(bh_ntt *t)
{
    bh_free(t->forward);
    bh_free(t->inverse);
    *t = (bh_ntt){0};
}
