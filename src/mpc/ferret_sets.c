// SPDX-License-Identifier: Apache-2.0
#include "mpc/ferret.h"

// Read by tools/lpn-estimate as well, which says why k is as large as it is.
#define SET(name, k, tau, h)                                                           \
    {                                                                                  \
        name, k, tau, h                                                                \
    }

// clang-format off
static const bh_ferret_params sets[] = {
    //   name    k      tau   h
    SET("50k", 15104, 544, 7),
    SET("100k", 16640, 968, 7),
    SET("200k", 32768, 944, 8),
    SET("380k", 35328, 1680, 8),
    SET("850k", 39424, 3584, 8),
    SET("2000k", 81920, 4096, 9),
    SET("4000k", 155648, 4096, 10),
};
// clang-format on

enum { N_SETS = sizeof sets / sizeof sets[0] };

const bh_ferret_params *bh_ferret_set(size_t i)
{
    return i < N_SETS ? &sets[i] : NULL;
}

const bh_ferret_params *bh_ferret_pick(size_t need)
{
    size_t i = 0;
    while (i < N_SETS - 1 && bh_ferret_given(&sets[i]) < need) {
        i++;
    }
    return &sets[i];
}

size_t bh_ferret_message_bytes(const bh_ferret_params *p)
{
    return (size_t)p->tau * (p->h - 1) * sizeof(bh_block);
}
