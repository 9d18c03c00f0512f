// SPDX-License-Identifier: Apache-2.0
// "Breast Histopathology Images": patches of 50 x 50 pixels of whole slides, in
// <patient>/<0|1>/<patient>_idx5_x<X>_y<Y>_class<0|1>.png. A patch tells its patient
// and its class twice, and both have to agree.
#include <string.h>

#include "base/error.h"
#include "data/pictures.h"

static const char *const class_folders[] = {"0", "1"};
static const char *const class_names[] = {"no IDC", "IDC"};

static bool has_classes(const char *path, const char *patient)
{
    char folder[BH_PATH_BYTES], below[BH_PATH_BYTES];
    bh_path_join(folder, path, patient);
    for (size_t i = 0; i < 2; i++) {
        bh_path_join(below, folder, class_folders[i]);
        if (bh_is_folder(below)) {
            return true;
        }
    }
    return false;
}

bool bh_idc_matches(const char *path, const bh_listing *folders)
{
    for (size_t i = 0; i < folders->count; i++) {
        if (has_classes(path, folders->names[i])) {
            return true;
        }
    }
    return false;
}

// Steps over `text`, or over digits where it is NULL; NULL where they are not there.
static const char *step(const char *at, const char *text)
{
    size_t len = at == NULL     ? 0
                 : text == NULL ? strspn(at, "0123456789")
                                : strlen(text);
    return len == 0 || (text != NULL && strncmp(at, text, len) != 0) ? NULL : at + len;
}

// What is wrong with the name of a patch in the folder of a patient and a class.
static const char *name_problem(const char *name, const char *patient,
                                const char *class_folder)
{
    const char *const parts[] = {patient, "_idx", NULL, "_x",
                                 NULL,    "_y",   NULL, "_class"};
    const char *at = name;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        at = step(at, parts[i]);
        if (at == NULL && i == 0) {
            return "its name is not that of its patient's folder";
        }
    }
    const char *ending = step(at, NULL);
    if (ending == NULL || strcmp(ending, ".png") != 0) {
        return "its name is not PATIENT_idx5_xX_yY_classC.png";
    }
    return step(at, class_folder) != ending
               ? "its name is not of the class of its folder"
               : NULL;
}

typedef struct walk {
    bh_dataset *out;
    const char *path;
    const bh_dataset_options *options;
    bh_error *err;
    bh_pictures pictures;
} walk;

static bh_status add_class(walk *w, const char *folder, const char *patient,
                           uint32_t group, uint8_t label)
{
    bh_listing files;
    bh_status status = bh_listing_read(&files, folder, false, w->err);
    if (status != BH_OK) {
        return bh_dataset_skip(w->out, w->options, w->err);
    }
    for (size_t i = 0; i < files.count && status == BH_OK; i++) {
        const char *problem =
            name_problem(files.names[i], patient, class_folders[label]);
        if (problem == NULL) {
            bh_pictures_add(&w->pictures, folder, files.names[i], label, BH_SPLIT_TRAIN,
                            group);
        } else {
            bh_fail(w->err, BH_ERR_ENCODING, "cannot use %s/%s: %s", folder,
                    files.names[i], problem);
            status = bh_dataset_skip(w->out, w->options, w->err);
        }
    }
    bh_listing_clear(&files);
    return status;
}

static bh_status add_patient(walk *w, const char *patient, uint32_t group)
{
    char folder[BH_PATH_BYTES], below[BH_PATH_BYTES];
    bh_path_join(folder, w->path, patient);
    if (!has_classes(w->path, patient)) {
        bh_fail(w->err, BH_ERR_ENCODING,
                "cannot use %s: it is no patient's folder, which has a folder 0 or 1",
                folder);
        return bh_dataset_skip(w->out, w->options, w->err);
    }
    bh_status status = BH_OK;
    for (uint8_t label = 0; label < 2 && status == BH_OK; label++) {
        bh_path_join(below, folder, class_folders[label]);
        if (bh_is_folder(below)) {
            status = add_class(w, below, patient, group, label);
        }
    }
    return status;
}

bh_status bh_idc_load(bh_dataset *out, const char *path, const bh_listing *folders,
                      const bh_dataset_options *options, bh_error *err)
{
    bh_shape shape = options->wanted;
    walk w = {out, path, options, err, {.root = path, .groups = true}};
    // Patches at a slide's edge are smaller, so that the first one's size says nothing.
    w.pictures.shape = shape.channels == 0 ? (bh_shape){3, 50, 50} : shape;
    bh_status status = bh_dataset_name_classes(out, class_names, 2, path, err);
    for (size_t i = 0; i < folders->count && status == BH_OK; i++) {
        status = add_patient(&w, folders->names[i], (uint32_t)i);
    }
    if (status == BH_OK) {
        out->n_groups = (uint32_t)folders->count;
        status = bh_pictures_load(out, &w.pictures, options, err);
    }
    bh_pictures_clear(&w.pictures);
    return status;
}
