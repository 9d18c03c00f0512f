// SPDX-License-Identifier: Apache-2.0
// Folders of pictures, one for each class, perhaps below one for each split. The names
// of the folders are those of the classes.
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/pictures.h"
#include "data/rank.h"

#define SPLITS_MAX 4

// Folders of classes: those of the whole data set, or of one split.
typedef struct part {
    char folder[BH_PATH_BYTES];
    bh_split split;
    bh_listing classes;
} part;

typedef struct parts {
    size_t count;
    bool splits; // the parts are splits
    part list[SPLITS_MAX];
} parts;

static bool split_of(bh_split *out, const char *name)
{
    static const struct {
        const char *name;
        bh_split split;
    } splits[SPLITS_MAX] = {{"train", BH_SPLIT_TRAIN},
                            {"val", BH_SPLIT_VALIDATION},
                            {"validation", BH_SPLIT_VALIDATION},
                            {"test", BH_SPLIT_TEST}};
    for (size_t i = 0; i < SPLITS_MAX; i++) {
        if (strcmp(name, splits[i].name) == 0) {
            *out = splits[i].split;
            return true;
        }
    }
    return false;
}

static bool are_splits(const bh_listing *folders)
{
    bh_split split;
    for (size_t i = 0; i < folders->count; i++) {
        if (!split_of(&split, folders->names[i])) {
            return false;
        }
    }
    return folders->count > 0;
}

static bool has_png(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    bool found = false;
    while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');
        found = dot != NULL && strcasecmp(dot, ".png") == 0;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return found;
}

bool bh_class_folders_match(const char *path, const bh_listing *folders)
{
    char below[BH_PATH_BYTES];
    bool match = are_splits(folders);
    for (size_t i = 0; i < folders->count && !match; i++) {
        bh_path_join(below, path, folders->names[i]);
        match = has_png(below);
    }
    return match;
}

static bh_status find_parts(parts *ps, const char *path, const bh_listing *folders,
                            bh_error *err)
{
    ps->splits = are_splits(folders);
    size_t n = ps->splits ? folders->count : 1;
    bh_status status = BH_OK;
    while (ps->count < n && status == BH_OK) {
        part *p = &ps->list[ps->count];
        if (ps->splits) {
            bh_path_join(p->folder, path, folders->names[ps->count]);
            split_of(&p->split, folders->names[ps->count]);
        } else {
            snprintf(p->folder, sizeof p->folder, "%s", path);
        }
        status = bh_listing_read(&p->classes, p->folder, true, err);
        ps->count++;
    }
    return status;
}

// Every folder of a class, of one part after the other.
static size_t collect(const char **names, const parts *ps)
{
    size_t n = 0;
    for (size_t i = 0; i < ps->count; i++) {
        for (size_t k = 0; k < ps->list[i].classes.count; k++, n++) {
            if (names != NULL) {
                names[n] = ps->list[i].classes.names[k];
            }
        }
    }
    return n;
}

static bh_status add_class(bh_dataset *out, bh_pictures *pictures, const part *p,
                           size_t k, uint8_t label, const bh_dataset_options *options,
                           bh_error *err)
{
    char folder[BH_PATH_BYTES];
    bh_listing files;
    bh_path_join(folder, p->folder, p->classes.names[k]);
    if (bh_listing_read(&files, folder, false, err) != BH_OK) {
        return bh_dataset_skip(out, options, err);
    }
    for (size_t i = 0; i < files.count; i++) {
        bh_pictures_add(pictures, folder, files.names[i], label, p->split, 0);
    }
    bh_listing_clear(&files);
    return BH_OK;
}

static bh_status load(bh_dataset *out, const parts *ps, const char *path,
                      const uint32_t *labels, const bh_dataset_options *options,
                      bh_error *err)
{
    bh_pictures pictures = {
        .root = path, .shape = options->wanted, .splits = ps->splits};
    bh_status status = BH_OK;
    size_t n = 0;
    for (size_t i = 0; i < ps->count; i++) {
        const part *p = &ps->list[i];
        for (size_t k = 0; k < p->classes.count && status == BH_OK; k++, n++) {
            status = add_class(out, &pictures, p, k, (uint8_t)labels[n], options, err);
        }
    }
    if (status == BH_OK) {
        status = bh_pictures_load(out, &pictures, options, err);
    }
    bh_pictures_clear(&pictures);
    return status;
}

static bh_status number_classes(bh_dataset *out, const parts *ps, const char *path,
                                const bh_dataset_options *options, bh_error *err)
{
    const char *distinct[BH_DATASET_CLASSES_MAX];
    size_t n = collect(NULL, ps);
    uint32_t n_classes;
    const char **names = bh_alloc(n, sizeof *names);
    uint32_t *labels = bh_alloc(n, sizeof *labels);
    bh_status status = BH_ERR_NOMEM;
    if (names != NULL && labels != NULL) {
        collect(names, ps);
        status =
            bh_rank(labels, &n_classes, distinct, BH_DATASET_CLASSES_MAX, names, n);
    }
    if (status != BH_OK) {
        bh_fail(err, status, "cannot read %s: out of memory", path);
    } else {
        status = bh_dataset_name_classes(out, distinct, n_classes, path, err);
    }
    if (status == BH_OK) {
        status = load(out, ps, path, labels, options, err);
    }
    bh_free(names);
    bh_free(labels);
    return status;
}

bh_status bh_class_folders_load(bh_dataset *out, const char *path,
                                const bh_listing *folders,
                                const bh_dataset_options *options, bh_error *err)
{
    parts ps = {0};
    bh_status status = find_parts(&ps, path, folders, err);
    if (status == BH_OK) {
        status = number_classes(out, &ps, path, options, err);
    }
    for (size_t i = 0; i < ps.count; i++) {
        bh_listing_clear(&ps.list[i].classes);
    }
    return status;
}
