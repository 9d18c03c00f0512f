// SPDX-License-Identifier: Apache-2.0
#include "bayes/kernels/levels.h"

#define TABLE       bh_train_kernels_avx2
#define VECTOR      8 // 16 registers
#define OUT_BLOCK   3 // convolution: outputs and columns at a time
#define COL_BLOCK   3
#define TAP_OUTS    3 // its weight gradient: outputs and taps of a kernel's row
#define TAP_BLOCK   3
#define SMALL_OUTS  1 // the same for kernels of 3 x 3
#define TAP_SUMS    9
#define DENSE_BLOCK 8 // fully connected: outputs, or inputs, at a time
#define DENSE_ROWS  4 // its weight gradient: rows and vectors of a row
#define DENSE_WIDTH 2
#include "bayes/kernels/body.h"
