// SPDX-License-Identifier: Apache-2.0
#include "train/train_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "train/train_options.h"
#include "ui.h"

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
