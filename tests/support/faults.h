// SPDX-License-Identifier: Apache-2.0
// A machine whose n-th call fails, for every n.
#ifndef BH_TESTS_SUPPORT_FAULTS_H
#define BH_TESTS_SUPPORT_FAULTS_H

#include <stddef.h>
#include <stdint.h>

#include "bayhenn/bayhenn.h"

// Calls run(arg) with *countdown (fail_alloc_at or fail_random_at of the hooks) at 1,
// 2, ... until a run ends before its count does; that one must give BH_OK, those before
// `expected`, and none may leave a block behind. Returns how many calls failed.
size_t fail_each(size_t *countdown, bh_status expected, bh_status (*run)(void *arg),
                 void *arg);

// What a hook on_free saw: blocks, and those of them that were not wiped.
typedef struct frees {
    size_t blocks, dirty;
} frees;
void frees_look(void *user, const uint8_t *data, size_t len);

#endif
