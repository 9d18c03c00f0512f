// SPDX-License-Identifier: Apache-2.0
// The tables of bayes/kernels.h, one for each level of processors.
#ifndef BH_BAYES_KERNELS_LEVELS_H
#define BH_BAYES_KERNELS_LEVELS_H

#include "bayes/kernels/kernels.h"

extern const bh_train_kernels bh_train_kernels_portable;
extern const bh_train_kernels bh_train_kernels_avx2;
extern const bh_train_kernels bh_train_kernels_avx512;

#endif
