// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "he/internal.h"
#include "ring/sample.h"

// P(|X| > 9.5 sd) < 2^-64 for a sum X of many independent bounded terms.
#define TAIL 9.5

// sqrt(ln(2^65) / 2): Hoeffding at 2^-64, see wraps_bound.
#define HOEFFDING_TAIL 4.7464

// An answer's error stays below this fraction of the plaintext step. A flooded answer
// decrypts then. For a masked one this is on the safe side: the sum of two rounded
// shares misses by less than 1 more than the error, hence by at most 1 for any error
// below 1.
#define USED_MAX 0.5

// Lifting to the first prime errs by half a unit of t / q_0 of the plaintext step.
static double lifted_unit(const bh_he *he, unsigned t_bits)
{
    return ldexp(1, (int)t_bits) / (double)he->ring.ntt[0].mod.q;
}

// k, what wraps modulo t. A message m is encrypted as a number in [-t/2, t/2), and
//   |k| <= |W m + bias| / t + 1/2 <= ||W||_1 / 2 + 1
// whatever it is. Messages under a masked set are shares, uniform modulo t: each of the
// n_weights terms w m / t is then independent of the others, lies in an interval of
// length |w| and has the mean -w / 2t, and there is no bias. By Hoeffding
//   P(|sum - mean| >= h) <= 2 exp(-2 h^2 / sum w^2),
// which is 2^-64 for h = sqrt(ln(2^65) / 2 * sum w^2).
static double wraps_bound(const bh_he *he, double n_weights, double w_max,
                          unsigned t_bits)
{
    double any_message = n_weights * w_max / 2 + 1;
    if (!he->literal.masked) {
        return any_message;
    }
    double mean = ldexp(n_weights * w_max, -(int)t_bits - 1);
    double uniform = HOEFFDING_TAIL * w_max * sqrt(n_weights) + mean + 0.5;
    return fmin(any_message, uniform);
}

// The noise of an answer before R1 is v = W e + e_pk u + e0 + e1 s - k:
//   W e        each coefficient sums at most n_weights products |w| <= w_max by e
//   e_pk u, e1 s   2 n / 3 non-zero terms each, together with e0 below (2 sqrt n)^2
static double fresh_bound(const bh_he *he, double n_weights, double w_max,
                          unsigned t_bits)
{
    double n = (double)he->ring.n;
    return TAIL * BH_SAMPLE_ERROR_DEV * (w_max * sqrt(n_weights) + 2 * sqrt(n)) +
           wraps_bound(he, n_weights, w_max, t_bits);
}

// What R4 and decryption add, as a fraction of the plaintext step. Rounding one
// coefficient of c1 errs uniformly by half a unit of 2^-(t_bits + c1_extra_bits) t, and
// by up to `slack` of one more (bh_poly_round); the key sums 2n/3 of them. Lifting does
// the same once more. The slack at c0, whose own rounding adds far less, has room for
// the last one, to t_bits, and for the share's.
static double switching_bound(const bh_he *he, unsigned t_bits)
{
    int c1_extra = (int)he->literal.c1_extra_bits;
    double slack = ldexp(1, BH_T_BITS_MAX + c1_extra - 44);
    double variance = 1.0 / 12 + slack * slack;
    double key_sum = TAIL * sqrt((double)he->ring.n * 2 / 3 * variance);
    return ldexp(key_sum, -c1_extra) +
           ldexp(0.5 + slack, -(int)he->literal.c0_extra_bits) +
           (key_sum + 0.5) * lifted_unit(he, t_bits);
}

// How often the sum of the shares of a masked answer is off by one.
//
// In units of the plaintext step let x = t R / q, uniform modulo t, and d the sum of
// all errors. The server has round(x), the client round(M - x + d), and their sum is M
// unless an odd multiple of 1/2 lies between x and x - d: with probability |d|, as d
// does not depend on x. (c0's rounding does, but by its place on a grid that c1 s,
// which is added to it, shifts anywhere.) d is a sum of v t / q, what the key sums of
// c1's rounding and lifting, and c0's rounding; close to normal, so E |d| = sqrt(2 /
// pi) sd.
static double off_by_one(const bh_he *he, double n_weights, double w_max,
                         unsigned t_bits)
{
    double n = (double)he->ring.n, error = BH_SAMPLE_ERROR_DEV * BH_SAMPLE_ERROR_DEV;
    double w_power = n_weights * w_max * w_max;
    double fresh = error * (w_power + 4 * n / 3 + 1) + w_power / 12;
    double step = exp2(t_bits - he->ring.log2_q), lifted = lifted_unit(he, t_bits);
    double c1_unit = ldexp(1, -(int)he->literal.c1_extra_bits);
    double c0_unit = ldexp(1, -(int)he->literal.c0_extra_bits);
    double variance = fresh * step * step +
                      n / 18 * (c1_unit * c1_unit + lifted * lifted) +
                      c0_unit * c0_unit / 12;
    return fmin(sqrt(variance * 2 / acos(-1)), 1);
}

bh_status bh_noise_of_answer(const bh_he *he, bh_noise *out, uint64_t n_weights,
                             uint32_t w_max, unsigned t_bits)
{
    *out = (bh_noise){0};
    if (!bh_he_t_bits_ok(t_bits)) {
        return BH_ERR_ARG;
    }
    double bound = fresh_bound(he, (double)n_weights, w_max, t_bits), flood = 0;
    double step_log2 = he->ring.log2_q - t_bits;
    bool hides = true;
    out->bound_log2 = log2(bound);
    if (he->literal.masked) {
        out->statistical_bits = INFINITY;
        out->off_by_one = off_by_one(he, (double)n_weights, w_max, t_bits);
    } else {
        out->flood_log2 = bh_he_flood_log2(he, t_bits);
        out->statistical_bits = out->flood_log2 + 1 - out->bound_log2;
        flood = exp2(out->flood_log2 - step_log2);
        hides = out->flood_log2 >= 40 + out->bound_log2; // F >= 2^40 B (R1)
    }
    out->used = flood + exp2(out->bound_log2 - step_log2) + switching_bound(he, t_bits);
    out->margin_bits = log2(USED_MAX / out->used);
    return hides && out->used < USED_MAX ? BH_OK : BH_ERR_NOISE;
}
