// SPDX-License-Identifier: Apache-2.0
#include "bayes/metrics/detection.h"

#include <math.h>
#include <stdbool.h>

#include "base/memory.h"
#include "bayes/metrics/pairs.h"

#define ROUNDING 1e-9 // of sums of shares, in inputs

// Walks down from the highest score. In a group of equal scores every pair is the same
// mixture of both kinds (pairs.h), so that the curve is straight there: a tie is half.
// Where the curve is upright, a point is its upper end.
static void trace_curve(bh_detection *d, const bh_pair *pairs, size_t n, double n_in,
                        double n_out)
{
    double alarms_in = 0, alarms_out = 0;
    size_t point = 0;
    d->auroc = 0;
    for (size_t i = n; i-- > 0;) {
        double share_out = pairs[i].value, share_in = 1 - share_out;
        d->auroc += share_in * (alarms_out + share_out / 2) / n_in / n_out;
        for (; point < BH_ROC_POINTS && share_in > 0; point++) {
            double due = n_in * (double)point / (BH_ROC_POINTS - 1) - alarms_in;
            if (due > share_in - ROUNDING) {
                break;
            }
            d->roc[point] = (alarms_out + share_out * fmax(due, 0) / share_in) / n_out;
        }
        alarms_in += share_in;
        alarms_out += share_out;
    }
    for (; point < BH_ROC_POINTS; point++) {
        d->roc[point] = 1;
    }
}

// Counts are whole where a group of equal scores ends; half an input is room for the
// rounding of sums of shares.
static double accepted_at_95(const bh_pair *pairs, size_t n, size_t n_in, double n_out)
{
    const size_t wanted = (95 * n_in + 99) / 100; // rounded up
    double need = (double)wanted, in = 0, out = 0;
    for (size_t i = 0; i < n; i++) {
        in += 1 - pairs[i].value;
        out += pairs[i].value;
        bool group_ends = i + 1 == n || pairs[i + 1].key != pairs[i].key;
        if (group_ends && in > need - 0.5) {
            break;
        }
    }
    return out / n_out;
}

bh_status bh_detection_compute(bh_detection *out, const double *in, size_t n_in,
                               const double *elsewhere, size_t n_out)
{
    size_t n = n_in + n_out;
    bh_pair *pairs = bh_alloc(n, sizeof *pairs);
    if (pairs == NULL) {
        return BH_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        pairs[i] = i < n_in ? (bh_pair){in[i], 0} : (bh_pair){elsewhere[i - n_in], 1};
    }
    bh_pairs_sort(pairs, n);
    trace_curve(out, pairs, n, (double)n_in, (double)n_out);
    out->fpr95 = accepted_at_95(pairs, n, n_in, (double)n_out);
    bh_free(pairs);
    return BH_OK;
}
