// SPDX-License-Identifier: Apache-2.0
// A convolution tap by tap: for one tap of the kernel, the outputs at which it meets
// the input and not its padding are a range of rows and of columns.
#ifndef BH_MODEL_TAPS_H
#define BH_MODEL_TAPS_H

#include "model/graph.h"

typedef struct bh_span {
    uint32_t first, end;
} bh_span;

// Outputs of one axis with 0 <= output * stride + tap - pad < in_len.
static inline bh_span bh_tap_span(const bh_layer *layer, uint32_t tap, uint32_t in_len,
                                  uint32_t out_len)
{
    uint32_t before = layer->pad > tap ? layer->pad - tap : 0;
    bh_span s = {(before + layer->stride - 1) / layer->stride, 0};
    uint32_t past = in_len + layer->pad; // output * stride + tap < past
    s.end = past > tap ? (past - tap + layer->stride - 1) / layer->stride : 0;
    s.end = s.end < out_len ? s.end : out_len;
    return s;
}

#endif
