// SPDX-License-Identifier: Apache-2.0
// Unpacking of .xz files.
#ifndef BH_DATA_XZ_H
#define BH_DATA_XZ_H

#include "bayhenn/bayhenn.h"

// LZMA never expands more: the longest match has 273 bytes and costs 14 binary choices
// of at least log2(2048 / 2017) bits each, 0.31 bits in all, which is a ratio of 7,090.
#define BH_XZ_RATIO 8192u

typedef struct bh_xz bh_xz;

// Reads fd from where it is, and owns it from now on; NULL, and fd is closed, where
// there is no memory.
bh_xz *bh_xz_new(int fd);
void bh_xz_free(bh_xz *xz); // NULL is fine

// Fewer than len bytes are there only at the end of the data, whose checksums have then
// been found right. BH_ERR_ENCODING with a problem to put into a sentence, BH_ERR_IO
// with errno where the file cannot be read, or BH_ERR_NOMEM.
bh_status bh_xz_read(bh_xz *xz, uint8_t *out, size_t len, size_t *got,
                     const char **problem) BH_MUST_CHECK;

#endif
