// SPDX-License-Identifier: Apache-2.0
#include "bayes/kernels/levels.h"

#define TABLE       bh_train_kernels_portable
#define VECTOR      4 // SSE2, or NEON: 16 registers of 4 numbers
#define OUT_BLOCK   2 // convolution: outputs and columns at a time
#define COL_BLOCK   3
#define TAP_OUTS    2 // its weight gradient: outputs and taps of a kernel's row
#define TAP_BLOCK   3
#define SMALL_OUTS  1 // the same for kernels of 3 x 3
#define TAP_SUMS    9
#define DENSE_BLOCK 4 // fully connected: outputs, or inputs, at a time
#define DENSE_ROWS  2 // its weight gradient: rows and vectors of a row
#define DENSE_WIDTH 2
#include "bayes/kernels/body.h"
