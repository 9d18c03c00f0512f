// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

#define TEMPORARIES_MAX 100 // names to try

// strerror is not safe with threads; this is GNU's strerror_r.
static bh_status fail_errno(bh_error *err, const char *what, const char *path,
                            int number)
{
    char text[64];
    return bh_fail(err, BH_ERR_IO, "cannot %s %s: %s", what, path,
                   strerror_r(number, text, sizeof text));
}

static bh_status read_open(uint8_t **data, size_t *len, FILE *file, const char *path,
                           size_t max_bytes, bh_error *err)
{
    struct stat info;
    if (fstat(fileno(file), &info) != 0) {
        return fail_errno(err, "read", path, errno);
    }
    if (!S_ISREG(info.st_mode)) {
        return bh_fail(err, BH_ERR_IO, "cannot read %s: it is not a file", path);
    }
    if ((uint64_t)info.st_size > max_bytes) {
        return bh_fail(err, BH_ERR_TOO_LARGE,
                       "cannot read %s: it is larger than %zu bytes", path, max_bytes);
    }
    // Memory is taken for what is there, not for what a header promises.
    size_t size = (size_t)info.st_size;
    uint8_t *bytes = bh_alloc(size, 1);
    if (bytes == NULL) {
        return bh_fail(err, BH_ERR_NOMEM, "cannot read %s: out of memory", path);
    }
    if (fread(bytes, 1, size, file) != size) {
        bh_free(bytes);
        return bh_fail(err, BH_ERR_IO, "cannot read all of %s", path);
    }
    *data = bytes;
    *len = size;
    return BH_OK;
}

bh_status bh_file_load(uint8_t **data, size_t *len, const char *path, size_t max_bytes,
                       bh_error *err)
{
    *data = NULL;
    *len = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return fail_errno(err, "open", path, errno);
    }
    bh_status status = read_open(data, len, file, path, max_bytes, err);
    fclose(file);
    return status;
}

// The caller's own temporary file beside `path`: nobody's file is written over. Not
// mkstemp, whose files are for their owner alone whatever the umask says. -1 and errno.
static int create_temporary(char *temporary, size_t size, const char *path)
{
    int fd = -1;
    errno = EEXIST;
    for (unsigned i = 0; i < TEMPORARIES_MAX && fd < 0 && errno == EEXIST; i++) {
        snprintf(temporary, size, "%s.%ld-%u.tmp", path, (long)getpid(), i);
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    return fd;
}

static bool write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        data += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return fsync(fd) == 0;
}

// All of the new file or the old one: whoever reads `path` sees nothing in between.
static bool rename_over(char *temporary, size_t size, const char *path,
                        const uint8_t *data, size_t len)
{
    int fd = create_temporary(temporary, size, path);
    if (fd < 0) {
        return false;
    }
    bool ok = write_all(fd, data, len);
    int number = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        number = errno;
    }
    if (ok && rename(temporary, path) != 0) {
        ok = false;
        number = errno;
    }
    if (!ok) {
        unlink(temporary);
    }
    errno = number;
    return ok;
}

// rename would put the new file in the place of a device or a link: neither is a file
// that somebody meant to replace. Links are refused rather than followed.
static bh_status check_replaceable(const char *path, bh_error *err)
{
    struct stat info;
    if (lstat(path, &info) != 0 || S_ISREG(info.st_mode)) {
        return BH_OK; // what else is wrong shows when the file is made
    }
    return bh_fail(err, BH_ERR_IO, "cannot write %s: it exists and is %s", path,
                   S_ISDIR(info.st_mode)   ? "a folder"
                   : S_ISLNK(info.st_mode) ? "a symbolic link"
                                           : "no regular file");
}

bh_status bh_file_replace(const char *path, const uint8_t *data, size_t len,
                          bh_error *err)
{
    size_t size = strlen(path) + sizeof ".-.tmp" + 32;
    bh_status status = check_replaceable(path, err);
    if (status != BH_OK) {
        return status;
    }
    char *temporary = bh_alloc(size, 1);
    if (temporary == NULL) {
        return bh_fail(err, BH_ERR_NOMEM, "cannot write %s: out of memory", path);
    }
    if (!rename_over(temporary, size, path, data, len)) {
        status = fail_errno(err, "write", path, errno);
    }
    bh_free(temporary);
    return status;
}
