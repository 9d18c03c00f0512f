// SPDX-License-Identifier: Apache-2.0
#include "data/listing.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/images.h"

void bh_path_join(char out[BH_PATH_BYTES], const char *folder, const char *name)
{
    if (snprintf(out, BH_PATH_BYTES, "%s/%s", folder, name) >= BH_PATH_BYTES) {
        out[0] = '\0';
    }
}

bool bh_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool bh_find_file(char out[BH_PATH_BYTES], const char *folder, const char *name)
{
    static const char *const endings[] = {"", ".gz", ".xz"};
    for (size_t i = 0; i < 3; i++) {
        int len = snprintf(out, BH_PATH_BYTES, "%s/%s%s", folder, name, endings[i]);
        if (len < BH_PATH_BYTES && access(out, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

static bool wanted(const char *folder, const struct dirent *entry, bool folders)
{
    char path[BH_PATH_BYTES];
    if (entry->d_name[0] == '.') {
        return false;
    }
    // Most file systems tell without a look at each file.
    if (!folders || entry->d_type == DT_DIR || entry->d_type == DT_REG) {
        return !folders || entry->d_type == DT_DIR;
    }
    bh_path_join(path, folder, entry->d_name);
    return bh_is_folder(path);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bh_status sort(bh_listing *l)
{
    l->names = bh_alloc(l->count, sizeof *l->names);
    if (l->names == NULL) {
        return BH_ERR_NOMEM;
    }
    const char *text = (const char *)l->text.data;
    for (size_t i = 0; i < l->count; i++) {
        l->names[i] = text;
        text += strlen(text) + 1;
    }
    qsort(l->names, l->count, sizeof *l->names, compare);
    return BH_OK;
}

static bh_status fill(bh_listing *l, DIR *dir, const char *path, bool folders)
{
    const struct dirent *entry;
    while (l->text.status == BH_OK && l->count <= BH_IMAGES_COUNT_MAX &&
           (entry = readdir(dir)) != NULL) {
        if (wanted(path, entry, folders)) {
            bh_writer_bytes(&l->text, entry->d_name, strlen(entry->d_name) + 1);
            l->count++;
        }
    }
    if (l->count > BH_IMAGES_COUNT_MAX) {
        return BH_ERR_TOO_LARGE;
    }
    return l->text.status == BH_OK ? sort(l) : l->text.status;
}

bh_status bh_listing_read(bh_listing *out, const char *path, bool folders,
                          bh_error *err)
{
    char text[64];
    *out = (bh_listing){0};
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return bh_fail(err, BH_ERR_IO, "cannot open %s: %s", path,
                       strerror_r(errno, text, sizeof text));
    }
    bh_status status = fill(out, dir, path, folders);
    closedir(dir);
    if (status != BH_OK) {
        bh_listing_clear(out);
        bh_fail(err, status, "cannot read %s: %s", path,
                status == BH_ERR_NOMEM ? "out of memory" : "it has too many files");
    }
    return status;
}

void bh_listing_clear(bh_listing *listing)
{
    bh_free(listing->names);
    bh_writer_clear(&listing->text);
    *listing = (bh_listing){0};
}
