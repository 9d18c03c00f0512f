// SPDX-License-Identifier: Apache-2.0
#include "shipped.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARENTS_MAX 4

static char *try_folder(const char *folder, const char *relative)
{
    static const char *const under[] = {"share/bayhenn/", "share/", ""};
    for (size_t i = 0; i < sizeof under / sizeof under[0]; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s%s", folder, under[i], relative) >= 0) {
            if (access(path, R_OK) == 0) {
                return path;
            }
            free(path);
        }
    }
    return NULL;
}

char *shipped_find(const char *relative)
{
    char folder[PATH_MAX];
    char *found = try_folder(".", relative);
    ssize_t len = readlink("/proc/self/exe", folder, sizeof folder - 1);
    folder[len > 0 ? len : 0] = '\0';
    for (int i = 0; found == NULL && i < PARENTS_MAX; i++) {
        char *slash = strrchr(folder, '/');
        if (slash == NULL) {
            break;
        }
        *slash = '\0';
        found = try_folder(folder, relative);
    }
    return found;
}
