// SPDX-License-Identifier: Apache-2.0
// Values in the order of their keys, where nothing may depend on the order of equal
// keys.
#ifndef BH_BAYES_PAIRS_H
#define BH_BAYES_PAIRS_H

#include <stddef.h>

typedef struct bh_pair {
    double key, value;
} bh_pair;

// Sorts by key, the smallest first, and gives pairs of equal keys the mean of their
// values: what any rule about them gives on average over the orders that they could
// have stood in. Keys are no NaN.
void bh_pairs_sort(bh_pair *pairs, size_t n);

#endif
