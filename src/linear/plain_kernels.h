// SPDX-License-Identifier: Apache-2.0
// The two products of linear/plain.h. CT: nothing here leaks numbers.
#ifndef BH_LINEAR_PLAIN_KERNELS_H
#define BH_LINEAR_PLAIN_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// Outputs of one channel that are computed at once.
#define BH_PLAIN_COLUMNS 16

// A row of weights for each output channel, a row of places for each of their results.
typedef struct bh_plain_rows {
    uint32_t *y;
    const int32_t *w;
    size_t count;              // of rows
    size_t y_stride, w_stride; // from one row to the next
} bh_plain_rows;

// y[r][p] += sum over k < len of w[r][k] x[k][p], p < columns <= BH_PLAIN_COLUMNS; x
// has BH_PLAIN_COLUMNS columns.
typedef void bh_plain_tile(const bh_plain_rows *rows, const uint32_t *x, size_t len,
                           size_t columns);
// y[r][0] = sum over k < len of w[r][k] x[k].
typedef void bh_plain_dots(const bh_plain_rows *rows, const uint32_t *x, size_t len);

// Only where bh_cpu_has(BH_CPU_AVX2).
bh_plain_tile bh_plain_tile_avx2;
bh_plain_dots bh_plain_dots_avx2;

#endif
