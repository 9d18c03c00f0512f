// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "infer/plan.h"

// Every guard, once.
static const struct {
    bh_guard guard;
    const char *name, *params;
} guards[] = {
    {BH_GUARD_SAMPLED, "sampled", "n4096"},
};

#define N_GUARDS (sizeof guards / sizeof guards[0])

const char *bh_guard_name(bh_guard guard)
{
    for (size_t i = 0; i < N_GUARDS; i++) {
        if (guards[i].guard == guard) {
            return guards[i].name;
        }
    }
    return NULL;
}

const char *bh_guard_params(bh_guard guard)
{
    for (size_t i = 0; i < N_GUARDS; i++) {
        if (guards[i].guard == guard) {
            return guards[i].params;
        }
    }
    return NULL;
}

bh_guard bh_guard_from_name(const char *name)
{
    for (size_t i = 0; i < N_GUARDS; i++) {
        if (strcmp(guards[i].name, name) == 0) {
            return guards[i].guard;
        }
    }
    return (bh_guard)0;
}
