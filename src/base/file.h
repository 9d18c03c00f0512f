// SPDX-License-Identifier: Apache-2.0
// Whole files: read into memory, and replaced in one step.
#ifndef BH_BASE_FILE_H
#define BH_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "bayhenn/bayhenn.h"

// Reads a regular file of at most max_bytes; the caller frees *data with bh_free.
// Errors: BH_ERR_IO, BH_ERR_TOO_LARGE, BH_ERR_NOMEM with a sentence that names the
// file.
bh_status bh_file_load(uint8_t **data, size_t *len, const char *path, size_t max_bytes,
                       bh_error *err) BH_MUST_CHECK;

// Writes a temporary file beside path and renames it, so that a reader sees all of the
// old file or all of the new one. BH_ERR_IO also if path exists and is no regular file;
// a symbolic link is none. BH_ERR_NOMEM.
bh_status bh_file_replace(const char *path, const uint8_t *data, size_t len,
                          bh_error *err) BH_MUST_CHECK;

#endif
