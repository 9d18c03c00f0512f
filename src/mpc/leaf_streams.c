// SPDX-License-Identifier: Apache-2.0
#include "mpc/leaf_streams.h"

#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "mpc/aes.h"
#include "mpc/leaf_streams_avx512.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "streams are read as little-endian words in place");

struct bh_leaf_streams {
    const bh_columns_kernels *kernels;
    bh_aes cipher; // of a leaf after the other, below BH_CPU_AVX512
    bh_block *keys;
    bh_aes128 *expanded; // at BH_CPU_AVX512, instead of both
    bh_block counters[BH_CHUNK / 128];
    _Alignas(64) uint64_t columns[16][BH_COLUMN_WORDS];
};

static bh_status take_leaves(bh_leaf_streams *l, const bh_block *leaves, size_t count)
{
    if (bh_aes_is_fast(&l->cipher)) {
        l->expanded = bh_alloc(count, sizeof *l->expanded);
        if (l->expanded == NULL) {
            return BH_ERR_NOMEM;
        }
        bh_aes_expand_avx512(l->expanded, leaves, count);
        return BH_OK;
    }
    l->keys = bh_alloc(count, sizeof *l->keys);
    if (l->keys == NULL) {
        return BH_ERR_NOMEM;
    }
    memcpy(l->keys, leaves, count * sizeof *leaves);
    return BH_OK;
}

bh_status bh_leaf_streams_new(bh_leaf_streams **out, const bh_block *leaves,
                              size_t count)
{
    *out = NULL;
    bh_leaf_streams *l = bh_alloc(1, sizeof *l);
    if (l == NULL) {
        return BH_ERR_NOMEM;
    }
    bh_status status = bh_aes_init(&l->cipher, NULL);
    if (status == BH_OK) {
        l->kernels = bh_columns_get(l->cipher.level);
        status = take_leaves(l, leaves, count);
    }
    if (status != BH_OK) {
        bh_leaf_streams_free(l);
        return status;
    }
    *out = l;
    return BH_OK;
}

void bh_leaf_streams_free(bh_leaf_streams *l)
{
    if (l != NULL) {
        bh_aes_clear(&l->cipher);
        bh_free(l->keys);
        bh_free(l->expanded);
        bh_free(l);
    }
}

static bh_status read_leaf(bh_leaf_streams *l, uint64_t *out, const bh_block *key,
                           size_t len)
{
    bh_status status = bh_aes_set_key(&l->cipher, (const uint8_t *)key);
    if (status == BH_OK) {
        status = bh_aes_encrypt(&l->cipher, out, l->counters, len);
    }
    BH_SECRET_FROM(out, len, key, sizeof *key, NULL, 0);
    return status;
}

bh_status bh_leaf_streams_sum(bh_leaf_streams *l, uint64_t *parts, uint64_t *sum,
                              const bh_leaf_streams_range *range)
{
    if (bh_aes_is_fast(&l->cipher)) {
        bh_leaf_streams_sum_avx512(parts, sum, l->expanded + range->first, range);
        return BH_OK;
    }
    const size_t blocks = range->groups * BH_GROUP_BLOCKS;
    bh_status status = BH_OK;
    for (size_t i = 0; i < blocks; i++) {
        l->counters[i] = (bh_block){{range->block + i, 0}};
    }
    for (size_t y = 0; y < (size_t)1 << range->bits && status == BH_OK; y++) {
        if (y == 0 && range->punctured) {
            memset(l->columns[0], 0, sizeof l->columns[0]);
        } else {
            status = read_leaf(l, l->columns[y], l->keys + range->first + y,
                               blocks * sizeof(bh_block));
        }
    }
    l->kernels->fold(parts, sum, l->columns[0], range->bits, range->groups);
    return status;
}
