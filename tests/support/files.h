// SPDX-License-Identifier: Apache-2.0
// Files that a test makes, in a folder of its own.
#ifndef BH_TESTS_SUPPORT_FILES_H
#define BH_TESTS_SUPPORT_FILES_H

#include "support/test.h"

// Set-up and tear-down of a group of tests: the folder, and everything in it.
int files_begin(void **state);
int files_end(void **state);

// The folder's path and the name; good for two names at a time.
const char *files_at(const char *name);
// Makes the folders above, too.
void files_write(const char *name, const void *data, size_t len);
void files_write_gzip(const char *name, const void *data, size_t len);
void files_write_xz(const char *name, const void *data, size_t len);
void files_text(const char *name, const char *text);
void files_folder(const char *name);
// Returns the length, size at most.
size_t files_read(const char *name, uint8_t *out, size_t size);
// A file, or a folder and all in it.
void files_remove(const char *name);

// An 8-bit PNG whose samples are all `value`; channels: 1 or 3.
void files_png(const char *name, uint32_t channels, uint32_t height, uint32_t width,
               uint8_t value);

// Big-endian words and then bytes, as IDX files have; returns the length.
size_t files_idx(uint8_t *out, const uint32_t *words, size_t n_words,
                 const uint8_t *content, size_t len);

#endif
