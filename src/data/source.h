// SPDX-License-Identifier: Apache-2.0
// A file's bytes from front to back: plain, gzip or xz, whichever its first bytes say.
// Every failure is a sentence that names the file.
#ifndef BH_DATA_SOURCE_H
#define BH_DATA_SOURCE_H

#include <zlib.h>

#include "base/bytes.h"

// Opens a file, and nothing else, for reading: BH_ERR_IO for folders, pipes and
// devices.
bh_status bh_file_open(int *fd, uint64_t *file_bytes, const char *path,
                       bh_error *err) BH_MUST_CHECK;

typedef struct bh_source {
    const char *path;   // borrowed
    bh_error *err;      // borrowed
    uint64_t bytes_max; // that a file of this size can hold when it is unpacked
    gzFile gz;          // plain and gzip
    struct bh_xz *xz;
} bh_source;

bh_status bh_source_open(bh_source *s, const char *path, bh_error *err) BH_MUST_CHECK;
// Fewer than len bytes are there only at the end.
bh_status bh_source_read(bh_source *s, void *out, size_t len,
                         size_t *got) BH_MUST_CHECK;
// BH_ERR_ENCODING if they are not there: "it is shorter than its header says".
bh_status bh_source_read_exactly(bh_source *s, void *out, size_t len) BH_MUST_CHECK;
// BH_ERR_ENCODING unless everything has been read: "it is longer than its header says".
bh_status bh_source_read_end(bh_source *s) BH_MUST_CHECK;
// Everything that is left, which is appended to w: BH_ERR_TOO_LARGE if w gets longer
// than `most`.
bh_status bh_source_read_all(bh_source *s, bh_writer *w, size_t most) BH_MUST_CHECK;

// BH_ERR_ENCODING with "cannot read <path>: <problem>".
bh_status bh_source_damaged(const bh_source *s, const char *problem);
bh_status bh_source_no_memory(const bh_source *s);

// Closes what was opened, if anything, and returns status; if that is BH_OK, whether
// the packed data was whole.
bh_status bh_source_close(bh_source *s, bh_status status) BH_MUST_CHECK;

#endif
