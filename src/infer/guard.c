// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "infer/plan.h"

typedef struct guard_row {
    bh_guard guard;
    const char *name, *params;
} guard_row;

// Every guard, once.
static const guard_row guards[] = {
    {BH_GUARD_SAMPLED, "sampled", "n4096"},
    {BH_GUARD_SEALED, "sealed", "n2048"},
};

#define N_GUARDS (sizeof guards / sizeof guards[0])

static const guard_row *find(bh_guard guard)
{
    for (size_t i = 0; i < N_GUARDS; i++) {
        if (guards[i].guard == guard) {
            return &guards[i];
        }
    }
    return NULL;
}

const char *bh_guard_name(bh_guard guard)
{
    const guard_row *row = find(guard);
    return row != NULL ? row->name : NULL;
}

const char *bh_guard_params(bh_guard guard)
{
    const guard_row *row = find(guard);
    return row != NULL ? row->params : NULL;
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
