// SPDX-License-Identifier: Apache-2.0
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The text behind the colon of the first line that begins with `key`; false without
// one.
static bool find_field(char *out, size_t size, const char *path, const char *key)
{
    char line[512];
    bool found = false;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    while (!found && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) == 0 && colon != NULL) {
            colon += 1 + strspn(colon + 1, " \t");
            snprintf(out, size, "%.*s", (int)strcspn(colon, "\n"), colon);
            found = true;
        }
    }
    fclose(file);
    return found;
}

const char *machine_name(char *text)
{
    if (!find_field(text, MACHINE_NAME_BYTES, "/proc/cpuinfo", "model name")) {
        snprintf(text, MACHINE_NAME_BYTES, "unknown processor");
    }
    return text;
}

static uint64_t memory(const char *key)
{
    char text[64];
    if (!find_field(text, sizeof text, "/proc/self/status", key)) {
        return 0;
    }
    return strtoull(text, NULL, 10) * 1024; // "1234 kB"
}

uint64_t machine_rss(void)
{
    return memory("VmRSS");
}

uint64_t machine_peak_rss(void)
{
    return memory("VmHWM");
}

bool machine_reset_peak_rss(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file == NULL) {
        return false;
    }
    bool ok = fputs("5", file) >= 0;
    return fclose(file) == 0 && ok;
}
