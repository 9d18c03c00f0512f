// SPDX-License-Identifier: Apache-2.0
#include "data/rank.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

typedef struct entry {
    const char *text;
    size_t index;
} entry;

static int compare(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->text, ((const entry *)b)->text);
}

bh_status bh_rank(uint32_t *rank, uint32_t *n_distinct, const char **distinct,
                  size_t distinct_max, const char *const *texts, size_t count)
{
    entry *entries = bh_alloc(count, sizeof *entries);
    if (entries == NULL) {
        return BH_ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        entries[i] = (entry){texts[i], i};
    }
    qsort(entries, count, sizeof *entries, compare);
    uint32_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare(&entries[i - 1], &entries[i]) != 0) {
            if (n < distinct_max) {
                distinct[n] = entries[i].text;
            }
            n++;
        }
        rank[entries[i].index] = n - 1;
    }
    *n_distinct = n;
    bh_free(entries);
    return BH_OK;
}
