// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

typedef struct mark {
    const char *name, *bytes;
    size_t at, len;
} mark;

static const mark marks[] = {
    [OUTPUT_MODEL] = {"model",
                      "\x89"
                      "BHN",
                      0, 4},
    [OUTPUT_CHECKPOINT] = {"checkpoint",
                           "\x89"
                           "BHC",
                           0, 4},
    [OUTPUT_TENSORS] = {"safetensors file", "{", 8, 1},
    [OUTPUT_PAGE] = {"HTML page", "<!DOCTYPE html", 0, 14},
};

// Another file in the same folder.
static bool can_make(const char *path)
{
    char *trial = NULL;
    if (asprintf(&trial, "%s.XXXXXX", path) < 0) {
        errno = ENOMEM;
        return false;
    }
    int fd = mkstemp(trial), number = errno;
    if (fd >= 0) {
        close(fd);
        unlink(trial);
    }
    free(trial);
    errno = number;
    return fd >= 0;
}

static bool is_free(const char *path, const mark *m)
{
    char head[16] = {0};
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return true;
    }
    const size_t len = fread(head, 1, sizeof head, file);
    fclose(file);
    return len == 0 ||
           (len >= m->at + m->len && memcmp(head + m->at, m->bytes, m->len) == 0);
}

int output_check(const char *command, const char *path, output_kind kind)
{
    struct stat info;
    const bool exists = lstat(path, &info) == 0;
    if (path[0] == '\0') {
        return cli_usage(command, "\"\" is no name of a file to write");
    }
    if (exists && !S_ISREG(info.st_mode)) {
        return cli_fail(command, "cannot write %s: it exists and is %s", path,
                        S_ISDIR(info.st_mode)   ? "a folder"
                        : S_ISLNK(info.st_mode) ? "a symbolic link"
                                                : "no regular file");
    }
    if (exists && !is_free(path, &marks[kind])) {
        return cli_fail(command,
                        "%s exists and is no %s: choose another name, or delete it",
                        path, marks[kind].name);
    }
    return can_make(path)
               ? CLI_OK
               : cli_fail(command, "cannot write %s: %s", path, strerror(errno));
}
