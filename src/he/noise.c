// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "he/internal.h"
#include "ring/sample.h"

// P(|X| > 9.5 sd) < 2^-64 for a sum X of many independent bounded terms.
#define TAIL 9.5

// The noise of an answer before flooding is v = W e + e_pk u + e0 + e1 s - k:
//   W e        each coefficient sums at most n_weights products |w| <= w_max by e
//   e_pk u, e1 s   2 n / 3 non-zero terms each, together with e0 below (2 sqrt n)^2
//   k          what wraps modulo t: |m|, |bias| <= t / 2, so (W m + bias) / t rounds to
//              |k| <= ||W||_1 / 2 + 1
static double fresh_bound(const bh_he *he, double n_weights, double w_max)
{
    double n = (double)he->ring.n;
    return TAIL * BH_SAMPLE_ERROR_DEV * (w_max * sqrt(n_weights) + 2 * sqrt(n)) +
           n_weights * w_max / 2 + 1;
}

// What R4 and decryption add, as a fraction of the plaintext step. Rounding one
// coefficient of c1 errs uniformly by half a unit of 2^-(t_bits + 9) t, and by up to
// 2^-7 of one more (bh_poly_round, 37 bits); the key sums 2n/3 of them. Lifting to the
// first prime does the same once more, in units of t / q_0. The 2^-7 at c0, whose own
// rounding adds but 2^-12 (32 bits), has room for the last one, to t_bits.
static double switching_bound(const bh_he *he, unsigned t_bits)
{
    double key_sum = TAIL * sqrt((double)he->ring.n * 2 / 3 * (1.0 / 12 + 0x1p-14));
    double lifted = ldexp(1, (int)t_bits) / (double)he->ring.ntt[0].mod.q;
    return key_sum * ldexp(1, -BH_ANSWER_C1_EXTRA_BITS) +
           (0.5 + 0x1p-7) * ldexp(1, -BH_ANSWER_C0_EXTRA_BITS) +
           (key_sum + 0.5) * lifted;
}

bh_status bh_noise_of_answer(const bh_he *he, bh_noise *out, uint64_t n_weights,
                             uint32_t w_max, unsigned t_bits)
{
    *out = (bh_noise){0};
    if (!bh_he_t_bits_ok(t_bits)) {
        return BH_ERR_ARG;
    }
    double bound = fresh_bound(he, (double)n_weights, w_max);
    out->bound_log2 = log2(bound);
    out->flood_log2 = bh_he_flood_log2(he, t_bits);
    out->statistical_bits = out->flood_log2 + 1 - out->bound_log2;
    double step_log2 = he->ring.log2_q - t_bits;
    out->used = exp2(out->flood_log2 - step_log2) + exp2(out->bound_log2 - step_log2) +
                switching_bound(he, t_bits);
    out->margin_bits = log2(0.5 / out->used);
    // F >= 2^40 B (R1), and room to decrypt.
    bool fits = out->flood_log2 >= 40 + out->bound_log2 && out->used < 0.5;
    return fits ? BH_OK : BH_ERR_NOISE;
}
