// SPDX-License-Identifier: Apache-2.0
#include "bayes/kernels/levels.h"

#define TABLE       bh_train_kernels_avx512
#define VECTOR      16 // 32 registers
#define OUT_BLOCK   6  // convolution: outputs and columns at a time
#define COL_BLOCK   4
#define TAP_OUTS    4 // its weight gradient: outputs and taps of a kernel's row
#define TAP_BLOCK   5
#define SMALL_OUTS  3 // the same for kernels of 3 x 3
#define TAP_SUMS    27
#define DENSE_BLOCK 12 // fully connected: outputs, or inputs, at a time
#define DENSE_ROWS  4  // its weight gradient: rows and vectors of a row
#define DENSE_WIDTH 4
#include "bayes/kernels/body.h"
