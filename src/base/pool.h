// SPDX-License-Identifier: Apache-2.0
// Running tasks side by side on the threads of a pool.
#ifndef BH_BASE_POOL_H
#define BH_BASE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "bayhenn/pool.h"

// One of the tasks of a run.
typedef bh_status bh_task(void *arg, size_t i, uint32_t worker);

// Calls task(arg, i, worker) once for every i < count and returns when all calls have.
// Calls run side by side and in no order; no two at a time have the same worker, which
// is below bh_pool_threads(pool). The caller takes part as worker 0, and runs all of
// them alone where pool is NULL or at work for somebody else: a task may so be given
// the pool it runs on. Tasks of one run must write to different places; what they wrote
// is visible to the caller afterwards. Once one has failed no more are begun, and its
// error is returned.
bh_status bh_pool_run(bh_pool *pool, size_t count, bh_task *task,
                      void *arg) BH_MUST_CHECK;

#endif
