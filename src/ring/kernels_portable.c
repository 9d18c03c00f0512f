// SPDX-License-Identifier: Apache-2.0
// The portable kernels: plain C on 64-bit words, and the twin that every SIMD variant
// is tested against.
#include <string.h>

#include "ring/kernels.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "packed values and streams are read as little-endian words in place");

// Each factor with its quotient beside it; place 1 carries the factor of place 0.
static void fill_table(const bh_modulus *m, uint64_t *table, const uint64_t *factors,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t w = i == 1 ? bh_mod_mul(m, factors[0], factors[1]) : factors[i];
        table[2 * i] = w;
        table[2 * i + 1] = bh_mod_shoup_quotient(m, w);
    }
}

// Forward: decimation in time (Cooley-Tukey), psi merged into the roots.
//
// No reduction between stages. The Shoup product is below 2q for ANY 64-bit operand, so
// a stage (x, y) -> (x + w y, x - w y + 2q) adds less than 2q to the bound: after log2
// n <= 13 stages values are below q + 13 * 2q = 27q < 2^55 for q < 2^50. That is lazy
// only for q < 2^47 (27 q < 2^52); larger primes get a reduction at the end.
static inline void forward2(uint64_t *x, uint64_t *y, const uint64_t *w, uint64_t q)
{
    uint64_t v = bh_mod_shoup_mul_lazy(*y, w[0], w[1], q);
    *y = *x - v + 2 * q;
    *x = *x + v;
}

static void forward_first(const bh_ntt *t, uint64_t *a)
{
    size_t half = t->n / 2;
    for (size_t j = 0; j < half; j++) {
        forward2(a + j, a + j + half, t->forward + 2, t->mod.q);
    }
}

// The stages of `blocks` and of twice as many blocks.
static void forward_pass(const bh_ntt *t, uint64_t *a, size_t blocks)
{
    size_t quarter = t->n / blocks / 4;
    uint64_t q = t->mod.q;
    for (size_t i = 0; i < blocks; i++) {
        const uint64_t *w = t->forward + 2 * (blocks + i);
        const uint64_t *w0 = t->forward + 4 * (blocks + i), *w1 = w0 + 2;
        uint64_t *block = a + 4 * i * quarter;
        for (size_t j = 0; j < quarter; j++) {
            uint64_t *p = block + j;
            uint64_t x0 = p[0], x1 = p[quarter], x2 = p[2 * quarter],
                     x3 = p[3 * quarter];
            forward2(&x0, &x2, w, q);
            forward2(&x1, &x3, w, q);
            forward2(&x0, &x1, w0, q);
            forward2(&x2, &x3, w1, q);
            p[0] = x0;
            p[quarter] = x1;
            p[2 * quarter] = x2;
            p[3 * quarter] = x3;
        }
    }
}

static void ntt_forward(const bh_ntt *t, uint64_t *a)
{
    size_t blocks = 1;
    if (t->log2_n % 2 != 0) { // one stage alone
        forward_first(t, a);
        blocks = 2;
    }
    for (; blocks < t->n; blocks *= 4) {
        forward_pass(t, a, blocks);
    }
    if (t->mod.bits > 47) {
        for (size_t j = 0; j < t->n; j++) {
            a[j] = bh_mod_reduce(&t->mod, a[j]);
        }
    }
}

static void ntt_forward_small(const bh_ntt *t, uint64_t *out, const int32_t *in)
{
    for (size_t i = 0; i < t->n; i++) {
        out[i] = bh_mod_from_signed(&t->mod, in[i]);
    }
    ntt_forward(t, out);
}

// Inverse: decimation in frequency (Gentleman-Sande).
//
// The first stage takes sums of products, below B = BH_MAC_TERMS_MAX 2q <= 2^63, for
// which x + y and x - y + B are words; both are brought below 2q. A later stage takes
// values below `bound` to sums below twice that and to Shoup products, below 2q again.
// The last of 13 stages thus sees less than 2^12 q, and x - y + bound < 2^13 q <= 2^63.
static void inverse_first(const bh_ntt *t, uint64_t *a)
{
    uint64_t q = t->mod.q, bound = 2 * q * BH_MAC_TERMS_MAX;
    const uint64_t *w = t->inverse + t->n;
    for (size_t i = 0; i < t->n; i += 2) {
        uint64_t sum = a[i] + a[i + 1], d = a[i] - a[i + 1] + bound;
        a[i] = bh_mod_reduce_lazy(&t->mod, sum);
        a[i + 1] = bh_mod_shoup_mul_lazy(d, w[i], w[i + 1], q);
    }
}

static void inverse_stage(const bh_ntt *t, uint64_t *a, size_t blocks, uint64_t bound)
{
    size_t half = t->n / blocks / 2;
    for (size_t i = 0; i < blocks; i++) {
        const uint64_t *w = t->inverse + 2 * (blocks + i);
        uint64_t *x = a + 2 * i * half, *y = x + half;
        for (size_t j = 0; j < half; j++) {
            uint64_t d = x[j] - y[j] + bound;
            x[j] = x[j] + y[j];
            y[j] = bh_mod_shoup_mul_lazy(d, w[0], w[1], t->mod.q);
        }
    }
}

// Sums are scaled here; the root of the differences has the scale in it.
static void inverse_last(const bh_ntt *t, uint64_t *a, uint64_t bound)
{
    const uint64_t *scale = t->inverse, *w = t->inverse + 2;
    uint64_t *x = a, *y = a + t->n / 2, q = t->mod.q;
    for (size_t j = 0; j < t->n / 2; j++) {
        uint64_t sum = x[j] + y[j], d = x[j] - y[j] + bound;
        x[j] = bh_mod_reduce_once(&t->mod,
                                  bh_mod_shoup_mul_lazy(sum, scale[0], scale[1], q));
        y[j] = bh_mod_reduce_once(&t->mod, bh_mod_shoup_mul_lazy(d, w[0], w[1], q));
    }
}

static void ntt_inverse(const bh_ntt *t, uint64_t *a)
{
    uint64_t bound = 2 * t->mod.q;
    inverse_first(t, a);
    for (size_t blocks = t->n / 4; blocks > 1; blocks /= 2) {
        inverse_stage(t, a, blocks, bound);
        bound *= 2;
    }
    inverse_last(t, a, bound);
}

static void reduce(const bh_modulus *m, uint64_t *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        a[i] = bh_mod_reduce(m, a[i]);
    }
}

// x w < q 2^52 < 2^64 q, as bh_mod_mont_mul_lazy asks.
static void mul_acc(const bh_modulus *m, uint64_t *acc, const uint64_t *x,
                    const uint64_t *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        acc[i] += bh_mod_mont_mul_lazy(m, x[i], w[i]);
    }
}

static void mul_acc2(const bh_modulus *m, uint64_t *acc0, uint64_t *acc1,
                     const bh_term *terms, size_t n_terms, bool first, size_t n)
{
    if (first) {
        memset(acc0, 0, n * sizeof *acc0);
        memset(acc1, 0, n * sizeof *acc1);
    }
    for (size_t k = 0; k < n_terms; k++) {
        mul_acc(m, acc0, terms[k].x0, terms[k].w, n);
        mul_acc(m, acc1, terms[k].x1, terms[k].w, n);
    }
}

static void add_small(const bh_modulus *m, uint64_t *a, const int32_t *small, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        a[i] = bh_mod_add(m, a[i], bh_mod_from_signed(m, small[i]));
    }
}

// The Shoup product is below 2q, with a below 3q.
static void add_scaled(const bh_modulus *m, uint64_t *a, const int64_t *small,
                       uint64_t factor, size_t n)
{
    uint64_t quotient = bh_mod_shoup_quotient(m, factor);
    for (size_t i = 0; i < n; i++) {
        uint64_t s = bh_mod_from_signed(m, small[i]);
        uint64_t v = bh_mod_shoup_mul_lazy(s, factor, quotient, m->q);
        a[i] = bh_mod_add(m, a[i], bh_mod_reduce_once(m, v));
    }
}

// hi 2^46 < 2q by Shoup; with lo < 2^46, a and q - minus the sum is far below 2^64.
static void add_wide(const bh_modulus *m, uint64_t *a, const uint64_t *lo,
                     const uint64_t *hi, unsigned hi_bits, uint64_t minus, size_t n)
{
    uint64_t factor = bh_mod_reduce(m, UINT64_C(1) << 46);
    uint64_t quotient = bh_mod_shoup_quotient(m, factor);
    uint64_t lo_mask = (UINT64_C(1) << 46) - 1, hi_mask = (UINT64_C(1) << hi_bits) - 1;
    for (size_t i = 0; i < n; i++) {
        uint64_t v = bh_mod_shoup_mul_lazy(hi[i] & hi_mask, factor, quotient, m->q);
        a[i] = bh_mod_reduce(m, a[i] + v + (lo[i] & lo_mask) + (m->q - minus));
    }
}

static void divide(const bh_modulus *m, uint64_t *a, const uint64_t *a0,
                   uint64_t inverse, size_t n)
{
    uint64_t quotient = bh_mod_shoup_quotient(m, inverse);
    for (size_t i = 0; i < n; i++) {
        uint64_t d = a[i] + 2 * m->q - a0[i];
        uint64_t v = bh_mod_shoup_mul_lazy(d, inverse, quotient, m->q);
        a[i] = bh_mod_reduce_once(m, v);
    }
}

// a fraction < 2^(50 + 52).
static void round_bits(const bh_modulus *m, uint64_t *a, size_t n, unsigned bits)
{
    uint64_t mask = (UINT64_C(1) << bits) - 1, half = UINT64_C(1) << (50 - bits);
    for (size_t i = 0; i < n; i++) {
        bh_u128 x = bh_wide_mul(a[i], m->fraction);
        a[i] = ((bh_wide_shift_right(x, m->bits) + half) >> (51 - bits)) & mask;
    }
}

// a q + 2^(bits-1) < 2^(50 + 50).
static void lift(const bh_modulus *m, uint64_t *a, size_t n, unsigned bits)
{
    for (size_t i = 0; i < n; i++) {
        bh_u128 x = bh_wide_add(bh_wide_mul(a[i], m->q), UINT64_C(1) << (bits - 1));
        a[i] = bh_mod_reduce_once(m, bh_wide_shift_right(x, bits));
    }
}

// `held` bits, fewer than 64, wait in `word`; a value that does not fit whole leaves
// its upper bits for the next word.
static void pack(uint8_t *out, const uint64_t *in, size_t n, unsigned bits)
{
    uint64_t word = 0;
    unsigned held = 0;
    for (size_t i = 0; i < n; i++) {
        word |= in[i] << held;
        held += bits;
        if (held >= 64) {
            memcpy(out, &word, sizeof word);
            out += sizeof word;
            held -= 64;
            word = in[i] >> (bits - held);
        }
    }
    memcpy(out, &word, (held + 7) / 8);
}

// Value i starts in byte i bits / 8; its 7 + 57 bits lie in the 8 bytes from there on,
// which exist for all but the last few.
static void unpack(uint64_t *out, const uint8_t *in, size_t n, unsigned bits)
{
    uint64_t mask = (UINT64_C(1) << bits) - 1, word;
    size_t i = 0, bytes = (n * bits + 7) / 8;
    for (; i < n && i * bits / 8 + sizeof word <= bytes; i++) {
        memcpy(&word, in + i * bits / 8, sizeof word);
        out[i] = word >> (i * bits % 8) & mask;
    }
    for (; i < n; i++) {
        word = 0;
        memcpy(&word, in + i * bits / 8, bytes - i * bits / 8);
        out[i] = word >> (i * bits % 8) & mask;
    }
}

static size_t accept_vartime(const bh_modulus *m, uint64_t *out, const uint64_t *in,
                             size_t n)
{
    uint64_t mask = (UINT64_C(1) << m->bits) - 1;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t word = in[i] & mask;
        out[kept] = word;
        kept += word < m->q;
    }
    return kept;
}

static void ternary(int32_t out[64], const uint64_t words[8])
{
    for (size_t j = 0; j < 8; j++) {
        uint64_t fraction = words[j];
        for (size_t d = 0; d < 8; d++) {
            bh_u128 x = bh_wide_mul(fraction, 3);
            out[8 * d + j] = (int32_t)x.hi - 1;
            fraction = x.lo;
        }
    }
}

static void binomial(int32_t *out, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t low;
        uint16_t high;
        memcpy(&low, bytes + 6 * i, sizeof low);
        memcpy(&high, bytes + 6 * i + sizeof low, sizeof high);
        uint64_t word = low | (uint64_t)(high & ((1u << 10) - 1)) << 32;
        out[i] = (int32_t)bh_ct_popcount(word) - 21;
    }
}

const bh_kernels bh_kernels_portable = {
    .name = "portable",
    .factor_log2 = 64,
    .fill_forward = fill_table,
    .fill_inverse = fill_table,
    .ntt_forward = ntt_forward,
    .ntt_forward_small = ntt_forward_small,
    .ntt_inverse = ntt_inverse,
    .reduce = reduce,
    .mul_acc = mul_acc,
    .mul_acc2 = mul_acc2,
    .add_small = add_small,
    .add_scaled = add_scaled,
    .add_wide = add_wide,
    .divide = divide,
    .round = round_bits,
    .lift = lift,
    .pack = pack,
    .unpack = unpack,
    .accept_vartime = accept_vartime,
    .ternary = ternary,
    .binomial = binomial,
};
