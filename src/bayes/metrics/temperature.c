// SPDX-License-Identifier: Apache-2.0
#include "bayes/metrics/temperature.h"

#include <math.h>

typedef struct problem {
    const float *logits;
    const uint8_t *labels;
    size_t images, samples, classes;
} problem;

// log softmax(logits / T) of one class.
static double log_probability(const float *logits, size_t classes, size_t label,
                              double temperature)
{
    float max = logits[0];
    double sum = 0;
    for (size_t c = 1; c < classes; c++) {
        max = fmaxf(max, logits[c]);
    }
    for (size_t c = 0; c < classes; c++) {
        sum += exp(((double)logits[c] - (double)max) / temperature);
    }
    return ((double)logits[label] - (double)max) / temperature - log(sum);
}

// log of a sum, from the logarithms of both parts.
static double log_add(double a, double b)
{
    return fmax(a, b) + log1p(exp(-fabs(a - b)));
}

static double nll(const problem *p, double log_temperature)
{
    double sum = 0, temperature = exp(log_temperature);
    for (size_t i = 0; i < p->images; i++) {
        const float *logits = p->logits + i * p->samples * p->classes;
        double mixture = log_probability(logits, p->classes, p->labels[i], temperature);
        for (size_t s = 1; s < p->samples; s++) {
            mixture =
                log_add(mixture, log_probability(logits + s * p->classes, p->classes,
                                                 p->labels[i], temperature));
        }
        sum -= mixture;
    }
    return sum;
}

// Golden section: keeps a minimum between lo and hi.
static double search(const problem *p, double lo, double hi)
{
    const double golden = (sqrt(5) - 1) / 2;
    double a = hi - golden * (hi - lo), b = lo + golden * (hi - lo);
    double at_a = nll(p, a), at_b = nll(p, b);
    while (hi - lo > 1e-6) {
        if (at_a <= at_b) {
            hi = b;
            b = a;
            at_b = at_a;
            a = hi - golden * (hi - lo);
            at_a = nll(p, a);
        } else {
            lo = a;
            a = b;
            at_a = at_b;
            b = lo + golden * (hi - lo);
            at_b = nll(p, b);
        }
    }
    return (lo + hi) / 2;
}

// For one draw the function has one minimum, as it is convex in 1 / T. For a mixture
// nobody promises that: a coarse scan finds the valley first.
double bh_temperature_fit(const float *logits, const uint8_t *labels, size_t images,
                          size_t samples, size_t classes)
{
    enum { SCAN = 12 };
    const problem p = {logits, labels, images, samples, classes};
    const double lo = log(BH_TEMPERATURE_FIT_MIN), hi = log(BH_TEMPERATURE_FIT_MAX);
    const double step = (hi - lo) / SCAN;
    double best = lo, least = INFINITY;
    for (int i = 0; i <= SCAN; i++) {
        double value = nll(&p, lo + i * step);
        if (value < least) {
            least = value;
            best = lo + i * step;
        }
    }
    return exp(search(&p, fmax(best - step, lo), fmin(best + step, hi)));
}

void bh_temperature_apply(float *logits, size_t len, double temperature)
{
    for (size_t i = 0; i < len; i++) {
        logits[i] = (float)((double)logits[i] / temperature);
    }
}
