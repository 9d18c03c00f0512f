// SPDX-License-Identifier: Apache-2.0
// The portable kernels: plain C on 64-bit words, and the twin that every SIMD variant
// is tested against.
#include "ring/kernels.h"

// Forward: decimation in time (Cooley-Tukey), psi merged into the roots.
//
// No reduction between stages. The Shoup product is below 2q for ANY 64-bit operand, so
// a stage (x, y) -> (x + w y, x - w y + 2q) adds less than 2q to the bound: after log2
// n <= 13 stages values are below q + 13 * 2q = 27q < 2^55 for q < 2^50. That is lazy
// only for q < 2^47 (27 q < 2^52); larger primes get a reduction at the end.
static void ntt_forward(const bh_ntt *t, uint64_t *a)
{
    uint64_t q = t->mod.q, two_q = 2 * q;
    size_t half = t->n;
    for (size_t m = 1; m < t->n; m *= 2) {
        half /= 2;
        for (size_t i = 0; i < m; i++) {
            uint64_t w = t->roots[m + i], w_quotient = t->root_quotients[m + i];
            uint64_t *x = a + 2 * i * half, *y = x + half;
            for (size_t j = 0; j < half; j++) {
                uint64_t v = bh_mod_shoup_mul_lazy(y[j], w, w_quotient, q);
                y[j] = x[j] - v + two_q;
                x[j] = x[j] + v;
            }
        }
    }
    if (t->mod.bits > 47) {
        for (size_t j = 0; j < t->n; j++) {
            a[j] = bh_mod_reduce(&t->mod, a[j]);
        }
    }
}

// Inverse: decimation in frequency (Gentleman-Sande).
//
// The input is reduced first. Before stage k (from 0) values are below 2^k * 2q:
// x + y doubles the bound, and the Shoup product brings the difference back below 2q.
// x - y + 2^k * 2q is positive and below 2^(k+2) q, at most 2^(12+2) * 2^50 = 2^64 in
// the last of 13 stages, hence no word overflows.
static void ntt_inverse(const bh_ntt *t, uint64_t *a)
{
    uint64_t q = t->mod.q, bound = 2 * q;
    for (size_t j = 0; j < t->n; j++) {
        a[j] = bh_mod_reduce(&t->mod, a[j]);
    }
    size_t half = 1;
    for (size_t m = t->n / 2; m > 0; m /= 2) {
        for (size_t i = 0; i < m; i++) {
            uint64_t w = t->inverse_roots[m + i];
            uint64_t w_quotient = t->inverse_root_quotients[m + i];
            uint64_t *x = a + 2 * i * half, *y = x + half;
            for (size_t j = 0; j < half; j++) {
                uint64_t d = x[j] - y[j] + bound;
                x[j] = x[j] + y[j];
                y[j] = bh_mod_shoup_mul_lazy(d, w, w_quotient, q);
            }
        }
        half *= 2;
        bound *= 2;
    }
    for (size_t j = 0; j < t->n; j++) {
        uint64_t v = bh_mod_shoup_mul_lazy(a[j], t->scale, t->scale_quotient, q);
        a[j] = bh_mod_reduce_once(&t->mod, v);
    }
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
                     const uint64_t *x0, const uint64_t *x1, const uint64_t *w,
                     size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t wi = w[i];
        acc0[i] += bh_mod_mont_mul_lazy(m, x0[i], wi);
        acc1[i] += bh_mod_mont_mul_lazy(m, x1[i], wi);
    }
}

static void widen(const bh_modulus *m, uint64_t *out, const int32_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = bh_mod_from_signed(m, in[i]);
    }
}

// `held` bits wait in `word`, fewer than 8 before each value: 7 + 57 = 64 fit.
static void pack(uint8_t *out, const uint64_t *in, size_t n, unsigned bits)
{
    uint64_t word = 0;
    unsigned held = 0;
    for (size_t i = 0; i < n; i++) {
        word |= in[i] << held;
        for (held += bits; held >= 8; held -= 8) {
            *out++ = (uint8_t)word;
            word >>= 8;
        }
    }
    if (held > 0) {
        *out = (uint8_t)word;
    }
}

// Bytes are added until `bits` are held. Fewer than 8 wait before each value, so at
// most 64 are held: with none waiting 8 bytes, with 1 to 7 waiting 7 bytes reach 57.
static void unpack(uint64_t *out, const uint8_t *in, size_t n, unsigned bits)
{
    uint64_t word = 0, mask = (UINT64_C(1) << bits) - 1;
    unsigned held = 0;
    for (size_t i = 0; i < n; i++) {
        for (; held < bits; held += 8) {
            word |= (uint64_t)*in++ << held;
        }
        out[i] = word & mask;
        word >>= bits;
        held -= bits;
    }
}

const bh_kernels bh_kernels_portable = {
    .name = "portable",
    .quotient_bits = 64,
    .ntt_forward = ntt_forward,
    .ntt_inverse = ntt_inverse,
    .reduce = reduce,
    .mul_acc = mul_acc,
    .mul_acc2 = mul_acc2,
    .widen = widen,
    .pack = pack,
    .unpack = unpack,
};
