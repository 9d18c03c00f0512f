// SPDX-License-Identifier: Apache-2.0
// Every kernel of ring/kernels.h as something to time: one variant, one transform.
#ifndef BH_BENCH_LAB_H
#define BH_BENCH_LAB_H

#include "measure.h"
#include "ring/ntt.h"

// The arrays that kernels work on.
typedef struct lab {
    const bh_kernels *kernels;
    bh_ntt ntt;
    size_t n;
    unsigned prime_bits;
    uint64_t *canonical;   // never changed
    uint64_t *words;       // random ones, never changed
    uint64_t *a;           // what kernels change
    uint64_t *acc0, *acc1; // sums of products
    uint64_t *inputs;      // canonical rows, transformed in turn
    size_t next_input;
    uint64_t *factors; // canonical rows, never changed: what terms point to
    bh_term terms[BH_TERMS_MAX];
    int64_t *scaled;          // messages less multiples of errors
    int32_t *small, *changed; // small numbers; what samplers write
    uint8_t *bytes;
} lab;

#define LAB_N_MAX 8192
#define LAB_N_MIN 2048

// Takes memory for every n; BH_ERR_NOMEM: clear it then too.
bh_status lab_init(lab *l) BH_MUST_CHECK;
void lab_clear(lab *l);

// Sets up the transform of a prime of so many bits for a variant, and fills the arrays.
bh_status lab_choose(lab *l, const bh_kernels *kernels, size_t n,
                     unsigned prime_bits) BH_MUST_CHECK;
void lab_leave(lab *l); // undoes lab_choose

// What the second figure of an operation is: what it costs against its butterflies, a
// product against the forward transform of the same lab, or a word.
typedef enum lab_figure { LAB_BUTTERFLIES, LAB_OF_FORWARD, LAB_PER_WORD } lab_figure;

// The index-th kernel: what to time. Its name is NULL past the last; 0 is the forward
// transform.
typedef struct lab_operation {
    const char *name;
    operation op;
    lab_figure figure;
    size_t products; // in one call, where the figure is LAB_OF_FORWARD
} lab_operation;
lab_operation lab_get(lab *l, size_t index);

#endif
