// SPDX-License-Identifier: Apache-2.0
//
// Threads that engines may compute on (session.h). An engine starts none itself: it is
// lent a pool, or computes on its caller's thread. Results are the same, byte for byte,
// for every number of threads under one plan.
#ifndef BAYHENN_POOL_H
#define BAYHENN_POOL_H

#include "bayhenn/bayhenn.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BH_POOL_THREADS_MAX 256

// May be lent to any number of engines in any number of threads. It works for one of
// them at a time; one that finds it at work computes on its own thread meanwhile.
typedef struct bh_pool bh_pool;

// threads: 1 .. BH_POOL_THREADS_MAX, of which the thread that computes counts as one:
// threads - 1 are started. Errors: BH_ERR_ARG, BH_ERR_NOMEM (also where the system
// starts no thread).
bh_status bh_pool_new(bh_pool **out, uint32_t threads) BH_MUST_CHECK;
void bh_pool_free(bh_pool *pool); // ends them; not while an engine computes on it

uint32_t bh_pool_threads(const bh_pool *pool); // 1 for NULL

#ifdef __cplusplus
}
#endif

#endif
