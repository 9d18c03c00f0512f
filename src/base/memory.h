// SPDX-License-Identifier: Apache-2.0
// The only allocator: aligned for every kernel, zeroed, wiped when freed.
#ifndef BH_BASE_MEMORY_H
#define BH_BASE_MEMORY_H

#include <stddef.h>

#define BH_ALIGNMENT 64

// Zeroed memory for count elements of size bytes, aligned to BH_ALIGNMENT; NULL when
// there is none or the product overflows. A zero count gives a valid pointer.
void *bh_alloc(size_t count, size_t size);

// Wipes and frees; NULL is fine. CT: leaks the size.
void bh_free(void *block);

// Overwrites len bytes in a way that the compiler cannot drop.
void bh_wipe(void *data, size_t len);

#endif
