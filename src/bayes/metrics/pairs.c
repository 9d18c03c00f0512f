// SPDX-License-Identifier: Apache-2.0
#include "bayes/metrics/pairs.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    double x = ((const bh_pair *)a)->key, y = ((const bh_pair *)b)->key;
    return (x > y) - (x < y);
}

void bh_pairs_sort(bh_pair *pairs, size_t n)
{
    qsort(pairs, n, sizeof *pairs, compare);
    for (size_t start = 0, end; start < n; start = end) {
        double sum = 0;
        for (end = start; end < n && pairs[end].key == pairs[start].key; end++) {
            sum += pairs[end].value;
        }
        for (size_t i = start; i < end; i++) {
            pairs[i].value = sum / (double)(end - start);
        }
    }
}
