// SPDX-License-Identifier: Apache-2.0
#include "support/deconvolve.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

bool deconvolve_exact(const he_pair *c, double *out, const uint64_t *product,
                      const uint64_t *known)
{
    const bh_ring *ring = &c->he->ring;
    uint64_t *a = bh_poly_new(ring), *b = bh_poly_new(ring), *w = bh_poly_new(ring);
    uint64_t q = ring->ntt[0].mod.q;
    bool invertible = true;
    memcpy(a, product, ring->n * sizeof *a);
    memcpy(b, known, ring->n * sizeof *b);
    bh_poly_forward(ring, a);
    bh_poly_forward(ring, b);
    bh_poly_reduce(ring, a);
    bh_poly_reduce(ring, b);
    for (size_t i = 0; i < ring->n; i++) {
        invertible = invertible && b[i] != 0;
        a[i] = ref_mul(a[i], ref_pow(b[i], q - 2, q), q);
    }
    he_pair_to_coefficients(c, w, a);
    for (size_t i = 0; i < ring->n; i++) {
        out[i] = w[i] > q / 2 ? -(double)(q - w[i]) : (double)w[i];
    }
    bh_free(w);
    bh_free(b);
    bh_free(a);
    return invertible;
}

static spectrum spectrum_new(size_t n)
{
    return (spectrum){n, bh_alloc(n, sizeof(double)), bh_alloc(n, sizeof(double))};
}

static void spectrum_free(spectrum *s)
{
    bh_free(s->re);
    bh_free(s->im);
}

static double turn(double angle, double *sine)
{
    *sine = sin(angle);
    return cos(angle);
}

// Radix 2, decimation in time, after a bit reversal; sign +1 or -1 in the exponent.
static void fft(spectrum *s, int sign)
{
    for (size_t i = 0; i < s->n; i++) {
        size_t j = ref_reverse_bits(i, s->n);
        if (i < j) {
            double re = s->re[i], im = s->im[i];
            s->re[i] = s->re[j];
            s->im[i] = s->im[j];
            s->re[j] = re;
            s->im[j] = im;
        }
    }
    for (size_t half = 1; half < s->n; half *= 2) {
        for (size_t k = 0; k < half; k++) {
            double si, co = turn(sign * M_PI * (double)k / (double)half, &si);
            for (size_t i = k; i < s->n; i += 2 * half) {
                size_t j = i + half;
                double re = s->re[j] * co - s->im[j] * si;
                double im = s->re[j] * si + s->im[j] * co;
                s->re[j] = s->re[i] - re;
                s->im[j] = s->im[i] - im;
                s->re[i] += re;
                s->im[i] += im;
            }
        }
    }
}

static void spectrum_of(spectrum *s, const double *a)
{
    for (size_t i = 0; i < s->n; i++) { // a twist turns odd roots into all n-th roots
        double si, co = turn(M_PI * (double)i / (double)s->n, &si);
        s->re[i] = a[i] * co;
        s->im[i] = a[i] * si;
    }
    fft(s, 1);
}

// Real parts of the coefficients.
static void spectrum_invert(double *a, const spectrum *s)
{
    spectrum t = spectrum_new(s->n);
    memcpy(t.re, s->re, s->n * sizeof *t.re);
    memcpy(t.im, s->im, s->n * sizeof *t.im);
    fft(&t, -1);
    for (size_t i = 0; i < s->n; i++) {
        double si, co = turn(-M_PI * (double)i / (double)s->n, &si);
        a[i] = (t.re[i] * co - t.im[i] * si) / (double)s->n;
    }
    spectrum_free(&t);
}

wiener wiener_new(size_t n)
{
    return (wiener){spectrum_new(n), spectrum_new(n), spectrum_new(n),
                    bh_alloc(n, sizeof(double))};
}

void wiener_free(wiener *w)
{
    spectrum_free(&w->numerator);
    spectrum_free(&w->v);
    spectrum_free(&w->e);
    bh_free(w->power);
}

void wiener_add(wiener *w, const double *v, const double *e)
{
    spectrum_of(&w->v, v);
    spectrum_of(&w->e, e);
    for (size_t i = 0; i < w->v.n; i++) { // += V conj E
        double vr = w->v.re[i], vi = w->v.im[i], er = w->e.re[i], ei = w->e.im[i];
        w->numerator.re[i] += vr * er + vi * ei;
        w->numerator.im[i] += vi * er - vr * ei;
        w->power[i] += er * er + ei * ei;
    }
}

void wiener_estimate(wiener *w, double *out, double rest)
{
    for (size_t i = 0; i < w->v.n; i++) {
        w->v.re[i] = w->numerator.re[i] / (w->power[i] + rest);
        w->v.im[i] = w->numerator.im[i] / (w->power[i] + rest);
    }
    spectrum_invert(out, &w->v);
}
