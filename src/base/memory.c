// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hooks.h"

// The block's size stands in front of it, in a header of one alignment unit.
typedef struct header {
    size_t bytes;
} header;

#ifdef BH_TEST_HOOKS
static int count_and_fail(void)
{
    bh_hooks *hooks = bh_hooks_get();
    hooks->alloc_count++;
    if (hooks->fail_alloc_at > 0 && --hooks->fail_alloc_at == 0) {
        return 1;
    }
    hooks->live_blocks++;
    return 0;
}
#define COUNT_FREE() (bh_hooks_get()->live_blocks--)
#else
#define count_and_fail() 0
#define COUNT_FREE()     ((void)0)
#endif

void *bh_alloc(size_t count, size_t size)
{
    if (size != 0 && count > (SIZE_MAX - 2 * BH_ALIGNMENT) / size) {
        return NULL;
    }
    if (count_and_fail()) {
        return NULL;
    }
    size_t bytes = count * size;
    size_t padded = (bytes + BH_ALIGNMENT - 1) / BH_ALIGNMENT * BH_ALIGNMENT;
    char *raw = aligned_alloc(BH_ALIGNMENT, BH_ALIGNMENT + padded);
    if (raw == NULL) {
        COUNT_FREE();
        return NULL;
    }
    memset(raw, 0, BH_ALIGNMENT + padded);
    ((header *)(void *)raw)->bytes = bytes;
    return raw + BH_ALIGNMENT;
}

void bh_free(void *block)
{
    if (block == NULL) {
        return;
    }
    char *raw = (char *)block - BH_ALIGNMENT;
    size_t bytes = ((header *)(void *)raw)->bytes;
    bh_wipe(block, bytes);
    BH_HOOK_CALL(on_free, block, bytes);
    COUNT_FREE();
    free(raw);
}

void bh_wipe(void *data, size_t len)
{
    memset(data, 0, len);
    // The memory clobber tells the compiler that the zeroes may be read.
    __asm__ __volatile__("" : : "r"(data) : "memory");
}
