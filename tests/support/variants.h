// SPDX-License-Identifier: Apache-2.0
// Going through the kernel variants that run here.
#ifndef BH_TESTS_SUPPORT_VARIANTS_H
#define BH_TESTS_SUPPORT_VARIANTS_H

#include <stdio.h>
#include <stdlib.h>

#include "ring/kernels.h"

// The next variant from *at on, NULL at the end; those that this CPU lacks are
// reported. for (size_t at = 0; (k = variants_next(&at)) != NULL;)
static inline const bh_kernels *variants_next(size_t *at)
{
    for (;;) {
        int usable = 0;
        const bh_kernels *k = bh_kernels_get((*at)++, &usable);
        if (k == NULL || usable) {
            return k;
        }
        printf("skipped: %s does not run on this CPU\n", k->name);
    }
}

// Whether a variant that runs here takes transforms of length n modulo q.
static inline int variants_fits(const bh_kernels *k, size_t n, uint64_t q)
{
    const bh_kernels *picked;
    setenv("BH_CPU", k->name, 1);
    bh_status status = bh_kernels_pick(&picked, n, &q, 1);
    unsetenv("BH_CPU");
    return status == BH_OK && picked == k;
}

#endif
