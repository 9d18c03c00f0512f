// SPDX-License-Identifier: Apache-2.0
#include "input.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/formats.h"

#define RANGE_MAX 100000

typedef enum file_kind {
    KIND_MISSING,
    KIND_PNG,
    KIND_IDX,
    KIND_TABLE,
    KIND_OTHER,
} file_kind;

// By content, since names do not say what a file is; but for tables, which are text.
// errno for KIND_MISSING.
static file_kind kind_of(const char *path)
{
    static const unsigned char png[4] = {0x89, 'P', 'N', 'G'};
    static const unsigned char idx[4] = {0, 0, 8, 3};
    static const unsigned char gzip[2] = {0x1f, 0x8b};
    unsigned char head[4] = {0};
    struct stat info;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return KIND_MISSING;
    }
    if (fstat(fileno(file), &info) == 0 && S_ISDIR(info.st_mode)) {
        fclose(file);
        errno = EISDIR;
        return KIND_MISSING;
    }
    size_t len = fread(head, 1, sizeof head, file);
    fclose(file);
    if (bh_table_matches(path)) {
        return KIND_TABLE;
    }
    if (len == sizeof head && memcmp(head, png, sizeof png) == 0) {
        return KIND_PNG;
    }
    if (len == sizeof head &&
        (memcmp(head, idx, sizeof idx) == 0 || memcmp(head, gzip, sizeof gzip) == 0)) {
        return KIND_IDX;
    }
    return KIND_OTHER;
}

// A run of digits; one that no file could have becomes BH_IMAGES_COUNT_MAX.
static bool read_index(const char **text, size_t *out)
{
    size_t digits = strspn(*text, "0123456789");
    errno = 0;
    unsigned long long value = strtoull(*text, NULL, 10);
    bool huge = errno != 0 || value > BH_IMAGES_COUNT_MAX;
    *out = huge ? BH_IMAGES_COUNT_MAX : (size_t)value;
    *text += digits;
    return digits > 0;
}

// "7" or "0-19".
static int read_range(const char *command, const char *text, const char *path,
                      size_t *first, size_t *last)
{
    const char *at = text;
    bool ok = read_index(&at, first);
    *last = *first;
    if (ok && *at == '-') {
        at++;
        ok = read_index(&at, last);
    }
    if (!ok || *at != '\0') {
        return cli_usage(command, "the index \"%s\" is wrong: write %s:7 or %s:0-19",
                         text, path, path);
    }
    if (*last >= BH_IMAGES_COUNT_MAX) {
        return cli_usage(
            command, "the index \"%s\" is larger than that of any image or row", text);
    }
    if (*last < *first || *last - *first >= RANGE_MAX) {
        return cli_usage(command, "\"%s\" of %s is no range of 1 to %d", text, path,
                         RANGE_MAX);
    }
    return CLI_OK;
}

// The suffix of "FILE:SUFFIX", cut off `path`; NULL where there is none.
static const char *cut_suffix(char *path)
{
    char *colon = strrchr(path, ':');
    if (colon == NULL) {
        return NULL;
    }
    *colon = '\0';
    return colon + 1;
}

static input *append(inputs *in)
{
    input *grown = realloc(in->items, (in->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return NULL;
    }
    in->items = grown;
    grown[in->count] = (input){0};
    return &grown[in->count++];
}

static int add_png(const char *command, inputs *in, const char *path)
{
    input *item = append(in);
    if (item == NULL || (item->name = strdup(path)) == NULL ||
        (item->path = strdup(path)) == NULL) {
        return cli_fail(command, "out of memory");
    }
    return CLI_OK;
}

static int add_numbered(const char *command, inputs *in, input_kind kind,
                        const char *path, const char *range)
{
    size_t first, last;
    int status = read_range(command, range, path, &first, &last);
    if (status != CLI_OK) {
        return status;
    }
    for (size_t i = first; i <= last; i++) {
        input *item = append(in);
        if (item == NULL || asprintf(&item->name, "%s:%zu", path, i) < 0 ||
            (item->path = strdup(path)) == NULL) {
            return cli_fail(command, "out of memory");
        }
        item->kind = kind;
        item->index = i;
    }
    return CLI_OK;
}

static int find_one(const char *command, inputs *in, char *path)
{
    file_kind kind = kind_of(path);
    int code = errno;
    // A file whose own name has a colon comes before an index.
    const char *range = kind == KIND_MISSING ? cut_suffix(path) : NULL;
    if (range != NULL) {
        kind = kind_of(path);
        code = errno;
    }
    switch (kind) {
    case KIND_MISSING:
        return cli_fail(
            command, path[0] == '\0' ? "cannot open \"%s\": %s" : "cannot open %s: %s",
            path, strerror(code));
    case KIND_PNG:
        if (range != NULL) {
            return cli_usage(command, "%s is one PNG image and has no index", path);
        }
        return add_png(command, in, path);
    case KIND_IDX:
    case KIND_TABLE:
        if (range == NULL) {
            return cli_usage(command,
                             "%s holds many %s: say which, as in %s:7 or %s:0-19", path,
                             kind == KIND_IDX ? "images" : "rows", path, path);
        }
        return add_numbered(command, in, kind == KIND_IDX ? INPUT_IDX : INPUT_ROW, path,
                            range);
    case KIND_OTHER:
        break;
    }
    return cli_fail(command,
                    "%s is no image and no table: neither a PNG nor an IDX file, and "
                    "its name does not end in .csv",
                    path);
}

int inputs_find(const char *command, inputs *in, char **arguments, size_t n)
{
    int status = CLI_OK;
    for (size_t i = 0; i < n && status == CLI_OK; i++) {
        char *path = strdup(arguments[i]);
        if (path == NULL) {
            return cli_fail(command, "out of memory");
        }
        status = find_one(command, in, path);
        free(path);
    }
    return status;
}

static int is_png_name(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".png") == 0;
}

int inputs_find_folder(const char *command, inputs *in, const char *folder,
                       size_t n_max)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_png_name, alphasort), status = CLI_OK;
    if (n < 0) {
        return cli_fail(command, "cannot open %s: %s", folder, strerror(errno));
    }
    for (int i = 0; i < n; i++) {
        char *path = NULL;
        if (status == CLI_OK && (size_t)i < n_max &&
            asprintf(&path, "%s/%s", folder, entries[i]->d_name) >= 0) {
            status = inputs_find(command, in, &path, 1);
            free(path);
        }
        free(entries[i]);
    }
    free(entries);
    return n > 0 ? status : cli_fail(command, "there are no PNG files in %s", folder);
}

bool inputs_have_rows(const inputs *in)
{
    bool found = false;
    for (size_t i = 0; i < in->count; i++) {
        found = found || in->items[i].kind == INPUT_ROW;
    }
    return found;
}

void inputs_free(inputs *in)
{
    for (size_t i = 0; i < in->count; i++) {
        free(in->items[i].name);
        free(in->items[i].path);
        free(in->items[i].pixels);
    }
    free(in->items);
    *in = (inputs){0};
}
