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

// floor(w 2^bits / q) for bits <= 64, from the quotient at 64 bits.
static uint64_t quotient_at(const bh_modulus *m, uint64_t w, unsigned bits)
{
    return bh_mod_shoup_quotient(m, w) >> (64 - bits);
}

static void fill_powers(const bh_ntt *t, uint64_t *roots, uint64_t *quotients,
                        uint64_t base, unsigned quotient_bits)
{
    uint64_t power = 1;
    for (size_t i = 0; i < t->n; i++) {
        size_t place = reverse_bits(i, t->log2_n);
        roots[place] = power;
        quotients[place] = quotient_at(&t->mod, power, quotient_bits);
        power = bh_mod_mul(&t->mod, power, base);
    }
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
    uint64_t *tables = bh_alloc(4 * n, sizeof *tables);
    if (tables == NULL) {
        return BH_ERR_NOMEM;
    }
    t->roots = tables;
    t->root_quotients = tables + n;
    t->inverse_roots = tables + 2 * n;
    t->inverse_root_quotients = tables + 3 * n;
    const bh_modulus *m = &t->mod;
    t->psi = smallest_root_vartime(m, n);
    unsigned bits = kernels->quotient_bits;
    fill_powers(t, t->roots, t->root_quotients, t->psi, bits);
    fill_powers(t, t->inverse_roots, t->inverse_root_quotients,
                bh_mod_inverse_vartime(m, t->psi), bits);
    uint64_t factor = bh_mod_pow_vartime(m, 2, bits);
    uint64_t n_inverse = bh_mod_inverse_vartime(m, bh_mod_reduce(m, n));
    t->scale = bh_mod_mul(m, factor, n_inverse);
    t->scale_quotient = quotient_at(m, t->scale, bits);
    return BH_OK;
}

void bh_ntt_clear(bh_ntt *t)
{
    bh_free(t->roots); // the four tables are one block
    *t = (bh_ntt){0};
}
