// SPDX-License-Identifier: Apache-2.0
#include "data/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "data/xz.h"

// Deflate never expands more than this, so a packed file's size bounds its content.
#define DEFLATE_RATIO 1032u
#define CHUNK         65536u

bh_status bh_source_damaged(const bh_source *s, const char *problem)
{
    return bh_fail(s->err, BH_ERR_ENCODING, "cannot read %s: %s", s->path, problem);
}

bh_status bh_source_no_memory(const bh_source *s)
{
    return bh_fail(s->err, BH_ERR_NOMEM, "cannot read %s: out of memory", s->path);
}

bh_status bh_file_open(int *fd, uint64_t *file_bytes, const char *path, bh_error *err)
{
    struct stat info;
    char text[64];
    // A pipe that nobody writes to is opened at once, to be refused below.
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0 || fstat(*fd, &info) != 0) {
        bh_fail(err, BH_ERR_IO, "cannot open %s: %s", path,
                strerror_r(errno, text, sizeof text));
    } else if (!S_ISREG(info.st_mode)) {
        bh_fail(err, BH_ERR_IO, "cannot read %s: it is not a file", path);
    } else {
        *file_bytes = (uint64_t)info.st_size;
        return BH_OK;
    }
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
    return BH_ERR_IO;
}

// fd is closed with the source, or here if that fails.
static bh_status open_packed(bh_source *s, int fd, uint64_t file_bytes)
{
    static const uint8_t magic[6] = {0xfd, '7', 'z', 'X', 'Z', 0};
    uint8_t first[6];
    if (pread(fd, first, sizeof first, 0) == (ssize_t)sizeof first &&
        memcmp(first, magic, sizeof magic) == 0) {
        s->bytes_max = file_bytes * BH_XZ_RATIO;
        s->xz = bh_xz_new(fd);
        return s->xz != NULL ? BH_OK : bh_source_no_memory(s);
    }
    s->gz = gzdopen(fd, "rb");
    if (s->gz == NULL) {
        close(fd);
        return bh_source_no_memory(s);
    }
    s->bytes_max = gzdirect(s->gz) ? file_bytes : file_bytes * DEFLATE_RATIO;
    return BH_OK;
}

bh_status bh_source_open(bh_source *s, const char *path, bh_error *err)
{
    int fd;
    uint64_t file_bytes;
    *s = (bh_source){.path = path, .err = err};
    bh_status status = bh_file_open(&fd, &file_bytes, path, err);
    return status == BH_OK ? open_packed(s, fd, file_bytes) : status;
}

// By errno.
static bh_status unreadable(const bh_source *s)
{
    char text[64];
    return bh_fail(s->err, BH_ERR_IO, "cannot read %s: %s", s->path,
                   strerror_r(errno, text, sizeof text));
}

static bh_status read_gz(bh_source *s, uint8_t *out, size_t len, size_t *got)
{
    for (*got = 0; *got < len;) {
        unsigned step = len - *got < (1u << 30) ? (unsigned)(len - *got) : 1u << 30;
        int n = gzread(s->gz, out + *got, step);
        if (n < 0) {
            int code;
            gzerror(s->gz, &code);
            return code == Z_ERRNO
                       ? unreadable(s)
                       : bh_source_damaged(s, "the compressed data is damaged");
        }
        if (n == 0) {
            break;
        }
        *got += (size_t)n;
    }
    return BH_OK;
}

bh_status bh_source_read(bh_source *s, void *out, size_t len, size_t *got)
{
    if (s->xz == NULL) {
        return read_gz(s, out, len, got);
    }
    const char *problem = NULL;
    bh_status status = bh_xz_read(s->xz, out, len, got, &problem);
    return status == BH_OK          ? BH_OK
           : status == BH_ERR_NOMEM ? bh_source_no_memory(s)
           : status == BH_ERR_IO    ? unreadable(s)
                                    : bh_source_damaged(s, problem);
}

bh_status bh_source_read_exactly(bh_source *s, void *out, size_t len)
{
    size_t got;
    bh_status status = bh_source_read(s, out, len, &got);
    return status == BH_OK && got < len
               ? bh_source_damaged(s, "it is shorter than its header says")
               : status;
}

bh_status bh_source_read_end(bh_source *s)
{
    uint8_t byte;
    size_t got;
    bh_status status = bh_source_read(s, &byte, 1, &got);
    return status == BH_OK && got > 0
               ? bh_source_damaged(s, "it is longer than its header says")
               : status;
}

bh_status bh_source_read_all(bh_source *s, bh_writer *w, size_t most)
{
    size_t got = CHUNK;
    while (got == CHUNK) {
        uint8_t *out = bh_writer_extend(w, CHUNK);
        if (out == NULL) {
            return bh_source_no_memory(s);
        }
        bh_status status = bh_source_read(s, out, CHUNK, &got);
        if (status != BH_OK) {
            return status;
        }
        w->len -= CHUNK - got;
        if (w->len > most) {
            return bh_fail(s->err, BH_ERR_TOO_LARGE,
                           "cannot read %s: it holds more than %zu MiB", s->path,
                           most >> 20);
        }
    }
    return BH_OK;
}

bh_status bh_source_close(bh_source *s, bh_status status)
{
    bh_xz_free(s->xz);
    // Closing tells whether the stream was complete and its checksum right.
    if (s->gz != NULL && gzclose_r(s->gz) != Z_OK && status == BH_OK) {
        status = bh_source_damaged(s, "the compressed data is damaged");
    }
    return status;
}
