// SPDX-License-Identifier: Apache-2.0
#include "train/train_place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "train/train_options.h"
#include "ui.h"

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

int train_place_check(const char *path)
{
    struct stat info;
    bool exists = lstat(path, &info) == 0;
    if (exists && !S_ISREG(info.st_mode)) {
        return cli_fail(train_name, "cannot write %s: it exists and is %s", path,
                        S_ISDIR(info.st_mode)   ? "a folder"
                        : S_ISLNK(info.st_mode) ? "a symbolic link"
                                                : "no regular file");
    }
    if (path[0] == '\0') {
        return cli_usage(train_name, "\"\" is no name of a file to write");
    }
    return can_make(path)
               ? CLI_OK
               : cli_fail(train_name, "cannot write %s: %s", path, strerror(errno));
}

int train_place_check_room(const char *path, uint64_t needed)
{
    struct statvfs info;
    char *folder = strdup(path);
    char *slash = folder != NULL ? strrchr(folder, '/') : NULL;
    if (slash != NULL) {
        slash[slash == folder] = '\0';
    }
    int known = folder != NULL && statvfs(slash != NULL ? folder : ".", &info) == 0;
    free(folder);
    if (!known) {
        return cli_fail(train_name, "cannot tell how much room there is for %s", path);
    }
    const uint64_t room = (uint64_t)info.f_bavail * info.f_frsize;
    char has[UI_TEXT_BYTES], wants[UI_TEXT_BYTES];
    return room >= needed
               ? CLI_OK
               : cli_fail(train_name,
                          "the disk of %s has %s left, and what is written beside it "
                          "takes %s: make room, or choose another disk",
                          path, ui_bytes(has, room), ui_bytes(wants, needed));
}
