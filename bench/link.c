// SPDX-License-Identifier: Apache-2.0
#include "link.h"

#include <stdlib.h>
#include <string.h>

// A number >= 0 and the unit behind it; false if there is none.
static bool number(const char *text, double *value, const char **unit)
{
    char *end = NULL;
    *value = strtod(text, &end);
    *unit = end;
    return end != text && *value >= 0 && *value < 1e15;
}

static bool is_unit(const char *unit, size_t len, const char *expected)
{
    return strlen(expected) == len && strncmp(unit, expected, len) == 0;
}

bool bench_link_parse(bench_link *out, const char *text)
{
    const char *unit, *end;
    if (!number(text, &out->bytes_per_second, &unit)) {
        return false;
    }
    size_t len = strcspn(unit, ",");
    if (is_unit(unit, len, "gbit")) {
        out->bytes_per_second *= 1e9 / 8;
    } else if (is_unit(unit, len, "mbit")) {
        out->bytes_per_second *= 1e6 / 8;
    } else if (len != 0) {
        return false;
    }
    out->rtt_ms = 0;
    if (unit[len] == '\0') {
        return out->bytes_per_second > 0;
    }
    return out->bytes_per_second > 0 && number(unit + len + 1, &out->rtt_ms, &end) &&
           strcmp(end, "ms") == 0;
}
