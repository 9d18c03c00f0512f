// SPDX-License-Identifier: Apache-2.0
// Where the weights of a layer are in a tensor of another library.
//
//                    torch, and here            Keras
//   conv2d           [out][in][row][column]     [row][column][in][out]
//   fc               [out][in]                  [in][out]
//   flatten gives    [channel][row][column]     [row][column][channel]
#ifndef BH_EXCHANGE_LAYOUT_H
#define BH_EXCHANGE_LAYOUT_H

#include "model/graph.h"

typedef struct bh_layout {
    const bh_layer *layer; // linear
    bh_shape before;       // fc: its input before any flattening
    bool keras;
} bh_layout;

// Of the i-th linear layer; borrows the graph.
bh_layout bh_layout_of(const bh_graph *g, uint32_t i, bool keras);
// The shape of the tensor of weights; returns its rank.
unsigned bh_layout_shape(uint64_t shape[4], const bh_layout *layout);
// The place in that tensor of the weight that is number `at` here.
size_t bh_layout_place(const bh_layout *layout, size_t at);

#endif
