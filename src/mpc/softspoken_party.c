// SPDX-License-Identifier: Apache-2.0
#include "mpc/softspoken_party.h"

#include <string.h>

#include "base/memory.h"

bh_status bh_softspoken_party_new(bh_softspoken_party **out, unsigned k)
{
    bh_cpu cpu;
    *out = NULL;
    bh_status status = bh_cpu_pick(&cpu, NULL);
    if (status != BH_OK) {
        return status;
    }
    bh_softspoken_party *p = bh_alloc(1, sizeof *p);
    if (p == NULL) {
        return BH_ERR_NOMEM;
    }
    p->k = k;
    p->trees = BH_KAPPA / k;
    p->kernels = bh_columns_get(cpu);
    status = bh_hasher_new(&p->hasher);
    if (status != BH_OK) {
        bh_softspoken_party_free(p);
        return status;
    }
    *out = p;
    return BH_OK;
}

void bh_softspoken_party_free(bh_softspoken_party *p)
{
    if (p != NULL) {
        bh_hasher_free(p->hasher);
        bh_leaf_streams_free(p->leaves);
        bh_free(p);
    }
}

bh_status bh_softspoken_party_set_leaves(bh_softspoken_party *p, const bh_block *nodes)
{
    const size_t per_tree = (size_t)1 << p->k, count = per_tree * p->trees;
    bh_block *leaves = bh_alloc(count, sizeof *leaves);
    if (leaves == NULL) {
        return BH_ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        leaves[i] = nodes[i % per_tree * p->trees + i / per_tree];
    }
    bh_status status = bh_leaf_streams_new(&p->leaves, leaves, count);
    bh_free(leaves);
    return status;
}

bh_status bh_softspoken_party_sum_tree(bh_softspoken_party *p, unsigned j,
                                       size_t groups, bool punctured)
{
    uint64_t(*rows)[BH_COLUMN_WORDS] = p->matrix + (size_t)j * p->k;
    bh_leaf_streams_range range = {.first = (size_t)j << p->k,
                                   .bits = p->k < 4 ? p->k : 4,
                                   .punctured = punctured,
                                   .block = p->block,
                                   .groups = groups};
    memset(rows, 0, p->k * sizeof *rows);
    if (p->k <= 4) {
        return bh_leaf_streams_sum(p->leaves, rows[0], p->u, &range);
    }
    bh_status status = BH_OK;
    for (size_t i = 0; i < 16 && status == BH_OK; i++) {
        status = bh_leaf_streams_sum(p->leaves, rows[0], p->sums[i], &range);
        range.first += 16;
        range.punctured = false;
    }
    p->kernels->fold(rows[4], p->u, p->sums[0], 4, groups);
    return status;
}

void bh_softspoken_party_advance(bh_softspoken_party *p, size_t n)
{
    p->block += bh_softspoken_party_groups(n) * BH_GROUP_BLOCKS;
    p->transfers += n;
}
